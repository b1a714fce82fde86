"""``symgrad check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from rich.text import Text

from symgrad.arguments import bind_dims
from symgrad.cli.output import console, print_json, print_table, working
from symgrad.cli.running import CHECK_FAILED, Command
from symgrad.cli.subjects import (
    compile_options,
    options_from,
    planned,
    range_option,
    read_kinds,
    read_subjects,
    subject_options,
)
from symgrad.comparing import Checked, check_ranges, compare
from symgrad.compiler import compile_graph
from symgrad.eager.trees import flatten
from symgrad.native.toolchain import find_compiler
from symgrad.options import Options
from symgrad.planning import Planned

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  symgrad check model.py:loss --spec 'x: float64[n]'
  symgrad check model.py:loss --spec 'x: float64[n]' --derivatives grad,hvp --range x=-2:2 --range n=50
  symgrad check --expr 'sqrt(x)*y' --range x=1:9 --json

FILE.py is your own Python file: it is run, as `python FILE.py` would run it."""

_NATIVE = 2.0**16  # roundings, relative to the largest element, that native code may be from the interpreter


@dataclass(frozen=True, slots=True)
class Verdict:
    """One function's comparison, what it may be off by, and what is wrong.

    Attributes
    ----------
    checked : Checked
    kind : str
        ``value``, or the name of a derivative.
    allowed : float
        For differences, relative.
    problem : str
        Empty where all is well.
    """

    checked: Checked
    kind: str
    allowed: float
    problem: str

    @property
    def ulp(self) -> float:
        """The worst error against the interpreter, in ulp."""
        return max((o.ulp for o in self.checked.outputs), default=0.0)

    @property
    def relative(self) -> float:
        """The worst error against the interpreter, relative to the largest element."""
        return max((o.relative for o in self.checked.outputs), default=0.0)

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "function": self.checked.name,
            "kind": self.kind,
            "ok": not self.problem,
            "problem": self.problem or None,
            "points": self.checked.points,
            "sizes": dict(self.checked.dims),
            "worst_ulp": self.ulp,
            "relative": self.relative,
            "differences": self.checked.differences,
            "differences_allowed": None if self.kind == "value" else self.allowed,
            "outputs": self.checked.data["outputs"],
        }


