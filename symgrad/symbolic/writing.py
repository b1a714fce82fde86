"""Graphs as SymPy expressions: every element of every node, by the records' own SymPy forms."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from symgrad.errors import TraceError, at_user_line
from symgrad.ir.dims import Dim
from symgrad.ir.expr import ArrayConstant, Node, Range
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.symbolic.constants import as_sympy

__all__ = ["NoSympyFormError", "apply_elementwise", "elements", "to_expressions"]

_LARGEST = 100_000  # elements of a node that is written out

Elements = Any  # an object array of SymPy expressions


class NoSympyFormError(TraceError):
    """A node that SymPy has no form for."""


def to_expressions(graph: Graph, names: Sequence[str]) -> list[Any]:
    """Return each output of a graph as SymPy writes it.

    Parameters
    ----------
    graph : Graph
        With fixed sizes only.
    names : sequence of str
        One for each input. A number becomes ``Symbol(name)``, an array ``IndexedBase(name, shape)`` with its elements.

    Returns
    -------
    list
        An Expr or Boolean for a 0-d output, an ImmutableDenseNDimArray for others. `where` becomes Piecewise.

    Raises
    ------
    TraceError
        For named dims, very large arrays, and primitives that SymPy has no form for.
    """
    import sympy

    values = elements(graph, [_leaf(node, name) for node, name in zip(graph.inputs, names, strict=True)])
    results = []
    for array in values:
        entries = [sympy.sympify(e) for e in array.reshape(-1)]
        results.append(sympy.ImmutableDenseNDimArray(entries, array.shape) if array.ndim else entries[0])
    return results


def _leaf(node: Node, name: str) -> Elements:
    import sympy

    shape = _fixed(node)
    if not shape:
        return _filled((), [sympy.Symbol(name)])
    base = sympy.IndexedBase(name, shape=shape)
    return _filled(shape, [base[index] for index in product(*map(range, shape))])


def _filled(shape: Sequence[int], entries: Sequence[Any]) -> Elements:
    array = np.empty(len(entries), object)
    array[:] = entries
    return array.reshape(tuple(shape))


def _fixed(node: Node) -> tuple[int, ...]:
    """Return a node's shape of numbers, or refuse."""
    if not isinstance(node.type, TensorType) or any(isinstance(s, Dim) for s in node.shape):
        raise NoSympyFormError(at_user_line(f"to_sympy: needs fixed sizes, got {node.type} from {node.name}; give a fixed spec"))
    size: Any = node.type.size
    if size > _LARGEST:
        raise NoSympyFormError(at_user_line(f"to_sympy: writes out at most {_LARGEST} elements, got {node.type}"))
    return tuple(int(s) for s in node.shape)  # type: ignore[arg-type]  # Dims were refused


def elements(graph: Graph, leaves: Sequence[Elements]) -> list[Elements]:
    """Return the elements of each output, given those of the inputs."""
    values: dict[Node, Elements] = dict(zip(graph.inputs, leaves, strict=True))
    for node in graph.order:
        if node not in values:
            _fixed(node)
            values[node] = _evaluate(node, [values[i] for i in node.inputs])
    return [values[o] for o in graph.outputs]


def _evaluate(node: Node, operands: list[Elements]) -> Elements:
    rule = _RULES.get(node.name)
    if rule is not None:
        return rule(node, *operands)
    if node.primitive.elementwise:
        arrays = np.broadcast_arrays(*operands)
        rows = zip(*[a.reshape(-1) for a in arrays], strict=True)
        return _filled(arrays[0].shape, [apply_elementwise(node, row) for row in rows])
    if node.name in _VIEWS:
        return node.primitive.numpy(*operands, **node.attributes)
    return _refuse(node)


def _refuse(node: Node) -> Any:
    raise NoSympyFormError(at_user_line(f"to_sympy: {node.name} has no SymPy form"))


_VIEWS = frozenset({"broadcast_to", "expand_dims", "reshape", "slice", "squeeze", "transpose"})


# Elementwise


def apply_elementwise(node: Node, operands: Sequence[Any]) -> Any:
    """Return an elementwise primitive applied to SymPy expressions.

    Raises
    ------
    NoSympyFormError
        When SymPy has none.
    """
    import sympy

    special = _ELEMENTWISE.get(node.name)
    if special is not None:
        return special(node, *operands)
    form = node.primitive.sympy
    if form is None:
        return _refuse(node)
    if isinstance(form, str):
        form = getattr(sympy, form)
    return form(*operands, **node.attributes)


def _cast(node: Node, x: Any) -> Any:
    import sympy

    source = node.inputs[0].dtype
    if source.is_bool and not node.dtype.is_bool:
        return sympy.Piecewise((1, x), (0, True))
    if node.dtype.is_bool and not source.is_bool:
        return sympy.Ne(x, 0)
    return _truncated(node, x) if source.is_floating and node.dtype.is_integer else x


def _truncated(node: Node, x: Any) -> Any:
    import sympy

    return sympy.sign(x) * sympy.floor(sympy.Abs(x))


def _rounded(node: Node, x: Any) -> Any:
    """Return the nearest integer, halves to even: floor(x + 1/2), one less where that went up from an even half."""
    import sympy

    half = sympy.Rational(1, 2)
    up = sympy.floor(x + half)
    return sympy.Piecewise((up - 1, sympy.And(sympy.Eq(up, x + half), sympy.Eq(sympy.Mod(up, 2), 1))), (up, True))


