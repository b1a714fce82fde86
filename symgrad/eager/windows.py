"""Windows: what one thread recorded since its last backward, as a path through states known from earlier rounds.

A loop records the same operations on the same operands each time round. Operands are numbered by first use, and each
operation moves the window to the state that the same operation led to before; so an operation costs one lookup, and
running everything or differentiating it is found under the state, without a walk over the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import LONGEST_WINDOW, SCALARS, Bare, Record, Signature, Token
from symgrad.eager.several import edges_of
from symgrad.eager.tape import Leaf, Refused

__all__ = ["Found", "NumberLeaf", "State", "Window", "begin_window", "forget_states", "new_number", "this_window"]

Found = tuple[Signature, dict[Any, Any], bool, bool]  # what is known of an operation at a state; see State.moves

_MOST_STATES = 1 << 14


class State:
    """What has been recorded so far, in terms of numbers: where each further operation leads, and what was run here.

    Attributes
    ----------
    moves : dict
        From an operation and its operands to the signature, the moves of the next state, whether the result is on the
        tape, and whether it must be run at once.
    plans : dict
        What to run for a result that is asked for, or for backward; see flushing.py.
    backward : callable or None
        The plan for backward that was followed most here, written out; see straight.py.
    expected : list of int
        How often each record is referred to by the window itself: more means that somebody holds it.
    """

    __slots__ = ("backward", "expected", "moves", "plans")

    def __init__(self) -> None:
        self.moves: dict[Any, Any] = {None: self}  # so that a window that has the moves has the state
        self.plans: dict[Any, Any] = {}
        self.backward: Any = None
        self.expected: list[int] | None = None


class _Root:
    state = State()
    count = 0


def forget_states() -> None:
    """Let all known paths go, and this thread's window begin anew."""
    _Root.count, _Root.state = 0, State()
    if mode.window is not None:
        mode.window.begin()


class Window:
    """The operations one thread recorded since it began anew.

    Attributes
    ----------
    token : Token
        What its records carry while it lasts.
    records, leaves, accumulators : list
        Results by number; operands from outside, number ``-1 - k``; leaves of the tape.
    numbers : dict
        Of the leaves and accumulators; kept here and not on them, for they may be in other threads' windows too.
    foreign : bool
        Whether the tape leads out of the window to an entry recorded before.
    slow : bool
        Whether nothing is to be remembered.
    spent : bool
        Whether what was recorded has been differentiated for good, so that it is over once its results are known.
    grad, inference : bool
        The thread's modes.
    """

    __slots__ = ("accumulators", "foreign", "grad", "inference", "leaves", "moves", "numbers", "records", "slow", "spent",
                 "token")  # fmt: skip

    def __init__(self) -> None:
        self.slow = False
        self.grad, self.inference = mode.grad, mode.inference
        self.begin()

    def begin(self) -> None:
        """Forget what was recorded: records that are still pending run by themselves when they are asked for."""
        self.token = Token()
        self.records: list[Record] = []
        self.leaves: list[Record] = []
        self.accumulators: list[Leaf] = []
        self.numbers: dict[Any, int] = {}
        self.foreign = self.spent = False
        self.moves = _Root.state.moves

    @property
    def state(self) -> State:
        """What has been recorded so far."""
        found: State = self.moves[None]
        return found

    def number_of(self, record: Record) -> int | None:
        """Return the number of a result or an operand, None where it has none."""
        return record.number if record.token is self.token else self.numbers.get(record)

    def enter(self, value: Record) -> int:
        """Give an operand from outside a number; return what stands for it at its first use: its type."""
        leaves = self.leaves
        number = -1 - len(leaves)
        known = self.numbers.setdefault(value, number)
        if known != number:
            return known
        leaves.append(value)
        place = id(value.type)
        return -place if value.exposed else place

    def edge_code(self, value: Record, edge: Any) -> int:
        """Return what stands for an operand's edge that is not the operand's own record.

        Raises
        ------
        RuntimeError
            For a view that must not be used any more.
        """
        if type(edge) is Leaf:
            known = self.numbers.get(edge)
            if known is not None:
                return known
            self.numbers[edge] = len(self.accumulators) + 2
            self.accumulators.append(edge)
            return -1
        if type(edge) is Refused:
            self.begin()  # what was numbered is in no state
            raise RuntimeError(edge.why)
        if edge.token is self.token:
            return -3 - int(edge.number)
        self.foreign = True
        return -2

    def learn(self, key: Any, signature: Any, tracks: bool, at_once: bool) -> State:
        """Return the state an operation leads to, remembered unless this window is slow."""
        if self.slow:
            return State()
        _Root.count += 1
        if _Root.count > _MOST_STATES:  # programs that never repeat: let them go
            _Root.count, _Root.state = 0, State()
        state = State()
        self.moves[key] = signature, state.moves, tracks, at_once
        return state

    def note(self, move: tuple[Any, ...]) -> None:
        """Move on by something else than an operation, which the path must tell of."""
        found = self.moves.get(move)
        self.moves = self.learn(move, None, False, False).moves if found is None else found[1]

    def follow(self, signature: Signature, values: Sequence[Record], edges: Sequence[Any]) -> Found:
        """Return what is known of a signature on values of its operands' types, whose cotangents take ``edges``."""
        token = self.token
        key: list[Any] = [signature]
        for value, edge in zip(values, edges, strict=True):
            key.append(value.number if value.token is token else self.enter(value))
            own = edge is value and value.token is token
            key.append(0 if edge is None else 1 if own else self.edge_code(value, edge))
        known = tuple(key)
        found: Found | None = self.moves.get(known)
        if found is None:
            tracks = any(signature.carries) and any(e is not None for e in edges)
            at_once = any(v.exposed for v in values)
            found = signature, self.learn(known, signature, tracks, at_once).moves, tracks, at_once
        return found

    def record(self, signature: Signature, values: tuple[Record, ...], edges: tuple[Any, ...] | None) -> Record:
        """Return an operation with one result, recorded here; ``edges`` is None where it is not on the tape."""
        self.moves = self.follow(signature, values, edges or (None,) * len(values))[1]
        return self.take(Record(signature, values, edges, signature.type))

    def record_entry(self, entry: Record, results: Sequence[int]) -> list[Record]:
        """Record an entry of the tape that only backward looks at; return the edges of those of its results."""
        assert entry.signature is not None
        self.moves = self.follow(entry.signature, entry.inputs, entry.edges or ())[1]
        self.take(entry)
        return [self.take(part) for part in edges_of(entry, results)]

    def take(self, record: Record) -> Record:
        """Give a record that was just made its number."""
        record.token, record.number = self.token, len(self.records)
        self.records.append(record)
        return record

    @property
    def full(self) -> bool:
        """Whether it is time to run what is pending."""
        return len(self.records) >= LONGEST_WINDOW


def begin_window() -> Window:
    """Give this thread a new window and return it."""
    window = mode.window = Window()
    return window


def this_window() -> Window:
    """Return this thread's window, made at its first operation."""
    return mode.window or begin_window()


class NumberLeaf(Bare):
    """A Python number as an operand."""

    __slots__ = ()


def new_number(value: Any) -> NumberLeaf:
    """Return the record of a Python number."""
    made = NumberLeaf()
    made.signature = made.edges = made.token = made.overwritten = made.moved = made.gradient = made.rare = None
    made.inputs = ()
    made.serial = -1
    made.number = 0
    made.data = value
    made.type = SCALARS[type(value)]
    made.freed = made.exposed = False
    return made
