"""Running a graph on arrays: by the interpreter at first, natively once it is called often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.interpret import interpret
from symgrad.ir.graph import Graph

__all__ = ["Program"]


class Program:
    """A graph that is run again and again on arrays and Python numbers."""

    __slots__ = ("_calls", "_graph")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._calls = 0

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """Return new arrays for the outputs."""
        self._calls += 1
        arrays = [np.asarray(v) for v in values]
        results = interpret(self._graph, arrays)
        return [np.array(r, order="C") if any(r is a or r.base is not None for a in arrays) else r for r in results]
