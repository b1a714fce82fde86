"""The tape: where cotangents go, and the objects that Python sees of it (``grad_fn``, ``next_functions``)."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import Assigned, Record, Signature, next_serial
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

if TYPE_CHECKING:
    from symgrad.eager.tensor_state import TensorState as Tensor

__all__ = ["Extras", "GradFn", "Handle", "Leaf", "Refused", "extras_of", "grad_fn_of", "is_adrift", "owner"]


class Handle:
    """What a registration of a hook returns: ``remove()`` takes the hook back, also at the end of a ``with`` block."""

    __slots__ = ("_key", "_table")

    def __init__(self, table: dict[int, Any], hook: Any) -> None:
        self._table = table
        self._key = next_serial()
        table[self._key] = hook

    @property
    def id(self) -> int:
        """A number of its own."""
        return self._key

    def remove(self) -> None:
        """Take the hook back; harmless if it is gone."""
        self._table.pop(self._key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


Hooks = dict[int, Callable[..., Any]]


class Extras:
    """What only few entries and leaves have: hooks, and tensors that keep their gradient."""

    __slots__ = ("hooks", "posthooks", "prehooks", "retaining")

    def __init__(self) -> None:
        self.hooks: dict[int, Hooks] = {}  # for each result those of its tensor: they see and replace its cotangent
        self.prehooks: Hooks = {}  # of the entry: they see the cotangents that arrive
        self.posthooks: Hooks = {}  # of the entry: they see what it passes on
        self.retaining: dict[int, weakref.ref[Tensor]] = {}  # for each result the tensor that keeps its gradient


class Leaf:
    """Where the cotangents of a leaf are added up: torch's AccumulateGrad. It holds the gradient.

    The leaf outlives its Python object as long as the tape leads here: what makes it up is kept, not the object, which
    holds this in its turn.

    Attributes
    ----------
    grad : Tensor or None
    type : TensorType
    value : Record or None
        The leaf's present value, unless ``cell``, the storage it shares with others, has it.
    attributes : dict
        Of the Tensor.
    off : bool
        Whether the leaf requires no gradient for now.
    adrift : bool
        Whether it is that of a view made while nothing was recorded: what it is added to, nobody sees.
    """

    __slots__ = (
        "__weakref__",
        "_found",
        "adrift",
        "assigned",
        "attributes",
        "cell",
        "extras",
        "grad",
        "grad_fn",
        "off",
        "posthooks",
        "serial",
        "type",
        "value",
    )

    def __init__(self, type_: TensorType, tensor: Tensor) -> None:
        self.type = type_
        self.adrift = False
        self.grad: Tensor | None = None
        self.assigned: Assigned | None = None
        self.extras: Extras | None = None
        self.posthooks: dict[int, Callable[..., Any]] | None = None
        self.off = False
        self.grad_fn: GradFn | None = None
        self._found = weakref.ref(tensor)
        self.attributes = tensor.__dict__
        self.keep(tensor)
        self.serial = next_serial()

    def keep(self, tensor: Tensor) -> None:
        """Take note of what the leaf is now."""
        self.cell = tensor._cell
        self.value = tensor._value if self.cell is None else None  # else it would hold what was written over

    def tensor(self) -> Tensor:
        """Return the leaf; as a new object where that is gone."""
        tensor = self._found()
        if tensor is None:
            value: Any = self.value if self.cell is None else self.cell.value
            tensor = GradFn.tensor_type.of(value, self)
            tensor.__dict__ = self.attributes
            if self.cell is not None:
                tensor._cell, tensor._stamp = self.cell, -1  # it is brought up to date when it is used
            self._found = weakref.ref(tensor)
        return tensor


def is_adrift(edge: Any) -> bool:
    """Whether an edge leads nowhere: it is that of a view made while nothing was recorded, of what requires a gradient.

    As torch has it, such a view requires a gradient as its base does, and what is computed from it does, but none arrives.
    """
    return type(edge) is Leaf and edge.adrift


class Refused(Record):
    """The place on the tape of a view that must not be used, because its base was written; ``why`` says so."""

    __slots__ = ("why",)

    def __init__(self, type_: TensorType, forbidden: str) -> None:
        graph = Graph([], [fresh_input("x", type_)])
        super().__init__(Signature("Invalid", graph), (), (), type_)
        self.freed = True
        self.why = forbidden.replace("is being modified", "its base or another view of its base has been modified")

    @classmethod
    def of(cls, type_: TensorType, forbidden: str) -> Refused:
        """Return the one for a type and a reason: loops that write through views make many."""
        key = type_, forbidden
        found = _refused.get(key)
        if found is None:
            if len(_refused) >= _MOST_REFUSED:
                _refused.clear()
            found = _refused[key] = cls(type_, forbidden)
        return found


_refused: dict[tuple[TensorType, str], Refused] = {}
_MOST_REFUSED = 256


def extras_of(edge: Any) -> tuple[Extras, int]:
    """Return the hooks of the entry or leaf an edge leads to, made now if it has none, and which result it is."""
    entry, index = owner(edge)
    if isinstance(entry, Leaf):
        entry.extras = entry.extras or Extras()
        return entry.extras, index
    if entry.gradient is None:
        entry.gradient = Extras()
        if entry.token is not None:
            entry.token.hooked = True
            if mode.window is not None and entry.token is mode.window.token:
                mode.window.note(("hooked", entry.number))
    found: Extras = entry.gradient
    return found, index


def owner(edge: Any) -> tuple[Any, int]:
    """Return the tape's entry that an edge leads to, and which of its results it is."""
    if isinstance(edge, Record) and edge.signature is not None and edge.signature.index >= 0:
        return edge.inputs[0], edge.signature.index
    return edge, 0


