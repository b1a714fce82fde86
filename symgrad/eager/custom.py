"""Function: an operation whose forward and backward are the user's own code, with torch's context and checks."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from symgrad.eager.engine import CustomEntry
from symgrad.eager.grad_mode import mode
from symgrad.eager.operation import apply_graph
from symgrad.eager.recording import Record, Signature, leaf, projection
from symgrad.eager.storage import written_over
from symgrad.eager.tape import FREED, Leaf
from symgrad.eager.tensor_face import Tensor, traced
from symgrad.errors import at_user_line
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.transform.partials import unbroadcast

__all__ = ["Context", "Function", "once_differentiable"]


SETUP = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the "
    "setup_context staticmethod. For more details, please see "
    "https://pytorch.org/docs/main/notes/extending.func.html"
)


class Context:
    """What ``forward`` leaves for ``backward``: saved tensors, flags, and any attributes the user sets.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of ``apply`` whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._saved: list[tuple[Any, Record | None, Any]] = []
        self._for_forward: tuple[Any, ...] = ()
        self._not_differentiable: set[int] = set()
        self._dirty: list[Tensor] = []
        self._materialize = True
        self._freed = False

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, which finds out if they are modified in place meanwhile."""
        for k, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, Tensor):
                kind = type(tensor).__name__
                raise TypeError(f"save_for_backward can only save variables, but argument {k} is of type {kind}")
        self._saved = [(t, None if t is None else t.current(), None if t is None else t._edge) for t in tensors]

    def save_for_forward(self, *tensors: Tensor) -> None:
        """Keep tensors for ``jvp``."""
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors that ``save_for_backward`` kept.

        Raises
        ------
        RuntimeError
            When they were given up after a backward, or modified in place.
        """
        if self._freed:
            raise RuntimeError(FREED)
        found: list[Tensor | None] = []
        for tensor, record, edge in self._saved:
            if record is None:
                found.append(None)
                continue
            written = written_over(record)
            if written is not None:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace operation: "
                    f"[{list(record.type.shape)}] is at version {written[1][0]}; expected version {written[0]} instead."
                )
            same = tensor._value is record and tensor._edge is edge
            found.append(tensor if same else Tensor.of(record, edge))
        return tuple(found) or self._for_forward

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which results have no gradient."""
        self._not_differentiable = {id(t) for t in tensors}
        self._kept = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which arguments ``forward`` modified in place and returns."""
        self._dirty = list(tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether backward gets zeros (the default) or None for results that nothing depends on."""
        self._materialize = value


class _Entry(CustomEntry):
    """The tape's entry of a Function."""

    context: Context
    function: type[Function]
    kinds: tuple[bool, ...]  # which arguments of apply are Tensors
    outputs: list[tuple[tuple[int, ...], Any] | None]  # of each result, shape and element type; None for no Tensor

    def pull_back(self, cotangents: list[Tensor | None], create_graph: bool) -> Sequence[Tensor | None]:
        """Run the user's backward."""
        context = self.context
        context._freed = self.freed and bool(context._saved)
        given: list[Tensor | None] = []
        arrived = iter(cotangents)
        for output in self.outputs:
            cotangent = None if output is None else next(arrived)
            if cotangent is None and output is not None and context._materialize:
                cotangent = Tensor.of(leaf(np.zeros(output[0], output[1].numpy)))
            given.append(cotangent)
        name = self.function.__name__
        result = self.function.backward_of()(context, *given)
        passed = list(result) if isinstance(result, (tuple, list)) else [result]
        count = len(self.kinds)
        if len(passed) > count and all(p is None for p in passed[count:]):
            passed = passed[:count]
        if len(passed) != count:
            message = f"function {name}Backward returned an incorrect number of gradients (expected {count}, got {len(passed)})"
            raise RuntimeError(message)
        found: list[Tensor | None] = []
        for k, (value, is_tensor) in enumerate(zip(passed, self.kinds, strict=True)):
            if not is_tensor:
                if value is not None:
                    raise RuntimeError(
                        f"function {name}Backward returned a gradient different from None at position {k + 1}, but the "
                        "corresponding forward input was not a Variable"
                    )
                continue
            found.append(self._checked(k, value, len(found)))
        return found

    def _checked(self, k: int, value: Any, place: int) -> Tensor | None:
        name = self.function.__name__
        if value is None or self.edges is None or self.edges[place] is None:
            return None
        if not isinstance(value, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(value).__name__})")
        type_ = self.inputs[place].type
        if tuple(value.shape) != type_.shape:
            raise_shape = (
                f"Function {name}Backward returned an invalid gradient at index {k} - got {list(value.shape)} but expected "
                f"shape compatible with {list(type_.shape)}"
            )
            try:
                reducible = np.broadcast_shapes(tuple(value.shape), type_.shape) == tuple(value.shape)  # type: ignore[arg-type]
            except ValueError:
                reducible = False
            if not reducible:
                raise RuntimeError(raise_shape)
            value = _reduced(value, type_.shape)
        if value.dtype is not type_.dtype:
            value = value.to(type_.dtype)
        result: Tensor = value
        return result


def _reduced(value: Tensor, shape: Any) -> Tensor:
    node = fresh_input("ct", value._value.type)
    return apply_graph(Graph([node], [unbroadcast(node, shape)]), "SumBackward1", [value])[0]


