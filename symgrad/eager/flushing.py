"""Running what a window recorded: everything that is held at a result's request, found again under the window's state."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import Job, prepare
from symgrad.eager.recording import AnyArray, Record
from symgrad.eager.straight import OFTEN, Repeat, straight_run
from symgrad.eager.windows import Window
from symgrad.errors import TraceError

__all__ = ["Operands", "also_wanted", "ask", "ask_together", "give", "note_missed", "operands_of", "repeated", "run_now"]

_FEW = 100  # records a window may have when it goes on after a run

_getrefcount = sys.getrefcount


def held(window: Window) -> tuple[bool, ...]:
    """Return for each record whether somebody besides the window holds it."""
    expected = window.state.expected
    if expected is None or window.slow:
        expected = window.state.expected = _expected(window.records)
    return tuple([_getrefcount(r) > e for r, e in zip(window.records, expected, strict=True)])


def _expected(records: list[Record]) -> list[int]:
    """Return how many references to each record there are when nobody else has one."""
    own = 4  # the window's list, zip's tuple, the loop's variable and getrefcount's argument
    uses = dict.fromkeys(records, own)
    for record in records:
        for operand in record.inputs:
            if operand in uses:
                uses[operand] += 1
        for edge in record.edges or ():
            if edge in uses:
                uses[edge] += 1
    return [uses[r] for r in records]


class Operands:
    """Where the operands of a program are: in a window, or constant records.

    Called with a window it returns their values. A window's leaf ``-1 - k`` lies that far from the end of its records, the
    constants, and its leaves backwards.
    """

    __slots__ = ("constants", "pick", "places")

    def __init__(self, places: list[int], constants: list[Record]) -> None:
        self.constants = constants
        self.places = places
        self.pick: Any = itemgetter(*places) if len(places) > 1 else lambda table: [table[p] for p in places]

    def __call__(self, window: Window) -> list[Any]:
        """Return the operands' values."""
        table = window.records + self.constants
        table += window.leaves[::-1]
        return [r.data if r.data is not None else ask(r) for r in self.pick(table)]


def operands_of(window: Window, records: Sequence[Record], results: int, leaves: int) -> Operands | None:
    """Return where the operands of a program are, in a window with so many results and leaves; None if any is elsewhere."""
    found: list[int] = []
    constants: list[Record] = []
    for record in records:
        number = window.number_of(record)
        if number is not None and -leaves <= number < results:
            found.append(number)
        elif record.signature is None and record.data is not None and not record.exposed:
            found.append(results + len(constants))
            constants.append(record)
        else:
            return None
    return Operands(found, constants)


class _Plan:
    """What to run at a state: the program, where its operands are, and which records its results belong to."""

    __slots__ = ("again", "follow", "operands", "program", "results", "stale", "uses")

    def __init__(self, job: Job, operands: Operands, results: list[int], again: bool) -> None:
        self.stale = False  # whether a result was asked for that it leaves out
        self.program: Any = job.program
        self.operands = operands
        self.results = results
        self.again = again  # whether the window begins anew afterwards
        self.uses = 0
        self.follow: Any = self.run  # what does it, once it is known to repeat without a loop

    def run(self, window: Window) -> None:
        """Run the program and give the records their values."""
        program, records = self.program, window.records
        results = (program.fast or program)(self.operands(window))
        for number, value in zip(self.results, results, strict=True):
            give(records[number], value)
        self.uses += 1
        if self.uses >= OFTEN and program.fast is not None:
            self.uses = 0
            repeat = repeated(program.fast, self.operands, records, list(enumerate(self.results)))
            self.follow = straight_run(repeat, ask) or self.run


def repeated(run: Any, operands: Operands, records: list[Record], results: Sequence[tuple[int, int]]) -> Repeat:
    """Return a plan in numbers, from a window it was followed in; ``results`` says which belongs to which record."""
    constants = [c.data for c in operands.constants]
    given = [(k, n, _forgets(records[n])) for k, n in results]
    return Repeat(run, operands.places, len(records), constants, given)


