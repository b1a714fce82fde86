"""The derivatives that users ask for, each a graph made from a graph.

Every function takes the numbers of the inputs to differentiate with respect to, and keeps the graph's inputs first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symgrad.errors import DTypeError, ShapeError, at_user_line
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType, format_shape
from symgrad.transform.again import found_again
from symgrad.transform.elements import columns_by_element, element_reads, element_writes, rows_by_element
from symgrad.transform.jvp import push_forward
from symgrad.transform.partials import require_floating, zeros_like
from symgrad.transform.taylor import nth_derivative, taylor_series
from symgrad.transform.units import along_units
from symgrad.transform.vjp import pull_back
from symgrad.transform.vmap import batch

__all__ = ["derivative", "gradient", "hessian", "hvp", "jacobian", "jvp", "taylor", "vjp"]


def _real(found: Node | None, node: Node) -> Node:
    return zeros_like(node) if found is None else found


def _select(graph: Graph, wrt: Sequence[int], operation: str) -> list[Node]:
    nodes = [graph.inputs[k] for k in wrt]
    for node in nodes:
        require_floating(operation, node)
    return nodes


def _scalar_output(graph: Graph, operation: str) -> Node:
    output = graph.outputs[0]
    if output.ndim:
        raise ShapeError(
            at_user_line(
                f"{operation}: the function must return a single number (shape []), got shape {format_shape(output.shape)}; "
                "sum it, or use jacobian or vjp"
            )
        )
    if not output.dtype.is_floating:
        raise DTypeError(at_user_line(f"{operation}: the function must return a float, got {output.type}"))
    return output


def gradient(graph: Graph, wrt: Sequence[int], value: bool = False, operation: str = "grad") -> Graph:
    """Return the gradient of the first output with respect to each of ``wrt``.

    Outputs: the gradients; with ``value``, first the outputs of ``graph``. Reverse mode.

    Raises
    ------
    ShapeError
        When the first output is not 0-d.
    DTypeError
        When it, or an input of ``wrt``, is not floating.
    """
    nodes = _select(graph, wrt, operation)
    output = _scalar_output(graph, operation)
    found = pull_back([output], [constant(1.0, output.dtype)], nodes)
    gradients = [_real(g, n) for g, n in zip(found, nodes, strict=True)]
    return Graph(graph.inputs, [*graph.outputs, *gradients] if value else [*gradients, *graph.outputs[1:]])


@found_again
def jvp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Return the tangents of all outputs; the tangents of ``wrt`` are further inputs. Forward mode."""
    nodes = _select(graph, wrt, "jvp")
    tangents = [fresh_input(f"d_{n.attributes['label']}", n.type) for n in nodes]
    found = push_forward(graph.outputs, dict(zip(nodes, tangents, strict=True)))
    return Graph([*graph.inputs, *tangents], [_real(t, o) for t, o in zip(found, graph.outputs, strict=True)])


@found_again
def vjp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Return the cotangents of ``wrt``; the cotangents of all outputs are further inputs. Reverse mode."""
    nodes = _select(graph, wrt, "vjp")
    cotangents = [fresh_input(f"ct_{k}", o.type) for k, o in enumerate(graph.outputs)]
    found = pull_back(graph.outputs, cotangents, nodes)
    return Graph([*graph.inputs, *cotangents], [_real(c, n) for c, n in zip(found, nodes, strict=True)])


@found_again
def jacobian(graph: Graph, wrt: Sequence[int], mode: str = "auto", operation: str = "jacobian") -> Graph:
    """Return for each output the derivatives with respect to each of ``wrt``, of shape output.shape + input.shape.

    Parameters
    ----------
    graph : Graph
    wrt : sequence of int
    mode : {"auto", "forward", "reverse"}
        Auto takes forward mode where an output has at least as many elements as the input, as far as that is known.
    operation : str
        Name for errors.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"{operation}: mode must be 'auto', 'forward' or 'reverse', got {mode!r}")
    nodes = _select(graph, wrt, operation)
    for output in graph.outputs:
        if not output.dtype.is_floating:
            raise DTypeError(at_user_line(f"{operation}: the function must return floats, got {output.type}"))
    return Graph(graph.inputs, [_block(graph, output, node, mode) for output in graph.outputs for node in nodes])