class Function:
    """Base of operations with their own derivative: static methods ``forward`` and ``backward``, called by ``apply``.

    ``forward(ctx, *args)``, or ``forward(*args)`` with ``setup_context(ctx, inputs, output)``, runs with gradients off;
    ``backward(ctx, *cotangents)`` returns one cotangent, or None, for each argument. ``jvp(ctx, *tangents)`` serves
    forward mode. A Function may use ``numpy()``: then it works eagerly, and raises TraceError under ``sg.compile``.
    """

    generate_vmap_rule = False

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Return the value; the user's own."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep what backward needs, in the form of Function whose ``forward`` takes no context."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the arguments' cotangents; the user's own."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
            "mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Return the results' tangents; the user's own."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def backward_of(cls) -> Callable[..., Any]:
        """Return the user's backward, by either of its names."""
        return cls.vjp if cls.vjp is not Function.vjp else cls.backward

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should invoke them "
            "on the class itself. Instantiating an autograd function will raise an error in a future version.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: apply is called on the class."""
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and put it on the tape."""
        separate = cls.setup_context is not Function.setup_context
        if kwargs:
            args = _positional(cls.forward, args, kwargs, separate)
        tensors = [a for a in args if isinstance(a, Tensor)]
        edges = [t.edge() for t in tensors]
        if not separate and any(mode.transforms and traced(t) for t in tensors):
            raise RuntimeError(SETUP)
        tracked = mode.grad and any(e is not None for e in edges)
        context = Context(tuple([isinstance(a, Tensor) and a.edge() is not None and mode.grad for a in args]))
        before, values = mode.grad, [t.current() for t in tensors]
        mode.set_grad(False)
        try:
            if separate:
                output = cls.forward(*args)
                cls.setup_context(context, args, output)
            else:
                output = cls.forward(context, *args)
        finally:
            mode.set_grad(before)
        results = list(output) if isinstance(output, (tuple, list)) else [output]
        _check_results(cls, results)
        _check_dirty(context, results, edges, tensors)
        if tracked:
            entry = _entry(cls, context, args, values, edges, results)
            results = [_on_tape(context, entry, k, r, tensors) for k, r in enumerate(results)]
        return tuple(results) if isinstance(output, (tuple, list)) else results[0]


def _positional(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], separate: bool) -> tuple[Any, ...]:
    """Return arguments given by name in their places."""
    bound = inspect.signature(forward).bind(*(() if separate else (None,)), *args, **kwargs)
    bound.apply_defaults()
    return tuple(bound.args)[0 if separate else 1 :]


def _check_results(cls: type[Function], results: list[Any]) -> None:
    for result in results:
        if result is not None and not isinstance(result, (Tensor, bool, int, float, str)):
            kind = type(result).__name__
            raise TypeError(at_user_line(f"{cls.__name__}.forward: expected to return Tensors, got {kind}"))


def _check_dirty(context: Context, results: list[Any], edges: list[Any], tensors: list[Tensor]) -> None:
    """Raise RuntimeError for arguments marked dirty that are leaves or were not returned; count up the others' version."""
    for dirty in context._dirty:
        if not any(dirty is r for r in results):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
                "modified inplace must all be outputs of the Function."
            )
        for tensor, edge in zip(tensors, edges, strict=True):
            if tensor is dirty and isinstance(edge, Leaf) and mode.grad:
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        dirty.counter[0] += 1


def _entry(
    cls: type[Function], context: Context, args: tuple[Any, ...], values: list[Record], edges: list[Any], results: list[Any]
) -> _Entry:
    given = [r for r in results if isinstance(r, Tensor)]
    graph = Graph([], [fresh_input("out", r._value.type) for r in given])
    signature = Signature(f"{cls.__name__}Backward", graph)
    entry = _Entry(signature, tuple(values), tuple(edges), signature.type)
    entry.context, entry.function = context, cls
    entry.kinds = tuple([isinstance(a, Tensor) for a in args])
    entry.outputs = [(tuple(r.shape), r.dtype) if isinstance(r, Tensor) else None for r in results]
    return entry


def _on_tape(context: Context, entry: _Entry, k: int, result: Any, inputs: list[Tensor]) -> Any:
    """Return a result with its place on the tape."""
    if not isinstance(result, Tensor) or not result.dtype.is_floating or id(result) in context._not_differentiable:
        return result
    value = result.current()
    edge = Record(projection(k, value.type), (entry,), (entry,), value.type)
    edge.serial = entry.serial + 0.5
    if any(result is d for d in context._dirty):
        result._place(edge)
        return result
    if any(result is t for t in inputs) or result._chain or result._edge is not None:
        return Tensor.of(value, edge)
    result._place(edge)
    for at, (tensor, record, _) in enumerate(context._saved):
        if tensor is result:  # a result that was saved is differentiated through, too
            context._saved[at] = tensor, record, edge
    return result


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a Function's backward as one that cannot be differentiated itself.

    Its results raise RuntimeError when a second derivative is asked for.
    """

    @functools.wraps(backward)
    def wrapped(ctx: Any, *cotangents: Any) -> Any:
        tracked = mode.grad and any(isinstance(c, Tensor) and c.requires_grad for c in cotangents)
        before = mode.grad
        mode.set_grad(False)
        try:
            result = backward(ctx, *cotangents)
        finally:
            mode.set_grad(before)
        if not tracked and not before:
            return result
        several = isinstance(result, tuple)
        marked = [_undifferentiable(r) if isinstance(r, Tensor) and before else r for r in (result if several else (result,))]
        return tuple(marked) if several else marked[0]

    return wrapped


class _Refusing(CustomEntry):
    """The tape's entry of what cannot be differentiated again."""

    def pull_back(self, cotangents: list[Tensor | None], create_graph: bool) -> Sequence[Tensor | None]:
        """Refuse."""
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def _undifferentiable(tensor: Tensor) -> Tensor:
    value = tensor.current()
    signature = Signature("DelayedError", Graph([], [fresh_input("out", value.type)]))
    return Tensor.of(value, _Refusing(signature, (), (), value.type))
