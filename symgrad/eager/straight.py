"""Plans written out: the Python text of what a window repeats, without a loop or a lookup that is the same each time.

A plan says by number which records a program reads and which its results belong to. Once it was followed often
enough it becomes a function of straight lines. The text is made of counts and flags alone; every name in it is fixed, and no
string of a user can enter it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["OFTEN", "Gradient", "Repeat", "straight_backward", "straight_run", "written"]

OFTEN = 8  # times a plan is followed before it is written out
_LONGEST = 400  # lines: a longer text takes longer to compile than it saves


@dataclass(frozen=True, slots=True)
class Gradient:
    """One accumulator: what its gradient must be for the plan to hold, and where its new gradient comes from.

    Attributes
    ----------
    code : int or None
        None where it had no gradient, else the number its gradient has in the window: of a record, or of a leaf.
    type : TensorType
    exposed : bool
        Whether other code may write the gradient that it had.
    result : int or None
        Which result of the program is its new gradient; None where it gets none.
    """

    code: int | None
    type: Any
    exposed: bool
    result: int | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A plan in numbers.

    Attributes
    ----------
    run : callable
        The program, compiled: a list of operands to a list of results.
    places : sequence of int
        Where the operands are: a record of the window, a constant after those, or the leaf ``-1 - place``.
    count : int
        How many records the window has.
    constants : sequence
        Values.
    results : sequence of (int, int, bool)
        Which result belongs to which record, and whether how that came about can be forgotten.
    """

    run: Callable[[list[Any]], list[Any]]
    places: Sequence[int]
    count: int
    constants: Sequence[Any]
    results: Sequence[tuple[int, int, bool]]

    def names(self) -> dict[str, Any]:
        """Return the names that the text uses."""
        return {"run": self.run, **{f"c{k}": value for k, value in enumerate(self.constants)}}

    def operands(self, entered: dict[int, str]) -> list[tuple[str, str]]:
        """Return each operand's expression, and that of the record it is the data of; none for a constant."""
        found = []
        for k, place in enumerate(self.places):
            if place >= self.count:
                found.append((f"c{place - self.count}", ""))
            else:
                found.append((f"x{k}", _record(place, entered)))
        return found


def _record(number: int, entered: dict[int, str]) -> str:
    return entered.get(number) or (f"records[{number}]" if number >= 0 else f"leaves[{-1 - number}]")


def written(head: str, body: Sequence[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Return the function ``follow`` of a text whose other names are given."""
    text = "\n".join([f"def {head}:", *(f"    {line}" for line in body)])
    exec(compile(text, "<symgrad plan>", "exec"), names)
    made: Callable[..., Any] = names["follow"]
    return made


def _given(repeat: Repeat) -> list[str]:
    """Return the lines that give records their values."""
    lines = []
    for result, number, forget in repeat.results:
        lines += [f"one = records[{number}]", f"one.data = results[{result}]"]
        lines += ["one.inputs = ()"] if forget else []
    return lines


def straight_run(repeat: Repeat, ask: Callable[[Any], Any]) -> Callable[[Any], None] | None:
    """Return ``follow(window)``, which runs the program and gives records their values; None where it would be too long."""
    body = ["records, leaves = window.records, window.leaves"]
    operands = repeat.operands({})
    for name, record in operands:
        if record:
            body += [f"{name} = {record}.data", f"if {name} is None: {name} = ask({record})"]
    body.append(f"results = run([{', '.join(name for name, _ in operands)}])")
    body += _given(repeat)
    return written("follow(window)", body, repeat.names() | {"ask": ask}) if len(body) <= _LONGEST else None


def straight_backward(
    repeat: Repeat,
    root: int,
    retain_graph: bool,
    leaves: int,
    gradients: Sequence[Gradient],
    read: Sequence[int],
    spent: Sequence[int],
    names: dict[str, Any],
) -> Callable[[Any, Any, Any], bool] | None:
    """Return ``follow(window, tensor, retain_graph)``: backward as planned; False, with nothing done, where that does not hold.

    Parameters
    ----------
    repeat : Repeat
    root : int
        The number of the record that backward begins at.
    retain_graph : bool
    leaves : int
        How many leaves the window had before gradients were numbered as leaves, too.
    gradients : sequence of Gradient
        For each accumulator of the window.
    read, spent : sequence of int
        The numbers of values that were read, and of entries that gave up what they saved.
    names : dict
        ``known``, ``write``, ``make``, ``touched``, and ``plan``.
    """
    found = repeat.names() | names
    body = [
        "if plan.stale or window.foreign or window.slow or window.token.hooked: return False",
        f"if {'not ' if retain_graph else ''}retain_graph: return False",
        "records, leaves = window.records, window.leaves",
        f"root = records[{root}]",
        f"if tensor._value is not root or tensor._edge is not root or len(leaves) < {leaves}: return False",
        "accumulators = window.accumulators",
    ]
    entered: dict[int, str] = {}
    for k, gradient in enumerate(gradients):
        body += [f"a{k} = accumulators[{k}]", f"if a{k}.extras is not None or a{k}.posthooks: return False", f"g{k} = a{k}.grad"]
        body += _expected(k, gradient, leaves, entered)
        found[f"t{k}"] = gradient.type
    if len(entered) > 1:
        body.append(f"if len({{{', '.join(entered.values())}}}) != {len(entered)}: return False")
    for number in read:
        body += [f"one = {_record(number, entered)}", "if one.overwritten is not None or one.moved is not None: return False"]
        body.append("if one.signature is not None and one.signature.view and touched(one): return False")
    body += [f"if records[{number}].freed: return False" for number in spent]
    operands = repeat.operands(entered)
    for name, record in operands:
        body += [f"{name} = {record}.data", f"if {name} is None: return False"] if record else []
    body.append(f"results = run([{', '.join(name for name, _ in operands)}])")
    body += [*_given(repeat), *_accumulated(gradients)]
    body += [] if retain_graph else [f"records[{number}].freed = True" for number in spent]
    body += ["window.token.plan = plan", "window.begin()", "return True"]
    return written("follow(window, tensor, retain_graph)", body, found) if len(body) <= _LONGEST else None


def _accumulated(gradients: Sequence[Gradient]) -> list[str]:
    """Return the lines that give leaves their new gradients."""
    lines = []
    for k, gradient in enumerate(gradients):
        value = f"known(t{k}, results[{gradient.result}])"
        if gradient.result is not None:
            lines.append(f"a{k}.grad = make({value})" if gradient.code is None else f"write(g{k}, {value}, None)")
    return lines


def _expected(k: int, gradient: Gradient, leaves: int, entered: dict[int, str]) -> list[str]:
    """Return the lines that hold an accumulator's gradient to what the plan was made for."""
    if gradient.code is None:
        return [f"if g{k} is not None: return False"]
    lines = [f"if g{k} is None or g{k}._edge is not None or g{k}._inference or g{k}._chain: return False"]
    lines.append(f"v{k} = g{k}._value if g{k}._cell is None else g{k}.current()")
    if gradient.code >= 0 or -1 - gradient.code < leaves:
        lines.append(f"if v{k} is not {_record(gradient.code, {})}: return False")
        return lines
    entered[gradient.code] = f"v{k}"
    lines.append(f"if v{k}.type is not t{k} or v{k}.exposed is not {gradient.exposed}: return False")
    return lines
