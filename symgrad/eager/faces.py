"""What every face of a value shares: its node, lifting of operands to one element type, and operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symgrad.dtypes import DType, bool_, int64, result_dtype
from symgrad.eager.values import AnyArray, bound_input, concrete, is_plain, value_of
from symgrad.errors import DTypeError, TraceError, at_user_line
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
    """Return one operand as a node: a face, a number, a NumPy array, or a nested list of those."""
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


def binary(name: str, left: Any, right: Any, face: type[Face]) -> Any:
    """Return a binary operator's result; NotImplemented for operands that are not numbers or arrays."""
    if isinstance(left, Face) and isinstance(right, Face):
        a, b = left.node, right.node
        if a.dtype is b.dtype and not (name == "div" and not a.dtype.is_floating):
            return face(apply_primitive(name, a, b))
    for value in (left, right):
        if not isinstance(value, (Face, *Number, np.ndarray, np.generic, list, tuple)):
            return NotImplemented
    nodes = lift((left, right), face.default_float, floating=name == "div")
    return face(apply_primitive(name, *nodes))


def power(left: Any, right: Any, face: type[Face]) -> Any:
    """Return ``left ** right``; an integer Python exponent is exact multiplication, not ``pow``.

    Raises
    ------
    TraceError
        For an integer base with an integer exponent that is no Python number: its result would be an integer, which
        only repeated multiplication gives exactly.
    """
    exponent = _integer_exponent(right)
    if exponent is not None and isinstance(left, Face):
        node = left.node
        if not node.dtype.is_floating and isinstance(right, float):
            node = as_float(node, face.default_float)
        if node.dtype.is_bool:
            node = ops.cast(node, dtype=int64)
        if exponent < 0 and not node.dtype.is_floating:
            raise DTypeError(at_user_line("power: integers to negative integer powers are not allowed; make the base a float"))
        return face(ops.integer_pow(node, exponent=exponent))
    if isinstance(right, float) and right == 0.5 and isinstance(left, Face):
        return face(ops.sqrt(as_float(left.node, face.default_float)))
    common = lift((left, right), face.default_float)
    if not common[0].dtype.is_floating:
        whole = "power: an integer base needs a Python int as its exponent, for the result is an integer"
        raise TraceError(at_user_line(f"{whole}; make the base a float, as in x.astype(float) ** k or 2.0 ** k"))
    return face(ops.pow(*common))


def _integer_exponent(value: Any) -> int | None:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 64:  # beyond, products lose more than pow
        return int(value)
    return None


def bitwise(name: str, left: Any, right: Any, face: type[Face]) -> Any:
    """Return ``&``, ``|`` or ``^`` of booleans."""
    nodes = [lift_one(v, face.default_float) for v in (left, right)]
    for node in nodes:
        if node.dtype is not bool_:
            raise DTypeError(at_user_line(f"{name}: works on bool, got {', '.join(str(n.type) for n in nodes)}"))
    return face(getattr(ops, name)(*nodes))


def truth(face: Face) -> bool:
    """Return the truth value of a single number whose value is known."""
    value = value_of(face.node, "if, while, and, or, not on a traced value")
    if value.size != 1:
        raise TraceError(at_user_line("truth value: an array of more than one element is ambiguous; use .any() or .all()"))
    return bool(value.reshape(()))


class Operators(Face):
    """Python's operators, the same for both faces."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # a Tensor has none: it would make all its attributes slow
        if name == "_node":
            whole, k = self.postponed
            self._node = whole.nodes[k]
            return self._node
        return object.__getattribute__(self, name)  # raises

    if TYPE_CHECKING:  # set below, one line each

        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __rfloordiv__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...
        def __rmod__(self, other: Any) -> Any: ...

    def __bool__(self) -> bool:
        return truth(self)

    def __neg__(self) -> Any:
        return self.face_type()(ops.neg(self.node))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.face_type()(apply_primitive("abs", self.node))

    def __round__(self, ndigits: int | None = None) -> Any:
        """Return halves rounded to even; a number without ``ndigits`` becomes an integer, as Python's do."""
        node = self.node
        if not node.dtype.is_floating:
            return self
        scale = constant(10.0 ** (ndigits or 0), node.dtype)
        rounded = ops.div(ops.round(ops.mul(node, scale)), scale) if ndigits else ops.round(node)
        return self.face_type()(ops.cast(rounded, dtype=int64) if ndigits is None and not node.ndim else rounded)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __invert__(self) -> Any:
        node = self.node
        if node.dtype is not bool_:
            raise DTypeError(at_user_line(f"~: works on bool, got {node.type}; use 1 - x or sg.logical_not"))
        return self.face_type()(ops.logical_not(node))

    def __pow__(self, other: Any) -> Any:
        return power(self, other, self.face_type())

    def __rpow__(self, other: Any) -> Any:
        return power(other, self, self.face_type())

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", self, other, face=face_of((self, other), self.face_type()))

    def __rmatmul__(self, other: Any) -> Any:
        return apply("matmul", other, self, face=self.face_type())


def _operator(name: str, reverse: bool = False) -> Callable[[Any, Any], Any]:
    floats_only = name == "div"
    unit = 1 if name == "mul" or (name == "div" and not reverse) else None

    def operator(self: Face, other: Any) -> Any:
        kind = type(other)
        if (kind is int or kind is float) and other == unit and self.node.dtype.is_floating:
            return self.face_type()(self.node)  # rewriting would find that too, and build again all that follows
        if kind is type(self) or kind is float:  # the common cases, without the general rule of promotion
            a = self.node
            b = constant(other, a.type.dtype) if kind is float else other.node
            if a.type.dtype is b.type.dtype and (a.type.dtype.is_floating or (kind is not float and not floats_only)):
                if a.type.dtype is bool_:
                    return self.face_type()(apply_primitive(name, b, a) if reverse else apply_primitive(name, a, b))
                primitive = getattr(ops, name)
                return self.face_type()(primitive(b, a) if reverse else primitive(a, b))
        face = face_of((self, other), self.face_type())
        return binary(name, other, self, face) if reverse else binary(name, self, other, face)

    return operator


for _python, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
}.items():  # fmt: skip
    setattr(Operators, f"__{_python}__", _operator(_name))
    setattr(Operators, f"__r{_python}__", _operator(_name, reverse=True))
for _python in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Operators, f"__{_python}__", _operator(_python))
for _python, _name in {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}.items():
    setattr(Operators, f"__{_python}__", lambda s, o, n=_name: bitwise(n, s, o, s.face_type()))
    setattr(Operators, f"__r{_python}__", lambda s, o, n=_name: bitwise(n, o, s, s.face_type()))
Operators.__hash__ = Face.__hash__  # type: ignore[method-assign]  # defining == on a class drops it
