"""The named tuples that torch's functions of several results return, printed as torch prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = ["return_type"]


def _printed(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{fields})"


def return_type(name: str, *fields: str) -> Any:
    """Return the type of a function's results, with ``fields`` as names."""
    made = namedtuple(name, fields)  # type: ignore[misc]  # fields are data here
    setattr(made, "__repr__", _printed)  # noqa: B010  # mypy has no assignment to methods
    made.__module__ = __name__
    globals()[name] = made
    return made
