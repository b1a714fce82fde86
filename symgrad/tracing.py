"""Running a Python function without data: the graph of what it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.dtypes import DType, as_dtype, float64
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face, face_of, lift_one
from symgrad.eager.grad_mode import mode
from symgrad.eager.trees import Tree, flatten, names, unflatten
from symgrad.eager.values import AnyArray, captured_value
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.dims import Size, dim
from symgrad.ir.expr import Node, constant, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType, format_shape

__all__ = ["OuterTraceError", "TensorSpec", "Trace", "run_user_code", "trace"]


class OuterTraceError(TraceError):
    """A function without data of its own that uses a value of a trace under way outside it."""


@dataclass(frozen=True, init=False, slots=True)
class TensorSpec:
    """The type of an argument: sizes are ints, or names that stand for sizes given at each call.

    Parameters
    ----------
    shape : sequence of int or str
        ``("n", 3)``; ``()`` for a number. An int alone is one axis.
    dtype : DType, optional
        Anything ``as_dtype`` takes; float64 by default.

    Raises
    ------
    ShapeError
        For a name that is no identifier.
    ValueError
        For a negative size.
    """

    shape: tuple[Size, ...]
    dtype: DType

    def __init__(self, shape: Any = (), dtype: Any = float64) -> None:
        sizes = (shape,) if isinstance(shape, (int, str)) else tuple(shape)
        found = tuple(dim(s) if isinstance(s, str) else s for s in sizes)
        if any(isinstance(s, int) and s < 0 for s in found):
            raise ValueError(f"TensorSpec: sizes must be at least 0, got {format_shape(found)}")
        object.__setattr__(self, "shape", found)
        object.__setattr__(self, "dtype", as_dtype(dtype))

    @property
    def type(self) -> TensorType:
        """The type of the value."""
        return TensorType(self.shape, self.dtype)

    def __repr__(self) -> str:
        return f"TensorSpec({format_shape(self.shape)}, {self.dtype.name})"


@dataclass(frozen=True, slots=True)
class Trace:
    """A function as a graph.

    Attributes
    ----------
    graph : Graph
        Inputs: the leaves of the arguments, then the arrays the function captured.
    input_names, output_names : tuple of str
    output : Tree
        The nest of the results.
    captured : tuple of ndarray
        Arrays from outside the arguments, as they were when the function was traced.
    face : type
        The face the results have.
    """

    graph: Graph
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    output: Tree
    captured: tuple[AnyArray, ...]
    face: type[Face]


def trace(
    fn: Callable[..., Any],
    trees: Sequence[Tree],
    types: Sequence[TensorType],
    faces: Sequence[type[Face]],
    labels: Sequence[str],
    result: str | tuple[str, ...] = "out",
) -> Trace:
    """Run ``fn`` on traced arguments and return the graph of its results.

    Parameters
    ----------
    fn : callable
    trees : sequence of Tree
        The nest of each positional argument.
    types : sequence of TensorType
        One for each leaf, in order.
    faces : sequence of type
        The face of each leaf: Array, or Tensor for torch's meanings.
    labels : sequence of str
        The name of each positional argument.
    result : str, or tuple of str
        What names of results begin with; a tuple names the members of a tuple of results.

    Raises
    ------
    TraceError
        When the function asks for a value, or returns something that is no array.
    """
    input_names = tuple(name for label, tree in zip(labels, trees, strict=True) for name in names(label, tree))
    inputs = [fresh_input(name, t) for name, t in zip(input_names, types, strict=True)]
    leaves = [_argument(face, node) for face, node in zip(faces, inputs, strict=True)]
    args, start = [], 0
    for tree in trees:
        args.append(unflatten(tree, leaves[start : start + tree.leaves]))
        start += tree.leaves
    found, tree = flatten(run_user_code(fn, args, {}))
    face = face_of(leaves, Array)
    graph = _as_postponed(found, inputs) or Graph(inputs, [_result(value, face) for value in found])
    free = graph.free_inputs
    values = [_captured(node) for node in free]
    closed = Graph([*graph.inputs, *free], graph.outputs) if free else graph
    every = (*input_names, *[f"captured_{k}" for k in range(len(free))])
    return Trace(closed, every, tuple(_result_names(result, tree)), tree, tuple(values), face)


def run_user_code(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return ``fn(*args, **kwargs)``; a TraceError that NumPy wrapped in one of its own errors comes out as it was."""
    of_arrays = any(isinstance(leaf, Array) for leaf in flatten((args, kwargs))[0])
    mode.arrays += of_arrays
    before = mode.begin_trace()
    try:
        return fn(*args, **kwargs)
    except ValueError as error:  # numpy_array[0] = traced_value hides the reason in the cause
        if isinstance(error.__cause__, TraceError):
            raise error.__cause__ from None
        raise
    finally:
        mode.end_trace(before)
        mode.arrays -= of_arrays


def _as_postponed(found: Sequence[Any], inputs: Sequence[Node]) -> Graph | None:
    """Return the graph of results that are those of one derivative in the arguments, in its own inputs in their place.

    None where it is anything else: there an argument itself is used besides.
    """
    if not found or not all(isinstance(value, Face) and value.is_postponed for value in found):
        return None
    whole = found[0].postponed[0]
    own = dict(zip(whole.arguments, whole.graph.inputs, strict=True))
    if any(value.postponed[0] is not whole for value in found):
        return None
    if len(own) < len(whole.arguments) or not own.keys() <= set(inputs):
        return None
    graph = Graph([own.get(i, i) for i in inputs], [whole.graph.outputs[value.postponed[1]] for value in found])
    return graph if own.keys().isdisjoint(graph.free_inputs) else None


def _argument(face: type[Face], node: Node) -> Face:
    return Array(node, argument=True) if face is Array else face(node)


def _result(value: Any, face: type[Face]) -> Node:
    if isinstance(value, (bool, int, float)):
        return constant(value)
    try:
        return lift_one(value, face.default_float)
    except TraceError:
        kind = f"{type(value).__module__}.{type(value).__name__}"
        raise TraceError(f"result: a compiled function returns arrays, numbers and nests of them, got {kind}") from None


def _result_names(result: str | tuple[str, ...], tree: Tree) -> list[str]:
    if isinstance(result, str):
        return names(result, tree)
    if len(result) != len(tree.children):
        return names(result[0], tree)
    return [name for label, child in zip(result, tree.children, strict=True) for name in names(label, child)]


def _captured(node: Node) -> AnyArray:
    value = captured_value(node)
    if value is None:
        label = node.attributes["label"]
        message = f"trace: the function uses {label!r} ({node.type}), a traced value of another function; pass it as an argument"
        raise OuterTraceError(at_user_line(message))
    return value
