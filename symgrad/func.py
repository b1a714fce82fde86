"""torch.func's names, signatures, results and messages, over the same transforms.

``vjp``, ``jvp`` and ``linearize`` take the point at once; ``grad_and_value`` gives the gradient first, as torch does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad import transforms
from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode
from symgrad.eager.trees import Tree, flatten, unflatten
from symgrad.errors import at_user_line
from symgrad.mapping import vmap
from symgrad.taped import taped_gradient
from symgrad.transform import derive
from symgrad.transforms import Traced, aux_of, direction, results_along, run_inner

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp", "vmap"]

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the gradient of ``func``, which returns a number; with ``has_aux`` the result is ``(gradient, aux)``."""
    checked = _of_one_number(func, has_aux, argnums)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _check_argnums(argnums, len(args))
        found = taped_gradient(checked, argnums, has_aux, args, kwargs)
        if found is not None:
            return (found[0], found[2]) if has_aux else found[0]
        return transforms.grad(checked, argnums, has_aux)(*args, **kwargs)

    return wrapped


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return ``(gradient, value)`` of ``func``; with ``has_aux``, ``(gradient, (value, aux))``."""
    checked = _of_one_number(func, has_aux, argnums)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _check_argnums(argnums, len(args))
        found = taped_gradient(checked, argnums, has_aux, args, kwargs)
        if found is not None:
            return (found[0], (found[1], found[2])) if has_aux else found[:2]
        value, gradient = transforms.value_and_grad(checked, argnums, has_aux)(*args, **kwargs)
        return gradient, value

    return wrapped


def _check_argnums(argnums: Any, count: int) -> None:
    """Raise RuntimeError unless ``argnums`` name some of ``count`` arguments, each once."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(at_user_line(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}"))
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    if not given:
        raise RuntimeError(at_user_line("argnums must be non-empty"))
    for one in given:
        if not isinstance(one, int):
            raise RuntimeError(at_user_line(f"argnums elements must be int, got {type(one)}"))
        if not -count <= one < count:
            raise RuntimeError(at_user_line(f"Got argnum={one}, but only {count} positional inputs"))
    if len({one % count for one in given}) != len(given):
        raise RuntimeError(at_user_line(f"argnums elements must be unique, got {argnums}"))


def _entered(func: Function, has_aux: bool, what: str, argnums: Argnums | None = None) -> Function:
    """Return ``func`` as it runs in one of these transforms, its result checked for ``has_aux``.

    In reverse mode the arguments numbered ``argnums`` are leaves that require gradients, as torch's are.
    """

    @functools.wraps(func)
    def entered(*args: Any, **kwargs: Any) -> Any:
        for k in () if argnums is None else argnums if isinstance(argnums, tuple) else (argnums,):
            for leaf in flatten(args[k])[0]:
                if hasattr(leaf, "requires_grad_") and leaf.dtype.is_floating:
                    leaf.requires_grad_()
        mode.transforms += 1
        try:
            result = func(*args, **kwargs)
        finally:
            mode.transforms -= 1
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            pair = "output of function f should be a tuple: (output, aux) if has_aux is True"
            raise RuntimeError(at_user_line(f"{what}: {pair}"))
        return result

    return entered


def _of_one_number(func: Function, has_aux: bool, argnums: Argnums) -> Function:
    """Return ``func``, whose result is checked to be one number."""
    what = "grad_and_value(f)(*args)"
    entered = _entered(func, has_aux, what, argnums)

    @functools.wraps(func)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = entered(*args, **kwargs)
        value = result[0] if has_aux else result
        if not isinstance(value, (Face, np.ndarray, np.generic)):
            raise RuntimeError(at_user_line(f"{what}: Expected f(*args) to return a Tensor, got {type(value)}"))
        if value.ndim:
            shape = f"Expected f(*args) to return a scalar Tensor, got tensor with {value.ndim} dims. Maybe you wanted to use"
            raise RuntimeError(at_user_line(f"{what}: {shape} the vjp or jacrev APIs instead?"))
        return result

    return checked


