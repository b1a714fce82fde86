"""What an export is to hold: functions and their derivatives, traced for their specs, under names that fit C and Python."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad import transforms
from symgrad.arguments import Call
from symgrad.codegen.library import library_names
from symgrad.codegen.names import RESERVED
from symgrad.codegen.unit import public_names
from symgrad.compiled import CompiledFunction
from symgrad.eager.trees import Tree, paths
from symgrad.errors import ExportError
from symgrad.ir.dims import Size, product
from symgrad.ir.expr import constant
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Interpreted
from symgrad.options import Options
from symgrad.tracing import TensorSpec, Trace

__all__ = ["DERIVATIVES", "Planned", "check_name", "nest_data", "plan"]

DERIVATIVES = {
    "grad": "gradient", "value_and_grad": "value and gradient", "jacobian": "Jacobian", "hessian": "Hessian",
    "hvp": "Hessian times a vector", "jvp": "Jacobian times a vector", "vjp": "transposed Jacobian times a vector",
}  # fmt: skip
_OF_ALL = ("grad", "value_and_grad", "jacobian", "hessian")  # the others are along a direction in the first argument
_NUMBERED = re.compile(r"d([1-9][0-9]?)\Z")
_NO_SPECS = "export: {} needs specs=[...], one sg.TensorSpec for each argument"
_OWN = {"ffi", "lib", "native"}  # what every package has
_LIBRARIES = {"numpy", "cffi", "pycparser", "symgrad", "scipy", "sympy", "jinja2", "numba", "casadi", "torch", "jax"}


@dataclass(frozen=True, slots=True)
class Planned:
    """One function to be exported.

    Attributes
    ----------
    name, of, kind : str
        Its name, the name of the function it belongs to, and ``value`` or the name of a derivative.
    doc : str
        The user's docstring, for a value.
    call : Call
        The parameters.
    trace : Trace
    graph : Graph
        The trace's graph, captured arrays being constants of it.
    rows : tuple of int or Dim
        For each output, how many leading elements are rows of a derivative.
    lower : Graph, or None
        Of the function whose differences are this derivative.
    wrt : tuple of int
        The inputs it is differentiated with respect to.
    """

    name: str
    of: str
    kind: str
    doc: str
    call: Call
    trace: Trace
    graph: Graph
    rows: tuple[Size, ...]
    lower: Graph | None
    wrt: tuple[int, ...]

    @property
    def title(self) -> str:
        """One line that says what it is."""
        parameters = ", ".join(self.call.labels)
        if self.kind == "value":
            return f"{self.name}({parameters})"
        number = _NUMBERED.match(self.kind)
        what = f"derivative of order {number[1]}" if number else DERIVATIVES[self.kind]
        return f"{self.name}({parameters}): the {what} of {self.of}"

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the arrays that are passed."""
        return self.trace.input_names[: len(self.graph.inputs)]

    @property
    def input_paths(self) -> list[str]:
        """How each of them is written in Python: ``params['w'][0]``."""
        return [path for label, tree in zip(self.call.labels, self.call.trees, strict=True) for path in paths(label, tree)]

    @property
    def output_paths(self) -> list[str]:
        """How each result is written."""
        tree = self.trace.output
        if self.kind == "value_and_grad" and len(tree.children) == 2:
            return [path for label, child in zip(("value", "grad"), tree.children, strict=True) for path in paths(label, child)]
        return paths("out" if self.kind == "value" else self.kind, tree)


_HEADERS = frozenset(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math pthread setjmp signal stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar unistd wchar wctype".split()
)
_C_WORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while".split()
)
_OF_STUBS = frozenset("Any Callable Function Mapping NDArray NamedTuple bool dict float int list np property str tuple".split())


