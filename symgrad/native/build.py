"""Builds C text into a shared object, or finds it built."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symgrad.codegen.folder import template_folder
from symgrad.errors import CompileError
from symgrad.ir.dims import Dim, Size
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.native import cache
from symgrad.native.objects import objects_source
from symgrad.native.toolchain import (
    Compiler,
    CompilerTimeoutError,
    cpu_features,
    find_compiler,
    flags_for,
    libraries_for,
    run,
    without_simd,
)
from symgrad.options import Options

if TYPE_CHECKING:
    from symgrad.codegen.render import CSource

__all__ = ["ENTRY", "FORMAT", "OBJECTS", "Library", "build", "find_library", "key_parts", "library_key"]

ENTRY = "sg_entry"
OBJECTS = "sg_objects"  # the call with lists of Python's, of functions with fixed sizes
VERSION = "0.1.0"
FORMAT = f"symgrad {VERSION}"  # with the stamp of the sources, what code and records look like


@dataclass(frozen=True, slots=True)
class Library:
    """A shared object on disk and what a caller has to know of it.

    Attributes
    ----------
    path : Path
        The shared object.
    text : str
        The C text it was built from.
    symbol : str
    inputs, outputs : tuple of TensorType
    dims : tuple of str
        Named sizes, in the order of their arguments.
    conditions : tuple of Dim
        Sizes that must not be negative.
    work, flops, bytes_moved : int or Dim
        Doubles of workspace; figures of the report.
    kernels : int
    failures : tuple of str
        Operations whose index may lie outside.
    renamed : tuple of (str, str)
    seconds : float
        Time the compiler took; 0.0 for a hit.
    hit : bool
        Whether the object was found built.
    """

    path: Path
    text: str = field(repr=False)
    symbol: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    dims: tuple[str, ...]
    conditions: tuple[Dim, ...]
    work: Size
    flops: Size
    bytes_moved: Size
    kernels: int
    failures: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    seconds: float
    hit: bool


def library_key(
    graph: Graph, name: str, input_names: Sequence[str], output_names: Sequence[str], options: Options, doc: str = ""
) -> str:
    """Return the digest of all that affects the compiled code of a graph; nothing is lowered for it.

    Raises
    ------
    CompileError
        When there is no compiler.
    """
    return cache.digest(*key_parts(graph, name, input_names, output_names, options, doc).values())


def key_parts(
    graph: Graph, name: str, input_names: Sequence[str], output_names: Sequence[str], options: Options, doc: str = ""
) -> dict[str, str]:
    """Return all that affects the compiled code of a graph, part by part; a record keeps it to explain a later miss.

    Raises
    ------
    CompileError
        When there is no compiler.
    """
    return {
        "symgrad": FORMAT,
        "sources": _stamp(),
        "graph": graph.key,
        "name": name,
        "inputs": cache.digest(*input_names),
        "outputs": cache.digest(*output_names),
        "dims": cache.digest(*graph.dims),
        "doc": doc,
        "options": f"precise={options.precise} fast_math={options.fast_math}",
        "flags": " ".join(flags_for(options)),
        "compiler": find_compiler().identity,
        "cpu": cpu_features() if options.march != "baseline" else "",
    }


@lru_cache(maxsize=1)
def _stamp() -> str:
    """Return what tells this symgrad's files from another's: another lowering or template is another key.

    Installed by pip, that is the list of files with their checksums which pip wrote; in a checkout, sizes and times
    of all files, about 1 ms. A file that goes meanwhile, or a package in a zip, has none.
    """
    package, templates = Path(__file__).parent.parent, template_folder()
    if templates.parent == package:
        with contextlib.suppress(OSError):
            installed = package.parent / f"{package.name}-{VERSION}.dist-info" / "RECORD"
            return cache.digest(installed.read_text(encoding="utf-8", errors="surrogateescape"))
    found = []
    for root in (package, templates):
        for folder, _, names in os.walk(root):
            for name in names:
                if name.endswith((".py", ".jinja")):
                    with contextlib.suppress(OSError):
                        status = os.stat(os.path.join(folder, name))
                        found.append(f"{name} {status.st_size} {status.st_mtime_ns}")
    return cache.digest(*sorted(found))


def find_library(key: str, graph: Graph) -> Library | None:
    """Return the library of a key where the cache has it."""
    entry = cache.find(cache.cache_folder(), key)
    return None if entry is None else _library(entry, graph, 0.0, True)


def build(source: CSource, graph: Graph, key: str, options: Options, parts: Mapping[str, str] | None = None) -> Library:
    """Compile C text and publish it under ``key``, the digest of ``parts``.

    Raises
    ------
    CompileError
        When there is no compiler, or it fails, or takes longer than ``options.compile_budget`` seconds.
    """
    compiler = find_compiler()
    started = time.perf_counter()
    folder = cache.cache_folder()
    built = cache.scratch(folder)
    try:
        (built / "module.c").write_text(source.text, encoding="ascii")
        (built / "module.h").write_text(source.header, encoding="ascii")
        (built / "entry.c").write_text(_entry(source), encoding="ascii")
        _compile(compiler, flags_for(options, source.statements), built, options.compile_budget)
        entry = cache.publish(folder, key, built, {**_record(source), "parts": dict(parts or {})})
    except OSError as error:
        raise CompileError(f"build: {error}") from error
    finally:
        shutil.rmtree(built, ignore_errors=True)
    return _library(entry, graph, time.perf_counter() - started, False)


def _entry(source: CSource) -> str:
    """Return C that calls the function with arguments from a block: one argument is converted faster than many."""
    count = len(source.inputs) + len(source.outputs)
    words = [f"(void *)a[{k}]" for k in range(count)]
    words += [f"(size_t)a[{count + k}]" for k in range(len(source.dims))]
    words.append(f"(void *)a[{count + len(source.dims)}]")
    lines = ['#include "module.c"', "", f"int {ENTRY}(const uintptr_t *a)", "{"]
    text = "\n".join([*lines, f"    return {source.symbol}({', '.join(words)});", "}", ""])
    if source.dims or not source.outputs:
        return text
    return text + objects_source(OBJECTS, source.symbol, len(source.inputs), len(source.outputs))


def _compile(compiler: Compiler, flags: Sequence[str], folder: Path, budget: float) -> None:
    """Run the compiler, and once more without the SIMD flags where it rejected something; ``budget`` holds for both."""
    deadline = time.monotonic() + budget
    try:
        run(compiler, [*flags, "-o", "module.so", "entry.c", *libraries_for(flags)], folder, budget, deadline)
    except CompilerTimeoutError:
        raise
    except CompileError:
        plain = without_simd(flags)
        if len(plain) == len(flags):
            raise
        run(compiler, [*plain, "-o", "module.so", "entry.c", *libraries_for(plain)], folder, budget, deadline)
    if not (folder / "module.so").is_file():
        raise CompileError(f"compiler: {' '.join(compiler.command)} reported success and wrote nothing")


# The record of an entry: plain JSON


def _size_out(size: Size) -> Any:
    return size if isinstance(size, int) else [[list(names), c] for names, c in size.terms]


def _size_in(value: Any) -> Size:
    if isinstance(value, int):
        return value
    return Dim(tuple((tuple(names), int(c)) for names, c in value))


def _record(source: CSource) -> dict[str, Any]:
    return {
        "symbol": source.symbol,
        "work": _size_out(source.work),
        "flops": _size_out(source.flops),
        "bytes_moved": _size_out(source.bytes_moved),
        "kernels": source.kernels,
        "failures": list(source.failures),
        "renamed": [list(pair) for pair in source.renamed],
        "graph": source.key,
    }


def _library(entry: cache.Entry, graph: Graph, seconds: float, hit: bool) -> Library:
    record: Mapping[str, Any] = entry.record
    return Library(
        path=entry.library,
        text=entry.text,
        symbol=record["symbol"],
        inputs=tuple(i.type for i in graph.inputs),
        outputs=tuple(o.type for o in graph.outputs),
        dims=graph.dims,
        conditions=graph.conditions,
        work=_size_in(record["work"]),
        flops=_size_in(record["flops"]),
        bytes_moved=_size_in(record["bytes_moved"]),
        kernels=record["kernels"],
        failures=tuple(record["failures"]),
        renamed=tuple((a, b) for a, b in record["renamed"]),
        seconds=seconds,
        hit=hit,
    )