def _run(what: str, func: Function, primals: tuple[Any, ...], has_aux: bool, reverse: bool = False) -> Traced:
    """Run ``func`` once at ``primals``; all of them are differentiated by."""
    entered = _entered(func, has_aux, what, tuple(range(len(primals))) if reverse else None)

    def packed(all_primals: tuple[Any, ...]) -> Any:
        result = entered(*all_primals)
        leaves = flatten(result[0] if has_aux else result)[0]
        for leaf in leaves:
            if not isinstance(leaf, (Face, np.ndarray, np.generic)):
                kind = f"expected f(*primals) to return only tensors, got unsupported type {type(leaf)}"
                raise RuntimeError(at_user_line(f"{what}: {kind}"))
        return result

    return run_inner(what.partition("(")[0], packed, (primals,), {}, 0, has_aux)


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return ``(output, vjp_fn)``: ``vjp_fn(cotangents)`` gives one cotangent for each of ``primals``, in a tuple.

    With ``has_aux`` the result is ``(output, vjp_fn, aux)``. ``cotangents`` are nested like the output. ``func`` runs once.
    """
    run = _run("vjp(f, *primals)", func, primals, has_aux, True)
    graph = derive.vjp(run.graph, run.wrt)
    output = unflatten(run.output, run.results(run.graph))
    tuple_of = run.output.kind is tuple

    def pull_back(*cotangents: Any) -> Any:
        given = cotangents[0] if len(cotangents) == 1 and not (tuple_of and len(run.output.children) == 1) else cotangents
        if len(cotangents) == 1 and flatten(cotangents[0])[1] == run.output:
            given = cotangents[0]
        leaves, tree = flatten(given)
        _same_nest("cotangents", "outputs to the function", tree, run.output)
        for k, (leaf, node) in enumerate(zip(leaves, run.graph.outputs, strict=True)):
            if isinstance(leaf, (Face, np.ndarray)) and tuple(leaf.shape) != node.shape:
                shapes = f"has a shape of {leaf.shape} and output[{k}] has a shape of {list(node.shape)}."
                raise RuntimeError(at_user_line(f"Mismatch in shape: grad_output[{k}] {shapes}"))
        nodes = direction("vjp", given, run.output, [o.type for o in run.graph.outputs])
        return run.by_argument(results_along(run, given, graph, nodes), True)

    return (output, pull_back, aux_of(run)) if has_aux else (output, pull_back)


def _same_nest(given: str, wanted: str, tree: Tree, expected: Tree) -> None:
    if tree != expected:
        same = f"Expected pytree structure of {given} to be the same as pytree structure of {wanted}."
        raise RuntimeError(at_user_line(f"{same} {given}: {_drawn(tree)}, {wanted}: {_drawn(expected)}"))


def _drawn(tree: Tree) -> str:
    """Return a nest as text, a star for each leaf."""
    if tree.kind is None:
        return "*"
    inner = [_drawn(child) for child in tree.children]
    if tree.keys:
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(tree.keys, inner, strict=True)) + "}"
    return f"[{', '.join(inner)}]" if tree.kind is list else f"({', '.join(inner)}{',' * (len(inner) == 1)})"


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> tuple[Any, ...]:
    """Return ``(output, tangent)`` of ``func`` at ``primals`` along ``tangents``; with ``has_aux`` aux comes last."""
    what = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        must = "Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        raise RuntimeError(at_user_line(f"{what}: {must}"))
    mine, theirs = flatten(primals)[1], flatten(tangents)[1]
    if mine != theirs:
        same = "Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 tensors,"
        nests = f"Got primals with structure {_drawn(mine)} and tangents with structure {_drawn(theirs)}"
        raise RuntimeError(at_user_line(f"{what}: {same} tangents also must be. {nests}"))
    if not mine.leaves:
        raise RuntimeError(at_user_line(f"{what}: Expected primals to contain at least one Tensor."))
    run = _run(what, func, primals, has_aux)
    nodes = direction("jvp", tangents, mine, [n.type for n in run.outer])
    graph = derive.jvp(run.graph, run.wrt)
    output = unflatten(run.output, run.results(run.graph))
    tangent = unflatten(run.output, results_along(run, tangents, graph, nodes))
    return (output, tangent, aux_of(run)) if has_aux else (output, tangent)


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """Return ``(output, jvp_fn)``: ``jvp_fn(*tangents)`` gives the tangent of the output, of one run of ``func``."""
    run = _run("linearize(f, *primals)", func, primals, False)
    graph = derive.jvp(run.graph, run.wrt)
    nest = flatten(primals)[1]

    def push_forward(*tangents: Any) -> Any:
        leaves, tree = flatten(tangents)
        if tree != nest:
            same = f"Expected the tangents {_drawn(tree)} to have the same argspec as the primals {_drawn(nest)}"
            raise RuntimeError(at_user_line(same))
        for k, (leaf, node) in enumerate(zip(leaves, run.outer, strict=True)):
            if isinstance(leaf, (Face, np.ndarray)) and tuple(leaf.shape) != node.shape:
                found = f"tangent:{k} with shape {leaf.shape} in flattened pytree doesn't match the shape {list(node.shape)}"
                raise RuntimeError(at_user_line(f"{found} of the corresponding primal."))
        nodes = direction("linearize", tangents, nest, [n.type for n in run.outer])
        return unflatten(run.output, results_along(run, tangents, graph, nodes))

    return unflatten(run.output, run.results(run.graph)), push_forward


def _jacobian(func: Function, argnums: Argnums, has_aux: bool, way: str, what: str) -> Function:
    entered = _entered(func, has_aux, what, argnums if way == "reverse" else None)

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _check_argnums(argnums, len(args))
        run = run_inner(way, _only_arrays(entered, has_aux, what), args, kwargs, argnums, has_aux)
        rows = run.rows(run.results(derive.jacobian(run.graph, run.wrt, way)), isinstance(argnums, int))
        result = unflatten(run.output, rows)
        return (result, aux_of(run)) if has_aux else result

    return wrapped


def _only_arrays(entered: Function, has_aux: bool, what: str) -> Function:
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = entered(*args, **kwargs)
        for leaf in flatten(result[0] if has_aux else result)[0]:
            if not isinstance(leaf, (Face, np.ndarray, np.generic)):
                kind = f"expected f(*primals) to return only tensors, got unsupported type {type(leaf)}"
                raise RuntimeError(at_user_line(f"{what}: {kind}"))
        return result

    return checked


def jacrev(
    func: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Function:
    """Return the Jacobian of ``func`` by reverse mode: for each output ``output.shape + input.shape``.

    ``chunk_size`` is accepted for torch's sake: all rows are computed together.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, "reverse", "vjp(f, *primals)")


def jacfwd(func: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error") -> Function:
    """Return the Jacobian of ``func`` by forward mode: for each output ``output.shape + input.shape``."""
    return _jacobian(func, argnums, has_aux, "forward", "jvp(f, primals, tangents)")


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return the Hessian of ``func``, forward over reverse; for a function with axes, of each element."""
    return jacfwd(jacrev(func, argnums), argnums)
