"""Function: an operation whose forward and backward are the user's own code, with torch's context and checks."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from symgrad.dtypes import float64
from symgrad.eager.custom_calls import TWICE, apply_in_trace, refusing_in_trace
from symgrad.eager.custom_context import Context, check_results, fitted
from symgrad.eager.engine import CustomEntry
from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import Record, Signature, leaf, type_of
from symgrad.eager.tape import Leaf, is_adrift
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.trees import flatten, unflatten
from symgrad.eager.views import SEVERAL, as_alias
from symgrad.eager.windows import this_window
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = ["Context", "Function", "once_differentiable"]


SETUP = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the "
    "setup_context staticmethod. For more details, please see "
    "https://pytorch.org/docs/main/notes/extending.func.html"
)


class _Entry(CustomEntry):
    """The tape's entry of a Function."""

    context: Context
    function: type[Function]
    kinds: tuple[bool, ...]  # which arguments of apply are Tensors
    outputs: tuple[TensorType | None, ...]  # of each result its type; None for no Tensor

    def pull_back(self, cotangents: list[Tensor | None], create_graph: bool) -> Sequence[Tensor | None]:
        """Run the user's backward."""
        context = self.context
        context._freed = self.freed and bool(context._saved)
        given = list(cotangents)
        if context._materialize:
            for k, output in enumerate(self.outputs):
                if given[k] is None and output is not None:
                    given[k] = Tensor.of(leaf(np.zeros(output.shape, output.dtype.numpy)))
        result = self.function.backward_of()(context, *given)
        types = [t.type for t in self.inputs]
        wanted = [e is not None for e in self.edges or ()]
        return fitted(self.function.__name__, result, self.kinds, types, wanted)


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
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """Return the results for batched arguments, and where their batch axes are; the user's own."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True."
        )

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

    @classmethod
    def overrides(cls, name: str) -> bool:
        """Return whether a method is the user's own."""
        return getattr(cls, name) is not getattr(Function, name)

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
        kinds = tuple([isinstance(a, Tensor) for a in args])
        tensors = [a for a, is_tensor in zip(args, kinds, strict=True) if is_tensor]
        if len(tensors) < len(args) and any(isinstance(a, Face) and not isinstance(a, Tensor) for a in args):
            return _apply_to_arrays(cls, args)
        edges = [t.edge() for t in tensors]
        if mode.transforms and not separate and any(e is not None or not t.is_plain for t, e in zip(tensors, edges, strict=True)):
            raise RuntimeError(SETUP)
        if mode.tracing and not all(t.is_plain for t in tensors):
            return apply_in_trace(cls, args, separate)
        tracked = mode.grad and any(e is not None for e in edges)
        left = iter(edges)
        context = Context(tuple([is_tensor and next(left) is not None and mode.grad for is_tensor in kinds]))
        before, values = mode.grad, tuple([t._value for t in tensors])
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
        check_results(cls.__name__, results)
        if context._dirty:
            _check_dirty(context, results, edges, tensors)
        if tracked:
            entry = _entry(cls, context, kinds, values, tuple(edges), results)
            on_tape = [k for k, carries in enumerate(entry.signature.carries) if carries]  # type: ignore[union-attr]  # it has one
            window = this_window()
            window.token.hooked = True  # what backward does is not known beforehand
            made = dict(zip(on_tape, window.record_entry(entry, on_tape), strict=True))
            results = [_on_tape(context, made.get(k), r, tensors) for k, r in enumerate(results)]
            if any(isinstance(r, Tensor) and r._chain for r in results):
                _forbid_writes(cls.__name__, context, results)
        else:
            results = [_untracked(r, context, tensors) for r in results]
        return tuple(results) if isinstance(output, (tuple, list)) else results[0]


def _apply_to_arrays(cls: type[Function], args: tuple[Any, ...]) -> Any:
    """Return the results for arguments among which are Arrays: the author's code has torch's meanings."""
    array = next(a for a in args if isinstance(a, Face) and not isinstance(a, Tensor))
    result = cls.apply(*[Tensor(a.node) if isinstance(a, Face) and not isinstance(a, Tensor) else a for a in args])
    leaves, tree = flatten(result)
    return unflatten(tree, [array.face_type()(r.node) if isinstance(r, Tensor) else r for r in leaves])


