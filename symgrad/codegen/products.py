"""Writes matrix products: plain loops where they are small, tiles that stay in registers elsewhere."""

from __future__ import annotations

from dataclasses import replace

from symgrad.codegen.cprint import ATOM, wrapping
from symgrad.codegen.frame import PAD, around, backwards, is_short, loop_head, loop_names, loops_view
from symgrad.codegen.views import ClosingView, LoopView, ProductView, StepView
from symgrad.codegen.writer import Writer
from symgrad.ir.dims import product
from symgrad.lower.loops import Affine, Contract
from symgrad.lower.tile import neutral

__all__ = ["contract_view"]

_SMALL = 2048  # multiplications of a product that is left to plain loops
_ROWS, _STEPS = 2, 4  # a tile in registers


def contract_view(step: Contract, writer: Writer) -> StepView | ProductView:
    """Return the view of a contraction."""
    size = product(step.extents)
    depth = len(step.extents)
    flags = step.summed
    if depth < 3 or step.dtype.is_integer or (isinstance(size, int) and size <= _SMALL):
        return _simple(step, writer)
    if flags[-2:] == (True, False) and not any(flags[:-2]) and _moves(step.out_index, depth - 3):
        ordered = _ordered(step, x_rests=depth - 1, y_rests=depth - 3)
        return _simple(step, writer) if ordered is None else _tiled(ordered, writer, "matmul")
    if flags[-1] and not any(flags[:-1]) and _moves(step.out_index, depth - 2) and _moves(step.out_index, depth - 3):
        ordered = _ordered(step, x_rests=depth - 2)
        return _simple(step, writer) if ordered is None else _tiled(ordered, writer, "dots")
    return _simple(step, writer)


def _ordered(step: Contract, x_rests: int, y_rests: int | None = None) -> Contract | None:
    """Return the step with its operands as a tile needs them: each the same along a loop where it is kept in registers."""
    swapped = replace(step, x=step.y, x_index=step.y_index, y=step.x, y_index=step.x_index)
    for one in (step, swapped):
        if not _moves(one.x_index, x_rests) and (y_rests is None or not _moves(one.y_index, y_rests)):
            return one
    return None


def _moves(index: Affine, axis: int) -> bool:
    return any(a == axis for a, _ in index.terms)


def _tiled(step: Contract, writer: Writer, kind: str) -> ProductView:
    """Return the three innermost loops in tiles: row, sum, column for ``matmul``; row, column, sum for ``dots``."""
    names = loop_names(len(step.extents), writer)
    outer, (a, b, c) = names[:-3], names[-3:]
    sizes = [writer.size(e) for e in step.extents]
    opening = tuple(LoopView(PAD * d, (), "", loop_head(n, sizes[d])) for d, n in enumerate(outer))
    closing = tuple(ClosingView(PAD * d, ()) for d in reversed(range(len(outer))))

    def element(buffer: int, index: Affine, row: int, middle: int) -> str:
        writer.loops = [*outer, _plus(a, row), _plus(b, middle), c]
        return writer.element(buffer, index)

    rows = range(_ROWS if kind == "matmul" else 1)
    x = tuple(tuple(element(step.x, step.x_index, r, q) for q in range(_STEPS)) for r in rows)
    y = tuple(element(step.y, step.y_index, 0, q) for q in range(_STEPS))
    out = tuple(element(step.out, step.out_index, *((r, 0) if kind == "matmul" else (0, r))) for r in range(_STEPS))
    return ProductView(
        kind=kind,
        opening=opening,
        closing=closing,
        pad=PAD * len(outer),
        c=step.dtype.c,
        row=(a, sizes[-3]),
        mid=(b, sizes[-2] if sizes[-2].isalnum() else f"({sizes[-2]})"),
        column=(c, sizes[-1]),
        x=x,
        y=y,
        out=out,
        names=tuple(writer.fresh("s") for _ in range(_ROWS * _STEPS)),
    )


def _plus(name: str, offset: int) -> str:
    return f"({name} + {offset})" if offset else name


def _simple(step: Contract, writer: Writer) -> StepView:
    depth = len(step.extents)
    names = writer.loops = loop_names(depth, writer)
    x, y = writer.element(step.x, step.x_index), writer.element(step.y, step.y_index)
    product = wrapping("*", x, ATOM, y, ATOM, step.dtype) if step.dtype.is_integer else f"{x} * {y}"
    target = writer.element(step.out, step.out_index)
    flags = list(step.summed)
    loops = [["", loop_head(n, writer.size(e))] for n, e in zip(names, step.extents, strict=True)]
    outside = around(depth)
    if flags != sorted(flags):
        loops[-1][0] = "SG_LOOP()"
        return loops_view([(h, t) for h, t in loops], outside, (_added(target, product, step),))
    if not any(flags):
        return loops_view([(h, t) for h, t in loops], outside, (f"{target} = {product};",))
    level = flags.index(True)
    total = writer.fresh("s")
    outside.before[level].append(f"{step.dtype.c} {total} = {neutral('+', step.dtype)};")
    outside.after[level].append(f"{target} = {total};")
    if level == depth - 1 and not is_short(step.extents[-1]):
        loops[-1][0] = f"SG_LOOP(reduction(+: {total}))"
    lines = [_added(total, product, step)]
    if backwards(step.x_index, depth - 1) or backwards(step.y_index, depth - 1):
        lines.append("SG_KEEP_PLAIN();" if loops[-1][0] else "SG_KEEP();")
    return loops_view([(h, t) for h, t in loops], outside, lines)


def _added(target: str, product: str, step: Contract) -> str:
    if step.dtype.is_integer:
        return f"{target} = {wrapping('+', target, ATOM, product, ATOM - 1, step.dtype)};"
    return f"{target} += {product};"
