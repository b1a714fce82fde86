"""``sg.compile``: what may be compiled, as a call or as a decorator."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from symgrad.compiled import CompiledFunction
from symgrad.options import Options

__all__ = ["compile"]


def compile(
    fn: Any = None,
    *,
    args: Sequence[Any] | None = None,
    specs: Sequence[Any] | None = None,
    static_argnames: Sequence[str] = (),
    options: Options | None = None,
) -> Any:
    """Compile a Python function or a SymPy expression to native code.

    Parameters
    ----------
    fn : callable, CompiledFunction or SymPy object
        With a SymPy Expr, Matrix or list, ``args`` says what its arguments are. Omitted, a decorator is returned.
    args : list, optional
        For SymPy: each a Symbol (a float64 number), a list or Matrix of Symbols (an array of that shape), an
        IndexedBase or a MatrixSymbol.
    specs : list of TensorSpec, or of nests of them, optional
        Types of the arguments; sizes may be named. Then one program serves every size.
    static_argnames : sequence of str
        Parameters passed as they are; each of their values is a program of its own.
    options : Options, optional

    Returns
    -------
    CompiledFunction

    Raises
    ------
    TypeError
        For an object that is neither a function nor a SymPy expression.
    """
    if fn is None:
        return functools.partial(compile, args=args, specs=specs, static_argnames=static_argnames, options=options)
    if isinstance(fn, CompiledFunction):
        fn = fn.fn
    if args is None and callable(fn) and not _is_sympy(fn):
        return CompiledFunction(fn, specs=specs, static_argnames=static_argnames, options=options)
    if not (_is_sympy(fn) or isinstance(fn, (list, tuple))):
        raise TypeError(f"compile: expected a function or a SymPy expression, got {type(fn).__module__}.{type(fn).__name__}")
    if args is None:
        raise TypeError("compile: a SymPy expression needs args=[...], the symbols that are its arguments, in order")
    from symgrad.expressions import from_sympy  # it needs SymPy, which is slow to import

    function = from_sympy(fn, args)
    argnums = 0 if len(args) == 1 else tuple(range(len(args)))
    return CompiledFunction(function, specs=function.specs, options=options, argnums=argnums)


def _is_sympy(value: Any) -> bool:
    return any((base.__module__ or "").split(".")[0] == "sympy" for base in type(value).__mro__)
