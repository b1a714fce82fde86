"""The ways ``symgrad bench`` computes one function: symgrad's own, and other libraries' where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from symgrad.compiled import CompiledFunction
from symgrad.eager.trees import flatten, unflatten
from symgrad.expressions import Expression, to_sympy
from symgrad.tracing import TensorSpec

__all__ = ["KINDS", "PEERS", "SkippedError", "Task", "packages_missing"]

KINDS = ("value", "grad", "value_and_grad", "jacobian", "hessian")
_LARGEST = 64  # numbers among the arguments of a function that is written out as a formula
_LONGEST = 20_000  # operations of such a formula

_PLAIN = (np.ndarray, np.generic, float, int)  # arguments that are no nests

Call = Callable[[], Any]


class SkippedError(Exception):
    """A library that cannot compute a function; the message says why."""


@dataclass(frozen=True)
class Task:
    """A function or a derivative, and the arguments it is timed with.

    Attributes
    ----------
    compiled : CompiledFunction
        Of the function itself.
    python : callable
        What it was made from.
    kind : str
        ``value`` or a derivative.
    arguments : list
        NumPy arrays and nests of them.
    wrt : tuple of int
        The arrays that derivatives are taken with respect to, counted over all arguments.
    """

    compiled: CompiledFunction
    python: Callable[..., Any]
    kind: str
    arguments: list[Any]
    wrt: tuple[int, ...]

    @property
    def function(self) -> CompiledFunction:
        """The function or derivative itself, compiled."""
        return self.compiled if self.kind == "value" else getattr(self.compiled, self.kind)

    @cached_property
    def leaves(self) -> list[Any]:
        """All arrays of the arguments."""
        return flatten(self.arguments)[0]

    @cached_property
    def numbers(self) -> list[float]:
        """All numbers of the arguments, in order."""
        return [float(v) for leaf in self.leaves for v in np.ravel(leaf)]

    @cached_property
    def formula(self) -> tuple[list[Any], list[Any], list[Any]]:
        """SymPy's symbols of all numbers, those that are differentiated, and the expressions of all results."""
        import sympy

        if len(self.numbers) > _LARGEST:
            raise SkippedError(f"written out only up to {_LARGEST} numbers of arguments; --range n=8 sets a size")
        if any(not isinstance(a, _PLAIN) for a in self.arguments):
            raise SkippedError("its arguments are nested")
        specs = [TensorSpec(np.shape(a), np.asarray(a).dtype) for a in self.arguments]
        value = to_sympy(self.compiled, specs)
        if not isinstance(value, sympy.Expr):
            raise SkippedError("its result is no single number")
        if value.count_ops() > _LONGEST:
            raise SkippedError("its formula is too long")
        written = {str(s): s for s in value.atoms(sympy.Symbol, sympy.Indexed)}
        symbols: list[list[Any]] = []
        swapped: dict[Any, Any] = {}
        for label, argument in zip(self._labels(), self.arguments, strict=True):
            symbols.append([])
            for index in np.ndindex(np.shape(argument)):
                symbol = sympy.Symbol(label + "".join(f"_{k}" for k in index), real=True)
                symbols[-1].append(symbol)
                name = f"{label}[{', '.join(map(str, index))}]" if index else label
                if name in written:
                    swapped[written[name]] = symbol
        wrt = [s for k in self.wrt for s in symbols[k]]
        return [s for group in symbols for s in group], wrt, [value.xreplace(swapped)]

    def _labels(self) -> Sequence[str]:
        call, _ = self.compiled.trace_specs()
        return call.labels

    def derived(self, expression: Any, wrt: Sequence[Any]) -> list[Any]:
        """Return the expressions of the value or derivative, by ``sympy.diff``."""
        gradient = [expression.diff(s) for s in wrt] if self.kind != "value" else []
        if self.kind == "hessian":
            return [g.diff(s) for g in gradient for s in wrt]
        return {"value": [expression], "value_and_grad": [expression, *gradient]}.get(self.kind, gradient)


# symgrad's own


def _native(task: Task) -> Call:
    function, arguments = task.function, task.arguments
    function(*arguments)
    return lambda: function(*arguments)


def _specialized(task: Task) -> Call:
    try:
        call = task.function.specialize(*task.arguments)
    except TypeError:
        raise SkippedError("its arguments are nested") from None
    arguments = [np.asarray(a) for a in task.arguments]
    return lambda: call(*arguments)


def _bound(task: Task) -> Call:
    leaves, tree = flatten(task.arguments)
    return task.function.bind(*unflatten(tree, [np.asarray(leaf) for leaf in leaves]))


def _interpreter(task: Task) -> Call:
    options = replace(task.compiled.options, tier="interpret")
    parameters = task.compiled._parameters
    plain = CompiledFunction(task.python, specs=parameters.specs, options=options, argnums=task.compiled._argnums)
    function = plain if task.kind == "value" else getattr(plain, task.kind)
    return lambda: function(*task.arguments)


