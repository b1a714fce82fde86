"""Recorded values: what an eager Tensor holds, pending until somebody asks for it.

Everything is in single-assignment form: a record is one value and never changes, an in-place write gives the
storage another record. So an operation that is still pending means the data at the moment it was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symgrad.dtypes import DType, bool_, float64, from_numpy, int64
from symgrad.eager.grad_mode import mode, next_serial
from symgrad.eager.values import is_plain
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

if TYPE_CHECKING:
    from symgrad.eager.storage import Hidden

__all__ = [
    "LONGEST_WINDOW",
    "SCALARS",
    "Assigned",
    "Bare",
    "Edge",
    "Record",
    "Signature",
    "Token",
    "inference_type",
    "is_inference_type",
    "known",
    "leaf",
    "next_serial",
    "node_leaf",
    "normal_type",
    "normal_types",
    "pending",
    "type_of",
]

AnyArray = np.ndarray[Any, Any]

LONGEST_WINDOW = 1000  # operations that may wait before they are run

_inference_types: dict[int, TensorType] = {}  # by the id of the type they are twins of, which lasts
normal_types: dict[int, TensorType] = {}  # by the id of the twin; empty before the first


def inference_type(type_: TensorType) -> TensorType:
    """Return the twin of a type that Tensors made in inference mode have, so that operations on them are told apart."""
    if id(type_) in normal_types:
        return type_
    found = _inference_types.get(id(type_))
    if found is None:
        found = _inference_types[id(type_)] = TensorType(type_.shape, type_.dtype)
        normal_types[id(found)] = type_
    return found


def normal_type(type_: TensorType) -> TensorType:
    """Return the type that a twin is one of; another type as it is."""
    return normal_types.get(id(type_), type_)


def is_inference_type(type_: TensorType) -> bool:
    """Whether a Tensor of this type was made in inference mode."""
    return id(type_) in normal_types


_types: dict[tuple[Any, DType], TensorType] = {}


def type_of(shape: Any, dtype: DType) -> TensorType:
    """Return the one object for a type, so that recorded types compare by identity."""
    found = _types.get((shape, dtype))
    return found or _types.setdefault((shape, dtype), TensorType(shape, dtype))


SCALARS: dict[type, TensorType] = {kind: type_of((), dtype) for kind, dtype in ((float, float64), (int, int64), (bool, bool_))}


class Edge(Protocol):
    """Where a cotangent goes: the record that made a value, or the accumulator of a leaf."""

    serial: int


class Signature:
    """A recorded operation for operands of given types: a small graph, made once and recorded many times.

    Attributes
    ----------
    name : str
        What the tape calls it, as in ``MulBackward0``.
    graph : Graph
        Its inputs are the operands.
    types : tuple of TensorType
        The types of the results.
    carries : tuple of bool
        For each result, whether a derivative can pass through it.
    view : bool
        Whether the result shares the first operand's storage.
    """

    index = -1  # of a projection, which result it takes
    undifferentiable = ""  # the operation's name where a derivative must not be asked for

    def __init__(self, name: str, graph: Graph, view: bool = False) -> None:
        self.name = name
        self.graph = graph
        self.types = tuple([type_of(o.shape, o.dtype) for o in graph.outputs])
        self.type = self.types[0] if self.types else type_of((), float64)
        self.view = view
        self.carries = _carries(graph)
        self.single = len(self.types) == 1
        self.tracks = self.carries[0] if self.carries else False

    @cached_property
    def copied(self) -> Signature:
        """The same operation with a result of its own, for one whose result shares the operand's storage."""
        return Signature(self.name, self.graph)

    def __repr__(self) -> str:
        return f"<Signature {self.name} {self.graph!r}>"


def _carries(graph: Graph) -> tuple[bool, ...]:
    """Return for each output whether a floating input reaches it through floating values."""
    reached = {i for i in graph.inputs if i.dtype.is_floating}
    for node in graph.order:
        if node in reached or node.primitive is ops.stop_gradient or not isinstance(node.type, TensorType):
            if not isinstance(node.type, TensorType) and not reached.isdisjoint(node.inputs):
                reached.add(node)
            continue
        if node.dtype.is_floating and not reached.isdisjoint(node.inputs):
            reached.add(node)
    return tuple([o in reached for o in graph.outputs])


class Assigned:
    """Where the data of a leaf are after ``x.data = y``: backward reads a saved leaf as it is then."""

    __slots__ = ("value",)
    by = None

    def __init__(self, value: Record) -> None:
        self.value = value


class _Rare:
    """What only few records have."""

    __slots__ = ("grad_fn", "line", "node", "packed", "power", "stand_ins", "tied")

    def __init__(self) -> None:
        self.node: Node | None = None
        self.grad_fn: Any = None
        self.power = False
        self.packed: Any = None
        self.stand_ins: Any = None
        self.tied = False
        self.line = ""


_NONE = _Rare()  # what all other records have


def _rare(name: str, doc: str) -> Any:
    """Return the property that reads and writes one attribute of ``rare``."""
    read = attrgetter(name)

    def get(record: Record) -> Any:
        return read(record.rare or _NONE)

    def put(record: Record, value: Any) -> None:
        if record.rare is None:
            record.rare = _Rare()
        setattr(record.rare, name, value)

    return property(get, put, doc=doc)


class Token:
    """What the records of one window carry.

    Attributes
    ----------
    plan : object
        What was last run for them.
    hooked : bool
        Whether one of them has hooks, or keeps its gradient.
    """

    plan: Any = None
    hooked = False


