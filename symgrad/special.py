"""torch.special's names."""

from __future__ import annotations

from typing import Any

from symgrad.eager import tensor_methods  # noqa: F401  # a Tensor is whole from its first appearance
from symgrad.eager.torch_names import SPECIAL

__all__ = sorted(SPECIAL)  # noqa: PLE0605  # names of a table


def __getattr__(name: str) -> Any:
    if name in SPECIAL:
        return SPECIAL[name]
    raise AttributeError(f"symgrad.special has no function {name!r}; it has {', '.join(sorted(SPECIAL))}")


def __dir__() -> list[str]:
    return [*globals(), *SPECIAL]
