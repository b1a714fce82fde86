"""Primitives and the hash-consed nodes that apply them.

A node is identified by its primitive, its inputs and its attributes; two equal nodes are one object, so
equality is identity and common subexpressions are shared by construction.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from symgrad.dtypes import DType, as_dtype, from_numpy
from symgrad.ir.attributes import ArrayConstant, Range, attributes_key, typed_key
from symgrad.ir.dims import Size
from symgrad.ir.kinds import Derivative, Lowering, Structure, Zero
from symgrad.ir.types import TensorType, Type

__all__ = [
    "ArrayConstant",
    "Composite",
    "Node",
    "Ops",
    "Primitive",
    "Range",
    "constant",
    "fresh_input",
    "like",
    "ops",
    "typed_key",
]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation, stated once; every transform, test and template follows from this record.

    Attributes
    ----------
    name : str
    type_rule : callable
        ``type_rule(name, types, **attributes)`` returns the result's type, or raises ShapeError or DTypeError.
    numpy : callable
        ``numpy(*arrays, **attributes)``: the reference value. Sizes in attributes arrive as ints.
    derivative : Derivative
    lowering : Lowering
    elementwise : bool
        One result element from the elements at the same (broadcast) index.
    batch : callable or None
        ``batch(inputs, batched, **attributes)``: the node for a leading batch axis on the inputs flagged in
        ``batched``; None for elementwise primitives, which vmap aligns by itself.
    sympy : str, callable or None
        Name in SymPy, or ``f(*exprs, **attributes)``; also the exact oracle of the tests.
    samples : tuple
        Domains the generic tests draw from.
    ulp : float
        How far generated C may be from the reference, in units in the last place; ``ulp_reason`` says why.
    doc : str
        Formula, convention at kinks, source.
    """

    name: str
    type_rule: Callable[..., Type]
    numpy: Callable[..., Any]
    derivative: Derivative
    lowering: Lowering
    elementwise: bool = True
    batch: Callable[..., Node] | None = None
    sympy: str | Callable[..., Any] | None = None
    samples: tuple[Any, ...] = ()
    ulp: float = 4.0
    ulp_reason: str = ""
    doc: str = ""

    def __call__(self, *inputs: Node, **attributes: Any) -> Node:
        """Return the node that applies this primitive to ``inputs``; the same object for the same application."""
        key: Any
        if attributes:
            key = (self, *map(id, inputs), attributes_key(attributes))
        elif len(inputs) == 2:  # spelled out for one and two operands: this is where building a graph spends its time
            a, b = inputs
            key = self, id(a), id(b)
        else:
            key = (self, id(inputs[0])) if len(inputs) == 1 else (self, *map(id, inputs))
        found = _table.get(key)
        if found is not None and (node := found()) is not None:
            return node
        type_: Type
        if attributes:
            type_ = _one_object(self.type_rule(self.name, [i.type for i in inputs], **attributes))
        else:
            last = _last_types.get(self)
            if last is not None and len(inputs) == 2 and last[0] is inputs[0].type is inputs[1].type and last[1] == 2:
                type_ = last[2]
            else:
                type_ = self._type_of(inputs)
        node = Node(self, inputs, attributes or _NONE, type_)
        entry = weakref.ref(node)
        found = _table.setdefault(key, entry)
        return node if found is entry and len(_table) <= _limit else _settle(key, found, entry, node)

    def _type_of(self, inputs: tuple[Node, ...]) -> Type:
        """Return the type for operands without attributes; what operands of one type gave last is remembered."""
        first = inputs[0].type if inputs else None
        for operand in inputs:
            if operand.type is not first:
                return self.type_rule(self.name, [i.type for i in inputs])
        last = _last_types.get(self)
        if last is not None and last[0] is first and last[1] == len(inputs):
            return last[2]
        result = _one_object(self.type_rule(self.name, [i.type for i in inputs]))
        _last_types[self] = first, len(inputs), result
        return result

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (ops, self.name)


