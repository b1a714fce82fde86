"""torch.autograd.graph: nodes of the tape, edges into it, and hooks that several gradients share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from symgrad.eager.grad_arguments import GradientEdge
from symgrad.eager.grad_mode import mode
from symgrad.eager.saving import save_on_cpu, saved_tensors_hooks
from symgrad.eager.tape import GradFn as Node
from symgrad.eager.tape import Handle, grad_fn_of, owner
from symgrad.eager.tensor_face import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Return where a tensor stands on the tape.

    Raises
    ------
    RuntimeError
        When it requires no gradient.
    """
    edge = tensor.edge()
    if edge is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    entry, index = owner(edge)
    return GradientEdge(grad_fn_of(entry), index)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count up the version of tensors, as a write would: backward refuses to read what was saved of them before."""
    for one in (tensor,) if isinstance(tensor, Tensor) else tensor:
        record, counter = one.current(), one.counter
        record.overwritten = counter[0], counter, record
        counter[0] += 1


class _Handles:
    """The hooks of several tensors; ``remove()`` takes all of them back, also at the end of a ``with`` block."""

    def __init__(self, handles: Sequence[Handle]) -> None:
        self._handles = handles

    def remove(self) -> None:
        """Take the hooks back."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all") -> _Handles:
    """Call ``fn`` once in each backward that reaches the tensors.

    Parameters
    ----------
    tensors : sequence of Tensor
    fn : callable
        Gets the list of their gradients, None for those that backward does not reach; with ``mode="any"`` the gradient
        that is known first.
    mode : {"all", "any"}

    Raises
    ------
    ValueError
        For another mode.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    shared = _Shared(tensors, fn, mode == "any")
    return _Handles([t.register_hook(shared.hook(k)) for k, t in enumerate(tensors)])


class _Shared:
    """What the hooks of several tensors know of the backward pass under way."""

    def __init__(self, tensors: Sequence[Tensor], fn: Callable[..., Any], first: bool) -> None:
        self._places = [owner(t.edge())[0] for t in tensors]
        self._fn = fn
        self._first = first
        self._pass: Any = None
        self._missing = 0
        self._found: list[Tensor | None] = []

    def hook(self, k: int) -> Callable[[Tensor], None]:
        """Return the hook of one tensor."""

        def arrived(gradient: Tensor) -> None:
            under_way = mode.backward
            if self._pass is not under_way:
                self._pass = under_way
                self._missing = sum(p in under_way.reached for p in self._places)
                self._found = [None] * len(self._places)
                if self._first:
                    self._fn(gradient)
            self._found[k] = gradient
            self._missing -= 1
            if not self._missing and not self._first:
                self._fn(list(self._found))

        return arrived
