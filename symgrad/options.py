"""Frozen options of one compilation, each also an environment variable ``SYMGRAD_<NAME>``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Options", "verify_enabled"]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is compiled.

    Attributes
    ----------
    precise : bool
        Use the scalar mathematical library (under 1 ulp) instead of its SIMD forms (up to 4 ulp).
    fast_math : bool
        Allow rewrites and contractions that may change a value at nan, inf or -0.0, or by rounding.
    deterministic : bool
        Same bits from run to run on one machine.
    tier : str
        ``"native"`` compiles before the first result, ``"quick"`` interprets first, ``"interpret"`` never compiles.
    finite : bool
        Raise FloatingPointError when an output is nan or inf.
    threads : int
        Threads that a library such as BLAS may use; symgrad's own loops use one.
    compile_budget : float
        Seconds the C compiler may take before it is stopped.
    march : str
        CPU to compile for: ``"native"``, ``"baseline"``, or ``"auto"``: native for what runs here, baseline for
        what is exported.
    """

    precise: bool = False
    fast_math: bool = False
    deterministic: bool = False
    tier: str = "native"
    finite: bool = False
    threads: int = 1
    compile_budget: float = 300.0
    march: str = "auto"

    def __post_init__(self) -> None:
        allowed = {"tier": ("native", "quick", "interpret"), "march": ("auto", "native", "baseline")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"Options.{name}: expected one of {', '.join(values)}, got {getattr(self, name)!r}")
        if self.threads < 1:
            raise ValueError(f"Options.threads: at least 1, got {self.threads}")
        if not self.compile_budget > 0:
            raise ValueError(f"Options.compile_budget: seconds above 0, got {self.compile_budget}")

    @classmethod
    def from_environment(cls, **changes: Any) -> Options:
        """Return the defaults, overridden by ``SYMGRAD_<NAME>`` variables, then by ``changes``.

        Raises
        ------
        ValueError
            When a variable or a change cannot be read as its field's type.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            variable = f"SYMGRAD_{field.name.upper()}"
            text = os.environ.get(variable)
            if text is not None:
                values[field.name] = _parse(variable, text, type(field.default))
        values.update(changes)
        return cls(**values)


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"{variable}: expected 1 or 0, got {text!r}")
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{variable}: expected {kind.__name__}, got {text!r}") from None


def verify_enabled() -> bool:
    """Whether every stage checks the graph it is given (``SYMGRAD_VERIFY=1``; always on in the tests)."""
    return os.environ.get("SYMGRAD_VERIFY", "") in _TRUE
