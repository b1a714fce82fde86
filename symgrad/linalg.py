"""torch.linalg's names: products, factors and norms of matrices."""

from __future__ import annotations

from typing import Any

from symgrad.eager import tensor_methods  # noqa: F401  # a Tensor is whole from its first appearance
from symgrad.eager.torch_names import LINALG

__all__ = sorted(LINALG)  # noqa: PLE0605  # names of a table


def __getattr__(name: str) -> Any:
    if name in LINALG:
        return LINALG[name]
    raise AttributeError(f"symgrad.linalg has no function {name!r}; it has {', '.join(sorted(LINALG))}")


def __dir__() -> list[str]:
    return [*globals(), *LINALG]
