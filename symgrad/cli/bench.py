"""``symgrad bench``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from rich.text import Text

from symgrad.cli.output import Steps, console, duration, print_json, print_table, working
from symgrad.cli.peers import KINDS, PEERS, Peer, SkippedError, Task, packages_missing
from symgrad.cli.running import Command
from symgrad.cli.subjects import (
    Subject,
    compile_options,
    one_subject,
    options_from,
    range_option,
    read_kinds,
    subject_options,
)
from symgrad.compiled import CompiledFunction
from symgrad.dtypes import float64, int64
from symgrad.eager.trees import flatten, unflatten
from symgrad.ir.dims import evaluate
from symgrad.native.toolchain import find_compiler
from symgrad.options import Options
from symgrad.tracing import TensorSpec

__all__ = ["command"]

_SIZE = 100  # of named dims that no range gives
_SAMPLE, _FEWEST = 2e-3, 7  # seconds of one sample, which is many calls; samples of a median
_DIFFERS = 1e-6
_EXAMPLES = """\b
Examples:
  symgrad bench model.py:loss --spec 'x: float64[n]' --range n=1000
  symgrad bench --expr 'sin(x*y) + x**2' --derivatives value,grad,hessian --json

FILE.py is your own Python file: it is run, as `python FILE.py` would run it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One way to compute one kind: seconds of a call, how far its result is from native code's, or why it was left out."""

    seconds: float | None
    difference: float | None
    skipped: str = ""


@click.command("bench", cls=Command, epilog=_EXAMPLES)
@subject_options
@click.option("--derivatives", default="value", metavar="LIST", help=f"Of {', '.join(KINDS)}. [default: value, grad or jacobian]")
@click.option("--seconds", default=0.2, show_default=True, type=click.FloatRange(0.001, 60.0), help="Spent on each figure.")
@range_option
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Print the medians as JSON.")
@click.pass_context
def command(
    ctx: click.Context, models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str],
    derivatives: str, seconds: float, ranges: dict[str, Any], precise: bool, fast_math: bool, march: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Time native code against the interpreter, NumPy, and JAX, PyTorch and CasADi where they are installed.

    Medians of many calls with random arguments, side by side; every result is compared with native code's. Sizes that
    --range does not give are 100.
    """
    kinds = read_kinds(derivatives)
    unknown = [k for k in kinds if k not in KINDS]
    if unknown:
        raise click.UsageError(f"--derivatives: {unknown[0]} cannot be timed; one of {', '.join(KINDS)}")
    subject = one_subject(models, expressions, args, specs)
    find_compiler()
    base = _compiled(subject, options_from(precise, fast_math, march))
    if ctx.get_parameter_source("derivatives") is click.core.ParameterSource.DEFAULT:
        kinds = ("value", *_usual(base))
    arguments, sizes = _arguments(base, ranges)
    timings: dict[str, dict[str, Timing]] = {}
    with working("Timing", total=len(kinds) * len(PEERS), quiet=as_json) as steps:
        for kind in kinds:
            python = subject.function.fn if isinstance(subject.function, CompiledFunction) else subject.function
            task = Task(base, python, kind, arguments, _differentiated(base))
            timings[kind] = _timed(task, seconds, steps)
    if as_json:
        print_json({"function": subject.name, "sizes": sizes, "timings": _data(timings), "missing": packages_missing()})
    else:
        _show(subject.name, sizes, timings)


def _compiled(subject: Subject, options: Options) -> CompiledFunction:
    function = subject.function
    if isinstance(function, CompiledFunction):
        return function.with_specs(subject.specs)
    count = len(getattr(function, "specs", ()))
    argnums = tuple(range(count)) if count > 1 else 0
    return CompiledFunction(function, specs=subject.specs, options=options, argnums=argnums)


def _usual(base: CompiledFunction) -> tuple[str, ...]:
    """Return the derivative that is timed when none is named."""
    graph = base.trace_specs()[1].graph
    if not all(graph.inputs[k].dtype.is_floating for k in _differentiated(base)):
        return ()
    single = len(graph.outputs) == 1 and not graph.outputs[0].shape
    return ("grad",) if single and graph.outputs[0].dtype.is_floating else ("jacobian",)


def _differentiated(base: CompiledFunction) -> tuple[int, ...]:
    """Return the arrays that derivatives are taken with respect to."""
    trees = base.trace_specs()[0].trees
    starts = [sum(t.leaves for t in trees[:k]) for k in range(len(trees) + 1)]
    return tuple(i for p in base.argnums for i in range(starts[p], starts[p + 1]))


def _arguments(base: CompiledFunction, ranges: Mapping[str, Any]) -> tuple[list[Any], dict[str, int]]:
    """Return random arguments, and the sizes of the named dims."""
    call, traced = base.trace_specs()
    known = {*call.labels, *traced.graph.dims}
    for name in ranges:
        if name not in known:
            raise click.UsageError(f"--range gives '{name}', which is no argument or size; they are {', '.join(sorted(known))}")
    sizes = {n: int(ranges[n] if isinstance(ranges.get(n), int) else ranges.get(n, (0, _SIZE))[1]) for n in traced.graph.dims}
    if any(s < 0 for s in sizes.values()):
        raise click.UsageError("--range: a size is at least 0")
    random = np.random.default_rng(0)
    found, start = [], 0
    for label, tree in zip(call.labels, call.trees, strict=True):
        specs: list[TensorSpec] = call.leaves[start : start + tree.leaves]
        start += tree.leaves
        given = ranges.get(label)
        limits = (given, given) if isinstance(given, int) else given
        found.append(unflatten(tree, [_sample(s, limits, sizes, random) for s in specs]))
    return found, sizes


def _sample(spec: TensorSpec, given: Any, sizes: Mapping[str, int], random: Any) -> Any:
    """Return a random argument as users pass it: a Python number where there are no axes and its type is Python's."""
    shape = [evaluate(s, sizes) for s in spec.shape]
    if spec.dtype.is_floating:
        values = random.uniform(*(given or (0.1, 0.9)), shape)
    else:
        low, high = given or (0, 1)
        values = random.integers(int(low), int(high), shape, endpoint=True)
    array = np.asarray(values, spec.dtype.numpy)
    return array if shape else array.item() if spec.dtype in (float64, int64) else array[()]


