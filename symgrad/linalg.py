"""torch.linalg's names: products, factors and norms of matrices."""

from __future__ import annotations

from typing import Any

from symgrad.eager import tensor_methods  # noqa: F401  # a Tensor is whole from its first appearance
from symgrad.eager.torch_names import PUBLIC_LINALG
from symgrad.errors import LinAlgError  # noqa: F401  # torch has its name here

__all__ = sorted([*PUBLIC_LINALG, "LinAlgError"])  # noqa: PLE0605  # names of a table


def __getattr__(name: str) -> Any:
    if name in PUBLIC_LINALG:
        return PUBLIC_LINALG[name]
    raise AttributeError(f"symgrad.linalg has no function {name!r}; it has {', '.join(sorted(PUBLIC_LINALG))}")


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC_LINALG]
