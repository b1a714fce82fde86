"""Adam with weights that shrink by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.optim.adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam with the weights shrunk by ``lr * weight_decay`` apart from the gradient; parameters as for Adam."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **options)
