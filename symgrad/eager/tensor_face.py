"""Tensor: torch's names and meanings over recorded values; its operations are added by tensor_methods.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symgrad.eager.flushing import ask
from symgrad.eager.grad_mode import mode
from symgrad.eager.printing import tensor_text
from symgrad.eager.programs import node_of
from symgrad.eager.recording import AnyArray, Assigned, Record
from symgrad.eager.sizes import Size
from symgrad.eager.storage import alias, cell_of, renew, share, write
from symgrad.eager.tape import GradFn, Leaf, grad_fn_of, owner
from symgrad.eager.tensor_state import TensorState
from symgrad.eager.values import is_concrete

__all__ = ["UNDER_INFERENCE", "UNDER_NO_GRAD", "Size", "Tensor", "traced"]

_FORBIDDEN = (
    "A view was created in {} and is being modified inplace {}. Given that this use case is ambiguous and error-prone, it is "
    "forbidden. You can clarify your code by moving both the view and the inplace either both inside the {} block (if you don't "
    "want the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
)
UNDER_NO_GRAD = _FORBIDDEN.format("no_grad mode", "with grad mode enabled", "no_grad")
UNDER_INFERENCE = _FORBIDDEN.format("inference mode", "in normal mode", "inference_mode")


class Tensor(TensorState):
    """A value with torch's names and meanings: it records what is done to it, and runs it when a value is asked for."""

    __slots__ = ()
    __array_priority__ = 2000

    # sharing -----------------------------------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """Return a tensor that shares the storage and its version, without gradient."""
        made = Tensor.of(self.current())
        alias(made, self, counted=True)
        return made

    def detach_(self) -> Tensor:
        """Take this out of the tape.

        Raises
        ------
        RuntimeError
            For a view.
        """
        if self._chain:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.current()
        if isinstance(self._edge, Leaf):
            self.__dict__["_kept"] = self._edge.grad
        self._place(None)
        return self

    @property
    def data(self) -> Tensor:
        """A tensor that shares the storage but not its version: writing it goes unnoticed by backward."""
        if mode.tracing:
            made = Tensor.of(self._value if self._cell is None else self.current())
            alias(made, self, counted=False)
            return made
        cell = self._cell
        if cell is None:
            cell = cell_of(self)
        made = _new(Tensor)
        made._value = self._value if cell.stamp == self._stamp else self.current()
        made._edge = None
        made._cell = cell
        made._stamp = cell.stamp
        made._follows = False
        if self._chain:
            made._chain = self._chain
        if self._inference:
            made._inference = True
        return made

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError("Variable data has to be a tensor, but got " + type(value).__name__)
        cell = self._cell
        if cell is not None and value._cell is cell and value._chain == self._chain:
            if cell.stamp != self._stamp:
                self.current()
            return
        edge = self.edge()
        old = self._value
        alias(self, value, counted=False)
        self._edge = edge
        self._value = value.current()
        if isinstance(edge, Leaf):  # it is saved as itself: backward finds its new data
            if edge.assigned is None:
                edge.assigned = Assigned(self._value)
            edge.assigned.value = self._value
            if old is not self._value:
                old.moved = edge.assigned
            edge.type = self._value.type
            edge.keep(self)

    def write_in_place(self, value: Record, edge: Any) -> Tensor:
        """Give this tensor's storage new contents, of its own type.

        Raises
        ------
        RuntimeError
            For a leaf that requires a gradient, a view of one, and views that must not be written.
        """
        if mode.grad and (self._edge is not None or self._cell is not None):
            self.check_writeable(edge)
        write(self, value, edge)
        if self._inference and not mode.inference:  # after the write, as torch has it
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal "
                "tensor before doing inplace update."
            )
        return self

    def check_writeable(self, edge: Any) -> None:
        """Raise RuntimeError where torch forbids to write; ``edge`` is where the new contents come from."""
        own = self.edge()
        if self._forbidden and (own is not None or edge is not None or (mode.tracing and self._forbidden is UNDER_NO_GRAD)):
            raise RuntimeError(self._forbidden)
        if own is None:
            return
        if self._chain and self._parent is not None and self._parent.is_leaf:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        if isinstance(own, Leaf):
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")

    # what Python and NumPy ask for --------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> AnyArray:
        """Return the values as an ndarray that shares the storage.

        Raises
        ------
        RuntimeError
            When this requires a gradient, unless ``force``.
        """
        if self.requires_grad and mode.grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if mode.tracing and not self.is_plain:  # it has no storage
            return np.array(self.numpy_value())
        return share(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> AnyArray:
        array = self.numpy()
        return array if dtype is None and not copy else np.array(array, dtype=dtype)

    def item(self) -> bool | int | float:
        """Return the single element as a Python number.

        Raises
        ------
        RuntimeError
            When there is not exactly one.
        """
        cell = self._cell
        if cell is not None and cell.stamp != self._stamp:
            renew(self)
        record = self._value
        value = record.data if record.data is not None else ask(record)
        if type(value) is not np.ndarray:
            value = self.numpy_value()
        if value.size != 1:
            raise RuntimeError(f"a Tensor with {value.size} elements cannot be converted to Scalar")
        number: bool | int | float = value.item()
        return number

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.numpy_value().tolist()

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def _number(self) -> bool | int | float:
        if self.numpy_value().size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __bool__(self) -> bool:
        value = self.numpy_value()
        if value.size != 1:
            empty = "Boolean value of Tensor with no values is ambiguous"
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous" if value.size else empty)
        return bool(value.item())

    def __index__(self) -> int:
        if not (self.dtype.is_integer or self.dtype.is_bool) or self.numpy_value().size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[k] for k in range(len(self))])

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        if traced(self):
            return f"tensor({self._value.type}, traced)"
        edge = self.edge()
        made = "" if edge is None or isinstance(edge, Leaf) else grad_fn_of(owner(edge)[0]).name()
        return tensor_text(self.numpy_value(), self.dtype, isinstance(edge, Leaf), made)

    def __format__(self, spec: str) -> str:
        if not self.ndim:
            return format(self.item(), spec)
        return object.__format__(self, spec) if spec else repr(self)


_new = Tensor.__new__
GradFn.tensor_type = Tensor


def traced(tensor: Tensor) -> bool:
    """Whether a tensor depends on an argument of a trace, so that it has no value."""
    record = tensor.current()
    return record.data is None and not record.is_plain and not is_concrete([node_of(record)])
