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
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symgrad.compiler import compile_graph
from symgrad.eager.by_numpy import by_numpy
from symgrad.eager.partition import Part, Schedule, partition
from symgrad.eager.straight import written
from symgrad.errors import CompileError, at_user_line
from symgrad.interpret import interpret
from symgrad.ir.graph import Graph
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
    calls = [_call(p, options) for p in schedule.parts]
    if len(calls) == 1 and schedule.parts[0].graph is graph:
        return calls[0]
    return _sequence(calls, schedule)


def _call(part: Part, options: Options) -> Run:
    if part.graph is not None:
        return _compiled(part.graph, options)
    assert part.node is not None
    return by_numpy(part.node)


def _sequence(calls: Sequence[Run], schedule: Schedule) -> Run:
    """Return the call of steps one after the other; a value is let go after its last use."""
    last = {k: n for n, p in enumerate(schedule.parts) for k in (*p.writes, *p.reads)}
    kept = set(schedule.outputs)
    body = [f"[{_slots(range(schedule.inputs))}] = values"]
    for n, part in enumerate(schedule.parts):
        body.append(f"[{_slots(part.writes)}] = call{n}([{_slots(part.reads)}])")
        spent = [k for k in dict.fromkeys((*part.reads, *part.writes)) if last[k] == n and k not in kept]
        body += [f"del {_slots(spent)}"] if spent else []
    body.append(f"return [{_slots(schedule.outputs)}]")
    return written("follow(values)", body, {f"call{n}": call for n, call in enumerate(calls)})


def _slots(numbers: Iterable[int]) -> str:
    return "".join(f"v{k}, " for k in numbers)


def _compiled(graph: Graph, options: Options) -> Run:
    inputs = [f"x{k}" for k in range(len(graph.inputs))]
    outputs = [f"y{k}" for k in range(len(graph.outputs))]
    compiled = compile_graph(graph, name="program", options=options, input_names=inputs, output_names=outputs)
    return compiled.runner()


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
