"""Calls of compiled functions with NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import _cffi_backend as backend
import numpy as np

from symgrad.errors import CompileError, ShapeError
from symgrad.ir.dims import evaluate
from symgrad.ir.types import format_shape
from symgrad.native.build import ENTRY, OBJECTS, Library
from symgrad.native.calling import Argument, caller_source, direct_runner_source, runner_source
from symgrad.native.objects import Numbers, layout
from symgrad.native.sizes import check_array, solve

__all__ = ["NativeFunction", "load"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_ffi = backend.FFI()
_NUMBERS = {float: "float64", int: "int64", bool: "bool"}
_whole = Numbers()
_MOST_ARGUMENTS = 250  # of a C function that cffi calls by its own type, which may not be longer than some 1,000 words
_COPIED = 1 << 15  # bytes up to which copying an argument is faster than taking its address


class NativeFunction:
    """A compiled function; called by several threads at once without harm.

    Attributes
    ----------
    library : Library
        Types, sizes, the C source, the figures of the report.
    input_names : tuple of str
        For messages.
    """

    def __init__(self, library: Library, input_names: Sequence[str]) -> None:
        self.library = library
        self.input_names = tuple(input_names)
        self._types = [(t.dtype.numpy, t.shape) for t in library.outputs]
        count = len(library.inputs) + len(library.outputs)
        arguments = ["void *"] * count + ["size_t"] * len(library.dims) + ["void *"]
        try:
            opened = backend.load_library(str(library.path), 0)
            self._entry = opened.load_function(_ffi.typeof("int(*)(void *)"), ENTRY)
            self._function: Callable[..., int] = self._by_block
            if len(arguments) <= _MOST_ARGUMENTS:
                self._function = opened.load_function(_ffi.typeof(f"int(*)({', '.join(arguments)})"), library.symbol)
        except (OSError, AttributeError) as error:
            raise CompileError(f"load: {library.path} cannot be loaded: {error}") from error
        self._opened = opened  # the code lives as long as this

    @property
    def c_source(self) -> str:
        """The C text this was compiled from."""
        return self.library.text

    def __repr__(self) -> str:
        given = ", ".join(map(str, self.library.inputs))
        return f"<NativeFunction {self.library.symbol}: ({given}) -> ({', '.join(map(str, self.library.outputs))})>"

    # Checks

    def check(self, inputs: Sequence[Array]) -> tuple[int, ...]:
        """Return the sizes of the named dims, having checked the arguments.

        Raises
        ------
        TypeError, DTypeError, ShapeError
            When arrays are missing, or are of another type or shape.
        ValueError
            When one is not C-contiguous or not aligned.
        """
        library = self.library
        if len(inputs) != len(library.inputs):
            raise TypeError(f"{library.symbol}: takes {len(library.inputs)} arrays, got {len(inputs)}")
        for name, array, expected in zip(self.input_names, inputs, library.inputs, strict=True):
            check_array(name, array, expected)
            _check_layout(name, array)
        sizes = solve(self.input_names, library.inputs, inputs, library.dims)
        for condition in library.conditions:
            if evaluate(condition, sizes) < 0:
                given = ", ".join(f"{n} = {v}" for n, v in sizes.items())
                raise ShapeError(f"{library.symbol}: a size {condition} is negative where {given}")
        return tuple([sizes[d] for d in library.dims])

    def fail(self, status: int) -> None:
        """Raise what a status other than 0 means."""
        if status == 1:
            raise IndexError(f"{' or '.join(self.library.failures) or self.library.symbol}: an index lies outside its axis")
        if status == 2:
            raise ValueError(f"{self.library.symbol}: argmax or argmin of an empty axis")
        raise RuntimeError(f"{self.library.symbol}: failed with status {status}")

    # Calls

    def shapes(self, dims: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the outputs' shapes for sizes of the dims."""
        sizes = dict(zip(self.library.dims, dims, strict=True))
        return [tuple([evaluate(s, sizes) for s in shape]) for _, shape in self._types]

    def workspace(self, dims: Sequence[int]) -> Array | None:
        """Return a new workspace, None where none is needed."""
        count = evaluate(self.library.work, dict(zip(self.library.dims, dims, strict=True)))
        return np.empty(count) if count else None

    def call(self, inputs: Sequence[Array], dims: Sequence[int] | None = None) -> list[Array]:
        """Return new outputs for inputs of exact element types, C-contiguous, as ``check`` demands.

        ``dims`` are the sizes that ``check`` returned; without them the inputs are checked here.
        """
        if dims is None:
            dims = self.check(inputs)
        outputs = [np.empty(shape, dtype) for (dtype, _), shape in zip(self._types, self.shapes(dims), strict=True)]
        pointers, work = self._pointers((*inputs, *outputs), dims)
        status = self._function(*pointers, *dims, work)
        if status:
            self.fail(status)
        return outputs

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None, result: Any = None) -> Callable[[], Any]:
        """Return a function without arguments that reads ``inputs`` as they are then and writes ``outputs``.

        It returns ``result`` each time, by default the list of the outputs, and keeps all of them alive.

        Raises
        ------
        TypeError, ValueError
            When an array is of the wrong type, shape or layout, an output cannot be written, or arrays overlap
            an output.
        """
        dims = self.check(inputs)
        shapes = self.shapes(dims)
        if outputs is None:
            outputs = [np.empty(shape, dtype) for (dtype, _), shape in zip(self._types, shapes, strict=True)]
        self._check_outputs(inputs, outputs, shapes)
        pointers, work = self._pointers((*inputs, *outputs), dims)
        returned = list(outputs) if result is None else result
        return bound(self._packed(pointers, dims, work), returned, self.fail, (pointers, work))

    def _check_outputs(self, inputs: Sequence[Array], outputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> None:
        if len(outputs) != len(shapes):
            raise TypeError(f"{self.library.symbol}: has {len(shapes)} outputs, got {len(outputs)} arrays")
        for k, (array, expected, shape) in enumerate(zip(outputs, self.library.outputs, shapes, strict=True)):
            check_array(f"output {k}", array, expected)
            if array.shape != shape:
                raise ShapeError(f"output {k}: expected shape {format_shape(shape)}, got {format_shape(array.shape)}")
            _check_layout(f"output {k}", array)
            if not array.flags.writeable:
                raise ValueError(f"output {k}: must be writeable")
            for other in (*inputs, *outputs[:k]):
                if np.may_share_memory(array, other):
                    raise ValueError(f"output {k}: overlaps another argument")

    def specialize(self, dims: Sequence[int] = (), lends: bool = False) -> Callable[..., Any]:
        """Return the fastest callable for fixed sizes.

        It takes one ndarray for each input and returns a new ndarray, a NumPy scalar for 0-d, or a tuple of these
        for several outputs. It converts nothing: an argument of another type, shape, byte order or layout raises
        TypeError or ValueError. For a 0-d input a NumPy scalar or a Python number of the same type will do. With ``lends``
        it writes into ``out``, one array or a tuple of them, where that is given, and returns it.
        """
        inputs, outputs, names = self._call_parts(dims)
        text = caller_source(inputs, outputs, len(dims), lends)
        names["lend"] = partial(self._lent, self.shapes(dims))
        exec(compile(text, "<symgrad call>", "exec"), names)
        result: Callable[..., Any] = names["call"]
        return result

    def _lent(self, shapes: Sequence[Shape], out: Any, inputs: Sequence[Any]) -> Sequence[Array]:
        """Return the arrays that a caller gives for the results, checked."""
        arrays = (out,) if len(shapes) == 1 else out
        if not isinstance(arrays, (tuple, list)):
            raise TypeError(f"{self.library.symbol}: out must be a tuple of {len(shapes)} arrays, got {type(out).__name__}")
        self._check_outputs([x for x in inputs if isinstance(x, np.ndarray)], arrays, shapes)
        return arrays

    def runner(self) -> Callable[[list[Any]], list[Any]]:
        """Return the fastest call on a list of operands of the right types and fixed sizes, which it does not check.

        Operands are ndarrays, and for 0-d inputs also numbers; the results are new ndarrays.
        """
        inputs, outputs, names = self._call_parts(())
        text = runner_source(inputs, outputs)
        if layout() is not None and outputs:
            whole = [k for k, t in enumerate(self.library.inputs) if not t.shape and t.dtype.name == "int64"]
            text = direct_runner_source(len(inputs), len(outputs), whole, bool(self.library.work))
            kind = _ffi.typeof("int(*)(void *, size_t, size_t, void *)")
            names |= {"enter": self._opened.load_function(kind, OBJECTS), "layout": layout()}
            names |= {"whole": _whole, "workspace": lambda: self.workspace(())}
        exec(compile(text, "<symgrad run>", "exec"), names)
        result: Callable[[list[Any]], list[Any]] = names["run"]
        return result

    def _call_parts(self, dims: Sequence[int]) -> tuple[list[Argument], list[Argument], dict[str, Any]]:
        """Return the arguments of a call for fixed sizes, and the names that its text uses."""
        library = self.library
        sizes = dict(zip(library.dims, dims, strict=True))
        given = [tuple([evaluate(s, sizes) for s in t.shape]) for t in library.inputs]
        made = self.shapes(dims)
        inputs: list[Argument] = []
        outputs: list[Argument] = []
        names: dict[str, Any] = {
            "ndarray": np.ndarray,
            "empty": np.empty,
            "address": _ffi.from_buffer,
            "native": self._function,
            "fail": self.fail,
            "refuse": self._refuser(given),
            "contiguous": np.ascontiguousarray,
            "nothing": _ffi.NULL,
            "make": lambda: self._context(given, made, dims, all(a.copied for a in (*inputs, *outputs))),
        }
        for k, (t, shape) in enumerate(zip(library.inputs, given, strict=True)):
            names |= {f"d{k}": t.dtype.numpy, f"s{k}": shape}
            inputs.append(Argument(len(shape), _bytes(t.dtype.itemsize, shape) <= _COPIED))
        for k, (t, shape) in enumerate(zip(library.outputs, made, strict=True)):
            names |= {f"e{k}": t.dtype.numpy, f"r{k}": shape}
            outputs.append(Argument(len(shape), _bytes(t.dtype.itemsize, shape) <= _COPIED))
        names |= {f"n{k}": n for k, n in enumerate(dims)}
        return inputs, outputs, names

    def _refuser(self, shapes: Sequence[tuple[int, ...]]) -> Callable[[int, Any], None]:
        """Return what checks one argument slowly: it raises, or finds that all is well after all."""

        def refuse(k: int, array: Any) -> None:
            name, expected = self.input_names[k], self.library.inputs[k]
            if not shapes[k] and (isinstance(array, np.generic) or _NUMBERS.get(type(array)) == expected.dtype.name):
                array = np.asarray(array)
            check_array(name, array, expected)
            if array.shape != shapes[k]:
                raise ShapeError(f"{name}: expected shape {format_shape(shapes[k])}, got {format_shape(array.shape)}")
            if _bytes(array.itemsize, array.shape) > _COPIED:
                _check_layout(name, array)

        return refuse

    def _context(self, given: Sequence[Shape], made: Sequence[Shape], dims: Sequence[int], packed: bool) -> tuple[Any, ...]:
        """Return buffers for one call at a time: the packed call, the workspace, arrays and their addresses."""
        library = self.library
        arrays = [np.empty(s, t.dtype.numpy) for s, t in zip(given, library.inputs, strict=True)]
        arrays += [np.empty(s, t.dtype.numpy) for s, t in zip(made, library.outputs, strict=True)]
        pointers, work = self._pointers(arrays, dims)
        if packed:  # addresses are in the block; kept so that what they point to stays
            return (self._packed(pointers, dims, work), *arrays, (pointers, work))
        return (self._packed(pointers, dims, work), work, *arrays, *pointers)

    def _pointers(self, arrays: Sequence[Array], dims: Sequence[int]) -> tuple[list[Any], Any]:
        """Return what holds the addresses of arrays and of a new workspace, and keeps them alive."""
        work = self.workspace(dims)
        last = _ffi.NULL if work is None else _ffi.from_buffer(work)
        return [_ffi.from_buffer(a) for a in arrays], last

    def _by_block(self, *arguments: Any) -> int:
        """Call the C function on addresses and sizes through one block of all of them, be they ever so many."""
        words = [a if isinstance(a, int) else int(_ffi.cast("uintptr_t", a)) for a in arguments]
        status: int = self._entry(_ffi.from_buffer(np.array(words, np.uintp)))
        return status

    def _packed(self, pointers: Sequence[Any], dims: Sequence[int], work: Any) -> Callable[[], int]:
        """Return the call on fixed addresses: one argument, a block of all of them."""
        addresses = [int(_ffi.cast("uintptr_t", p)) for p in pointers]
        block = np.array([*addresses, *dims, int(_ffi.cast("uintptr_t", work))], np.uintp)
        return partial(self._entry, _ffi.from_buffer(block))


def _check_layout(label: str, array: Array) -> None:
    """Raise unless C can read an array's memory as it is."""
    if not array.flags.c_contiguous:
        raise ValueError(f"{label}: must be C-contiguous, got strides {array.strides}; use numpy.ascontiguousarray")
    if not array.flags.aligned:
        raise ValueError(f"{label}: its elements must be aligned; use numpy.require(a, requirements=['C', 'A'])")


def _bytes(itemsize: int, shape: Sequence[int]) -> int:
    for size in shape:
        itemsize *= size
    return itemsize


def bound(run: Callable[[], int], result: Any, fail: Callable[[int], None], keep: Any) -> Callable[[], Any]:
    """Return the call of a C function on fixed arguments, which it keeps alive."""

    def call(keep: Any = keep) -> Any:
        status = run()
        if status:
            fail(status)
        return result

    return call


def load(library: Library, input_names: Sequence[str]) -> NativeFunction:
    """Return the function of a built library.

    Raises
    ------
    CompileError
        When the shared object cannot be loaded.
    """
    return NativeFunction(library, input_names)