def _timed(task: Task, seconds: float, steps: Steps) -> dict[str, Timing]:
    """Return the timing of each peer that is installed."""
    missing = packages_missing()
    found: dict[str, Timing] = {}
    wanted = _flat(task.function(*task.arguments))
    for peer in PEERS:
        steps.next(f"Timing {task.kind}, {peer.name}")
        if peer.package not in missing:
            found[peer.key] = _timing(peer, task, wanted, seconds)
        steps.done()
    return found


def _timing(peer: Peer, task: Task, wanted: Any, seconds: float) -> Timing:
    try:
        with np.errstate(all="ignore"):
            call = peer.make(task)
            difference = _difference(_flat(call()), wanted)
            return Timing(_median(call, seconds), difference)
    except SkippedError as reason:
        return Timing(None, None, str(reason))
    except Exception as error:
        if peer.key in ("native", "specialized", "bound"):
            raise
        said = str(error).splitlines()[0] if str(error) else ""  # whatever another library raises is its own affair
        return Timing(None, None, f"{type(error).__name__}: {said}".rstrip(": ")[:120])


def _median(call: Callable[[], Any], seconds: float) -> float:
    """Return the median time of a call, in samples of several calls."""
    started = time.perf_counter()
    call()
    once = max(time.perf_counter() - started, 1e-8)
    count = max(1, int(min(_SAMPLE, seconds / _FEWEST) / once))
    samples: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(samples) < _FEWEST or time.perf_counter() < deadline:
        before = time.perf_counter()
        for _ in range(count):
            call()
        samples.append((time.perf_counter() - before) / count)
        if len(samples) >= 3 and time.perf_counter() > deadline + 10 * seconds:
            break
    return statistics.median(samples)


def _flat(result: Any) -> Any:
    """Return all numbers of a result, sorted: libraries differ in how they arrange blocks."""
    leaves = flatten(result)[0]
    arrays = [np.ravel(np.asarray(_plain(leaf), float)) for leaf in leaves]
    return np.sort(np.concatenate(arrays)) if arrays else np.zeros(0)


def _plain(leaf: Any) -> Any:
    """Return PyTorch's and CasADi's results as NumPy's."""
    if hasattr(leaf, "detach"):
        return leaf.detach().numpy()
    return leaf.full() if hasattr(leaf, "full") else leaf


def _difference(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    scale = float(np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))) or 1.0
    with np.errstate(all="ignore"):
        apart = np.where((found == wanted) | (np.isnan(found) & np.isnan(wanted)), 0.0, np.abs(found - wanted))
    return float("inf") if np.isnan(apart).any() else float(np.max(apart, initial=0.0)) / scale


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.1f}x" if ratio >= 0.995 else f"{ratio:.2f}x"


def _data(timings: Mapping[str, Mapping[str, Timing]]) -> dict[str, Any]:
    return {
        kind: {n: {"seconds": t.seconds, "difference": t.difference, "skipped": t.skipped or None} for n, t in row.items()}
        for kind, row in timings.items()
    }


def _show(name: str, sizes: Mapping[str, int], timings: Mapping[str, Mapping[str, Timing]]) -> None:
    kinds, first = list(timings), PEERS[0].key
    names = {p.key: p.name for p in PEERS}
    rows, notes = [], []
    for peer in timings[kinds[0]]:
        cells: list[Any] = [names[peer]]
        for kind in kinds:
            one, base = timings[kind][peer], timings[kind][first].seconds
            if one.seconds is None or base is None:
                cells += ["", ""]
                notes.append((peer, kind, one.skipped))
                continue
            wrong = one.difference is not None and one.difference > _DIFFERS
            cells += [duration(one.seconds), Text(_times(one.seconds / base), style="red" if wrong else "")]
            if wrong:
                cells[-1].append(" !")
                notes.append((peer, kind, f"its result differs from native code's by {one.difference:.1e}"))
        rows.append(cells)
    columns = [name, *[c for kind in kinds for c in (kind, "")]]
    print_table(columns, rows, right=columns[1:])
    out = console()
    given = f"; {', '.join(f'{n} = {v}' for n, v in sizes.items())}" if sizes else ""
    out.print(Text(f"medians of a call; x: relative to native f(x){given}", style="dim"))
    for peer, reason in {(p, r): None for p, _, r in notes}:
        which = ", ".join(k for p, k, r in notes if (p, r) == (peer, reason))
        out.print(Text(f"{names[peer]}, {which}: {reason}", style="dim"))
    missing = packages_missing()
    if missing:
        out.print(Text(f"not installed: {', '.join(missing)}", style="dim"))
