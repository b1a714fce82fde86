"""A traced function without its Python code: what a pickled CompiledFunction holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face, face_of
from symgrad.eager.trees import Tree, flatten, unflatten
from symgrad.eager.values import bound_input, is_plain, value_of
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node
from symgrad.ir.types import TensorType
from symgrad.tracing import Trace
from symgrad.transforms import outer_node

__all__ = ["Recording", "Replay"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One signature of a function: the nest and types of its arguments, its static arguments, its trace."""

    trees: tuple[Tree, ...]
    types: tuple[TensorType, ...]
    static: tuple[tuple[str, Any], ...]
    trace: Trace


class Replay:
    """A function that is its recorded graphs: it can be called, transformed and compiled for the signatures it knows."""

    def __init__(self, name: str, doc: str | None, recordings: Sequence[Recording]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc
        self.recordings = tuple(recordings)

    def __call__(self, *args: Any, **static: Any) -> Any:
        """Return what the function returns, for arguments of a recorded signature.

        Raises
        ------
        TraceError
            For other arguments.
        """
        leaves, tree = flatten(list(args))
        nodes = [outer_node(leaf, "x") for leaf in leaves]
        found = self._find(tree.children, nodes, tuple(sorted(static.items())))
        captured = [bound_input(value) for value in found.trace.captured]
        outputs = found.trace.graph(*nodes, *captured)
        if not any(isinstance(leaf, Face) for leaf in leaves) and is_plain(outputs):
            return unflatten(found.trace.output, [value_of(o)[()] if not o.ndim else np.array(value_of(o)) for o in outputs])
        face = face_of(leaves, Array)
        return unflatten(found.trace.output, [face(o) for o in outputs])

    def _find(self, trees: tuple[Tree, ...], nodes: Sequence[Node], static: tuple[tuple[str, Any], ...]) -> Recording:
        types = tuple(n.type for n in nodes)
        for one in self.recordings:
            if (one.trees, one.types, tuple(sorted(one.static))) == (trees, types, static):
                return one
        known = "; ".join(f"({', '.join(map(str, one.types))})" for one in self.recordings)
        given = ", ".join(map(str, types))
        raise TraceError(
            at_user_line(f"{self.__name__}: a pickled function knows the signatures it was pickled with, {known}; got ({given})")
        )