def _numpy(task: Task) -> Call:
    if task.kind != "value":
        raise SkippedError("NumPy has no derivatives")
    if isinstance(task.python, Expression):
        raise SkippedError("lambdify stands for it")
    python = task.python
    if not isinstance(flatten(python(*task.arguments))[0][0], (np.ndarray, np.generic, float, int)):
        raise SkippedError("it does not compute with NumPy's arrays")
    return lambda: python(*task.arguments)


# Other libraries


def _lambdify(task: Task) -> Call:
    import sympy

    symbols, wrt, (value,) = task.formula
    modules = ["scipy", "numpy"] if importlib.util.find_spec("scipy") else ["numpy"]
    function = sympy.lambdify(symbols, task.derived(value, wrt), modules=modules, cse=True)
    numbers = task.numbers
    return lambda: function(*numbers)


def _jax(task: Task) -> Call:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = importlib.import_module("jax.numpy")
    if isinstance(task.python, Expression):
        import sympy

        symbols, _, (value,) = task.formula
        function: Callable[..., Any] = sympy.lambdify(symbols, value, modules="jax")
        arguments = [jnp.asarray(v) for v in task.numbers]
    else:
        function = _with(task.python, "numpy", jnp)
        arguments = [jnp.asarray(a) for a in task.arguments if isinstance(a, _PLAIN)]
        if len(arguments) < len(task.arguments):
            raise SkippedError("its arguments are nested")
    argnums = task.wrt if len(task.wrt) > 1 else task.wrt[0]
    made = function if task.kind == "value" else getattr(jax, task.kind)(function, argnums=argnums)
    compiled = jax.jit(made)
    return lambda: jax.block_until_ready(compiled(*arguments))


def _with(function: Callable[..., Any], name: str, module: Any) -> Callable[..., Any]:
    """Return a Python function whose file's NumPy is another module."""
    if not isinstance(function, types.FunctionType):
        raise SkippedError("it is no plain Python function")
    swapped = {k: module if v is np else v for k, v in function.__globals__.items()}
    return types.FunctionType(function.__code__, swapped, function.__name__, function.__defaults__, function.__closure__)


def _torch(task: Task) -> Call:
    import sympy

    torch = importlib.import_module("torch")
    symbols, _, (value,) = task.formula
    function = sympy.lambdify(symbols, value, modules="torch")
    tensors = [torch.tensor(v, dtype=torch.float64) for v in task.numbers]
    where = [k for k, s in enumerate(symbols) if s in task.formula[1]]
    if task.kind == "value":
        return lambda: function(*tensors)
    if task.kind == "hessian":
        stacked = torch.stack([tensors[k] for k in where])

        def of(x: Any) -> Any:
            given = list(tensors)
            for k, v in zip(where, x, strict=True):
                given[k] = v
            return function(*given)

        return lambda: torch.autograd.functional.hessian(of, stacked)
    active = [tensors[k].requires_grad_() for k in where]

    def gradient() -> Any:
        found = function(*tensors)
        slopes = torch.autograd.grad(found, active)
        return (found, *slopes) if task.kind == "value_and_grad" else slopes

    return gradient


def _casadi(task: Task) -> Call:
    import sympy

    ca = importlib.import_module("casadi")
    symbols, wrt, (value,) = task.formula
    names = "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log sqrt erf floor sign atan2 log1p expm1".split()
    table = {n: getattr(ca, n) for n in names if hasattr(ca, n)}
    table |= {"Abs": ca.fabs, "Max": ca.fmax, "Min": ca.fmin, "ceiling": ca.ceil, "Mod": ca.fmod, "pi": ca.pi}
    x = ca.SX.sym("x", len(symbols))
    written = sympy.lambdify(symbols, value, modules=[table])(*[x[k] for k in range(len(symbols))])
    gradient = ca.gradient(written, x)[[symbols.index(s) for s in wrt]]
    outputs = {"value": [written], "grad": [gradient], "value_and_grad": [written, gradient], "jacobian": [gradient]}
    hessian = ca.hessian(written, x)[0]
    chosen = outputs.get(task.kind, [hessian])
    if task.kind == "hessian" and len(wrt) < len(symbols):
        where = [symbols.index(s) for s in wrt]
        chosen = [hessian[where, where]]
    function = ca.Function("f", [x], chosen)
    numbers = ca.DM(task.numbers)
    return lambda: function(numbers)


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to compute a function: its key, what it is called, the package it needs, and how a call is made."""

    key: str
    name: str
    package: str
    make: Callable[[Task], Call]


PEERS = (
    Peer("native", "native: f(x)", "", _native),
    Peer("specialized", "native: f.specialize(x)", "", _specialized),
    Peer("bound", "native: f.bind(x)", "", _bound),
    Peer("interpreter", "interpreter", "", _interpreter),
    Peer("numpy", "NumPy: the function itself", "", _numpy),
    Peer("lambdify", "SymPy lambdify (NumPy)", "", _lambdify),
    Peer("jax", "JAX jit", "jax", _jax),
    Peer("torch", "PyTorch", "torch", _torch),
    Peer("casadi", "CasADi SX", "casadi", _casadi),
)


def packages_missing() -> list[str]:
    """Return the packages of peers that are not installed."""
    return [p.package for p in PEERS if p.package and importlib.util.find_spec(p.package) is None]
