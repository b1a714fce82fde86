"""One signature of a compiled function: its trace, its native code, and the fast call for exact types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.arguments import Call, bind_dims
from symgrad.eager.array_face import Array
from symgrad.eager.trees import LEAF, Tree, flatten_as, unflatten
from symgrad.eager.values import AnyArray, bound_input
from symgrad.ir.dims import evaluate
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.tracing import Trace

if TYPE_CHECKING:
    from symgrad.compiler import Compiled

__all__ = ["NOT_THESE", "Program", "is_output", "no_fast_call", "returning", "signature_of"]

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Program:
    """One signature: the call it was made for, its trace and native code."""

    made_for: Call
    trace: Trace
    types: tuple[TensorType, ...]
    compiled: Compiled
    tape: dict[Any, Any] = field(default_factory=dict)  # for Tensors that require a gradient: what they record

    def run(
        self, arrays: list[AnyArray], labels: Sequence[str], tape_graph: Callable[[], Graph], leaves: Sequence[Any] = ()
    ) -> Any:
        """Return the function's results for exact arrays; Tensors among ``leaves`` put them on their tape as one entry."""
        every = [*arrays, *self.trace.captured]
        dims = bind_dims(self.types, arrays, labels)
        outputs = self.compiled.call(every, dims)
        if self.trace.face is Array:
            return self.nest(outputs)
        found = self.trace.face.on_tape(tape_graph, self.tape, [*leaves, *self.trace.captured], outputs)
        return unflatten(self.trace.output, found)

    def nest(self, outputs: Sequence[AnyArray]) -> Any:
        """Return output arrays in the nest the function returns; 0-d ones as NumPy scalars, or all as Tensors."""
        if self.trace.face is not Array:
            return unflatten(self.trace.output, [self.trace.face(bound_input(o, "result")) for o in outputs])
        return unflatten(self.trace.output, [o if o.ndim else o[()] for o in outputs])


def signature_of(args: tuple[Any, ...]) -> Any:
    """Return what tells apart calls that need different programs, cheaply."""
    return tuple([(a.dtype, a.shape) if type(a) is np.ndarray else type(a) for a in args])


NOT_THESE = (TypeError, ValueError)  # what a call for exact types raises for others


def no_fast_call(*args: Any) -> Any:
    """Raise TypeError: stands where no call for exact types is known."""
    raise TypeError("no call with exact types has been made yet")


def is_output(array: Any, kind: TensorType, dims: Any) -> bool:
    """Whether ``array`` can take an output of type ``kind``."""
    shape = tuple(evaluate(s, dims) for s in kind.shape)
    fits = isinstance(array, np.ndarray) and array.dtype == kind.dtype.numpy and array.shape == shape
    return fits and array.flags.c_contiguous and array.flags.writeable


def returning(native: Function, output: Tree) -> Function:
    """Return ``native``, of one array or a tuple of them, with its results, and what is given as ``out``, in the own nest."""
    flat = output.kind is tuple and len(output.children) > 1 and all(child == LEAF for child in output.children)
    if output == LEAF or flat:
        return native
    single = output.leaves == 1

    def call(*args: Any, out: Any = None) -> Any:
        if out is None:
            found = native(*args)
            return unflatten(output, [found] if single else found)
        leaves = flatten_as(output, out, either=True)
        if leaves is None:
            raise TypeError("specialize: out must be nested like the function's result")
        native(*args, out=leaves[0] if single else tuple(leaves))
        return out

    return call