@click.command("check", cls=Command, epilog=_EXAMPLES)
@subject_options
@click.option("--derivatives", metavar="LIST", help="By default grad and hessian of a number, jacobian of anything else.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, min_open=True),
    metavar="RELATIVE",
    help="Allowed against differences; by default the cube root of the rounding: 6e-6 for float64, 5e-3 for float32.",
)
@range_option
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Print the comparisons as JSON.")
def command(
    models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str], derivatives: str | None,
    tolerance: float | None, ranges: dict[str, Any], precise: bool, fast_math: bool, march: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Check derivatives against central differences, and native code against the interpreter.

    At five random points of the given ranges. The exit code is 1 if anything differs by more than it may, or could not
    be compared at all.
    """
    wanted = read_kinds(derivatives)
    subjects = read_subjects(models, expressions, args, specs)
    options = options_from(precise, fast_math, march)
    find_compiler()  # says what is missing, before anything is traced
    every: list[Planned] = []
    with working("Tracing", quiet=as_json):
        for subject in subjects:
            kinds = wanted if derivatives is not None else _usual(planned([subject], (), options)[0])
            every += planned([subject], kinds, options)
    limits = check_ranges(ranges or None, every)
    verdicts = []
    with working("Checking", total=len(every), quiet=as_json) as steps:
        for one in every:
            steps.next(f"Checking {one.name}")
            verdicts.append(_judge(one, limits, options, tolerance))
            steps.done()
    failed = [v for v in verdicts if v.problem]
    if as_json:
        print_json({"ok": not failed, "functions": [v.data for v in verdicts], "ranges": limits})
    else:
        _show(verdicts)
    if failed:
        raise click.exceptions.Exit(CHECK_FAILED)


def _usual(value: Planned) -> tuple[str, ...]:
    """Return the derivatives that are checked when none are named: none where the first argument is no floating one."""
    if not value.graph.inputs or not all(value.graph.inputs[k].dtype.is_floating for k in _first(value)):
        return ()
    outputs = value.graph.outputs
    if len(outputs) == 1 and not outputs[0].shape and outputs[0].dtype.is_floating:
        return ("grad", "hessian")
    return ("jacobian",) if all(o.dtype.is_floating for o in outputs) else ()


def _first(value: Planned) -> range:
    return range(value.call.trees[0].leaves)


def _judge(one: Planned, ranges: dict[str, tuple[float, float]], options: Options, tolerance: float | None) -> Verdict:
    """Compile one function, compare it, and say what is wrong."""
    names = one.input_names, one.trace.output_names
    compiled = compile_graph(one.graph, name=one.name, options=options, input_names=names[0], output_names=names[1])
    finite: list[bool] = []

    def native(*args: Any) -> Any:
        arrays = flatten(list(args))[0]
        found = compiled.call(arrays, bind_dims([i.type for i in one.graph.inputs], arrays, names[0]))
        finite.append(all(bool(np.all(np.isfinite(a))) for a in found))
        return found

    checked = compare(one, native, ranges)
    eps = max([n.dtype.eps for n in (*one.graph.inputs, *one.graph.outputs)])
    allowed = tolerance or eps ** (1 / 3)
    return Verdict(checked, one.kind, allowed, _problem(one, checked, allowed, eps, sum(finite)))


def _problem(one: Planned, checked: Checked, allowed: float, eps: float, finite: int) -> str:
    """Return what is wrong, and what to do; empty where nothing is."""
    where = ", ".join(f"--range {n}=LOW:HIGH" for n in one.call.labels[:2])
    worst = max((o.relative for o in checked.outputs), default=0.0)
    if not checked.points:
        return f"no point could be computed; say where it is defined: {where}, or other sizes: --range n=10"
    if worst > _NATIVE * eps:
        return f"native code is {worst:.1e} from the interpreter; try --precise, and please report it if that does not help"
    if not finite:
        return f"nan or inf at every point; say where it is defined: {where}"
    if one.kind == "value":
        return ""
    if checked.differences is None:
        return f"the differences are nan or inf; say where it is smooth: {where}"
    if checked.differences > allowed:
        off = ", ".join(o.name for o in checked.outputs if o.differences is not None and o.differences > allowed)
        which = f"{off}: " if len(checked.outputs) > 1 else ""
        apart = f"{which}{checked.differences:.1e} from the differences, over {allowed:.0e}"
        return f"{apart}; is there a kink or a jump near? choose other points: {where}"
    return ""


def _show(verdicts: Sequence[Verdict]) -> None:
    out = console()
    rows = []
    for v in verdicts:
        mark = Text("fails", style="bold red") if v.problem else Text("ok", style="green")
        for k, o in enumerate(v.checked.outputs):
            lone = len(v.checked.outputs) == 1
            apart = "none" if v.kind != "value" and v.checked.differences is None else ""
            apart = apart if o.differences is None else f"{o.differences:.1e}"
            name = v.checked.name if lone else f"{v.checked.name}.{o.name}"
            errors = f"{o.ulp:.3g}", f"{o.relative:.1e}" if o.relative else "0"
            rows.append((name, "" if k else v.checked.points, *errors, apart, "" if k else mark))
    columns = ["output", "points", "worst ulp", "relative", "differences", ""]
    print_table(columns, rows, right=columns[1:5])
    sizes = {n: k for v in verdicts for n, k in v.checked.dims.items()}
    note = "ulp and relative: native code against the interpreter; differences: derivatives against central differences"
    if sizes:
        note += "; sizes: " + ", ".join(f"{n} = {k}" for n, k in sizes.items())
    out.print(Text(note, style="dim"))
    for v in verdicts:
        if v.problem:
            click.echo(f"{v.checked.name}: {v.problem}", err=True)
