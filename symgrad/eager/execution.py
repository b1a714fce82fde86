"""Running a graph on arrays: by the interpreter at first, natively once it is called often.

Large products of matrices, and what has no C, stay with NumPy and its BLAS: the graph is cut there, and what lies
between is compiled. Compiling is done by one thread in the background; until it is done the interpreter goes on.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.compiler import compile_graph
from symgrad.eager.partition import Part, partition, product
from symgrad.errors import CompileError, at_user_line
from symgrad.interpret import interpret
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.options import Options

__all__ = ["Program", "wait_for_compiler"]

HOT = 4  # calls after which a program is compiled

Run = Callable[[list[Any]], list[Any]]


class Program:
    """A graph that is run again and again on arrays and Python numbers.

    Calling it returns new arrays for the outputs, which share no memory with the operands. ``fast`` does the same natively;
    None until the program is compiled.
    """

    __slots__ = ("_calls", "fast", "graph")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._calls = 0
        self.fast: Run | None = None

    def __call__(self, values: list[Any]) -> list[Any]:
        """Run the graph."""
        fast = self.fast
        if fast is not None:
            return fast(values)
        self._calls += 1
        if self._calls == HOT:
            _hot(self)
        if _failures.unsaid:
            _failures.say()
        return interpreted(self.graph, values)

    def compile(self, options: Options) -> None:
        """Use native code from now on; where that fails the interpreter goes on, and says so once."""
        try:
            self.fast = _assemble(self.graph, options)
        except Exception as error:
            _failures.note(error)


class _Failures:
    """Programs that could not be compiled: the first is told of, by the thread that runs it."""

    def __init__(self) -> None:
        self.unsaid: list[Exception] = []
        self._said = False

    def note(self, error: Exception) -> None:
        if not self._said:
            self.unsaid.append(error)

    def say(self) -> None:
        error = self.unsaid[0]
        self.unsaid = []
        if not self._said:
            self._said = True
            reason = error if isinstance(error, CompileError) else f"{type(error).__name__}: {error}"
            text = f"eager programs that could not be compiled are interpreted, which is slower: {reason}"
            warnings.warn(at_user_line(text), RuntimeWarning, stacklevel=2)


_failures = _Failures()


def interpreted(graph: Graph, values: Sequence[Any]) -> list[Any]:
    """Return a graph's outputs by the interpreter, as arrays of their own."""
    arrays = [np.asarray(v) for v in values]
    results = interpret(graph, arrays)
    given = {id(a) for a in arrays}
    return [np.array(r, order="C") if r.base is not None or id(r) in given else r for r in results]


def _assemble(graph: Graph, options: Options) -> Run:
    """Return the call of a graph's steps, each compiled or left to NumPy."""
    schedule = partition(graph)
    calls = [_compiled(p.graph, options) if p.graph is not None else _by_numpy(p.node) for p in schedule.parts]
    if len(calls) == 1 and schedule.parts[0].graph is graph:
        return calls[0]
    return _sequence(calls, schedule.parts, schedule.slots - len(graph.inputs), schedule.outputs)


def _sequence(calls: Sequence[Run], parts: Sequence[Part], made: int, outputs: Sequence[int]) -> Run:
    steps = [(call, p.reads, p.writes) for call, p in zip(calls, parts, strict=True)]
    empty = [None] * made

    def run(values: list[Any]) -> list[Any]:
        table: list[Any] = [*values, *empty]
        for call, reads, writes in steps:
            for place, result in zip(writes, call([table[k] for k in reads]), strict=True):
                table[place] = result
        return [table[k] for k in outputs]

    return run


def _compiled(graph: Graph, options: Options) -> Run:
    inputs = [f"x{k}" for k in range(len(graph.inputs))]
    outputs = [f"y{k}" for k in range(len(graph.outputs))]
    compiled = compile_graph(graph, name="program", options=options, input_names=inputs, output_names=outputs)
    return compiled.runner()


def _by_numpy(node: Node | None) -> Run:
    assert node is not None
    found = product(node) if node.primitive is ops.contract else None
    if found is not None:
        return found
    function, attributes, type_ = node.primitive.numpy, node.attributes, node.type

    def run(operands: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            result = function(*operands, **attributes)
        return [np.array(result, type_.dtype.numpy, order="C") if isinstance(type_, TensorType) else result]

    return run


# compiling in the background -------------------------------------------------------------------------------------------


class _Worker:
    """The thread that compiles hot programs, one after the other; it ends with the process."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Program] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, program: Program) -> None:
        with self._lock:
            self._busy += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="symgrad-compiler", daemon=True)
                self._thread.start()
        self._queue.put(program)

    def _work(self) -> None:
        while True:
            program = self._queue.get()
            try:
                program.compile(_options())
            finally:
                self._busy -= 1

    def wait(self, seconds: float) -> None:
        """Return when nothing is left to compile, or after some time."""
        end = time.monotonic() + seconds
        while self._busy and time.monotonic() < end:
            time.sleep(0.001)


_worker = _Worker()


def _renew_worker() -> None:
    global _worker  # noqa: PLW0603  # a forked child has none of its parent's threads
    _worker = _Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_worker)


def _options() -> Options:
    return Options.from_environment()


def _hot(program: Program) -> None:
    options = _options()
    if options.tier == "interpret":
        return
    if options.deterministic:
        program.compile(options)
    else:
        _worker.submit(program)


def wait_for_compiler(seconds: float = 60.0) -> None:
    """Return when every hot program is compiled: for measurements and tests."""
    _worker.wait(seconds)
