"""What holds until the user says otherwise: the element type of Python floats."""

from __future__ import annotations

from symgrad.dtypes import DType, float32

__all__ = ["defaults"]


class Defaults:
    """Settings of the process.

    Attributes
    ----------
    dtype : DType
        What Python floats become, and integers in floating-point functions.
    """

    __slots__ = ("dtype",)

    def __init__(self) -> None:
        self.dtype: DType = float32


defaults = Defaults()
