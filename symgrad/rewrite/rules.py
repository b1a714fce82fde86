"""All laws in their named groups, in the order they are tried."""

from __future__ import annotations

from symgrad.rewrite.algebra import ARITHMETIC, IDEMPOTENT, POWERS
from symgrad.rewrite.assembly import ASSEMBLY
from symgrad.rewrite.fast import REAL_NUMBERS, REAL_REDUCTIONS, STABILISE
from symgrad.rewrite.folding import FOLDING, REPETITION
from symgrad.rewrite.logic import CASTS, LOGIC, SELECTION
from symgrad.rewrite.pattern import Law
from symgrad.rewrite.shapes import REDUCTIONS, SLICES, VIEWS

__all__ = ["EXACT", "FAST", "GROUPS"]

GROUPS: dict[str, tuple[Law, ...]] = {
    "fold_constants": FOLDING,
    "canonicalise": REPETITION,
    "arithmetic": ARITHMETIC,
    "powers": POWERS,
    "idempotent": IDEMPOTENT,
    "selection": SELECTION,
    "logic": LOGIC,
    "casts": CASTS,
    "views": VIEWS,
    "slices": SLICES,
    "assembly": ASSEMBLY,
    "reductions": REDUCTIONS,
    "stabilise": STABILISE,
    "real_numbers": REAL_NUMBERS,
    "real_reductions": REAL_REDUCTIONS,
}

_FAST_GROUPS = ("stabilise", "real_numbers", "real_reductions")

EXACT: tuple[Law, ...] = tuple(law for name, group in GROUPS.items() if name not in _FAST_GROUPS for law in group)
FAST: tuple[Law, ...] = tuple(law for name in _FAST_GROUPS for law in GROUPS[name])