def _block(graph: Graph, output: Node, node: Node, mode: str) -> Node:
    if mode == "reverse" or (mode == "auto" and _prefers_reverse(output, node)):
        writes = element_writes(graph, output)
        return _batched_rows(output, node) if writes is None else rows_by_element(output, writes, [node])[0]
    reads = element_reads(Graph(graph.inputs, [output]), node)
    return _batched_columns(output, node) if reads is None else columns_by_element([output], node, reads)[0]


def _prefers_reverse(output: Node, node: Node) -> bool:
    inputs, outputs = node.type.size, output.type.size
    if isinstance(inputs, int) and isinstance(outputs, int):
        return outputs < inputs
    return isinstance(outputs, int) or (isinstance(inputs, Dim) and _is_multiple(inputs, outputs))


def _is_multiple(size: Dim, of: Dim) -> bool:
    """Whether a size is another one times more than 1, whatever the named sizes are, as long as they are not 0."""
    if len(size.terms) != 1 or len(of.terms) != 1:
        return False
    (names, count), (divisor, each) = size.terms[0], of.terms[0]
    rest = Counter(names) - Counter(divisor)
    return Counter(divisor) <= Counter(names) and count >= each > 0 and (count > each or bool(rest))


def _batched_columns(output: Node, node: Node) -> Node:
    tangent = fresh_input("tangent", node.type)
    found = push_forward([output], {node: tangent})[0]
    size = node.type.size
    if found is None:
        return _zeros(output, node)
    return _along_units(found, tangent, size, last=True)


def _batched_rows(output: Node, node: Node) -> Node:
    cotangent = fresh_input("cotangent", output.type)
    found = pull_back([output], [cotangent], [node])[0]
    if found is None:
        return _zeros(output, node)
    rows = _along_units(found, cotangent, output.type.size)
    return rows if output.ndim == 1 else ops.reshape(rows, shape=output.shape + node.shape)


def _along_units(found: Node, direction: Node, size: Size, last: bool = False) -> Node:
    """Return what is linear in a direction along each unit vector of its shape, stacked along an axis in front, or at the end."""
    vectors = fresh_input("units", TensorType((size, *direction.shape), direction.dtype))
    return along_units(batch([found], {direction: vectors})[0][0], vectors, last)


def _zeros(output: Node, node: Node) -> Node:
    shape = output.shape + node.shape
    return ops.broadcast_to(constant(0.0, output.dtype), shape=shape) if shape else constant(0.0, output.dtype)


@found_again
def hessian(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Return the second derivatives of the first output, for each pair of ``wrt``. Forward over reverse."""
    return jacobian(Graph(graph.inputs, gradient(graph, wrt, operation="hessian").outputs[: len(wrt)]), wrt, "forward", "hessian")


def hvp(graph: Graph, wrt: Sequence[int]) -> Graph:
    """Return the Hessian times a direction, which is given by further inputs. Forward over reverse."""
    return jvp(Graph(graph.inputs, gradient(graph, wrt, operation="hvp").outputs[: len(wrt)]), wrt)


def derivative(graph: Graph, wrt: Sequence[int], order: int) -> Graph:
    """Return the ``order``-th derivative of every output when all of ``wrt`` move by the same t. Taylor mode.

    Raises
    ------
    ValueError
        When ``order`` is not an integer of at least 0.
    """
    nodes = _select(graph, wrt, "derivative")
    _check_order("derivative", order)
    if order == 0:
        return graph
    return Graph(graph.inputs, nth_derivative(graph.outputs, _ones(nodes), order))


def taylor(graph: Graph, wrt: Sequence[int], order: int) -> Graph:
    """Return for every output its Taylor coefficients 0..order along a leading axis of size ``order + 1``."""
    nodes = _select(graph, wrt, "taylor")
    _check_order("taylor", order)
    series = taylor_series(graph.outputs, _ones(nodes), order)
    return Graph(graph.inputs, [ops.stack(*coefficients, axis=0) for coefficients in series])


def _check_order(operation: str, order: int) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise ValueError(f"{operation}: order must be an integer of at least 0, got {order!r}")


def _ones(nodes: Sequence[Node]) -> dict[Node, Node]:
    result = {}
    for node in nodes:
        one = constant(1.0, node.dtype)
        result[node] = ops.broadcast_to(one, shape=node.shape) if node.ndim else one
    return result
