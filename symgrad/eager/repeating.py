"""Backward found again: what the first backward of a loop worked out, under the state its window was in.

A plan holds only if nothing of the user's looks on: no hooks, no custom functions, no saved value written meanwhile. Then
the program, the places of its operands, the records and gradients its results belong to, and the entries it spends
are the same as the first time.
"""

from __future__ import annotations

from typing import Any

from symgrad.eager.flushing import Operands, give, operands_of, repeated
from symgrad.eager.grad_mode import mode
from symgrad.eager.pieces import Route
from symgrad.eager.programs import Job
from symgrad.eager.recording import Record, known
from symgrad.eager.storage import touched, write
from symgrad.eager.straight import OFTEN, Gradient, straight_backward
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import Window
from symgrad.ir.types import TensorType

__all__ = ["Learned", "backward_again", "key_of", "remember", "results_before", "route_of", "told"]


class Learned:
    """What a backward pass found out that is worth remembering.

    Attributes
    ----------
    job : Job
    totals : dict
        For each leaf the record of its new gradient.
    spent, read : list of Record
        The entries that gave up what they saved; the values that were read.
    """

    __slots__ = ("job", "read", "spent", "totals")

    def __init__(self, job: Job, totals: dict[Any, Record], spent: list[Record], read: list[Record]) -> None:
        self.job = job
        self.totals = totals
        self.spent = spent
        self.read = read


class _Plan:
    __slots__ = ("grads", "operands", "program", "read", "results", "spent", "stale", "uses")

    def __init__(
        self,
        program: Any,
        operands: Operands,
        results: list[tuple[int, int]],
        grads: list[tuple[int, int, TensorType]],
        *rest: list[int],
    ) -> None:
        self.program = program
        self.operands = operands
        self.results = results  # (which result of the program, record)
        self.grads = grads  # (which result of the program, leaf, its type)
        self.spent, self.read = rest
        self.stale = False  # whether a result was asked for that it leaves out
        self.uses = 0


def key_of(window: Window, tensor: Tensor, retain_graph: bool) -> Any:
    """Return the window's state and what else backward from ``tensor`` depends on; None where it cannot be repeated."""
    value = tensor._value
    if any(v.data is None and v.signature is not None for v in window.leaves):
        return None  # it depends on what is pending from elsewhere
    if window.token.hooked or not _is_inside(window, tensor):
        return None
    codes: list[int | None] = []
    leaves = len(window.leaves)
    seen: set[Record] = set()
    for accumulator in window.accumulators:
        if accumulator.extras is not None or accumulator.posthooks:
            return None
        grad = accumulator.grad
        if grad is None:
            codes.append(None)
            continue
        if grad._edge is not None or grad._chain:  # views of one memory may overlap
            return None
        old = grad._value if grad._cell is None else grad.current()
        if old in seen:
            return None  # one gradient of two leaves: each adds to what the other left
        seen.add(old)
        known = window.number_of(old)
        codes.append(window.enter(old) if known is None else known)
    return window.state, (len(window.records), len(window.leaves), leaves), (value.number, retain_graph, tuple(codes))


def _is_inside(window: Window, tensor: Tensor) -> bool:
    """Whether the window's path tells all of the tape that a tensor leads to."""
    value = tensor._value
    own = value.token is window.token and tensor._edge is value and value.number >= 0
    return own and not window.foreign and not window.slow


def route_of(window: Window, tensor: Tensor) -> Route | None:
    """Return where the course of a backward from ``tensor`` that the user's code looks at is found again."""
    return Route(window, tensor._value) if _is_inside(window, tensor) and not mode.anomaly else None


def told(window: Window, tensor: Tensor, gradient: Any, inputs: Any) -> bool:
    """Have the window's path tell the arguments of a backward; False where numbers cannot."""
    if tensor._value.token is not window.token or window.slow:
        return False
    accumulators = []
    for one in () if inputs is None else inputs if isinstance(inputs, (tuple, list)) else (inputs,):
        edge = one.edge() if isinstance(one, Tensor) else None
        code = window.numbers.get(edge) if type(edge) is Leaf else None
        if code is None:
            return False
        accumulators.append(code)
    if inputs is not None and not accumulators:
        return False
    seed: Any = None
    if gradient is not None:
        if not isinstance(gradient, Tensor) or gradient._edge is not None or gradient._value.type is not tensor._value.type:
            return False
        value = gradient.current()
        if value.exposed or (value.data is None and value.token is not window.token):
            return False
        seed = value.number if value.token is window.token else window.enter(value)
    window.note(("backward", seed, inputs is None, *accumulators))
    return True


