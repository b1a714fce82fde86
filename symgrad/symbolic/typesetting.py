"""LaTeX of graphs: formulas where SymPy has them, else one definition for each node worth a name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from symgrad.ir.dims import Dim
from symgrad.ir.expr import ArrayConstant, Node, Range, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.symbolic.constants import as_sympy
from symgrad.symbolic.writing import NoSympyFormError, apply_elementwise, to_expressions

__all__ = ["latex"]

_LARGEST_ARRAY = 16  # elements of an array that is written out
_LARGEST_OUTPUT = 64
_MOST_NODES = 2000  # of a graph that is expanded into one formula before it is shared again
_TIMES = " \\times "
_LONGEST = 40  # operations of a formula without names for its parts


def latex(graph: Graph, names: Sequence[str]) -> str:
    r"""Return a graph as LaTeX, without delimiters.

    Numbers and small arrays are written as formulas, vectors and matrices. Parts of a long formula that occur more
    than once get names ``t_{1}, t_{2}, ...``, defined first, in an ``aligned`` environment. Graphs with large
    arrays, named dims or primitives that SymPy has no form for are written as definitions of arrays.

    Parameters
    ----------
    graph : Graph
    names : sequence of str
        One for each input.
    """
    if _is_modest(graph):
        try:
            return _formulas(to_expressions(graph, names))
        except NoSympyFormError:
            pass
    return _definitions(graph, names)


def _is_modest(graph: Graph) -> bool:
    if len(graph) > _MOST_NODES:
        return False
    for nodes, most in ((graph.order, _LARGEST_ARRAY), (graph.outputs, _LARGEST_OUTPUT)):
        for node in nodes:
            size = node.type.size if isinstance(node.type, TensorType) else None
            limit = _LARGEST_OUTPUT if node in graph.outputs else most
            if size is None or isinstance(size, Dim) or size > limit:
                return False
    return True


# Formulas


def _formulas(expressions: Sequence[Any]) -> str:
    """Return expressions as formulas; the parts of long ones get names."""
    import sympy

    entries = [_entries(e) for e in expressions]
    flat = [entry for group in entries for entry in group]
    definitions: list[Any] = []
    if sum(sympy.count_ops(e) for e in flat) > _LONGEST:
        names = (sympy.Symbol(f"t_{{{k}}}") for k in count(1))
        definitions, flat = sympy.cse(flat, symbols=names, order="none", list=True)
    rest = iter(flat)
    results = [_typeset(e, [next(rest) for _ in group]) for e, group in zip(expressions, entries, strict=True)]
    if len(results) == 1 and not definitions:
        return results[0]
    lines = [f"{sympy.latex(name)} &= {sympy.latex(value)}" for name, value in definitions]
    lines += [f"y_{{{k}}} &= {text}" if len(results) > 1 else f"y &= {text}" for k, text in enumerate(results, 1)]
    return _aligned(lines)


def _entries(expression: Any) -> list[Any]:
    return list(expression.reshape(len(expression))) if hasattr(expression, "shape") and len(expression) else [expression]


def _typeset(expression: Any, entries: list[Any]) -> str:
    import sympy

    shape: tuple[int, ...] = getattr(expression, "shape", ())
    if len(shape) in (1, 2) and len(expression):
        rows = shape[0]
        text: str = sympy.latex(sympy.Matrix(rows, len(entries) // rows, entries))
        return text
    found = sympy.ImmutableDenseNDimArray(entries, shape) if shape and len(expression) else entries[0]
    return str(sympy.latex(found))


def _aligned(lines: Sequence[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


# Definitions


def _definitions(graph: Graph, names: Sequence[str]) -> str:
    """Return one line for each node that is used more than once or is long, and for each output."""
    import sympy

    forms: dict[Node, Any] = {n: sympy.Symbol(name) for n, name in zip(graph.inputs, names, strict=True)}
    lines: list[str] = []
    numbers = count(1)
    for node in graph.order:
        if node in forms:
            continue
        form = _form(node, [forms[i] for i in node.inputs])
        uses = len(graph.users[node])
        if node.inputs and (uses > 1 or (uses == 1 and sympy.count_ops(form) > _LONGEST)):
            name = sympy.Symbol(f"t_{{{next(numbers)}}}")
            lines.append(f"{sympy.latex(name)} &= {sympy.latex(form)}")
            form = name
        forms[node] = form
    results = [sympy.latex(forms[o]) for o in graph.outputs]
    if len(results) == 1 and not lines:
        return str(results[0])
    lines += [f"y_{{{k}}} &= {text}" if len(results) > 1 else f"y &= {text}" for k, text in enumerate(results, 1)]
    return _aligned(lines)


def _form(node: Node, operands: list[Any]) -> Any:
    """Return a node as a SymPy expression in which a symbol may stand for a whole array."""
    if node.primitive is ops.constant:
        value = node.attributes["value"]
        return _symbol(f"c_{{{value.array.size}}}") if isinstance(value, ArrayConstant) else as_sympy(value)
    if node.primitive.elementwise and node.name != "cast":
        try:
            return apply_elementwise(node, operands)
        except (NoSympyFormError, TypeError):  # a symbol that stands for truth values may not be compared
            return _called(node, operands)
    if node.name in ("broadcast_to", "expand_dims", "squeeze", "cast"):
        return operands[0]  # the same elements: shapes are not written
    if node.name == "dim_size":
        return _symbol(str(node.attributes["dim"]))
    return _called(node, operands)


def _symbol(text: str) -> Any:
    import sympy

    return sympy.Symbol(text)


def _called(node: Node, operands: Sequence[Any]) -> Any:
    import sympy

    texts = [sympy.latex(o) for o in operands]
    if node.name == "slice":
        return _symbol(f"{_base(texts[0])}_{{{', '.join(map(_range, node.attributes['ranges']))}}}")
    if node.name == "transpose" and node.ndim == 2:
        return _symbol(f"{_base(texts[0])}^{{\\top}}")
    if node.name == "contract" and (joined := _matrix_product(node, texts)) is not None:
        return _symbol(joined)
    return _symbol(f"\\operatorname{{{node.name.replace('_', ' ')}}}{_subscript(node)}\\left({', '.join(texts)}\\right)")


def _subscript(node: Node) -> str:
    values = node.attributes.get("axes", node.attributes.get("axis", node.attributes.get("order")))
    if node.name == "reshape":
        return f"_{{{_TIMES.join(map(str, node.shape))}}}"
    if values is None or (node.ndim == 0 and "axes" in node.attributes):
        return ""
    return f"_{{{', '.join(map(str, values)) if isinstance(values, tuple) else values}}}"


def _base(text: str) -> str:
    return text if text.isalnum() else f"\\left({text}\\right)"


def _range(taken: Range) -> str:
    if taken.count is None:
        return str(taken.start)
    stop = taken.start + taken.count * taken.step
    return f"{taken.start}:{stop}" if taken.step == 1 else f"{taken.start}:{stop}:{taken.step}"


def _matrix_product(node: Node, texts: Sequence[str]) -> str | None:
    """Return products of matrices and vectors as people write them."""
    x, y, out = (node.attributes[k] for k in ("x_labels", "y_labels", "out_labels"))
    a, b = (_base(t) for t in texts)
    if (len(x), len(y)) == (1, 1) and x == y and not out:
        return f"{a}^{{\\top}} {b}"
    if len(x) == 2 and len(y) in (1, 2) and x[1] == y[0] and out == (x[0], *y[1:]):
        return f"{a} {b}"
    if len(x) == 2 and len(y) in (1, 2) and x[0] == y[0] and out == (x[1], *y[1:]):
        return f"{a}^{{\\top}} {b}"
    if (len(x), len(y)) == (1, 1) and x != y and out == (x[0], y[0]):
        return f"{a} {b}^{{\\top}}"
    return None