def _where(node: Node, condition: Any, x: Any, y: Any) -> Any:
    import sympy

    rest = y.args if isinstance(y, sympy.Piecewise) else ((y, True),)
    return sympy.Piecewise((x, condition), *rest)


def _equal(node: Node, x: Any, y: Any) -> Any:
    import sympy

    truths = node.inputs[0].dtype.is_bool
    if node.name == "eq":
        return sympy.Equivalent(x, y) if truths else sympy.Eq(x, y)
    return sympy.Xor(x, y) if truths else sympy.Ne(x, y)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "cast": _cast,
    "eq": _equal,
    "ne": _equal,
    "round": _rounded,
    "trunc": _truncated,
    "where": _where,
}


# Everything else


def _constant(node: Node) -> Elements:
    value = node.attributes["value"]
    if isinstance(value, ArrayConstant):
        return _filled(value.array.shape, [as_sympy(v) for v in value.array.reshape(-1).tolist()])
    return _filled((), [as_sympy(value)])


def _iota(node: Node) -> Elements:
    return _filled(node.shape, [as_sympy(k) for k in range(node.shape[0])])  # type: ignore[arg-type]  # fixed


def _size(node: Node) -> Elements:
    dim = node.attributes["dim"]
    return _refuse(node) if isinstance(dim, Dim) else _filled((), [as_sympy(dim)])


def _reduced(join: str, empty: Any) -> Callable[[Node, Elements], Elements]:
    """Return the rule of a reduction: one n-ary SymPy application for each element of the result."""

    def rule(node: Node, x: Elements) -> Elements:
        import sympy

        axes = node.attributes["axes"]
        kept = [a for a in range(x.ndim) if a not in axes]
        rows = np.transpose(x, (*kept, *axes)).reshape(*[x.shape[a] for a in kept], -1)
        combine = getattr(sympy, join)
        flat = rows.reshape(-1, rows.shape[-1])
        return _filled(rows.shape[:-1], [combine(*row) if len(row) else as_sympy(empty) for row in flat])

    return rule


def _contract(node: Node, x: Elements, y: Elements) -> Elements:
    import sympy

    labels = node.attributes["x_labels"], node.attributes["y_labels"]
    out = node.attributes["out_labels"]
    order = [*out, *(k for k in dict.fromkeys((*labels[0], *labels[1])) if k not in out)]
    products = functools.reduce(np.multiply, [_aligned(v, given, order) for v, given in zip((x, y), labels, strict=True)])
    shape = products.shape[: len(out)]
    flat = products.reshape(int(np.prod(shape, dtype=int)), -1)
    return _filled(shape, [sympy.Add(*row) for row in flat])


def _aligned(x: Elements, labels: Sequence[int], order: Sequence[int]) -> Elements:
    present = [k for k in order if k in labels]
    moved = np.transpose(x, [labels.index(k) for k in present])
    return np.expand_dims(moved, [a for a, k in enumerate(order) if k not in labels])


def _assemble(node: Node, *pieces: Elements) -> Elements:
    result, covered = _zeros(node)
    for piece, ranges in zip(pieces, node.attributes["ranges"], strict=True):
        _add_at(node, result, covered, _place(ranges), piece)
    return result


def _place(ranges: Sequence[Range]) -> tuple[Any, ...]:
    return tuple(r.start if r.count is None else [r.start + k * r.step for k in range(r.count)] for r in ranges)  # type: ignore[arg-type]


def _add_at(node: Node, result: Elements, covered: Any, place: tuple[Any, ...], piece: Elements) -> None:
    import sympy

    lists = [[k] if isinstance(k, int) else k for k in place]
    for index, value in zip(product(*lists), np.asarray(piece, object).reshape(-1), strict=True):
        if not covered[index]:
            result[index] = value
        else:
            result[index] = sympy.Or(result[index], value) if node.dtype.is_bool else result[index] + value
        covered[index] = True


def _zeros(node: Node) -> tuple[Elements, Any]:
    """Return an array of exact zeros, and the record of which of them have been written."""
    shape = _fixed(node)
    zero = as_sympy(False if node.dtype.is_bool else 0)
    return _filled(shape, [zero] * math.prod(shape)), np.zeros(shape, np.bool_)


def _whole_indices(node: Node, indices: Elements) -> Any:
    try:
        return np.array([int(i) for i in indices.reshape(-1)], int).reshape(indices.shape)
    except TypeError:
        raise NoSympyFormError(at_user_line(f"to_sympy: {node.name} at indices that vary has no SymPy form")) from None


def _gather(node: Node, x: Elements, indices: Elements) -> Elements:
    return np.take(x, _whole_indices(node, indices), axis=node.attributes["axis"])


def _scatter(node: Node, updates: Elements, indices: Elements) -> Elements:
    where, axis = _whole_indices(node, indices), node.attributes["axis"]
    result, covered = _zeros(node)
    for index in product(*map(range, updates.shape)):
        target = (*index[:axis], int(where[index[axis : axis + where.ndim]]), *index[axis + where.ndim :])
        _add_at(node, result, covered, target, updates[index])
    return result


_RULES: dict[str, Callable[..., Elements]] = {
    "all": _reduced("And", True),
    "any": _reduced("Or", False),
    "assemble": _assemble,
    "constant": _constant,
    "contract": _contract,
    "dim_size": _size,
    "gather": _gather,
    "iota": _iota,
    "max": _reduced("Max", -np.inf),
    "min": _reduced("Min", np.inf),
    "prod": _reduced("Mul", 1),
    "scatter_add": _scatter,
    "sum": _reduced("Add", 0),
}
