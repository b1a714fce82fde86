"""What backward and ``autograd.grad`` are given: Tensors, edges of the tape, and options that only torch's words are about."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from symgrad.eager.several import edges_of
from symgrad.eager.tape import GradFn, Leaf
from symgrad.eager.tensor_face import Tensor

__all__ = ["UNUSED", "GradientEdge", "check_options", "inputs_of", "several"]

UNUSED = (
    "The differentiated Tensor at index {} appears to not have been used in the graph. Set allow_unused=True if this is the "
    "desired behavior."
)
ONLY_INPUTS = (
    "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts of the "
    "graph, please use torch.autograd.backward."
)


class GradientEdge(NamedTuple):
    """A place of the tape: a node and which of its results is meant."""

    node: GradFn
    output_nr: int
    ownership_token: Any = None

    def tensor(self) -> Any:
        """Return a Tensor that stands at this place; it has a value only where it is a leaf."""
        entry = self.node._entry
        if isinstance(entry, Leaf):
            return entry.tensor()
        edge = edges_of(entry, [self.output_nr])[0]
        return Tensor.of(edge, edge)


def several(value: Any) -> list[Any]:
    """Return what was given, one or a sequence, as a list of Tensors."""
    if isinstance(value, Tensor):
        return [value]
    given = [value] if isinstance(value, GradientEdge) else list(value)
    return [v.tensor() if isinstance(v, GradientEdge) else v for v in given]


def inputs_of(value: Any) -> list[Tensor]:
    """Return ``several`` of what gradients are asked for; RuntimeError where that is no Tensor."""
    found = several(value)
    for one in found:
        if not isinstance(one, Tensor):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(one).__name__}")
    return found


def check_options(only_inputs: bool, materialize_grads: bool, allow_unused: bool | None, inputs: Any) -> None:
    """Raise, or warn of, options of ``autograd.grad`` that say something else than what is done.

    Raises
    ------
    ValueError, RuntimeError
        As torch does.
    """
    if not only_inputs:
        warnings.warn(ONLY_INPUTS, FutureWarning, stacklevel=3)
    if not materialize_grads:
        return
    if allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if isinstance(inputs, GradientEdge) or any(isinstance(i, GradientEdge) for i in inputs):
        raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
