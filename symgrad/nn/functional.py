"""torch.nn.functional's names: activations, layers, normalisations and losses."""

from __future__ import annotations

from typing import Any

from symgrad.eager import tensor_methods  # noqa: F401  # a Tensor is whole from its first appearance
from symgrad.eager.torch_names import PUBLIC_NN

__all__ = sorted(PUBLIC_NN)  # noqa: PLE0605  # names of a table


def __getattr__(name: str) -> Any:
    if name in PUBLIC_NN:
        return PUBLIC_NN[name]
    raise AttributeError(f"symgrad.nn.functional has no function {name!r}; it has {', '.join(sorted(PUBLIC_NN))}")


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC_NN]