class GradFn:
    """An entry of the tape as Python sees it; its class has torch's name, as in ``<MulBackward0 object at ...>``."""

    tensor_type: ClassVar[type[Tensor]]  # set by the module of Tensor, which knows this one

    def __init__(self, entry: Any) -> None:
        self._entry = entry

    def name(self) -> str:
        """Return the operation's name, as ``MulBackward0``."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """For each operand the entry its cotangent goes to, and which of that entry's results it is."""
        if isinstance(self._entry, Leaf):
            return ()
        found: list[tuple[GradFn | None, int]] = []
        for edge in self._entry.edges or ():
            if edge is None:
                found.append((None, 0))
            else:
                entry, index = owner(edge)
                found.append((None, 0) if is_adrift(entry) else (grad_fn_of(entry), index))
        return tuple(found)

    @property
    def variable(self) -> Tensor:
        """The leaf that an AccumulateGrad adds to."""
        if not isinstance(self._entry, Leaf):
            raise AttributeError(f"{self.name()} has no attribute 'variable'")
        return self._entry.tensor()

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for whatever the user likes."""
        found: dict[Any, Any] = self.__dict__.setdefault("_metadata", {})
        return found

    def _sequence_nr(self) -> int:
        serial: int = self._entry.serial
        return serial

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(grad_inputs, grad_outputs)`` after this entry ran; what it returns replaces ``grad_inputs``."""
        return Handle(extras_of(self._entry)[0].posthooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(grad_outputs)`` before this entry runs; what it returns replaces them."""
        return Handle(extras_of(self._entry)[0].prehooks, hook)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_"):
            return self._saved(name.removeprefix("_saved_"))
        context = getattr(self._entry, "context", None)
        if context is not None and not name.startswith("_"):  # of a Function: torch's entry is its context
            return getattr(context, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _saved(self, name: str) -> Any:
        places = {"self": 0, "other": 1, "result": -1}
        entry = self._entry
        constant = _constant_exponent(entry) if name == "exponent" else None
        if constant is not None:
            return constant
        if name == "exponent" and self.name() == "PowBackward1":
            places["exponent"] = 1
        if name not in places or isinstance(entry, Leaf) or entry.signature is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute '_saved_{name}'")
        if entry.freed:
            raise RuntimeError(FREED)
        place = places[name]
        if place < 0:
            return self.tensor_type.of(entry, entry)
        edge = entry.edges[place] if entry.edges else None
        leaf = edge.tensor() if isinstance(edge, Leaf) else None
        if leaf is not None and leaf.current() is entry.inputs[place]:
            return leaf
        return self.tensor_type.of(entry.inputs[place], edge)


def _constant_exponent(entry: Any) -> int | None:
    """Return the exponent of a power that has it as a constant."""
    if isinstance(entry, Leaf) or entry.signature is None or entry.signature.name != "PowBackward0":
        return None
    found = [n.attributes["exponent"] for n in entry.signature.graph.order if "exponent" in n.attributes]
    exponent: int | None = found[0] if found else None
    return exponent


_classes: dict[str, type[GradFn]] = {}


def grad_fn_of(entry: Any) -> GradFn:
    """Return the Python object of a record or leaf, the same each time."""
    found: GradFn | None = entry.grad_fn
    if found is None:
        name = "AccumulateGrad" if isinstance(entry, Leaf) else entry.signature.name
        kind = _classes.get(name) or _classes.setdefault(name, type(name, (GradFn,), {"__doc__": f"The tape's {name}."}))
        found = entry.grad_fn = kind(entry)
    return found


FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)
__all__ += ["FREED"]
