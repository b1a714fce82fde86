"""What a command works on: functions of the user's files, or expressions, with the types of their arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from symgrad.cli.formulas import FormulaError, free_names, read_formula
from symgrad.cli.loading import functions_in, load_functions
from symgrad.cli.specs import fit_specs, read_ranges, read_specs
from symgrad.compiled import CompiledFunction
from symgrad.dtypes import float64
from symgrad.errors import SymgradError
from symgrad.options import Options
from symgrad.planning import DERIVATIVES, Planned, plan
from symgrad.tracing import TensorSpec

__all__ = ["Subject", "compile_options", "one_subject", "options_from", "read_subjects", "subject_options"]

if TYPE_CHECKING:
    _ParamType = click.ParamType[str]
else:  # generic in late versions of click only
    _ParamType = click.ParamType

_NAMED = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)(.*)\Z", re.S)
_UNNAMED = "formula"  # what an expression without a name is called


@dataclass(frozen=True, slots=True)
class Subject:
    """A function with the types of its arguments.

    Attributes
    ----------
    name : str
    function : callable
    specs : list, or None
        One TensorSpec, or nest of them, for each argument; None where the function has specs of its own.
    formula : tuple, or None
        Of an expression: the SymPy expression, and the list of its arguments.
    """

    name: str
    function: Callable[..., Any]
    specs: Sequence[Any] | None
    formula: tuple[Any, list[Any]] | None = None


class ModelType(_ParamType):
    """``FILE.py:NAME``; completes files, then the functions in them, which are read without running the file."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return what may follow."""
        file, colon, start = incomplete.rpartition(":")
        if colon:
            return [CompletionItem(f"{file}:{n}") for n in functions_in(file) if n.startswith(start)]
        return [CompletionItem(incomplete, type="file")]


def subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says which functions are meant."""
    for option in (
        click.option("--spec", "specs", multiple=True, metavar="'x: float64[n]'",
                     help="Types of the arguments by name: 'x: float64[n, 3], k: int64', 'p: {u: float64, v: float64[3]}'. "
                          "Names such as n stand for any size. 'loss.x: ...' is for the function loss alone."),
        click.option("--args", metavar="x,y", help="Arguments of --expr, in order; by default as in --spec, the rest sorted."),
        click.option("--expr", "expressions", multiple=True, metavar="'sin(x*y) + x**2'",
                     help="An expression in place of a file, read by a whitelist and never run; 'name = ...' names it."),
        click.argument("models", nargs=-1, type=ModelType(), metavar="[FILE.py:NAME]..."),
    ):  # fmt: skip
        command = option(command)
    return command


def compile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how to compile; what is not given is taken from the variables SYMGRAD_<NAME>."""
    for option in (
        click.option("--march", type=click.Choice(["native", "baseline"]), help="CPU to compile for."),
        click.option("--fast-math", is_flag=True, help="Allow rewrites that hold for real numbers only."),
        click.option("--precise", is_flag=True, help="Under 1 ulp everywhere: no vector forms of sin, exp, ..."),
    ):
        command = option(command)
    return command


def options_from(precise: bool, fast_math: bool, march: str | None) -> Options:
    """Return the options of the environment with those of the command line; always compiled."""
    found = replace(Options.from_environment(), tier="native")
    return replace(found, precise=precise or found.precise, fast_math=fast_math or found.fast_math, march=march or found.march)


def read_subjects(models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str]) -> list[Subject]:
    """Return the functions that are meant.

    Raises
    ------
    click.UsageError
        When none is given, and for what cannot be read or does not fit.
    UserCodeError
        When running a file fails.
    """
    types = read_specs(specs)
    if not models and not expressions:
        raise click.UsageError("which function? Give FILE.py:NAME, or --expr 'sin(x*y) + x**2'")
    if args is not None and not expressions:
        raise click.UsageError("--args says what the arguments of --expr are; those of a Python function are its own")
    used: set[str] = set()
    found: list[Subject] = []
    for text in models:
        for name, function in load_functions(text).items():
            subject, taken = _of_function(name, function, types)
            found.append(subject)
            used |= taken
    for text in expressions:
        subject, taken = _of_expression(text, args, types)
        found.append(subject)
        used |= taken
    unused = [n for n in types if n not in used]
    if unused:
        raise click.UsageError(f"--spec gives '{unused[0]}', which is no argument of {', '.join(s.name for s in found)}")
    names = [s.name for s in found]
    repeated = [n for n in names if names.count(n) > 1]
    if repeated:
        raise click.UsageError(f"there are two functions called '{repeated[0]}'; --expr 'other = ...' gives another name")
    return found


