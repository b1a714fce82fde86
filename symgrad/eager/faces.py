"""What every face of a value shares: its node, and the lifting of operands to one element type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symgrad.dtypes import DType, bool_, int64, result_dtype
from symgrad.eager.values import AnyArray, bound_input, concrete, is_plain, value_of
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.dims import Dim
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.graph import Graph

__all__ = ["Face", "Postponed", "Weak", "apply", "apply_primitive", "as_float", "face_of", "lift", "lift_one"]

Number = (bool, int, float)


@dataclass(frozen=True, slots=True)
class Weak:
    """A Python number given as an operand of a recorded operation: its value comes later, it adapts to what it meets.

    Attributes
    ----------
    node : Node
        A 0-d float64, int64 or bool.
    kind : type
        ``float``, ``int`` or ``bool``.
    """

    node: Node
    kind: type

    @property
    def dtype(self) -> DType:
        """Element type of the number itself."""
        return self.node.dtype


class Postponed:
    """A graph applied to nodes, written out when one of its results is used.

    A derivative is a graph in inner inputs, and writing it out in what they stand for builds every node again. It is
    needless where nothing follows the derivative: then a trace takes the graph as it is.
    """

    def __init__(self, graph: Graph, arguments: Sequence[Node]) -> None:
        self.graph = graph
        self.arguments = tuple(arguments)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The results in terms of the arguments."""
        return self.graph(*self.arguments)

    def faces(self, face: type[Face]) -> list[Any]:
        """Return the results as faces."""
        if not face.postpones:
            return face.settled(self.nodes)
        result = []
        for k, node in enumerate(self.graph.outputs):
            one = face(node)
            del one._node
            one.postponed = self, k
            result.append(one)
        return result


class Face:
    """A traced value. Subclasses give it the meanings of NumPy (Array) or of torch (Tensor)."""

    __slots__ = ("__weakref__", "_node", "postponed")

    default_float: ClassVar[DType]
    postpones: ClassVar[bool] = True  # whether it may stand for a graph that is not written out yet
    if TYPE_CHECKING:  # every face says it in its own library's terms

        @property
        def shape(self) -> Any:
            """Sizes of the axes."""

        @property
        def ndim(self) -> int:
            """How many axes there are."""
            raise NotImplementedError

    _node: Node  # missing while the value is postponed
    postponed: tuple[Postponed, int]

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def is_postponed(self) -> bool:
        """Whether the value is a result of a graph that is still to be written out."""
        try:
            object.__getattribute__(self, "_node")
        except AttributeError:
            return True
        return False

    @property
    def node(self) -> Node:
        """The value's place in the graph."""
        return self._node

    def array_value(self) -> AnyArray:
        """Return the values as an ndarray that must not be written."""
        return value_of(self.node)

    @property
    def is_plain(self) -> bool:
        """Whether this depends on arrays alone, on no argument of a trace under way."""
        return is_plain([self.node])

    @classmethod
    def on_tape(
        cls, graph: Callable[[], Graph], known: dict[Any, Any], leaves: Sequence[Any], outputs: Sequence[AnyArray]
    ) -> list[Any]:
        """Return the outputs of native code as values of this kind."""
        return [cls(bound_input(o, "result")) for o in outputs]

    @classmethod
    def settled(cls, nodes: Sequence[Node]) -> list[Any]:
        """Return what a transform found, as values of this kind."""
        return [cls(node) for node in nodes]

    @classmethod
    def face_type(cls) -> type[Face]:
        """Return the class that results have."""
        return cls

    def __hash__(self) -> int:
        return id(self)


def face_of(values: Sequence[Any], default: type[Face]) -> type[Face]:
    """Return the face that a function of ``values`` answers with: torch's if any operand is one."""
    found = default
    for value in values:
        if isinstance(value, Face):
            if value.default_float is not default.default_float:
                return value.face_type()
            found = value.face_type()
    return found


