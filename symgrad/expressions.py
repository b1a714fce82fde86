"""SymPy expressions as functions that can be called, traced and compiled; and functions as SymPy expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.dtypes import float64
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face, face_of
from symgrad.eager.trees import LEAF
from symgrad.eager.values import is_plain, value_of
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import format_shape
from symgrad.symbolic import from_expression, to_expressions
from symgrad.tracing import TensorSpec, trace
from symgrad.transform.inlining import inline_calls
from symgrad.transforms import outer_node

__all__ = ["Expression", "from_sympy", "to_sympy"]


class Expression:
    """A SymPy expression as a function of its arguments; works with every transform, and under ``sg.compile``.

    Attributes
    ----------
    graph : Graph
    specs : tuple of TensorSpec
        One for each argument, all float64.
    """

    def __init__(self, expression: Any, args: Sequence[Any]) -> None:
        translated = from_expression(expression, args)
        self.graph: Graph = translated.graph
        self._structure = translated.structure
        self.specs = tuple(TensorSpec(i.shape, i.dtype) for i in self.graph.inputs)
        labels = _labels([i.attributes["label"] for i in self.graph.inputs])
        self.__signature__ = inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in labels])
        self.__name__ = self.__qualname__ = "expression"
        self.__doc__ = _summary(expression)

    def __call__(self, *arguments: Any) -> Any:
        """Return the expression's value: as faces if an argument is one, else as NumPy arrays and numbers.

        Raises
        ------
        TypeError
            For another number of arguments.
        ShapeError
            For an argument of another shape.
        """
        if len(arguments) != len(self.specs):
            raise TypeError(at_user_line(f"expression: takes {len(self.specs)} arguments, got {len(arguments)}"))
        nodes = [self._fitted(k, a) for k, a in enumerate(arguments)]
        outputs = self.graph(*nodes)
        if not any(isinstance(a, Face) for a in arguments) and is_plain(outputs):
            return self._nest([value_of(o)[()] for o in outputs])
        face = face_of(arguments, Array)
        return self._nest([face(o) for o in outputs])

    def _fitted(self, position: int, argument: Any) -> Node:
        spec, label = self.specs[position], self.graph.inputs[position].attributes["label"]
        node = outer_node(argument, label)
        if node.dtype is not float64:
            node = ops.cast(node, dtype=float64)
        if node.shape != spec.shape:
            wanted, got = format_shape(spec.shape), format_shape(node.shape)
            raise ShapeError(at_user_line(f"expression: {label} must have shape {wanted}, got {got}"))
        return node

    def _nest(self, leaves: list[Any]) -> Any:
        return _take(self._structure, iter(leaves))


def _take(structure: Any, leaves: Any) -> Any:
    if isinstance(structure, tuple) and structure[0] in ("list", "tuple"):
        found = [_take(part, leaves) for part in structure[1]]
        return found if structure[0] == "list" else tuple(found)
    return next(leaves)


def _labels(given: Sequence[str]) -> list[str]:
    """Return distinct Python identifiers for the arguments' names."""
    found: list[str] = []
    for k, name in enumerate(given):
        clean = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        if not clean.isidentifier() or clean in found:
            clean = f"arg{k}"
        found.append(clean)
    return found


def _summary(expression: Any) -> str:
    text = str(expression)
    return text if len(text) <= 200 else f"{text[:197]}..."


def from_sympy(expr: Any, args: Sequence[Any]) -> Expression:
    """Return a SymPy expression as a function that can be traced.

    Parameters
    ----------
    expr : Expr, Matrix, or nested list or tuple of them
        A Matrix gives one array, a list a list.
    args : sequence
        Each a Symbol (a number), a list or Matrix of Symbols (an array of that shape), an IndexedBase or a
        MatrixSymbol; all float64.

    Raises
    ------
    TraceError
        Naming what cannot be translated.
    """
    return Expression(expr, args)


def to_sympy(f: Callable[..., Any], specs: Sequence[TensorSpec]) -> Any:
    """Return what a function computes, written out by SymPy.

    Parameters
    ----------
    f : callable
        A Python function of arrays, or a compiled function, of one result.
    specs : sequence of TensorSpec
        One for each argument, of fixed sizes. An array ``x[n]`` is written with symbols x_0, x_1, ...

    Returns
    -------
    Expr, or ImmutableDenseNDimArray for a result with axes
    """
    fn = getattr(f, "fn", f)
    try:
        labels = [p.name for p in inspect.signature(fn).parameters.values()][: len(specs)]
    except (TypeError, ValueError):
        labels = []
    labels += [f"arg{k}" for k in range(len(labels), len(specs))]
    traced = trace(fn, [LEAF] * len(specs), [s.type for s in specs], [Array] * len(specs), labels)
    if traced.captured:
        raise TraceError("to_sympy: the function captures arrays; pass them as arguments")
    found = to_expressions(inline_calls(traced.graph), traced.input_names)
    return found[0] if traced.output == LEAF else found