def one_subject(models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str]) -> Subject:
    """Return the one function that is meant."""
    found = read_subjects(models, expressions, args, specs)
    if len(found) > 1:
        raise click.UsageError(f"one function at a time, got {', '.join(s.name for s in found)}")
    return found[0]


def _of_function(name: str, function: Callable[..., Any], types: dict[str, Any]) -> tuple[Subject, set[str]]:
    own = getattr(function, "specs", None)  # of an expression made by sg.from_sympy
    has_own = own is not None or (isinstance(function, CompiledFunction) and function.has_specs)
    parameters = _parameters(name, function)
    given = [n for n, _ in parameters if n in types or f"{name}.{n}" in types]
    if has_own and not given:
        return Subject(name, function, own), set()
    specs, used = fit_specs(name, parameters, types)
    return Subject(name, function, specs), used


def _parameters(name: str, function: Callable[..., Any]) -> list[tuple[str, bool]]:
    """Return the name of each parameter that is passed by position, and whether it must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise click.UsageError(f"{name}: Python does not say what its parameters are; wrap it in a def") from None
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty:
            raise click.UsageError(f"{name}: its parameter '{p.name}' is passed by keyword only; wrap it in a def without the *")
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [(p.name, p.default is p.empty) for p in positional]


def _of_expression(text: str, args: str | None, types: dict[str, Any]) -> tuple[Subject, set[str]]:
    import sympy

    from symgrad.expressions import from_sympy

    match = _NAMED.match(text)
    name, body = (match[1], match[2]) if match else (_UNNAMED, text)
    try:
        free = free_names(body)
        mine = [n for n in types if n in free]
        names = _split(args) if args is not None else [*mine, *[n for n in free if n not in mine]]
        if not names:
            raise FormulaError("it has no arguments; a constant needs no compiler (or give --args)")
        arguments = {n: _argument(n, types.get(f"{name}.{n}", types.get(n)), sympy) for n in names}
        formula = read_formula(body, arguments)
    except FormulaError as error:
        raise click.UsageError(f"--expr: {error}") from None
    try:
        function = from_sympy(formula, list(arguments.values()))
    except SymgradError:
        raise
    except (ArithmeticError, ValueError, TypeError, AttributeError) as error:  # of SymPy's, when it evaluates numbers
        raise click.UsageError(f"--expr: a number in it has no real value ({error or type(error).__name__})") from None
    function.__name__ = function.__qualname__ = name
    used = {key for n in names for key in (n, f"{name}.{n}") if key in types}
    return Subject(name, function, function.specs, (formula, list(arguments.values()))), used


def _split(args: str) -> list[str]:
    names = [n.strip() for n in args.split(",") if n.strip()]
    for name in names:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,63}", name):
            raise click.UsageError(f"--args '{args[:60]}': names separated by commas, such as x,y")
        if names.count(name) > 1:
            raise click.UsageError(f"--args gives '{name}' twice")
    return names


def _argument(name: str, kind: Any, sympy: Any) -> Any:
    if kind is None:
        return sympy.Symbol(name, real=True)
    if not isinstance(kind, TensorSpec) or kind.dtype is not float64 or not all(isinstance(s, int) for s in kind.shape):
        raise click.UsageError(f"--spec '{name}': in an expression it is float64, with sizes that are numbers, as in float64[3]")
    return sympy.IndexedBase(name, shape=kind.shape, real=True) if kind.shape else sympy.Symbol(name, real=True)


def planned(subjects: Sequence[Subject], kinds: Sequence[str], options: Options, module: str = "command") -> list[Planned]:
    """Return functions and their derivatives, traced."""
    functions = {s.name: s.function for s in subjects}
    specs = {s.name: s.specs for s in subjects}
    return plan(functions, specs, module, kinds, options)[0]


def read_kinds(given: str | None) -> tuple[str, ...]:
    """Return the derivatives of a list ``value,grad,hessian``, names checked.

    Raises
    ------
    click.UsageError
        For a name that is none.
    """
    kinds = tuple(dict.fromkeys(k.strip() for k in (given or "").split(",") if k.strip()))
    for kind in kinds:
        if kind not in (*DERIVATIVES, "value") and not re.fullmatch("d[1-9][0-9]?", kind):
            raise click.UsageError(f"there is no derivative '{kind[:60]}'; they are value, {', '.join(DERIVATIVES)}, d1, d2, ...")
    return kinds


def range_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add where random points lie."""
    return click.option(
        "--range", "ranges", multiple=True, metavar="x=-2:2",
        callback=lambda ctx, param, value: read_ranges(value),
        help="Where random values of an argument lie (0.1 to 0.9 by default); n=100 sets a size.",
    )(command)  # fmt: skip
