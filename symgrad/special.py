"""torch.special's names."""

from __future__ import annotations

from typing import Any

from symgrad.eager import tensor_methods  # noqa: F401  # a Tensor is whole from its first appearance
from symgrad.eager.torch_names import PUBLIC_SPECIAL

__all__ = sorted(PUBLIC_SPECIAL)  # noqa: PLE0605  # names of a table


def __getattr__(name: str) -> Any:
    if name in PUBLIC_SPECIAL:
        return PUBLIC_SPECIAL[name]
    raise AttributeError(f"symgrad.special has no function {name!r}; it has {', '.join(sorted(PUBLIC_SPECIAL))}")


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC_SPECIAL]
