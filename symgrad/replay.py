"""A traced function without its Python code: what a pickled CompiledFunction holds."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.arguments import Call, Parameters
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face, face_of
from symgrad.eager.trees import unflatten
from symgrad.eager.values import bound_input, is_plain
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.types import TensorType
from symgrad.tracing import Trace
from symgrad.transforms import outer_node, to_numpy

__all__ = ["Recording", "Replay"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One signature of a function: the key of its call, the types of its arguments, its trace."""

    key: Any
    types: tuple[TensorType, ...]
    trace: Trace


class Replay:
    """A function that is its recorded graphs: it can be called, transformed and compiled for the signatures it knows."""

    def __init__(
        self, name: str, doc: str | None, signature: inspect.Signature, static: tuple[str, ...], recordings: Sequence[Recording]
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc
        # whether there is a default is kept, what it is is not: the graphs have it
        bare = [
            inspect.Parameter(p.name, p.kind, default=p.empty if p.default is p.empty else None)
            for p in signature.parameters.values()
        ]
        self.__signature__ = inspect.Signature(bare)
        self.static = static
        self.recordings = tuple(recordings)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns, for arguments of a recorded signature.

        Raises
        ------
        TraceError
            For other arguments.
        """
        call = Parameters(self, self.static, None, "out").bind(args, kwargs)
        nodes = [outer_node(leaf, "x") for leaf in call.leaves]
        found = self._find(call, tuple(n.type for n in nodes))
        captured = [bound_input(value) for value in found.trace.captured]
        outputs = found.trace.graph(*nodes, *captured)
        if not any(isinstance(leaf, Face) for leaf in call.leaves) and is_plain(outputs):
            return unflatten(found.trace.output, [to_numpy(o) for o in outputs])
        face = face_of(call.leaves, Array)
        return unflatten(found.trace.output, [face(o) for o in outputs])

    def _find(self, call: Call, types: tuple[TensorType, ...]) -> Recording:
        for one in self.recordings:
            if (one.key, one.types) == (call.key, types):
                return one
        known = "; ".join(f"({', '.join(map(str, one.types))})" for one in self.recordings)
        given = ", ".join(map(str, types))
        knows = f"{self.__name__}: a pickled function knows the signatures it was pickled with, {known}"
        raise TraceError(at_user_line(f"{knows}; got ({given})"))
