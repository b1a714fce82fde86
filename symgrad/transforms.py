"""Function transforms: grad, jacobian, hessian, jvp, vjp, hvp, derivative, taylor.

They take a Python function and return one, compose with each other and with ``sg.compile``. Outside ``sg.compile`` the
function runs with values, so ``if x > 0`` works in it. Arguments may be NumPy arrays, numbers, traced values, and
nested tuples, lists and dicts of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face, Postponed, lift_one
from symgrad.eager.trees import Tree, flatten, unflatten
from symgrad.eager.values import bound_input, is_plain, new_inner, value_of
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.tracing import run_user_code
from symgrad.transform import derive

__all__ = [
    "Traced",
    "aux_of",
    "derivative",
    "direction",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "results_along",
    "run_inner",
    "taylor",
    "value_and_grad",
    "vjp",
]

Function = Callable[..., Any]
Argnums = int | Sequence[int]


@dataclass(frozen=True, slots=True)
class Traced:
    """One run of a function on inner inputs: the graph in them, and what they stand for outside."""

    graph: Graph
    outer: tuple[Node, ...]
    inputs: tuple[Tree, ...]
    output: Tree
    aux: Any
    face: type[Face]
    plain: bool

    @property
    def wrt(self) -> range:
        """The numbers of the graph's inputs."""
        return range(len(self.graph.inputs))

    def finish(self, nodes: Sequence[Node]) -> list[Any]:
        """Return outer nodes as faces, or as NumPy arrays when nothing outside is being traced."""
        if self.plain and is_plain(nodes):
            return [to_numpy(n) for n in nodes]
        return self.face.settled(nodes)

    def results(self, graph: Graph, further: Sequence[Node] = (), face: type[Face] | None = None) -> list[Any]:
        """Return a graph's outputs for the outer values and ``further`` ones; ``face`` where those make them traced."""
        if self.plain and face is None:
            return self.finish(graph(*self.outer, *further))
        return Postponed(graph, (*self.outer, *further)).faces(face or self.face)

    def by_argument(self, results: Sequence[Any], single: bool) -> Any:
        """Return one result for each leaf of the arguments in the arguments' own nests."""
        parts, start = [], 0
        for tree in self.inputs:
            parts.append(unflatten(tree, results[start : start + tree.leaves]))
            start += tree.leaves
        return parts[0] if single else tuple(parts)

    def rows(self, blocks: Sequence[Any], single: bool) -> list[Any]:
        """Return the blocks of a Jacobian by output, each in the nests of the arguments."""
        count = len(self.graph.inputs)
        return [self.by_argument(blocks[k : k + count], single) for k in range(0, len(blocks), count or 1)]


def to_numpy(node: Node) -> Any:
    value = value_of(node)
    return value[()] if value.ndim == 0 else value.copy()


def outer_node(leaf: Any, label: str = "x") -> Node:
    """Return the node of an argument: of a face its own, of an array or number a new input that stands for it."""
    if isinstance(leaf, Face):
        return leaf.node
    if isinstance(leaf, (bool, int, float, np.generic, np.ndarray)):
        return bound_input(np.asarray(leaf), label)
    kind = f"{type(leaf).__module__}.{type(leaf).__name__}"
    raise TraceError(at_user_line(f"argument {label}: expected an array, a number or a nest of them, got {kind}"))


def face_for(leaves: Sequence[Any]) -> type[Face]:
    return next((leaf.face_type() for leaf in leaves if isinstance(leaf, Face)), Array)


def _positions(operation: str, argnums: Argnums, count: int) -> tuple[int, ...]:
    given = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not all(isinstance(k, int) and -count <= k < count for k in given):
        raise ValueError(at_user_line(f"{operation}: argnums must name one of the {count} arguments, got {argnums}"))
    positions = tuple(k % count for k in given)
    if len(set(positions)) != len(positions):
        raise ValueError(at_user_line(f"{operation}: argnums must name each argument once, got {argnums}"))
    return positions


