"""One view operation: how what it shows is read and written, as a graph and as an ndarray's own memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from symgrad.eager.recording import AnyArray, Signature
from symgrad.ir.expr import Node, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = ["View"]

_SMALL = 64  # elements


class View(Signature):
    """A view operation: how to read it from its operand, and how to write through it.

    Parameters
    ----------
    name : str
    read : callable
        Node to Node.
    put : callable
        The operand and the view's new contents to the operand's new contents.
    array : callable
        The same reading of an ndarray, as a NumPy view.
    repeats : bool
        Whether several of its elements may be one of the operand's: what is written through such a view and further ones is
        put at its places in the storage.
    type_ : TensorType, optional
        Of the result. Where it is given the graph is made when somebody looks at it.
    """

    in_memory = False  # whether it has no graph: what it shows are other elements' bits

    def __init__(
        self,
        name: str,
        operand: Any,
        read: Callable[[Node], Node],
        put: Callable[[Node, Node], Node],
        array: Callable[[AnyArray], AnyArray],
        repeats: bool = False,
        type_: TensorType | None = None,
    ) -> None:
        self.operand = operand
        self._read = read
        self._late = type_ is not None
        if type_ is None:
            super().__init__(name, self.graph, view=True)
        else:
            self.name, self.view, self.single = name, True, True
            self.type, self.types = type_, (type_,)
            self.tracks = type_.dtype.is_floating
            self.carries = (self.tracks,)
        self._put = put
        self.array = array
        self.repeats = repeats
        self._put_signature: Signature | None = None

    def __repr__(self) -> str:
        return f"<View {self.name} of {self.operand} as {self.type}>"

    @cached_property
    def is_slice(self) -> bool:
        """Whether it is a slice of fixed sizes."""
        return self._late and all(isinstance(n, int) for n in self.type.shape)

    def read_at_once(self, data: AnyArray) -> AnyArray | None:
        """Return a slice of known values, where that costs less than recording it: a part of the memory, or few elements."""
        array = self.array(data)
        if array.size <= _SMALL:
            return np.array(array)
        return array if array.flags.c_contiguous else None

    @cached_property
    def graph(self) -> Graph:  # type: ignore[override]  # made when it is first looked at
        """The reading as a graph."""
        node = fresh_input("x", self.operand)
        return Graph([node], [self._read(node)])

    @property
    def put(self) -> Signature:
        """The operation that writes through this view."""
        if self._put_signature is None:
            base, new = fresh_input("base", self.operand), fresh_input("new", self.type)
            self._put_signature = Signature("CopySlices", Graph([base, new], [self._put(base, new)]))
        return self._put_signature