def lift_one(value: Any, default: DType, dtype: DType | None = None) -> Node:
    """Return one operand as a node: a face, a number, a NumPy array, or a nested list of those.

    Raises
    ------
    TraceError
        For anything else.
    """
    if isinstance(value, (Face, Node, Weak)):
        node = value if isinstance(value, Node) else value.node
        return node if dtype is None or node.dtype is dtype else ops.cast(node, dtype=dtype)
    if isinstance(value, Number) and not isinstance(value, np.generic):
        number = dtype or (default if isinstance(value, float) else None)
        return constant(value, number)
    if isinstance(value, (list, tuple)):
        return _stack(value, default, dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        return concrete(np.asarray(value), dtype)
    if isinstance(value, Dim):
        return ops.dim_size(dim=value)
    kind = f"{type(value).__module__}.{type(value).__name__}"
    raise TraceError(at_user_line(f"operand: expected an array, a number or a traced value, got {kind}"))


def _stack(values: Sequence[Any], default: DType, dtype: DType | None) -> Node:
    if not any(isinstance(leaf, Face) for leaf in _leaves(values)):
        array = np.asarray(values)
        if array.dtype.kind == "f":  # a list of Python floats takes the face's default
            array = array.astype((dtype or default).numpy)
        return concrete(array, dtype)
    if not values:
        raise TraceError(at_user_line("operand: an empty list has no element type"))
    nodes = [lift_one(v, default, dtype) for v in values]
    common = result_dtype([n.dtype for n in nodes], (), (), default)
    return ops.stack(*[n if n.dtype is common else ops.cast(n, dtype=common) for n in nodes], axis=0)


def _leaves(values: Any) -> list[Any]:
    found: list[Any] = []
    stack = [values]
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple)):
            stack.extend(value)
        else:
            found.append(value)
    return found


def lift(values: Sequence[Any], default: DType, floating: bool = False) -> list[Node]:
    """Return operands as nodes of one element type, by torch's promotion rule.

    Python numbers adapt to the arrays they meet; 0-d arrays do not widen arrays with axes. With ``floating``,
    integer and bool operands become the default float.
    """
    nodes: list[Node | None] = []
    dimensioned: list[DType] = []
    zero_dim: list[DType] = []
    scalars: list[type] = []
    for value in values:
        kind = type(value)
        if kind is float or kind is int or kind is bool or kind is Weak:
            nodes.append(None)
            scalars.append(value.kind if kind is Weak else kind)
            continue
        node = lift_one(value, default)
        nodes.append(node)
        (dimensioned if node.type.shape else zero_dim).append(node.dtype)
    common = result_dtype(dimensioned, zero_dim, scalars, default)
    if floating and not common.is_floating:
        common = default
    return [_fit(node, value, common) for node, value in zip(nodes, values, strict=True)]


def _fit(node: Node | None, value: Any, dtype: DType) -> Node:
    if node is None:
        if not isinstance(value, Weak):
            return constant(value, dtype)
        node = value.node
    return node if node.dtype is dtype else ops.cast(node, dtype=dtype)


def as_float(node: Node, default: DType) -> Node:
    """Return a node in floating type, integers and bools as the default float."""
    return node if node.dtype.is_floating else ops.cast(node, dtype=default)


def apply(name: str, *values: Any, face: type[Face], floating: bool = False, **attributes: Any) -> Any:
    """Return primitive ``name`` of operands lifted to one element type, as a face."""
    nodes = lift(values, face.default_float, floating)
    return face(getattr(ops, name)(*nodes, **attributes))


_OF_BOOLS = {"add": "logical_or", "mul": "logical_and", "maximum": "logical_or", "minimum": "logical_and"}
_COUNTED = {"floor_divide", "remainder", "fmod"}  # NumPy answers int8 for bools, which has no element type here
_WHOLE = {"floor", "ceil", "trunc", "round"}


def apply_primitive(name: str, *nodes: Node) -> Node:
    """Return an elementwise primitive of nodes of one element type, as NumPy extends it to integers and bools.

    ``+`` of bools is or, ``*`` is and, abs is the value; integers are their own floor.
    """
    kind = nodes[0].dtype
    if (name in _WHOLE and not kind.is_floating) or (kind is bool_ and name == "abs"):
        return nodes[0]
    if kind is bool_ and name in _COUNTED:
        nodes = tuple([ops.cast(n, dtype=int64) for n in nodes])
    result: Node = getattr(ops, _OF_BOOLS.get(name, name) if kind is bool_ else name)(*nodes)
    return result