def check_name(name: Any) -> None:
    """Raise ExportError unless ``name`` can be the name of a package, a C library and its files."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", name) or name.endswith("_"):
        raise ExportError(f"export: name must be an ASCII identifier of at most 48 letters, such as 'rosen', got {name!r}")
    if keyword.iskeyword(name) or name in RESERVED:
        raise ExportError(f"export: {name!r} is a reserved word of Python or C; choose another name")
    if name in _HEADERS:
        raise ExportError(f"export: {name}.h is a header of C's own, which the module's would hide; choose another name")
    if name in ("f", "r", "w", "x"):
        raise ExportError(f"export: {name!r} would define {name.upper()}_OK, which POSIX does; choose another name")
    if name.lower() in ("aux", "con", "nul", "prn"):
        raise ExportError(f"export: {name!r} is a device of Windows, where no file can have its name; choose another name")
    if name in sys.stdlib_module_names or name in _LIBRARIES:
        raise ExportError(f"export: {name!r} is the name of a Python library, which the module would hide; choose another name")


def _check_functions(name: str, names: Sequence[str]) -> None:
    """Raise ExportError unless all functions can have their names, in Python and in C."""
    taken: dict[str, str] = dict.fromkeys(library_names(name), "the library itself")
    for function in names:
        if not isinstance(function, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", function):
            raise ExportError(f"export: a function's name must be an ASCII identifier such as 'loss', got {function!r}")
        if function in _C_WORDS or function in _OF_STUBS:
            why = "is a reserved word of C" if function in _C_WORDS else "would hide what the stub of the module needs"
            raise ExportError(f"export: {function!r} {why}; choose another name for the function")
        if keyword.iskeyword(function) or function in _OWN:
            why = "is what every module calls its C library" if function in _OWN else "is a reserved word of Python"
            raise ExportError(f"export: {function!r} {why}; choose another name for the function")
        symbol = f"{name}_{function}"
        for c in (*public_names(symbol), f"{symbol.upper()}_WORK"):
            if taken.get(c, function) != function or c in RESERVED:
                owner = taken.get(c, "the C language")
                raise ExportError(f"export: the C name {c} of {function!r} is taken by {owner}; choose another name")
            taken[c] = function


def plan(functions: Any, specs: Any, name: str, derivatives: Any, options: Options) -> tuple[list[Planned], tuple[str, ...]]:
    """Return what to export, traced, and the C names that arguments may not have.

    Raises
    ------
    ExportError
        For names that cannot be, specs that do not fit, and derivatives there are none of.
    """
    given = _functions(functions)
    wanted = _derivatives(derivatives, given)
    names = [f"{n}_{k}" if k != "value" else n for n in given for k in wanted[n]]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise ExportError(f"export: {repeated[0]!r} would be two functions; rename one of {', '.join(given)}")
    _check_functions(name, names)
    planned: list[Planned] = []
    for function, fn in given.items():
        planned += _family(function, fn, _specs_for(function, fn, specs, given), wanted[function], options)
    return planned, (*library_names(name), *(c for n in names for c in public_names(f"{name}_{n}")))


def _functions(functions: Any) -> dict[str, Callable[..., Any]]:
    if isinstance(functions, Mapping):
        found = dict(functions)
    else:
        found = {getattr(functions, "__name__", ""): functions}
        if found.keys() & {"", "<lambda>"}:
            raise ExportError("export: a function without a name of its own needs one; pass {'name': function}")
    if not found:
        raise ExportError("export: needs at least one function, got none")
    for name, fn in found.items():
        if not callable(fn):
            kind = f"{type(fn).__module__}.{type(fn).__name__}"
            hint = "; make SymPy expressions functions with sg.from_sympy(expression, args)" if "sympy" in kind else ""
            raise ExportError(f"export: {name!r} must be a function, got {kind}{hint}")
    return found


def _derivatives(derivatives: Any, functions: Iterable[str]) -> dict[str, list[str]]:
    """Return for each function what to export of it; its value always is."""
    by_name = derivatives if isinstance(derivatives, Mapping) else dict.fromkeys(functions, derivatives)
    unknown = [n for n in by_name if n not in set(functions)]
    if unknown:
        known = ", ".join(functions)
        raise ExportError(f"export: derivatives are asked of {unknown[0]!r}, which is none of the functions {known}")
    found = {}
    for name in functions:
        kinds = by_name.get(name, ())
        kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        for kind in kinds:
            if kind not in (*DERIVATIVES, "value") and not (isinstance(kind, str) and _NUMBERED.match(kind)):
                known = f"value, {', '.join(DERIVATIVES)}, d1, d2, ..."
                raise ExportError(f"export: derivatives must be of {known}, got {kind!r}")
        found[name] = list(dict.fromkeys(["value", *kinds]))
    return found


def _specs_for(name: str, fn: Any, specs: Any, functions: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the specs of one function: given for all, by name, or its own."""
    found: Sequence[Any] | None = specs
    if isinstance(specs, Mapping):
        unknown = [n for n in specs if n not in functions]
        if unknown:
            known = ", ".join(functions)
            raise ExportError(f"export: specs are given for {unknown[0]!r}, which is none of the functions {known}")
        found = specs.get(name)
    if isinstance(found, TensorSpec):
        raise ExportError(f"export: specs of {name} must be a list with one TensorSpec for each argument, got a single one")
    if found is None and not isinstance(fn, CompiledFunction):
        found = getattr(fn, "specs", None)
    if found is None and not isinstance(fn, CompiledFunction):
        raise ExportError(_NO_SPECS.format(name))
    return found