@dataclass(frozen=True, eq=False)
class Composite:
    """A named function that is written out in primitives when it is traced (mean, var, einsum, ...).

    ``definition(*inputs, **attributes)`` builds the nodes; ``numpy`` is the independent reference of the tests.
    """

    name: str
    definition: Callable[..., Node]
    numpy: Callable[..., Any]
    samples: tuple[Any, ...] = ()
    doc: str = ""

    def __call__(self, *inputs: Node, **attributes: Any) -> Node:
        """Return the expression for ``inputs``."""
        return self.definition(*inputs, **attributes)


class Node:
    """A value in a graph: a primitive applied to inputs. Immutable; made by calling a primitive.

    Operators build nodes; a Python number takes the other operand's element type.
    """

    __slots__ = ("__weakref__", "attributes", "inputs", "primitive", "type")
    __array_ufunc__ = None

    primitive: Primitive
    inputs: tuple[Node, ...]
    attributes: dict[str, Any]
    type: Any  # TensorType everywhere but under `project`, which checks

    def __init__(self, primitive: Primitive, inputs: tuple[Node, ...], attributes: dict[str, Any], type_: Type) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.attributes = attributes
        self.type = type_

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    @property
    def shape(self) -> tuple[Size, ...]:
        """Sizes of the axes."""
        shape: tuple[Size, ...] = self.type.shape
        return shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.type.shape)

    @property
    def dtype(self) -> DType:
        """Element type."""
        dtype: DType = self.type.dtype
        return dtype

    def __repr__(self) -> str:
        return f"<{self.primitive.name}: {self.type}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Node cannot be pickled: pickle the Graph that holds it")

    def __bool__(self) -> NoReturn:
        raise TypeError("a Node has no truth value; compare nodes with `is`")

    def __add__(self, other: Node | float) -> Node:
        return ops.add(self, other if isinstance(other, Node) else like(other, self))

    def __radd__(self, other: float) -> Node:
        return ops.add(like(other, self), self)

    def __sub__(self, other: Node | float) -> Node:
        return ops.sub(self, other if isinstance(other, Node) else like(other, self))

    def __rsub__(self, other: float) -> Node:
        return ops.sub(like(other, self), self)

    def __mul__(self, other: Node | float) -> Node:
        return ops.mul(self, other if isinstance(other, Node) else like(other, self))

    def __rmul__(self, other: float) -> Node:
        return ops.mul(like(other, self), self)

    def __truediv__(self, other: Node | float) -> Node:
        return ops.div(self, other if isinstance(other, Node) else like(other, self))

    def __rtruediv__(self, other: float) -> Node:
        return ops.div(like(other, self), self)

    def __neg__(self) -> Node:
        return ops.neg(self)

    def __pow__(self, exponent: int) -> Node:
        return ops.integer_pow(self, exponent=exponent)

    def __lt__(self, other: Node | float) -> Node:
        return ops.lt(self, like(other, self))

    def __le__(self, other: Node | float) -> Node:
        return ops.le(self, like(other, self))

    def __gt__(self, other: Node | float) -> Node:
        return ops.gt(self, like(other, self))

    def __ge__(self, other: Node | float) -> Node:
        return ops.ge(self, like(other, self))


class Ops:
    """The namespace of primitives and composites, resolved when called, so records never import each other."""

    def register(self, record: Any) -> Any:
        """Add a Primitive or Composite under its name and return it; a name is registered once."""
        if record.name in self.__dict__:
            raise ValueError(f"primitive {record.name!r} is registered twice")
        self.__dict__[record.name] = record
        return record

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Primitive: ...

    def primitives(self) -> tuple[Primitive, ...]:
        """All primitive records, by name."""
        return tuple(r for _, r in sorted(self.__dict__.items()) if isinstance(r, Primitive))

    def composites(self) -> tuple[Composite, ...]:
        """All composite records, by name."""
        return tuple(r for _, r in sorted(self.__dict__.items()) if isinstance(r, Composite))


ops = Ops()

