"""The arguments of a SymPy expression as inputs of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NoReturn

from symgrad.dtypes import float64
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node, Range, fresh_input, ops
from symgrad.ir.types import Shape, TensorType
from symgrad.symbolic.refusals import shown

__all__ = ["Bindings", "bind", "element"]

_KINDS = "a Symbol, a list or Matrix of Symbols, an IndexedBase with a shape, or a MatrixSymbol"


@dataclass(slots=True)
class Bindings:
    """What the arguments stand for.

    Attributes
    ----------
    inputs : list of Node
        One for each argument.
    leaves : dict
        The node of each symbol.
    arrays : dict
        The input of each IndexedBase and MatrixSymbol.
    """

    inputs: list[Node] = field(default_factory=list)
    leaves: dict[Any, Node] = field(default_factory=dict)
    arrays: dict[Any, Node] = field(default_factory=dict)


def element(array: Node, indices: Sequence[int]) -> Node:
    """Return one element of an array node."""
    return ops.slice(array, ranges=tuple(Range(k, None) for k in indices))


def bind(args: Sequence[Any]) -> Bindings:
    """Return float64 inputs for SymPy arguments.

    Raises
    ------
    TraceError
        For an argument of another kind, one without a fixed shape, and a symbol given twice.
    """
    import sympy

    if isinstance(args, (sympy.Basic, str)) or not hasattr(args, "__iter__"):
        raise TraceError(at_user_line(f"from_sympy: args must be a list, each entry {_KINDS}, got {shown(args)}"))
    bindings = Bindings()
    for position, argument in enumerate(args):
        _bind_one(bindings, argument, position)
    return bindings


def _bind_one(bindings: Bindings, argument: Any, position: int) -> None:
    import sympy

    if isinstance(argument, sympy.MatrixSymbol):
        _claim(bindings, bindings.arrays, argument, _input(bindings, argument.name, _sizes(argument, argument.shape)))
    elif isinstance(argument, sympy.IndexedBase):
        if argument.shape is None:
            _refuse(argument, f"it has no shape: write IndexedBase({str(argument)!r}, shape=(n,)) with a number n")
        _claim(bindings, bindings.arrays, argument, _input(bindings, str(argument.label), _sizes(argument, argument.shape)))
    elif _is_leaf(argument):
        _claim(bindings, bindings.leaves, argument, _input(bindings, str(argument), ()))
    elif isinstance(argument, (list, tuple, sympy.Tuple, sympy.MatrixBase, sympy.NDimArray)):
        shape, symbols = _nest(argument)
        array = _input(bindings, _common_label([str(s) for s in symbols], position), shape)
        for symbol, indices in zip(symbols, product(*map(range, shape)), strict=True):
            if not _is_leaf(symbol):
                _refuse(symbol, f"an argument is {_KINDS}")
            _claim(bindings, bindings.leaves, symbol, element(array, indices))
    else:
        _refuse(argument, f"an argument is {_KINDS}")


def _is_leaf(value: Any) -> bool:
    """Whether a value may stand for a number: a symbol, or an undefined function such as x(t) or its derivative."""
    import sympy
    from sympy.core.function import AppliedUndef

    return isinstance(value, (sympy.Symbol, AppliedUndef, sympy.Derivative, sympy.Indexed))


def _nest(value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Return the shape of a nest and its entries in order."""
    if not hasattr(value, "shape"):
        parts = [_nest(v) if isinstance(v, (list, tuple)) else ((), [v]) for v in value]
        shapes = [shape for shape, _ in parts]
        if any(s != shapes[0] for s in shapes):
            _refuse(value, "the lists in it must have equal lengths")
        return (len(parts), *(shapes[0] if shapes else ())), [entry for _, entries in parts for entry in entries]
    shape = tuple(map(int, value.shape))
    return shape, [value[index] for index in product(*map(range, shape))]


def _sizes(argument: Any, shape: Sequence[Any]) -> tuple[int, ...]:
    if not all(getattr(s, "is_Integer", isinstance(s, int)) for s in shape):
        _refuse(argument, f"its shape must be of numbers, got {shown(tuple(shape))}")
    return tuple(int(s) for s in shape)


def _input(bindings: Bindings, label: str, shape: Shape) -> Node:
    node = fresh_input(label, TensorType(shape, float64))
    bindings.inputs.append(node)
    return node


def _claim(bindings: Bindings, table: dict[Any, Node], key: Any, node: Node) -> None:
    if key in table:
        _refuse(key, "it is given twice")
    table[key] = node


def _common_label(labels: Sequence[str], position: int) -> str:
    """Return what the symbols of one argument have in common: ``x`` for x0, x1, x2."""
    first = labels[0] if labels else ""
    length = next((k for k in range(len(first)) if any(t[k : k + 1] != first[k] for t in labels)), len(first))
    return first[:length].rstrip("0123456789_{[(,") or f"x{position}"


def _refuse(value: Any, reason: str) -> NoReturn:
    raise TraceError(at_user_line(f"from_sympy: args: {shown(value)}: {reason}"))
