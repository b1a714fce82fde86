"""How much work values are: what decides recomputation, and the figures of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symgrad.ir.dims import Size, product
from symgrad.ir.expr import Primitive
from symgrad.ir.kinds import ByType, Expression, Infix, Lowering, Scalar
from symgrad.lower.loops import Accumulate, Apply, Buffer, Check, Contract, Fetch, Fill, Load, Nest, Scatter, Step, Store

__all__ = ["bytes_of", "flops_of", "weight_of"]

_QUICK = {"sqrt": 4, "fabs": 1, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1}
_FUNCTION = 20  # a transcendental function, in additions


def weight_of(primitive: Primitive) -> int:
    """Return the time of one application, in additions, roughly."""
    return _weight(primitive.lowering)


def _weight(form: Lowering) -> int:
    if isinstance(form, Scalar):
        return _QUICK.get(form.function, _FUNCTION)
    if isinstance(form, Infix):
        return 4 if form.operator == "/" else 1
    if isinstance(form, ByType):
        return _weight(form.floating)
    if isinstance(form, Expression):
        return 1 + form.template.count("%") * 8
    return 1


def flops_of(step: Step) -> Size:
    """Return the floating-point operations of a step; a call of a function counts as one."""
    if isinstance(step, Contract):
        return product(step.extents) * 2
    if isinstance(step, Scatter):
        return product(step.extents)
    if not isinstance(step, Nest):
        return 0
    kinds = Counter(map(type, step.body))
    each = kinds[Apply] + kinds[Accumulate] + sum(1 for s in step.body if type(s) is Store and s.combine != "=")
    return product(step.extents) * each


def bytes_of(step: Step, buffers: Sequence[Buffer]) -> Size:
    """Return the bytes a step reads and writes in buffers, each access counted once for each iteration that moves it."""
    if isinstance(step, Fill):
        count = buffers[step.buffer].size if step.count is None else step.count
        return count * buffers[step.buffer].dtype.itemsize
    if isinstance(step, Check):
        return product(step.extents) * buffers[step.buffer].dtype.itemsize
    if isinstance(step, Scatter):
        each = buffers[step.positions].dtype.itemsize + 3 * buffers[step.buffer].dtype.itemsize
        return product(step.extents) * each
    if isinstance(step, Contract):
        sizes = [buffers[b].size for b in (step.x, step.y, step.out)]
        return (sizes[0] + sizes[1] + sizes[2]) * step.dtype.itemsize
    return _nest_bytes(step, buffers) if isinstance(step, Nest) else 0


def _nest_bytes(step: Nest, buffers: Sequence[Buffer]) -> Size:
    total: Size = 0
    for s in step.body:
        if type(s) is Apply:
            continue
        if isinstance(s, (Load, Fetch)):
            axes = [a for a, _ in s.place.terms] if isinstance(s, Load) else range(len(step.extents))
            total = total + product([step.extents[a] for a in axes]) * s.dtype.itemsize
        elif isinstance(s, Store):
            width = buffers[s.buffer].dtype.itemsize * (1 if s.combine == "=" else 2)
            total = total + product([step.extents[a] for a, _ in s.place.terms]) * width
        elif isinstance(s, Accumulate) and s.buffer is not None:
            total = total + product(step.extents[: s.level]) * s.dtype.itemsize
    return total
