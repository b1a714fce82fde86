"""The exceptions symgrad raises, and the user's own line that they name.

torch raises ``RuntimeError`` where NumPy raises ``ValueError`` or ``TypeError``; the classes below derive from
both, so code written for either library catches them.
"""

from __future__ import annotations

import os
import sys

__all__ = [
    "CompileError",
    "DTypeError",
    "DeviceError",
    "ExportError",
    "GradcheckError",
    "LinAlgError",
    "MappedError",
    "ShapeError",
    "SymgradError",
    "TraceError",
    "VerifyError",
    "user_line",
]


class SymgradError(Exception):
    """Base of every exception that symgrad raises on purpose."""


class ShapeError(SymgradError, ValueError, RuntimeError):
    """Shapes, sizes, axes or named dims that do not fit the operation."""


class DTypeError(SymgradError, TypeError, RuntimeError):
    """Element types that do not fit the operation."""


class DeviceError(SymgradError, RuntimeError, AssertionError):
    """A device, or a layout in memory, that is not there; torch raises AssertionError for some, RuntimeError for others."""


class TraceError(SymgradError, TypeError):
    """Code that cannot be traced: it asks for a value that does not exist yet."""


class MappedError(TraceError, RuntimeError):
    """Code under vmap that asks for a value, of which there is one for each slice."""


class LinAlgError(SymgradError, RuntimeError, ValueError):
    """A matrix that has no inverse, factor or solution of the kind asked for."""


class CompileError(SymgradError, RuntimeError):
    """The C compiler is missing, failed, or took too long."""


class ExportError(SymgradError, ValueError):
    """A module that cannot be written as asked."""


class GradcheckError(SymgradError, RuntimeError):
    """An analytic derivative that differs from the numerical one."""


class VerifyError(SymgradError, AssertionError):
    """A graph that breaks the rules of its stage: a defect of symgrad, never of user code."""


_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def user_line() -> str:
    """Return ``"file.py:12"`` for the innermost frame that belongs to the user, or ``""``.

    Frames of symgrad itself and of installed libraries are passed over.
    """
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and "site-packages" not in name and not name.startswith("<frozen"):
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]  # None ends the walk
    return ""


def at_user_line(message: str) -> str:
    """Return ``message`` followed by the user's own line in parentheses, when there is one."""
    line = user_line()
    return f"{message} ({line})" if line else message