def _positional(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], separate: bool) -> tuple[Any, ...]:
    """Return arguments given by name in their places."""
    bound = inspect.signature(forward).bind(*(() if separate else (None,)), *args, **kwargs)
    bound.apply_defaults()
    return tuple(bound.args)[0 if separate else 1 :]


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


class _Results(Signature):
    """The results of a Function, which only its own backward can differentiate."""

    def __init__(self, name: str, types: tuple[TensorType | None, ...], carries: tuple[bool, ...]) -> None:
        nothing = type_of((), float64)  # what is no Tensor has a number, too
        self.name = name
        self.types = tuple([t or nothing for t in types])
        self.type = self.types[0] if types else nothing
        self.view = self.single = False
        self.carries = carries
        self.tracks = any(carries)

    @cached_property
    def graph(self) -> Graph:  # type: ignore[override]  # it is never inlined
        """Nothing: the user's code is no graph."""
        raise TypeError("a Function's entry of the tape has no graph")


_results_of: dict[Any, _Results] = {}
_MOST_RESULTS = 512


def _entry(
    cls: type[Function],
    context: Context,
    kinds: tuple[bool, ...],
    values: tuple[Record, ...],
    edges: tuple[Any, ...],
    results: list[Any],
) -> _Entry:
    types = tuple([r._value.type if isinstance(r, Tensor) else None for r in results])
    constant = context._not_differentiable
    carries = tuple(
        [t is not None and t.dtype.is_floating and id(r) not in constant for t, r in zip(types, results, strict=True)]
    )
    key = cls, *map(id, types), carries
    signature = _results_of.get(key)
    if signature is None:
        if len(_results_of) >= _MOST_RESULTS:
            _results_of.clear()
        signature = _results_of[key] = _Results(f"{cls.__name__}Backward", types, carries)
    entry = _Entry(signature, values, edges, signature.type)
    entry.context, entry.function, entry.outputs, entry.kinds = context, cls, types, kinds
    return entry


def _on_tape(context: Context, edge: Record | None, result: Any, inputs: list[Tensor]) -> Any:
    """Return a result with its place on the tape; an argument that is returned as it is, as a view of itself."""
    if not isinstance(result, Tensor):
        return result
    given = any(result is t for t in inputs)
    if edge is None:
        return result.detach() if given and result.requires_grad else result
    if any(result is d for d in context._dirty):
        result._place(edge)
        return result
    if given:
        result = as_alias(result)
    elif result._edge is not None and not is_adrift(result._edge):
        return Tensor.of(result.current(), edge)
    result._place(edge)
    for at, (tensor, record, _) in enumerate(context._saved):
        if tensor is result:  # a result that was saved is differentiated through, too
            context._saved[at] = tensor, record, edge
    return result


def _untracked(result: Any, context: Context, inputs: list[Tensor]) -> Any:
    """Return a result that is not on the tape: for an argument that is returned as it is something that shares its storage."""
    if not any(result is t for t in inputs) or any(result is d for d in context._dirty):
        return result
    return result.detach() if result.requires_grad else as_alias(result)


VIEW = (
    "Output 0 of {} is a view and is being modified inplace. This view was created inside a custom Function (or because an input "
    "was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with the "
    "custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the "
    "custom Function."
)


def _forbid_writes(name: str, context: Context, results: list[Any]) -> None:
    """Have views among the results refuse to be written: a write would pass by the user's backward."""
    placed = [r for r in results if isinstance(r, Tensor) and r._edge is not None]
    for k, result in enumerate(placed):
        if result._chain and not any(result is d for d in context._dirty):
            several = SEVERAL.format(f"Output {k} of {name} is a view and", "")
            result._forbidden = several if len(placed) > 1 else VIEW.format(name)
            result._born = result.counter[0]


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
        raise RuntimeError(TWICE)


def _undifferentiable(tensor: Tensor) -> Tensor:
    if mode.tracing and not tensor.is_plain:
        return refusing_in_trace(tensor)
    value = tensor.current()
    signature = Signature("DelayedError", Graph([], [fresh_input("out", value.type)]))
    return Tensor.of(value, _Refusing(signature, (), (), value.type))
