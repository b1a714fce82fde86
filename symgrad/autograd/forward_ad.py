"""torch.autograd.forward_ad: dual numbers, whose tangents follow every operation inside a level."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple

from symgrad.eager.grad_mode import mode
from symgrad.eager.operation import settled
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.values import new_inner
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.transform.jvp import push_forward

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """A dual number taken apart; the tangent is None where nothing moves."""

    primal: Tensor
    tangent: Tensor | None


class _Level:
    """The dual numbers made so far: for the input that stands for each, its primal and its tangent."""

    def __init__(self) -> None:
        self.primals: dict[Node, Node] = {}
        self.tangents: dict[Node, Node] = {}


def enter_dual_level() -> int:
    """Begin a level and return its number; there is one at a time.

    Raises
    ------
    RuntimeError
        When one is under way.
    """
    if mode.duals is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    mode.duals = _Level()
    if not mode.tracing:
        mode.switches = None  # no_grad says nothing about tangents
    mode.tracing += 1
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; its dual numbers lose their tangents.

    Raises
    ------
    RuntimeError
        When it is not under way.
    """
    if mode.duals is None or level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    mode.duals = None
    mode.tracing -= 1


class dual_level:  # noqa: N801  # torch's name
    """A level for a block."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """Return a Tensor of the same value that moves along ``tangent``.

    Raises
    ------
    RuntimeError
        Outside a level, for a tangent of another shape, and for what moves already.
    ValueError
        For integers.
    """
    held = mode.duals
    if held is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, given in (("primal", tensor), ("tangent", tangent)):
        if not given.dtype.is_floating:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {given.dtype}")
    if tuple(tensor.shape) != tuple(tangent.shape):
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    primal, along = tensor.node, tangent.node
    if push_forward([primal], held.tangents)[0] is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not supported."
        )
    inner = new_inner(primal, "dual")
    held.primals[inner] = primal
    held.tangents[inner] = along if along.dtype is primal.dtype else ops.cast(along, dtype=primal.dtype)
    return Tensor(inner)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """Return the primal and the tangent of a Tensor."""
    held = mode.duals
    if held is None or tensor.is_plain:
        return UnpackedDualTensor(tensor, None)
    node = tensor.node
    tangent = push_forward([node], held.tangents)[0]
    if tangent is None:
        return UnpackedDualTensor(tensor, None)
    tangent = tangent if tangent.shape == node.shape else ops.broadcast_to(tangent, shape=node.shape)
    found = Graph(held.primals.keys(), [node, tangent])(*held.primals.values())
    primal, moved = settled(found)
    return UnpackedDualTensor(primal, moved)
