"""The one way a SymPy object is refused: named, with what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from symgrad.errors import TraceError, at_user_line

__all__ = ["refuse", "shown"]

_LONGEST = 80


def shown(expr: Any) -> str:
    """Return an object as text of bounded length."""
    try:
        text = str(expr)
    except RecursionError:
        text = f"a deep {type(expr).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def refuse(expr: Any, reason: str) -> NoReturn:
    """Raise TraceError: ``expr`` cannot be translated, for a reason that says what to do."""
    raise TraceError(at_user_line(f"from_sympy: cannot translate {shown(expr)}: {reason}"))