# Keys name operands by id. An entry whose node lives keeps its operands alive, so their ids stay theirs; an entry whose
# node died answers None, whatever its ids have come to mean. So dead entries hold nothing and may wait to be swept.
_table: dict[Any, weakref.ref[Node]] = {}
_last_types: dict[Primitive, tuple[Type | None, int, Type]] = {}
_NONE: dict[str, Any] = {}  # the attributes of all nodes that have none
_numbers: dict[tuple[type, float, DType], weakref.ref[Node]] = {}  # constants made lately, zeros and nans left out
_MOST_NUMBERS = 4096
_scalars: dict[DType, TensorType] = {}
_lock = threading.RLock()  # re-entrant: sweeping may free nodes, and what they free may build others
_serial = itertools.count()
_SWEEP_AT = 1 << 15
_limit = _SWEEP_AT


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603  # after a fork nobody holds what another thread of the parent held
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _one_object(type_: Type) -> Type:
    """Return the one object for the type of a 0-d value, so that types of numbers compare by identity."""
    if isinstance(type_, TensorType) and not type_.shape:
        return _scalars.setdefault(type_.dtype, type_)
    return type_


def _settle(key: Any, found: weakref.ref[Node], entry: weakref.ref[Node], node: Node) -> Node:
    """Enter a node in the place of a dead one, unless another thread did, and see that the table stays small."""
    if found is not entry:
        with _lock:
            other = _table[key]() if key in _table else None
            if other is not None:  # another thread built it first
                return other
            _table[key] = entry
    if len(_table) > _limit:
        _sweep()
    return node


def _sweep() -> None:
    """Drop entries whose nodes died; the limit grows with those that live, so the cost stays constant for each node."""
    global _limit  # noqa: PLW0603  # the size of a process-wide table
    with _lock:
        for key, entry in _table.copy().items():  # other threads add entries meanwhile
            if entry() is None:
                del _table[key]
        _limit = max(_SWEEP_AT, 2 * len(_table))


def _constant_type(name: str, types: Sequence[TensorType], *, value: Any, dtype: DType) -> TensorType:
    return TensorType(value.array.shape if isinstance(value, ArrayConstant) else (), dtype)


def _input_type(name: str, types: Sequence[TensorType], *, label: str, serial: int, type: Type) -> Type:
    return type


def _constant_value(*, value: Any, dtype: DType) -> Any:
    return value.array if isinstance(value, ArrayConstant) else dtype.numpy.type(value)


def _no_value(**attributes: Any) -> NoReturn:
    raise TypeError("an input has no value of its own")


_constant: Primitive = ops.register(
    Primitive("constant", _constant_type, _constant_value, Zero(), Structure("leaf"), elementwise=False)
)
_input: Primitive = ops.register(Primitive("input", _input_type, _no_value, Zero(), Structure("leaf"), elementwise=False))


def constant(value: Any, dtype: DType | None = None) -> Node:
    """Return the node of a constant: a Python number as a 0-d value, or an array of any shape.

    Parameters
    ----------
    value : bool, int, float or array_like
    dtype : DType, optional
        Default: that of the array, or float64, int64, bool for a Python number.
    """
    if isinstance(value, (bool, int, float)):
        kind = dtype or as_dtype(type(value))
        key = type(value), value, kind
        found = _numbers.get(key)
        if found is not None and (node := found()) is not None:
            return node
        node = _constant(value=kind.numpy.type(value).item(), dtype=kind)
        if value and value == value:  # noqa: PLR0124  # not a zero, which has a sign, nor nan
            if len(_numbers) >= _MOST_NUMBERS:
                _numbers.clear()
            _numbers[key] = weakref.ref(node)
        return node
    array = np.asarray(value)
    kind = dtype or from_numpy(array.dtype)
    if array.ndim:
        return _constant(value=ArrayConstant(array.astype(kind.numpy)), dtype=kind)
    value = array.item()
    return _constant(value=kind.numpy.type(value).item(), dtype=kind)


def fresh_input(label: str, type_: Type) -> Node:
    """Return a new input node, distinct from every other one."""
    return _input(label=label, serial=next(_serial), type=type_)


def like(value: Node | float, other: Node) -> Node:
    """Return ``value`` as a node; a Python number becomes a 0-d constant of ``other``'s element type."""
    if isinstance(value, Node):
        return value
    return constant(value, other.dtype)
