"""The Python text of the fastest call for fixed shapes.

Small arguments are copied into buffers whose addresses the C function got beforehand: that is cheaper than asking
an array for its address. The buffers of a call are taken from a pool, so that threads do not meet. The text is made
of counts and flags alone; every name in it is fixed, and no string of a user can enter it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Argument", "caller_source", "direct_runner_source", "runner_source"]

_PLAIN = 0x101  # NumPy's C_CONTIGUOUS and ALIGNED


@dataclass(frozen=True, slots=True)
class Argument:
    """One array of a call: its number of axes, and whether it goes through a buffer."""

    rank: int
    copied: bool


def caller_source(inputs: Sequence[Argument], outputs: Sequence[Argument], dims: int, lends: bool = False) -> str:
    """Return the text of ``call(x0, x1, ...)``, with ``lends`` of ``call(x0, x1, ..., *, out=None)``.

    Names it uses: ``ndarray``, ``empty``, ``address``, ``native``, ``fail``, ``refuse``, ``lend``, ``make``; ``d<k>``, ``s<k>``
    the element type and shape of each input, ``e<k>``, ``r<k>`` of each output; ``n<k>`` the sizes. A context from
    ``make()`` holds the packed call, the workspace's address, the buffers of the inputs and the outputs, then all
    their addresses; where every argument goes through a buffer, the packed call, the buffers, and what to keep.
    """
    count = len(inputs) + len(outputs)
    packed = all(a.copied for a in (*inputs, *outputs))
    arguments = ", ".join([f"x{k}" for k in range(len(inputs))])
    head = f"{arguments}, *, out=None" if arguments and lends else "*, out=None" if lends else arguments
    lines = ["pool = []", "take, give = pool.pop, pool.append", f"def call({head}):"]
    body: list[str] = []
    for k, a in enumerate(inputs):
        test = f"type(x{k}) is not ndarray or x{k}.dtype is not d{k} or x{k}.shape != s{k}"
        test += "" if a.copied else f" or x{k}.flags.num & {_PLAIN} != {_PLAIN}"
        body.append(f"if {test}: refuse({k}, x{k})")
    body += [f"if out is not None: lent = lend(out, ({arguments}{',' * (len(inputs) == 1)}))"] if lends else []
    fields = [*(f"b{k}" for k in range(len(inputs))), *(f"o{k}" for k in range(len(outputs)))]
    fields += [] if packed else [f"p{k}" for k in range(count)]
    body += ["try: context = take()", "except IndexError: context = make()"]
    body.append(f"{', '.join(['run', *fields, 'kept'] if packed else ['run', 'work', *fields])} = context")
    body += [f"b{k}[...] = x{k}" for k, a in enumerate(inputs) if a.copied]
    made = "o{0} = empty(r{0}, e{0}) if out is None else lent[{0}]" if lends else "o{0} = empty(r{0}, e{0})"
    body += [made.format(k) for k, a in enumerate(outputs) if not a.copied]
    if packed:
        body.append("status = run()")
    else:
        places = [f"p{k}" if a.copied else f"address(x{k})" for k, a in enumerate(inputs)]
        places += [f"p{len(inputs) + k}" if a.copied else f"address(o{k})" for k, a in enumerate(outputs)]
        body.append(f"status = native({', '.join([*places, *(f'n{k}' for k in range(dims)), 'work'])})")
    body.append("if status: fail(status)")
    results = [f"o{k}[()]" if not a.rank else f"o{k}.copy()" if a.copied else f"o{k}" for k, a in enumerate(outputs)]
    body += [f"if out is not None: lent[{k}][...] = o{k}" for k, a in enumerate(outputs) if a.copied and lends]
    result = results[0] if len(results) == 1 else f"({', '.join(results)})"
    body += [f"result = out if out is not None else {result}" if lends else f"result = {result}"]
    body += ["give(context)", "return result"]
    return "\n".join([*lines, *(f"    {line}" for line in body)]) + "\n"


def runner_source(inputs: Sequence[Argument], outputs: Sequence[Argument]) -> str:
    """Return the text of ``run(values)``, which checks nothing and returns a list; the names it uses are those above.

    ``contiguous`` makes a large operand readable for C.
    """
    count = len(inputs) + len(outputs)
    packed = all(a.copied for a in (*inputs, *outputs))
    lines = ["pool = []", "take, give = pool.pop, pool.append", "def run(values):"]
    body = ["try: context = take()", "except IndexError: context = make()"]
    fields = [*(f"b{k}" for k in range(len(inputs))), *(f"o{k}" for k in range(len(outputs)))]
    fields += [] if packed else [f"p{k}" for k in range(count)]
    body.append(f"{', '.join(['start', *fields, 'kept'] if packed else ['start', 'work', *fields])} = context")
    body.append(
        "".join(f"{f'b{k}[...]' if a.copied else f'x{k}'}, " for k, a in enumerate(inputs)) + "= values" if inputs else ""
    )
    body += [f"x{k} = contiguous(x{k})" for k, a in enumerate(inputs) if not a.copied]
    body += [f"o{k} = empty(r{k}, e{k})" for k, a in enumerate(outputs) if not a.copied]
    if packed:
        body.append("status = start()")
    else:
        places = [f"p{k}" if a.copied else f"address(x{k})" for k, a in enumerate(inputs)]
        places += [f"p{len(inputs) + k}" if a.copied else f"address(o{k})" for k, a in enumerate(outputs)]
        body.append(f"status = native({', '.join([*places, 'work'])})")
    body.append("if status: fail(status)")
    body.append(f"result = [{', '.join(f'o{k}.copy()' if a.copied else f'o{k}' for k, a in enumerate(outputs))}]")
    body += ["give(context)", "return result"]
    return "\n".join([*lines, *(f"    {line}" for line in body if line)]) + "\n"


def direct_runner_source(inputs: int, outputs: int, whole: Sequence[int], work: bool) -> str:
    """Return the text of ``run(values)`` for a C function that reads Python's lists: nothing is copied.

    Names it uses besides those above: ``enter``, the C function, and the ``layout`` it is given; ``whole``, arrays of
    integers, for the operands with these numbers; ``nothing`` or a ``workspace()``, taken from a pool.
    """
    lines = ["pool = []", "take, give = pool.pop, pool.append", "def run(values):"]
    body = [f"if type(values[{k}]) is int: values[{k}] = whole[values[{k}]]" for k in whole]
    body.append(f"result = [{', '.join(f'empty(r{k}, e{k})' for k in range(outputs))}]")
    place = "nothing"
    if work:
        body += ["try: work = take()", "except IndexError: work = workspace()"]
        place = "address(work)"
    body.append(f"status = enter(layout, id(values), id(result), {place})")
    readable = ", ".join([f"contiguous(values[{k}], d{k}).reshape(s{k})" for k in range(inputs)])
    body += ["if status:", f"    values = [{readable}]", f"    status = enter(layout, id(values), id(result), {place})"]
    body.append("    if status: fail(status)")
    body += ["give(work)"] if work else []
    body.append("return result")
    return "\n".join([*lines, *(f"    {line}" for line in body)]) + "\n"