def give(record: Record, value: AnyArray) -> None:
    """Give a record its value; how it came about is forgotten unless the tape or a shared storage may ask."""
    record.data = value
    if _forgets(record):
        record.inputs = ()


def _forgets(record: Record) -> bool:
    return record.edges is None and not record.signature.view  # type: ignore[union-attr]  # a leaf has its value


def run_now(window: Window, roots: Sequence[Record], at_once: bool) -> None:
    """Run records as they are recorded: their operands may change, or too many wait."""
    if at_once:
        prepare(roots).run()
        return
    plain: set[Record] = set()
    alive = [r for r, h in zip(window.records, held(window), strict=True) if h and waits(r, plain)]
    with contextlib.suppress(TraceError):  # arguments of a trace have no values: what depends on them goes on waiting
        prepare([*roots, *alive]).run()
    window.begin()


def waits(record: Record, plain: set[Record]) -> bool:
    """Whether a record is still to be computed, and can be; ``plain`` are records that are known to be."""
    signature = record.signature
    return record.data is None and signature is not None and signature.single and record.is_plain_beside(plain)


def ask(record: Record) -> AnyArray:
    """Return a record's value; run what this thread's window holds with it."""
    if record.data is None:
        window = mode.window
        if window is None or record.token is not window.token or record.number < 0 or window.slow:
            note_missed(record)
            prepare([record]).run()
        else:
            try:
                _run_held(window, [record])
            except BaseException:  # what else is pending runs by itself when it is asked for, without what failed
                window.begin()
                raise
    data: AnyArray = record.data
    return data


def note_missed(record: Record) -> None:
    """Have the plan that left a record out made anew next time: what was held then differs from what it was made for."""
    token = record.token
    if token is not None and token.plan is not None:
        token.plan.stale = True


def ask_together(records: Sequence[Record]) -> None:
    """Have several records computed, and what this thread's window holds besides, by one program."""
    window = mode.window
    wanted = [r for r in dict.fromkeys(records) if r.data is None]
    if window is None or window.slow or any(r.token is not window.token or r.number < 0 for r in wanted):
        prepare(records).run()
    elif wanted:
        _run_held(window, wanted)


def _run_held(window: Window, wanted: list[Record]) -> None:
    plans = window.moves[None].plans
    key: Any = wanted[0].number if len(wanted) == 1 else tuple([r.number for r in wanted])
    plan = plans.get(key)
    if plan is None or plan.stale:
        _run_and_learn(window, wanted, key, plan)
    else:
        plan.follow(window)
        if plan.again or window.foreign:
            window.token.plan = plan
            window.begin()
            return
    window.token.plan = plans.get(key)
    _go_on(window, key)


def _run_and_learn(window: Window, wanted: list[Record], key: Any, before: _Plan | None) -> None:
    roots = [*wanted, *also_wanted(window, before.results if before is not None else ())]
    closed = all(v.data is not None or v.signature is None for v in window.leaves)  # nothing pending from elsewhere
    job = prepare(roots, exact=closed)  # then who holds what is known
    operands = operands_of(window, job.leaves, len(window.records), len(window.leaves))
    job.run()
    results = [r.number for r in job.wanted]
    inside = all(r.token is window.token and r.number >= 0 for r in job.wanted)
    if closed and operands is not None and inside and job.program is not None:
        window.state.plans[key] = _Plan(job, operands, results, _is_over(window))


def also_wanted(window: Window, before: Sequence[int]) -> list[Record]:
    """Return pending records that somebody holds, or that ``before`` lists: results of the last plan for this state."""
    alive = held(window)
    plain: set[Record] = set()
    return [r for k, r in enumerate(window.records) if (alive[k] or k in before) and waits(r, plain)]


def _is_over(window: Window) -> bool:
    """Whether backward wants nothing more of what a window recorded, or there is too much of it."""
    return window.spent or len(window.records) > _FEW or all(r.edges is None for r in window.records)


def _go_on(window: Window, key: Any) -> None:
    """Begin anew after a run, unless backward may still want what was recorded."""
    if _is_over(window) or window.foreign:
        window.begin()
        return
    window.note(("ran", key))
