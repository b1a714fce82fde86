"""The state of a Tensor: its recorded value and its place on the tape."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from symgrad.dtypes import DType, float32
from symgrad.eager.faces import Face
from symgrad.eager.flushing import ask
from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import node_of, stand_in
from symgrad.eager.recording import AnyArray, Record, inference_type, leaf, node_leaf, normal_types
from symgrad.eager.sizes import Size
from symgrad.eager.storage import Cell, View, renew
from symgrad.eager.tape import GradFn, Handle, Leaf, Refused, extras_of, grad_fn_of, is_adrift, owner
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.expr import Node

__all__ = ["Size", "TensorState"]

ONLY_FLOATING = "Only Tensors of floating point and complex dtype can require gradients"


class TensorState(Face):
    """A recorded value, its place on the tape, and its share in a storage.

    Attributes that begin with an underscore: the record of the value, the edge its cotangent takes (None without
    gradient), and for shared storage the cell, the chain of views from it, the write it is up to date with, the
    version counter, and whether it follows the storage's place on the tape.
    """

    __slots__ = ("__dict__", "_cell", "_edge", "_stamp", "_value")

    _value: Record
    _edge: Any
    _cell: Cell | None
    _chain: tuple[View, ...] = ()
    _in_order: tuple[View, ...] = ()  # the chain, once its elements are known to lie in memory in order
    _stamp: int  # set with the cell
    _counter: list[int] | None = None
    _follows = True
    _parent: Any = None  # of a view, the tensor it is a view of
    _inference = False
    _forbidden = ""  # why this view must not be written
    _born: int | None = None  # of a view that must not be used after a write to its base, the version it was made at

    hook_in_trace: ClassVar[Callable[[Any, Any], Handle]]  # set by the module of what is called in traces
    written_chain: ClassVar[Callable[[Any], tuple[View, ...]]]  # set by the module of views by places; see there
    default_float: ClassVar[DType] = float32
    postpones: ClassVar[bool] = False

    def __init__(self, *args: Any) -> None:
        given = args[0] if len(args) == 1 else None
        self._value = node_leaf(given) if isinstance(given, Node) else self.made_of(*args)
        self._edge = self._cell = None

    @staticmethod
    def made_of(*args: Any) -> Record:
        """Return the record of what ``Tensor(data)`` or ``Tensor(*sizes)`` holds; given by the module that makes Tensors."""
        raise NotImplementedError

    @classmethod
    def of(cls, value: Record, edge: Any = None) -> Self:
        """Return a Tensor of a record, whose cotangent takes ``edge``."""
        made = _new(cls)
        made._value = value
        made._edge = edge
        made._cell = None
        if normal_types and id(value.type) in normal_types:  # spelled out: every Tensor passes here
            made._inference = True
        return made

    @classmethod
    def fresh(cls, value: Record) -> Self:
        """Return a Tensor of a record that was made for it and has no place on the tape."""
        made = cls.of(value)
        if mode.inference:
            made.mark_inference()
        return made

    def mark_inference(self) -> None:
        """Remember that this was made in inference mode: it can never be saved for backward."""
        self._inference = True
        self._value.type = inference_type(self._value.type)

    @classmethod
    def from_array(cls, array: AnyArray, requires_grad: bool = False) -> Self:
        """Return a leaf that holds an array, which nobody else may write."""
        made = cls.fresh(leaf(array))
        return made.requires_grad_() if requires_grad else made

    if TYPE_CHECKING:  # operations are added by tensor_methods.py

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Any: ...
        def __getitem__(self, key: Any) -> Any: ...

    # value ---------------------------------------------------------------------------------------------------------

    def current(self) -> Record:
        """Return the record of the present value."""
        cell = self._cell
        if cell is not None and cell.stamp != self._stamp:
            renew(self)
        return self._value

    @property
    def is_plain(self) -> bool:
        """Whether this depends on known values alone, on no argument of a trace under way."""
        return self.current().is_plain

    @property
    def is_postponed(self) -> bool:
        """False: what a Tensor waits for are its records."""
        return False

    @property
    def node(self) -> Node:
        """The value's place in a graph; of a known value an input that stands for it, so that its tape is not lost."""
        record = self.current()
        if record.node is None and record.is_plain:
            return stand_in(record, self._edge, self.numpy_value())
        return node_of(record)

    def numpy_value(self) -> AnyArray:
        """Return the values as an ndarray that must not be written."""
        record = self.current()
        data = record.data if record.data is not None else ask(record)
        return data if type(data) is np.ndarray else np.asarray(data, record.type.dtype.numpy)

    array_value = numpy_value

    @property
    def shape(self) -> Any:
        """Sizes of the axes."""
        return Size(self._value.type.shape)  # type: ignore[arg-type]  # named sizes only while tracing

    @property
    def dtype(self) -> DType:
        """Element type."""
        return self._value.type.dtype

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self._value.type.shape)

    @property
    def counter(self) -> list[int]:
        """The version counter, one list for all tensors that share it."""
        if self._counter is None:
            self._counter = [0]
        return self._counter

    @property
    def _version(self) -> int:
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._counter is None else self._counter[0]

    # place on the tape -------------------------------------------------------------------------------------------------

    def edge(self) -> Any:
        """Return the edge a cotangent of this takes, None without gradient; up to date with the storage."""
        self.current()
        edge = self._edge
        if type(edge) is Leaf and edge.adrift and self._parent.edge() is None:
            self._edge = edge = None
        return edge

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this."""
        return self.edge() is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Make this a leaf that collects its gradient, or no longer.

        Raises
        ------
        RuntimeError
            For integers and bools, and for switching off what is computed from a leaf.
        """
        edge = self.edge()
        if not requires_grad:
            if edge is not None and not isinstance(edge, Leaf):
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            if is_adrift(edge):  # its base decides
                return self
            if edge is not None:
                self._switch_off(edge)
            return self
        if not self.dtype.is_floating:
            raise DTypeError(at_user_line(ONLY_FLOATING.lower() if self.dtype.is_floating else ONLY_FLOATING))
        if self._inference and not mode.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        if edge is None or is_adrift(edge):
            leaf = self.__dict__.pop("_leaf", None)
            if leaf is None or leaf.type is not self._value.type:
                leaf = Leaf(self._value.type, self)
            else:
                leaf.off = False
                leaf.keep(self)
            leaf.grad = self.__dict__.pop("_kept", None)
            self._place(leaf)
        return self

    def _switch_off(self, edge: Leaf) -> None:
        """Collect no gradient any more, until this is switched on again: the tape may still lead here then."""
        edge.off = True
        self.__dict__["_leaf"], self.__dict__["_kept"] = edge, edge.grad
        self._place(None)
        if mode.window is not None:
            mode.window.begin()  # what passes do there was planned with this leaf

    def _place(self, edge: Any) -> None:
        self._edge = edge
        if self._cell is not None and self._follows:
            if self._chain:
                self._follows = False
            else:
                self._cell.edge = edge

    @property
    def is_leaf(self) -> bool:
        """Whether this was not computed from something that requires a gradient."""
        edge = self.edge()
        if isinstance(edge, Refused):
            raise RuntimeError(edge.why)
        return edge is None or isinstance(edge, Leaf)

    @property
    def grad_fn(self) -> GradFn | None:
        """The operation that made this, as the tape has it; None for a leaf.

        Raises
        ------
        RuntimeError
            For one of several views after a write to what they are views of.
        """
        edge = self.edge()
        if isinstance(edge, Refused):
            raise RuntimeError(edge.why)
        return None if edge is None or isinstance(edge, Leaf) else grad_fn_of(owner(edge)[0])

    @property
    def output_nr(self) -> int:
        """Which result of its operation this is."""
        return 0 if self.edge() is None else owner(self._edge)[1]

    @property
    def grad(self) -> Any:
        """The gradient collected so far; None before the first."""
        cell = self._cell
        if cell is not None and cell.stamp != self._stamp:
            renew(self)
        edge = self._edge
        if type(edge) is Leaf and not edge.adrift:
            return edge.grad
        kept: Any = self.__dict__.get("_kept")
        if edge is not None and not isinstance(edge, (Leaf, Refused)) and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor.",
                UserWarning,
                stacklevel=2,
            )
        return kept

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            self._check_grad(value)
        edge = self.edge()
        if isinstance(edge, Leaf) and not edge.adrift:
            edge.grad = value
        else:
            self.__dict__["_kept"] = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def _check_grad(self, value: Any) -> None:
        if not isinstance(value, TensorState):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if value.dtype is not self.dtype:
            raise DTypeError(
                f"attempting to assign a gradient with dtype '{value.dtype.name}' to a tensor with dtype '{self.dtype.name}'. "
                "The gradient must match the tensor's dtype."
            )
        if tuple(value.shape) != tuple(self.shape):
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size '{list(self.shape)}'. "
                "Please ensure that the gradient and the tensor are the same size"
            )

    def retain_grad(self) -> None:
        """Make backward keep the gradient of this, although it is no leaf.

        Raises
        ------
        RuntimeError
            When it requires no gradient.
        """
        edge = self.edge()
        if edge is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not isinstance(edge, Leaf):
            extras, index = extras_of(edge)
            extras.retaining[index] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether backward keeps the gradient of this non-leaf."""
        edge = self.edge()
        if edge is None or isinstance(edge, Leaf):
            return False
        entry, index = owner(edge)
        held = None if entry.gradient is None else entry.gradient.retaining.get(index)
        return held is not None and held() is self

    def move_retaining(self, edge: Any) -> None:
        """Keep the gradient of what is written into this, no longer of what it was, if any is kept."""
        if not self.retains_grad:
            return
        old, index = owner(self._edge)
        old.gradient.retaining.pop(index, None)
        extras, place = extras_of(edge)
        extras.retaining[place] = weakref.ref(self)

    def keep_grad(self, cotangent: Any) -> None:
        """Take what backward found for a tensor that keeps its gradient."""
        kept = self.__dict__.get("_kept")
        own = type(self).of(cotangent.current().alias(), cotangent._edge)  # what is written to it reaches nothing else
        self.__dict__["_kept"] = own if kept is None else kept + own

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(grad)`` when the gradient of this is known; a Tensor it returns takes its place.

        Raises
        ------
        RuntimeError
            When it requires no gradient.
        """
        edge = self.edge()
        if mode.tracing and not self.is_plain:
            return TensorState.hook_in_trace(self, hook)
        if edge is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        extras, index = extras_of(edge)
        return Handle(extras.hooks.setdefault(index, {}), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(tensor)`` after a gradient was added to this leaf's ``grad``.

        Raises
        ------
        RuntimeError
            When this is no leaf, or requires no gradient.
        """
        edge = self.edge()
        if edge is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not isinstance(edge, Leaf):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        edge.posthooks = {} if edge.posthooks is None else edge.posthooks
        return Handle(edge.posthooks, hook)


_new = TensorState.__new__
