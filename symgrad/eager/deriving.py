"""``autograd.grad`` found again: the operations that it recorded the first times, under the state its window was in.

What a pass records depends on the window's path, on which results and leaves it is asked for, and on nothing else, if
nothing of the user's looks on and no saved value was written. So after a few rounds it is written out: a function of
straight lines that makes the same records. The text is made of counts alone; no string of a user can enter it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symgrad.eager.grad_mode import mode, next_serial
from symgrad.eager.recording import LONGEST_WINDOW, Bare, Record
from symgrad.eager.several import Projection
from symgrad.eager.storage import touched
from symgrad.eager.straight import OFTEN, written
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import Window

__all__ = ["Watch", "watch"]

_MOST = 250  # records: a longer text takes longer to compile than it saves


class Watch:
    """One call of ``autograd.grad`` whose window, outputs, inputs and cotangents can be told by numbers."""

    __slots__ = ("_accumulators", "_count", "_key", "_leaves", "_plans", "_token", "_window")

    def __init__(self, window: Window, key: Any) -> None:
        self._window, self._key = window, key
        self._plans = window.state.plans
        self._token = window.token
        self._count, self._leaves, self._accumulators = len(window.records), len(window.leaves), len(window.accumulators)

    def follow_again(self) -> list[Tensor] | None:
        """Do what the call did before and return its results; None, with nothing done, where that does not hold now."""
        follow = self._plans.get(self._key)
        return follow(self._window) if callable(follow) else None

    def note(self, results: Sequence[Tensor | None], read: Sequence[Record], spent: Sequence[Record], keep: bool) -> None:
        """Take what the call did as one more round; after a few it is written out."""
        rounds = self._plans.get(self._key, 0)
        if callable(rounds) or self._window.token is not self._token or self._window.slow:
            return
        self._plans[self._key] = rounds + 1
        if rounds + 1 >= OFTEN:
            self._plans[self._key] = self._written_out(results, read, spent, keep) or -1_000_000

    def _written_out(
        self, results: Sequence[Tensor | None], read: Sequence[Record], spent: Sequence[Record], keep: bool
    ) -> Callable[[Window], list[Tensor] | None] | None:
        """Return the function of straight lines; None where something lies outside the window."""
        window = self._window
        made, entered = window.records[self._count :], window.leaves[self._leaves :]
        if any(r.data is not None for r in made) or any(i.exposed for r in made for i in r.inputs):
            return None  # what ran at once must do so each time
        constant = all(r.signature is None and r.data is not None and not r.exposed for r in entered)
        if not constant or len(window.accumulators) > self._accumulators or window.foreign or not 0 < len(made) <= _MOST:
            return None
        found = [t._value for t in results if t is not None]
        mine = set(made)
        if len(found) < len(results) or len(set(found)) < len(found) or not mine.issuperset(found):
            return None
        names = self._names()
        values = dict.fromkeys(read)
        wanted: set[Any] = {*spent, *values, *(i for r in made for i in r.inputs)}
        wanted |= {e for r in made for e in r.edges or () if e is not None}
        if not wanted <= names.keys() or any(touched(r) for r in values):
            return None
        read_before = [names[r] for r in values if r not in mine]
        given: dict[str, Any] = {f"e{k}": r for k, r in enumerate(entered)}
        body = [
            "records, leaves, accumulators = window.records, window.leaves, window.accumulators",
            *(f"if {n}.overwritten is not None or {n}.moved is not None: return None" for n in read_before),
            *(f"if {n}.signature is not None and {n}.signature.view and touched({n}): return None" for n in read_before),
            *(f"if {names[r]}.freed: return None" for r in spent),
            "token, numbers = window.token, window.numbers",
            *(f"leaves.append(e{k}); numbers[e{k}] = {-1 - self._leaves - k}" for k in range(len(entered))),
            *(line for r in made for line in _record(r, names, given)),
            f"records += [{', '.join(names[r] for r in made)}]",
            "window.moves = moves",
            *([] if keep else ["window.spent = True", *(f"{names[r]}.freed = True" for r in spent)]),
            f"return [{', '.join(f'make({names[r]}, {None if r.edges is None else names[r]})' for r in found)}]",
        ]
        given |= {"Bare": Bare, "serial": next_serial, "make": Tensor.of, "moves": window.moves, "touched": touched}
        return written("follow(window)", body, given)

    def _names(self) -> dict[Any, str]:
        """Return what the text calls each record and accumulator of the window."""
        window = self._window
        names: dict[Any, str] = {e: f"accumulators[{k}]" for k, e in enumerate(window.accumulators)}
        names |= {r: f"leaves[{k}]" for k, r in enumerate(window.leaves)}
        names |= {r: f"r{k}" if k >= self._count else f"records[{k}]" for k, r in enumerate(window.records)}
        return names


def _record(record: Record, names: dict[Any, str], given: dict[str, Any]) -> list[str]:
    """Return the lines that make a record like this one."""
    name, number, signature = names[record], record.number, record.signature
    assert signature is not None
    given[f"s{number}"], given[f"t{number}"] = signature, record.type
    inputs = "".join(f"{names[i]}, " for i in record.inputs)
    edges = None if record.edges is None else f"({''.join(f'{None if e is None else names[e]}, ' for e in record.edges)})"
    serial = "serial()"
    if isinstance(signature, Projection):
        entry = record.inputs[0]
        serial = f"{names[entry]}.serial + {record.serial - entry.serial!r}"
    lines = [
        f"{name} = Bare()",
        f"{name}.signature, {name}.inputs, {name}.edges, {name}.type = s{number}, ({inputs}), {edges}, t{number}",
        f"{name}.serial, {name}.token, {name}.number = {serial}, token, {number}",
        f"{name}.data = {name}.overwritten = {name}.moved = {name}.gradient = {name}.rare = None",
        f"{name}.freed = {name}.exposed = False",
    ]
    return [*lines, f"{name}.power = True"] if record.power else lines


def watch(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor | None], keep: bool, create_graph: bool
) -> Watch | None:
    """Return what tells a call of ``autograd.grad`` from others in this thread's window; None where numbers do not."""
    window: Window | None = mode.window
    if window is None or window.slow or window.foreign or window.token.hooked or window.inference:
        return None
    if mode.tracing or mode.transforms or mode.backward is not None or mode.duals is not None:
        return None
    if len(window.records) > LONGEST_WINDOW // 2 or any(v.data is None and v.signature is not None for v in window.leaves):
        return None
    made = _codes_of_outputs(window, outputs)
    asked = _codes_of_inputs(window, inputs)
    if made is None or asked is None:
        return None
    codes: list[Any] = []
    given: list[Record] = []
    for cotangent, tensor in zip(cotangents, outputs, strict=True):
        if cotangent is None:
            codes.append(None)
            continue
        if not isinstance(cotangent, Tensor) or cotangent._edge is not None or cotangent.dtype is not tensor.dtype:
            return None
        value = cotangent.current()
        known = window.number_of(value)
        if known is None and (value.exposed or value in given or value.data is None):
            return None
        codes.append(id(value.type) if known is None else known)
        given += [value] if known is None else []
    if given:
        window.note(("given", *map(window.enter, given)))
    return Watch(window, ("grad", *made, *asked, *codes, keep, create_graph))


def _codes_of_outputs(window: Window, outputs: Sequence[Tensor]) -> tuple[Any, ...] | None:
    codes = []
    for tensor in outputs:
        value = tensor._value
        if value.token is not window.token or tensor._edge is not value:
            return None
        codes.append(value.number)
    return (len(codes), *codes)


def _codes_of_inputs(window: Window, inputs: Sequence[Tensor]) -> tuple[Any, ...] | None:
    codes: list[Any] = []
    for tensor in inputs:
        edge = tensor.edge()
        if type(edge) is Leaf:
            code = window.numbers.get(edge)
            if code is None or edge.extras is not None:
                return None
            codes.append(("leaf", code))
        elif edge is not None and edge is tensor._value and edge.token is window.token:
            codes.append(edge.number)
        else:
            return None
    return (len(codes), *codes)
