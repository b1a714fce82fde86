"""torch.cuda's questions, for code that asks before it moves anything: there is no such device here."""

from __future__ import annotations

__all__ = ["device_count", "empty_cache", "is_available", "is_initialized", "manual_seed", "manual_seed_all"]


def is_available() -> bool:
    """Return False: Tensors live in this machine's memory."""
    return False


def is_initialized() -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there are no devices with random numbers of their own."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no devices with random numbers of their own."""


def empty_cache() -> None:
    """Do nothing: no device holds memory."""