def backward_again(window: Window, key: Any) -> bool:
    """Run backward as it was planned at this state; False where there is no plan, or it does not hold now."""
    state, (_, _, before), rest = key
    plan = state.plans.get(rest)
    if plan is None or plan.stale:
        return False
    if not _holds(plan, window):
        return False
    program = plan.program
    if program.fast is not None:
        plan.uses += 1
        if plan.uses == OFTEN:
            state.backward = _written_out(plan, window, rest[0], rest[1], before)
    results = (program.fast or program)(plan.operands(window))
    records = window.records
    for place, number in plan.results:
        give(records[number], results[place])
    accumulators = window.accumulators
    for place, number, type_ in plan.grads:
        accumulator = accumulators[number]
        value = known(type_, results[place])
        if accumulator.grad is None:
            accumulator.grad = Tensor.of(value)
        else:
            write(accumulator.grad, value, None)
    if not rest[1]:
        for number in plan.spent:
            records[number].freed = True
    window.token.plan = plan
    window.begin()
    return True


def _holds(plan: _Plan, window: Window) -> bool:
    """Whether nothing that backward reads was written or given up."""
    records, leaves = window.records, window.leaves
    for number in plan.read:
        one = records[number] if number >= 0 else leaves[-1 - number]
        if one.overwritten is not None or one.moved is not None:
            return False
        if one.signature is not None and one.signature.view and touched(one):
            return False
    return not any(records[number].freed for number in plan.spent)


def _written_out(plan: _Plan, window: Window, root: int, retain_graph: bool, leaves: int) -> Any:
    """Return a plan in straight lines, from a window it holds in; None where they would be too many."""
    made = {number: (place, type_) for place, number, type_ in plan.grads}
    gradients = []
    for k, accumulator in enumerate(window.accumulators):
        place, type_ = made.get(k, (None, accumulator.type))
        grad = accumulator.grad
        if grad is None:
            gradients.append(Gradient(None, type_, False, place))
        else:
            old = grad.current()
            gradients.append(Gradient(window.number_of(old), old.type, old.exposed, place))
    repeat = repeated(plan.program.fast, plan.operands, window.records, plan.results)
    names = {"known": known, "write": write, "make": Tensor.of, "plan": plan, "touched": touched}
    return straight_backward(repeat, root, retain_graph, leaves, gradients, plan.read, plan.spent, names)


def results_before(key: Any) -> list[int]:
    """Return the records that the last plan for this backward computed besides gradients."""
    state, _, rest = key
    plan = state.plans.get(rest)
    return [] if plan is None else [number for _, number in plan.results]


def remember(window: Window, key: Any, learned: Learned) -> None:
    """Keep what a backward pass did at this state, if all of it lies in the window."""
    if mode.anomaly:
        return
    token = window.token
    state, (count, leaves, _), rest = key
    operands = operands_of(window, learned.job.leaves, count, leaves)
    read = _numbers(window, learned.read)
    inside = all(r.token is token and r.number >= 0 for r in learned.spent)
    if any(touched(r) for r in learned.read):
        return
    if operands is None or read is None or not inside or learned.job.program is None:
        return
    position = {r: k for k, r in enumerate(learned.job.wanted)}
    grads = []
    for edge, total in learned.totals.items():
        code = window.numbers.get(edge)
        if code is None or not isinstance(edge, Leaf) or total not in position:
            return
        grads.append((position[total], code - 2, total.type))
    mine = {r: k for k, r in enumerate(window.records[:count])}
    results = [(k, mine[r]) for r, k in position.items() if r in mine]
    spent = [r.number for r in learned.spent]
    window.token.plan = state.plans[rest] = _Plan(learned.job.program, operands, results, grads, spent, read)


def _numbers(window: Window, records: list[Record]) -> list[int] | None:
    """Return the numbers of saved values; None if one is elsewhere."""
    found = []
    for record in records:
        number = window.number_of(record)
        if number is None:
            return None
        found.append(number)
    return found
