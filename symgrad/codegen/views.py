"""Frozen records that the templates read; everything in them is text, or small numbers to choose by."""

from __future__ import annotations

from dataclasses import dataclass

from symgrad.primitives.special_c import SpecialFunction

__all__ = ["ClosingView", "ConstantView", "FunctionView", "LoopView", "ModuleView", "ProductView", "StepView"]


@dataclass(frozen=True, slots=True)
class LoopView:
    """The head of one loop, and the lines right before it.

    Attributes
    ----------
    pad : str
        Indentation.
    before : tuple of str
    hint : str
        A SIMD macro, or ``""``.
    head : str
        What stands between the parentheses of ``for``.
    """

    pad: str
    before: tuple[str, ...]
    hint: str
    head: str


@dataclass(frozen=True, slots=True)
class ClosingView:
    """The end of one loop, and the lines right after it."""

    pad: str
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a function.

    ``kind`` names the template: ``straight`` reads ``lines``; ``loops`` reads ``note``, ``opening``, ``pad``,
    ``lines`` and ``closing``.
    """

    kind: str
    note: str = ""
    opening: tuple[LoopView, ...] = ()
    pad: str = ""
    lines: tuple[str, ...] = ()
    closing: tuple[ClosingView, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductView:
    """A matrix product in tiles of two rows and four summed elements, or rows of four dot products.

    ``kind`` is ``matmul`` or ``dots``. Element texts are given for each row and each element of a tile.

    Attributes
    ----------
    opening, closing : tuple
        The loops around.
    pad, c : str
        Indentation inside those, and the element type.
    row, mid, column : tuple of (str, str)
        Name and size of the loops over rows, summed elements and columns.
    x, y, out : tuple
        ``x[r][q]``, ``y[q]``, ``out[r]`` for row r and summed element q of a tile; for dots ``x[0][0]``, and ``y``,
        ``out`` for each of four columns.
    names : tuple of str
        Fresh names for what is kept in registers.
    """

    kind: str
    opening: tuple[LoopView, ...]
    closing: tuple[ClosingView, ...]
    pad: str
    c: str
    row: tuple[str, str]
    mid: tuple[str, str]
    column: tuple[str, str]
    x: tuple[tuple[str, ...], ...]
    y: tuple[str, ...]
    out: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConstantView:
    """A constant array: its declaration and rows of elements."""

    declaration: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionView:
    """One C function.

    Attributes
    ----------
    head : str
        Return type, name and parameters.
    pointers : tuple of str
        Declarations of the arrays in the workspace.
    unused : tuple of str
        Parameters that are not used.
    calls : tuple of str
        Calls of the parts of a long program, each returning 0 on success.
    checks : tuple of str
        Lines before everything else, which return where sizes do not fit.
    """

    head: str
    pointers: tuple[str, ...]
    unused: tuple[str, ...]
    steps: tuple[StepView | ProductView, ...]
    calls: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One C source and its header.

    Attributes
    ----------
    name, guard : str
    about : tuple of str
        Lines of the comment at the top.
    aliases : tuple of str
        C types that the workspace holds besides double.
    special : tuple of SpecialFunction
        What the special template emits.
    simd : tuple of (str, str, str)
        Functions with SIMD forms: name, element type, types of the arguments.
    loops : bool
        Whether a loop carries a SIMD hint.
    sums : tuple of str
        ``double`` or ``float`` where compensated sums are used.
    hidden, kept : bool
        Whether a table is read through ``sg_hidden``, and whether a loop says ``SG_KEEP``.
    prototype, work : str
        Declaration for the header, and how the workspace's size is given there.
    """

    name: str
    guard: str
    about: tuple[str, ...]
    aliases: tuple[str, ...]
    special: tuple[SpecialFunction, ...]
    simd: tuple[tuple[str, str, str], ...]
    loops: bool
    sums: tuple[str, ...]
    hidden: bool
    kept: bool
    constants: tuple[ConstantView, ...]
    functions: tuple[FunctionView, ...]
    prototype: str
    work: tuple[str, ...]
