"""SymPy expressions as graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.dtypes import float64
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.symbolic.binding import Bindings, bind, element
from symgrad.symbolic.constants import nearest
from symgrad.symbolic.matrices import matrix_plan, matrix_shape
from symgrad.symbolic.refusals import refuse, shown
from symgrad.symbolic.vocabulary import Plan, join_terms, numeric, planners, term_values

__all__ = ["Structure", "Translated", "from_expression"]

Structure = Any  # "expr" | ("matrix", rows, columns) | ("array", *shape) | ("list", [Structure, ...])


@dataclass(frozen=True, slots=True)
class Translated:
    """A SymPy object as a graph.

    Attributes
    ----------
    graph : Graph
        One float64 input for each argument, one output for each entry of the structure, in order.
    structure : str or tuple
        ``"expr"`` for an expression (0-d), ``("matrix", rows, columns)`` for a matrix (an array of that shape),
        ``("array", *shape)`` for an N-dimensional array, ``("list", [structure, ...])`` for a list or tuple of them.
    """

    graph: Graph
    structure: Structure


def from_expression(expr: Any, args: Sequence[Any]) -> Translated:
    """Return the graph of a SymPy expression, matrix, or nested list or tuple of them.

    Parameters
    ----------
    expr : Expr, Boolean, Matrix, MatrixExpr, NDimArray, or nested list or tuple
        Numbers become the nearest doubles. `Pow` means the principal value for real numbers: nan where that is
        complex. `Piecewise` is nan where no condition holds; only the chosen branch counts in derivatives.
    args : sequence
        Each a Symbol (a number), a list, tuple or Matrix of Symbols (one array of that shape), an IndexedBase with
        a shape of numbers, or a MatrixSymbol. Undefined functions such as ``x(t)`` and their derivatives may
        stand where a Symbol may. All are float64.

    Returns
    -------
    Translated

    Raises
    ------
    TraceError
        For what has no translation, named, and for symbols that are not in ``args``.
    """
    reader = _Reader(bind(args))
    roots: list[Any] = []
    structure = _structure(expr, roots)
    outputs = [reader.read(root) for root in roots]
    reader.check()
    return Translated(Graph(reader.bindings.inputs, outputs), structure)


def _structure(expr: Any, roots: list[Any]) -> Structure:
    import sympy

    if isinstance(expr, (list, tuple, sympy.Tuple)):
        return "list", [_structure(e, roots) for e in expr]
    if isinstance(expr, (bool, int, float)):
        expr = sympy.sympify(expr)
    if isinstance(expr, sympy.Poly):
        expr = expr.as_expr()
    if isinstance(expr, sympy.MatrixBase):
        expr = expr.as_immutable()
    if isinstance(expr, sympy.NDimArray):
        expr = sympy.ImmutableDenseNDimArray(expr)
    shape = matrix_shape(expr)
    if shape is None and not isinstance(expr, sympy.Basic):
        refuse(expr, f"expected a SymPy expression, matrix, or list of them, got {type(expr).__name__}")
    roots.append(expr)
    if shape is None:
        return "expr"
    return ("array", *shape) if isinstance(expr, sympy.NDimArray) else ("matrix", *shape)


class _Reader:
    """Translates expressions over the same arguments; what two of them share is translated once.

    Iterative. Values are looked up by identity on the way down, because the hash of a deep expression recurses,
    and by equality on the way up, where the hashes of the parts are known.
    """

    def __init__(self, bindings: Bindings) -> None:
        import sympy

        self.sympy = sympy
        self.bindings = bindings
        self.done: dict[int, Any] = {}  # by id: a Node, or the expression itself where it is a number
        self.equal: dict[Any, Any] = {}
        self.alive: list[Any] = []  # keeps the ids valid
        self.missing: dict[str, None] = {}

    def read(self, root: Any) -> Node:
        """Return the node of an expression."""
        plans: dict[int, Plan] = {}
        stack = [root]
        while stack:
            expr = stack[-1]
            key = id(expr)
            if key in self.done:
                stack.pop()
                continue
            plan = plans.get(key)
            if plan is None:
                plan = plans[key] = self.plan(expr)
                self.alive.append((expr, plan))
            pending = [c for c in plan[0] if id(c) not in self.done]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            self.done[key] = self.built(expr, plan)
        return self.node(root)

    def built(self, expr: Any, plan: Plan) -> Any:
        """Return the value of an expression whose parts are done; equal expressions get the same."""
        found = self.equal.get(expr)
        if found is None:
            children, build = plan
            values = [self.done[id(c)] for c in children]
            if isinstance(expr, (self.sympy.Number, self.sympy.NumberSymbol)) or self.is_number(expr, values):
                found = expr
            else:
                found = build(*[self.node(c) for c in children])
            self.equal[expr] = found
        return found

    def is_number(self, expr: Any, values: list[Any]) -> bool:
        """Whether an expression is made of numbers only, so that it is evaluated as a whole, with one rounding."""
        if not values or not isinstance(expr, self.sympy.Expr) or matrix_shape(expr) is not None:
            return False
        return not any(isinstance(v, Node) for v in values)

    def node(self, expr: Any) -> Node:
        """Return the node of an expression that is done."""
        value = self.done[id(expr)]
        return value if isinstance(value, Node) else constant(nearest(value))

    def plan(self, expr: Any) -> Plan:
        """Return what to translate before an expression, and how to build it."""
        sympy = self.sympy
        if isinstance(expr, (sympy.Number, sympy.NumberSymbol)):
            return (), lambda: constant(nearest(expr))
        if expr is sympy.true or expr is sympy.false:
            return (), lambda: constant(bool(expr))
        leaf = self.leaf(expr)
        if leaf is not None:
            return (), lambda: leaf
        if isinstance(expr, (sympy.Indexed, sympy.matrices.expressions.matexpr.MatrixElement)):
            return self.indexed(expr)
        found = self.repeated(expr) if isinstance(expr, (sympy.Sum, sympy.Product)) else matrix_plan(expr)
        if found is not None:
            return found
        table = planners()
        for kind in type(expr).__mro__:
            planner = table.get(kind)
            if planner is not None:
                return planner(expr)
        return self.other(expr)

    def leaf(self, expr: Any) -> Node | None:
        """Return the node of an argument."""
        from sympy.core.function import AppliedUndef

        sympy = self.sympy
        if isinstance(expr, (sympy.MatrixSymbol, sympy.IndexedBase)):
            found = self.bindings.arrays.get(expr)
        elif isinstance(expr, (sympy.Symbol, AppliedUndef, sympy.Derivative, sympy.Indexed)):
            found = self.bindings.leaves.get(expr)
        else:
            return None
        if found is None and isinstance(expr, (sympy.Symbol, AppliedUndef, sympy.MatrixSymbol, sympy.IndexedBase)):
            return self.absent(expr)
        return found

    def absent(self, expr: Any) -> Node:
        """Note a symbol that is not an argument, to name all of them at once; stand a zero in its place."""
        self.missing[shown(expr)] = None
        zero = constant(0.0)
        return ops.broadcast_to(zero, shape=matrix_shape(expr)) if isinstance(expr, self.sympy.MatrixSymbol) else zero

    def check(self) -> None:
        """Raise TraceError when symbols were met that are not arguments."""
        if self.missing:
            names = ", ".join(sorted(self.missing))
            raise TraceError(at_user_line(f"from_sympy: not among args: {names}; add them to args or substitute values"))

    def indexed(self, expr: Any) -> Plan:
        """Return an element of an array argument, or of a matrix expression."""
        base, *indices = (expr.base, *expr.indices) if isinstance(expr, self.sympy.Indexed) else expr.args
        if not all(i.is_Integer for i in indices):
            refuse(expr, "an index must be an integer, or the variable of a Sum or Product over integers")
        wanted = [int(i) for i in indices]
        if isinstance(base, self.sympy.IndexedBase) and base not in self.bindings.arrays:
            return (), lambda: self.absent(base)
        array = self.bindings.arrays.get(base)
        shape: tuple[Any, ...] = tuple(map(int, base.shape)) if array is None else array.shape
        if len(wanted) != len(shape) or not all(0 <= k < s for k, s in zip(wanted, shape, strict=True)):
            refuse(expr, f"its index lies outside the shape {list(shape)}; indices count from 0")
        if array is not None:
            return (), lambda: element(array, wanted)
        return [base], lambda x: element(numeric(x), wanted)

    def repeated(self, expr: Any) -> Plan | None:
        """Return the terms of a Sum or Product that differ only in the elements they read, translated once; else None."""
        sympy = self.sympy
        variable, values, body = term_values(expr)
        if body.has(sympy.Sum, sympy.Product, sympy.Integral):
            return None
        reads = sorted((r for r in body.atoms(sympy.Indexed) if r.has(variable)), key=sympy.default_sort_key)
        stand_ins = {r: sympy.Dummy() for r in reads}
        template = body.xreplace(stand_ins)
        if template.has(variable) or any(r.base not in self.bindings.arrays for r in reads):
            return None
        places = {r: fresh_input("", TensorType((), float64)) for r in reads}
        self.bindings.leaves.update((stand_ins[r], places[r]) for r in reads)

        def build(term: Node) -> Node:
            graph = Graph((), [term])
            terms = [
                graph.substitute({places[r]: self.indexed(r.xreplace({variable: v}))[1]() for r in reads})[0] for v in values
            ]
            return join_terms(expr, terms)

        return [template], build

    def other(self, expr: Any) -> Plan:
        """Return the value of a number that no planner knows, or refuse."""
        if isinstance(expr, self.sympy.Expr) and not expr.free_symbols:
            return (), lambda: constant(nearest(expr))
        kind = type(expr).__name__
        return refuse(expr, f"{kind} has no primitive; rewrite it in elementary functions, for example with .rewrite or .doit")