def _family(name: str, fn: Any, specs: Sequence[Any] | None, kinds: Sequence[str], options: Options) -> list[Planned]:
    """Return a function and its derivatives, traced."""
    base = fn if isinstance(fn, CompiledFunction) else CompiledFunction(fn, options=options, argnums=_argnums(fn))
    try:
        base = base.with_specs(specs)
        base.spec_call()
    except TypeError as error:
        why = f"export: the specs of {name} do not fit its parameters: {error}"
        raise ExportError(why if specs is not None else _NO_SPECS.format(name)) from error
    call, value = base.trace_specs()
    if not value.graph.outputs:
        raise ExportError(f"export: {name} returns nothing that could be exported; return arrays or numbers")
    starts = [sum(t.leaves for t in call.trees[:k]) for k in range(len(call.trees) + 1)]
    wrt = tuple(i for p in base.argnums if p < len(call.trees) for i in range(starts[p], starts[p + 1]))
    doc = getattr(fn, "__doc__", None) or ""
    found = [Planned(name, name, "value", doc, call, value, closed(value), _rows("value", value, value), None, ())]
    for kind in kinds[1:]:
        derivative, lower = _derivative(base, kind)
        own, trace = derivative.trace_specs()
        below = closed(value if lower is None else lower.trace_specs()[1])
        rows = _rows(kind, trace, value)
        inputs = wrt if kind in _OF_ALL else tuple(range(starts[1]))
        found.append(Planned(f"{name}_{kind}", name, kind, "", own, trace, closed(trace), rows, below, inputs))
    for one in found:
        _check_primitives(one.name, one.graph)
    return found


def _check_primitives(name: str, graph: Graph) -> None:
    """Raise ExportError where a graph has what only the interpreter runs."""
    for node in graph.order:
        if isinstance(node.primitive.lowering, Interpreted):
            what = node.primitive.name
            raise ExportError(f"export: {name} uses {what}, which has no form in C; do that part outside the exported function")


def _argnums(fn: Any) -> int | tuple[int, ...]:
    """Return what a function is differentiated in: the first argument; of a SymPy expression with several, all of them."""
    specs = getattr(fn, "specs", ())
    return tuple(range(len(specs))) if len(specs) > 1 else 0


def _derivative(base: CompiledFunction, kind: str) -> tuple[CompiledFunction, CompiledFunction | None]:
    """Return a derivative, and the function whose differences it is; None for the value."""
    number = _NUMBERED.match(kind)
    if number is None:
        gradient = base.transformed(transforms.grad(base.fn, 0), "grad") if kind == "hvp" else base.grad
        return getattr(base, kind), gradient if kind in ("hessian", "hvp") else None
    order = int(number[1])
    each = [base.transformed(transforms.derivative(base.fn, k), kind) if k else None for k in (order, order - 1)]
    assert each[0] is not None
    return each[0], each[1]


def closed(trace: Trace) -> Graph:
    """Return the graph of a trace with captured arrays as its constants."""
    if not trace.captured:
        return trace.graph
    count = len(trace.graph.inputs) - len(trace.captured)
    captured = {n: constant(v) for n, v in zip(trace.graph.inputs[count:], trace.captured, strict=True)}
    return Graph(trace.graph.inputs[:count], trace.graph.substitute(captured))


def _rows(kind: str, trace: Trace, value: Trace) -> tuple[Size, ...]:
    outputs = trace.graph.outputs
    if kind in ("grad", "value_and_grad"):
        return (1,) * len(outputs)
    if kind == "jacobian":
        each = len(outputs) // len(value.graph.outputs)
        return tuple(o.type.size for o in value.graph.outputs for _ in range(each))
    if kind == "hessian":
        side = round(len(outputs) ** 0.5)
        diagonal = [outputs[k * side + k].shape for k in range(side)]
        return tuple(product(shape[: len(shape) // 2]) for shape in diagonal for _ in range(side))
    return tuple(o.type.size for o in outputs)


# Nests as data


def nest_data(tree: Tree) -> Any:
    """Return the shape of a nest as plain data.

    Raises
    ------
    ExportError
        For a dict with keys that are no strings or numbers.
    """
    if tree.kind is None:
        return 0
    if tree.kind is type(None):
        return {"none": 0}
    children = [nest_data(child) for child in tree.children]
    if issubclass(tree.kind, dict):
        bad = [k for k in tree.keys if not isinstance(k, (str, int, float)) or isinstance(k, bool)]
        if bad:
            raise ExportError(f"export: keys of dicts must be strings or numbers, got {bad[0]!r}")
        return {"dict": [list(pair) for pair in zip(tree.keys, children, strict=True)]}
    fields = getattr(tree.kind, "_fields", None)
    if fields is not None:
        return {"named": [tree.kind.__name__, list(fields), children]}
    return {"list" if tree.kind is list else "tuple": children}