def run_inner(
    operation: str, fn: Function, args: tuple[Any, ...], kwargs: Any, argnums: Argnums, has_aux: bool = False
) -> Traced:
    """Run ``fn`` with the arguments of ``argnums`` replaced by new inner inputs."""
    positions = _positions(operation, argnums, len(args))
    every = flatten([args, kwargs])[0]
    face = face_for(every)
    replaced, outer, inner, trees = list(args), [], [], []
    for k in positions:
        leaves, tree = flatten(args[k])
        nodes = [outer_node(leaf, f"arg{k}") for leaf in leaves]
        inputs = [new_inner(n, f"arg{k}") for n in nodes]
        faces = [face_for([leaf])(i) for leaf, i in zip(leaves, inputs, strict=True)]
        replaced[k] = unflatten(tree, faces)
        outer += nodes
        inner += inputs
        trees.append(tree)
    result = run_user_code(fn, replaced, kwargs)
    result, aux = _split_aux(operation, result) if has_aux else (result, None)
    leaves, tree = flatten(result)
    graph = Graph(inner, [lift_one(leaf, face.default_float) for leaf in leaves])
    return Traced(graph, tuple(outer), tuple(trees), tree, aux, face, not any(isinstance(leaf, Face) for leaf in every))


def _split_aux(operation: str, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        got = type(result).__name__
        raise TypeError(at_user_line(f"{operation}: with has_aux the function must return (value, aux), got {got}"))
    return result[0], result[1]


def aux_of(run: Traced) -> Any:
    """Return the auxiliary output with the inner inputs in it replaced by what they stand for."""
    leaves, tree = flatten(run.aux)
    nodes = {k: leaf.node for k, leaf in enumerate(leaves) if isinstance(leaf, Face)}
    resolved = Graph(run.graph.inputs, nodes.values())(*run.outer)
    for k, value in zip(nodes, run.finish(resolved), strict=True):
        leaves[k] = value
    return unflatten(tree, leaves)


def _one_output(operation: str, run: Traced) -> None:
    if run.output.kind is not None:
        raise TypeError(at_user_line(f"{operation}: the function must return one array, got a {run.output.kind.__name__}"))


def value_and_grad(fn: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function ``(value, gradient)`` of ``fn``, which must return a single number.

    Parameters
    ----------
    fn : callable
        Returns a 0-d float; with ``has_aux`` a pair of it and anything else.
    argnums : int or tuple of int
        The arguments to differentiate with respect to; for a tuple the gradient is a tuple in that order.
    has_aux : bool
        The result is then ``((value, aux), gradient)``.

    Raises
    ------
    ShapeError
        When the value has axes.
    DTypeError
        When the value or an argument of ``argnums`` is not floating.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("value_and_grad", fn, args, kwargs, argnums, has_aux)
        _one_output("value_and_grad", run)
        value, *gradients = run.results(derive.gradient(run.graph, run.wrt, True, "value_and_grad"))
        result = run.by_argument(gradients, isinstance(argnums, int))
        return ((value, aux_of(run)), result) if has_aux else (value, result)

    return wrapped


def grad(fn: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the gradient of ``fn``, which must return a single number; shapes are those of the arguments.

    Parameters, results for a tuple of ``argnums`` and errors are those of ``value_and_grad``; with ``has_aux`` the
    result is ``(gradient, aux)``.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("grad", fn, args, kwargs, argnums, has_aux)
        _one_output("grad", run)
        gradients = run.results(derive.gradient(run.graph, run.wrt))
        result = run.by_argument(gradients, isinstance(argnums, int))
        return (result, aux_of(run)) if has_aux else result

    return wrapped


def jacobian(fn: Function, argnums: Argnums = 0, mode: str = "auto") -> Function:
    """Return the Jacobian of ``fn``: for each output array one of shape ``output.shape + input.shape``.

    Parameters
    ----------
    fn : callable
        Returns an array, or a nest of them; the result has its structure, then that of the arguments.
    argnums : int or tuple of int
    mode : {"auto", "forward", "reverse"}
        Auto chooses by the number of elements.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("jacobian", fn, args, kwargs, argnums)
        blocks = run.results(derive.jacobian(run.graph, run.wrt, mode))
        return unflatten(run.output, run.rows(blocks, isinstance(argnums, int)))

    return wrapped


def hessian(fn: Function, argnums: Argnums = 0) -> Function:
    """Return the second derivatives of ``fn``, which returns a single number: ``input.shape + input.shape``.

    For a tuple of ``argnums`` a tuple of tuples. Forward over reverse.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("hessian", fn, args, kwargs, argnums)
        _one_output("hessian", run)
        blocks = run.results(derive.hessian(run.graph, run.wrt))
        single = isinstance(argnums, int)
        return run.by_argument(run.rows(blocks, single), single)

    return wrapped


def direction(operation: str, given: Any, tree: Tree, types: Sequence[TensorType]) -> list[Node]:
    """Return the nodes of a direction, or of cotangents, checked against what it belongs to."""
    leaves, found = flatten(given)
    if found != tree:
        raise TypeError(at_user_line(f"{operation}: the last argument must be nested like the argument or result it belongs to"))
    nodes = []
    for leaf, wanted in zip(leaves, types, strict=True):
        node = lift_one(leaf, wanted.dtype) if isinstance(leaf, (Face, float, int)) else outer_node(leaf, "direction")
        if node.dtype is not wanted.dtype:
            node = ops.cast(node, dtype=wanted.dtype)
        if node.shape != wanted.shape:
            raise ShapeError(at_user_line(f"{operation}: the last argument must have type {wanted}, got {node.type}"))
        nodes.append(node)
    return nodes


def jvp(fn: Function, argnums: int = 0) -> Function:
    """Return ``(*args, v) -> J v``, the derivative of ``fn`` along ``v`` in argument ``argnums``. Forward mode.

    ``v`` has the shape and structure of that argument, the result those of ``fn``'s.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("jvp", fn, args[:-1], kwargs, argnums)
        v = direction("jvp", args[-1], run.inputs[0], [n.type for n in run.outer])
        return unflatten(run.output, results_along(run, args[-1], derive.jvp(run.graph, run.wrt), v))

    return _with_last(wrapped, fn, "v")


def vjp(fn: Function, argnums: int = 0) -> Function:
    """Return ``(*args, ct) -> J' ct``: the cotangent of argument ``argnums`` from those of the results. Reverse mode."""

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("vjp", fn, args[:-1], kwargs, argnums)
        ct = direction("vjp", args[-1], run.output, [o.type for o in run.graph.outputs])
        return run.by_argument(results_along(run, args[-1], derive.vjp(run.graph, run.wrt), ct), True)

    return _with_last(wrapped, fn, "ct")


def hvp(fn: Function, argnums: int = 0) -> Function:
    """Return ``(*args, v) -> H v``, the Hessian in argument ``argnums`` times ``v``, without forming it."""

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("hvp", fn, args[:-1], kwargs, argnums)
        _one_output("hvp", run)
        v = direction("hvp", args[-1], run.inputs[0], [n.type for n in run.outer])
        return run.by_argument(results_along(run, args[-1], derive.hvp(run.graph, run.wrt), v), True)

    return _with_last(wrapped, fn, "v")


def _with_last(wrapped: Function, fn: Function, label: str) -> Function:
    """Give ``wrapped`` the parameters of ``fn`` and one more, the direction or cotangent, so that it can be named."""
    variadic = [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        parameters = variadic
    plain = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
    while label in {p.name for p in parameters}:
        label += "_"
    kind = parameters[-1].kind if parameters else inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([*parameters, inspect.Parameter(label, kind)] if plain else variadic)
    wrapped.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect.signature
    return wrapped


def results_along(run: Traced, extra: Any, graph: Graph, nodes: Sequence[Node]) -> list[Any]:
    """Return the results with a further argument, which may be what makes them traced."""
    leaves = flatten(extra)[0]
    traced = run.plain and any(isinstance(leaf, Face) for leaf in leaves)
    return run.results(graph, nodes, face_for(leaves) if traced else None)


def derivative(fn: Function, order: int = 1) -> Function:
    """Return the ``order``-th derivative of ``fn(x + t)`` in t at 0, of the shape of ``fn(x)``.

    For an elementwise function of an array this is the derivative at each element. Taylor mode: the cost
    grows with the square of the order.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("derivative", fn, args, kwargs, 0)
        return unflatten(run.output, run.results(derive.derivative(run.graph, run.wrt, order)))

    return wrapped


def taylor(fn: Function, order: int) -> Function:
    """Return the Taylor coefficients of ``fn(x + t)``: shape ``(order + 1, *fn(x).shape)``, entry k = k-th derivative / k!."""

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = run_inner("taylor", fn, args, kwargs, 0)
        return unflatten(run.output, run.results(derive.taylor(run.graph, run.wrt, order)))

    return wrapped