class Record:
    """One value, and how it came about.

    Attributes
    ----------
    signature : Signature or None
        The operation; None for a leaf.
    inputs : tuple of Record
    edges : tuple or None
        For each input the edge its cotangent takes, None where it has none; None when nothing is tracked.
    type : TensorType
    serial : int
        Rises with time, so that it orders records topologically.
    data : ndarray, number or None
        The value, once it is known. Of a leaf that is a Python number, the number.
    """

    __slots__ = (
        "__weakref__", "data", "edges", "exposed", "freed", "gradient", "inputs", "moved", "number", "overwritten", "rare",
        "serial", "signature", "token", "type",
    )  # fmt: skip

    signature: Signature | None
    inputs: tuple[Record, ...]
    edges: tuple[Any, ...] | None
    type: TensorType
    serial: float  # of a leaf -1: before everything
    token: Token | None  # of the window it has a number in
    number: int
    data: Any
    overwritten: tuple[int, list[int], Record] | None  # once its storage was written: the version it was, the counter,
    # and the record that was written
    moved: Hidden | Assigned | None  # where the value is now that was changed behind autograd's back
    freed: bool  # what backward needs was given up
    gradient: Any  # hooks and whatever else only few records have, see tape.py
    exposed: bool  # other code may write the data
    rare: _Rare | None

    def __init__(
        self, signature: Signature | None, inputs: tuple[Record, ...], edges: tuple[Any, ...] | None, type_: TensorType
    ) -> None:
        self.signature = signature
        self.inputs = inputs
        self.edges = edges
        self.type = type_
        self.serial = next_serial()
        self.token = self.data = self.overwritten = self.moved = self.gradient = self.rare = None
        self.number = 0
        self.freed = self.exposed = False

    @property
    def node(self) -> Node | None:
        """Where it stands in a trace."""
        return (self.rare or _NONE).node

    @node.setter
    def node(self, value: Node | None) -> None:
        self.rare = self.rare or _Rare()
        self.rare.node = value

    grad_fn = _rare("grad_fn", "The object that Python sees.")
    power = _rare("power", "Whether it belongs to the derivative of a power; see replaying.py.")
    tied = _rare("tied", "Whether its value is known and it depends on an argument of a trace.")
    packed = _rare("packed", "What it saves for backward, put away by hooks; see saving.py.")
    stand_ins = _rare("stand_ins", "Inputs of graphs that stand for it; see programs.py.")
    line = _rare("line", "Under anomaly detection, where it was recorded.")

    def alias(self) -> Record:
        """Return the same value as another record, which no write marks: of a view a copy."""
        signature = self.signature.copied if self.signature is not None and self.signature.view else self.signature
        made = Record(signature, self.inputs, self.edges, self.type)
        made.data, made.serial = self.data, self.serial
        if self.rare is not None:
            made.node, made.tied = self.node, self.tied
        return made

    def settle(self, value: AnyArray) -> None:
        """Take the value; how it came about is forgotten unless the tape or a shared storage may ask."""
        if mode.tracing and not self.is_plain:
            self.tied = True
        elif self.edges is None and not self.signature.view:  # type: ignore[union-attr]  # a leaf has its value
            self.inputs = ()
        self.data = value

    @property
    def is_plain(self) -> bool:
        """Whether it depends on values alone, on no argument of a trace."""
        return self.is_plain_beside(set())

    def is_plain_beside(self, known: set[Record]) -> bool:
        """Whether it is plain, where others are known to be; they become more."""
        stack, seen = [self], {self}
        while stack:
            one = stack.pop()
            if one.tied or (one.node is not None and not is_plain([one.node])):
                return False
            if one.data is not None:
                continue
            if one.signature is None:
                if one.node is None:
                    return False
                continue
            new = [i for i in one.inputs if i not in seen and i not in known]
            seen.update(new)
            stack.extend(new)
        known |= seen
        return True

    def __repr__(self) -> str:
        name = "leaf" if self.signature is None else self.signature.name
        return f"<Record {self.serial} {name}: {self.type}{'' if self.data is None else ', known'}>"


class Bare(Record):
    """A record that is made without arguments, its attributes still to be set: the cheapest way to make one."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __init__ = object.__init__


def leaf(value: Any) -> Record:
    """Return the record of an ndarray, taken as it is, or of a Python number."""
    return known(SCALARS.get(type(value)) or type_of(value.shape, from_numpy(value.dtype)), value)


def known(type_: TensorType, value: Any) -> Record:
    """Return the record of a value of this type."""
    record = Bare()
    record.signature = record.edges = record.token = record.overwritten = record.moved = record.gradient = record.rare = None
    record.inputs = ()
    record.type = type_
    record.serial = -1
    record.number = 0
    record.data = value
    record.freed = record.exposed = False
    return record


def node_leaf(node: Node) -> Record:
    """Return the record of a value of a trace."""
    record = Record(None, (), None, type_of(node.shape, node.dtype))
    record.node = node
    return record


def pending(roots: Sequence[Record]) -> list[Record]:
    """Return the records that must be computed for ``roots``, in order."""
    found = {r for r in roots if r.data is None and r.signature is not None}
    stack = list(found)
    while stack:
        for operand in stack.pop().inputs:
            if operand.data is None and operand not in found and operand.signature is not None:
                found.add(operand)
                stack.append(operand)
    return sorted(found, key=_serial)


def _serial(record: Record) -> float:
    return record.serial
