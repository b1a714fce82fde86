"""Shapes as torch prints them."""

from __future__ import annotations

from typing import Any

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """A shape: a tuple that prints as torch's does."""

    __slots__ = ()

    def numel(self) -> int:
        """Return how many elements there are."""
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __add__(self, other: tuple[Any, ...]) -> Size:
        return Size(tuple(self) + tuple(other))

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found
