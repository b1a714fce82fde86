"""Lowering: a graph becomes a program of loops."""

from __future__ import annotations

from collections.abc import Iterable

from symgrad.ir.dims import Size
from symgrad.ir.graph import Graph
from symgrad.lower.buffers import place
from symgrad.lower.build import Schedule, build
from symgrad.lower.cost import bytes_of, flops_of
from symgrad.lower.cut import cut
from symgrad.lower.expand import expand
from symgrad.lower.fuse import fuse
from symgrad.lower.loops import Program, Step
from symgrad.lower.nothing import loops_over_something, without_nothing
from symgrad.lower.tile import tile
from symgrad.lower.values import Body
from symgrad.options import Options

__all__ = ["lower"]


def lower(graph: Graph, options: Options, key: str = "") -> Program:
    """Return the loops that compute a graph's outputs from its inputs.

    Parameters
    ----------
    graph : Graph
        Of primitives; composites are written out when they are traced.
    options : Options
    key : str
        What the program is known by; that of ``graph`` unless one is given.

    Raises
    ------
    TypeError
        When a primitive has no loop form: a defect of its record.
    """
    expanded = without_nothing(expand(graph))
    plan = fuse(expanded)
    schedule = build(expanded, plan)
    steps = [kept for step in _steps(schedule) for kept in loops_over_something(step, schedule.buffers)]
    functions, slots = cut(steps, schedule.buffers)
    buffers, work = place(functions, schedule.buffers, slots)
    return Program(
        inputs=tuple(i.type for i in graph.inputs),
        outputs=tuple(o.type for o in graph.outputs),
        dims=graph.dims,
        buffers=buffers,
        functions=functions,
        slots=tuple(range(slots)),
        work=work,
        flops=_total(flops_of(s) for s in steps),
        bytes_moved=_total(bytes_of(s, buffers) for s in steps),
        kernels=sum(1 for s in steps if getattr(s, "extents", ())),
        key=key or graph.key,
    )


def _total(sizes: Iterable[Size]) -> Size:
    total: Size = 0
    for size in sizes:
        total = total + size
    return total


def _steps(schedule: Schedule) -> list[Step]:
    """Return all steps in order; within a phase what prepares, then scalars, then checks, then loops."""
    steps: list[Step] = []
    for phase in schedule.phases:
        loops: list[Step] = []
        prepare: list[Step] = list(phase.prepare)
        for step in phase.steps:
            if isinstance(step, Body):
                nest, fills = tile(step)
                loops.append(nest)
                prepare.extend(fills)
            else:
                loops.append(step)
        steps.extend(prepare)
        if phase.scalars.statements:
            steps.append(tile(phase.scalars)[0])
        steps.extend(phase.checks)
        steps.extend(loops)
    return steps
