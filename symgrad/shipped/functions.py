"""Calls of exported functions: arguments checked, taken apart and passed to C, results put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, Signature, cleandoc
from typing import Any

import numpy as np

from symgrad.shipped.nests import evaluate, fitted, kind_of, leaves, lone, nested, paths, returning, shape_text, size_text
from symgrad.shipped.special import Signature as Known
from symgrad.shipped.special import native_call, plain_call, refuser

__all__ = ["Function"]

Array = np.ndarray[Any, Any]

_SLOW = 20_000  # operations of a call, about 10 us, that lets other threads run meanwhile
_KNOWN = 256  # signatures whose fast calls are kept


class Function:
    """One function of a module written by symgrad: called with NumPy arrays and numbers, in nests where it takes nests.

    Arrays are converted where that loses nothing, and checked. It is pickled by name, and any number of threads may
    call it.

    Attributes
    ----------
    symbol : str
        Its name in C.
    facts : dict
        What manifest.json says of it: types, sizes, work, flops, sparsity.
    """

    def __init__(self, module: str, name: str, facts: Mapping[str, Any], native: Any, doc: str) -> None:
        self.__module__, self.__name__, self.__qualname__, self.__doc__ = module, name, name, cleandoc(doc)
        self.facts, self.symbol = facts, facts["symbol"]
        self._labels: list[str] = list(facts["parameters"])
        self.__signature__ = Signature([Parameter(n, Parameter.POSITIONAL_OR_KEYWORD) for n in self._labels])
        labels = [path for one in zip(self._labels, facts["arguments"], strict=True) for path in paths(*one)]
        self._inputs = [(n, np.dtype(i["dtype"]), i["shape"]) for n, i in zip(labels, facts["inputs"], strict=True)]
        self._outputs = [(np.dtype(o["dtype"]), o["shape"]) for o in facts["outputs"]]
        self._dims: list[str] = [d["name"] for d in facts["dims"]]
        self._strict = facts["finite"]
        self._flat = all(nest == 0 for nest in facts["arguments"])
        self._native = native
        self._packed = getattr(native.lib, f"sg_packed_{name}")
        self._fast_calls: dict[Any, Callable[..., Any]] = {}
        self._use(self._convert)

    def __repr__(self) -> str:
        return f"<{self.__module__}.{self.__name__}({', '.join(self._labels)}), C function {self.symbol}>"

    def __reduce__(self) -> str:
        return self.__qualname__

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return the function's result.

        Raises
        ------
        TypeError, ValueError
            When arguments do not fit.
        IndexError
            When an index lies outside its axis.
        """
        result = self._fast(*args) if self._flat and not kwargs else self._fast(*self._leaves(args, kwargs))
        return self._finite(result) if self._strict else result

    def _finite(self, result: Any) -> Any:
        if not all(np.isfinite(leaf).all() for leaf in leaves("result", self.facts["result"], result, either=True)):
            raise FloatingPointError(f"{self.__name__}: a result is nan or inf, and options.finite was on")
        return result

    def _use(self, call: Callable[..., Any]) -> None:
        """Take a call, of and to flat arrays, for the next arguments."""
        self._current = call
        self._fast = returning(call, self.facts["result"], len(self._inputs), len(self._outputs))

    def _other(self, *given: Any) -> Any:
        """Return the results for arrays of other types or shapes than those of the last call."""
        known = self._fast_calls.get(_signature_of(given))
        if known is not None and known is not self._current:
            self._use(known)
            return known(*given)
        return self._convert(*given)

    def _convert(self, *given: Any) -> Any:
        """Return the results for any arrays, converted and checked; remember the fast call for such arrays."""
        if len(given) != len(self._inputs):
            self._leaves(given, {})  # it says what is missing
        arrays = [fitted(leaf, *expected) for leaf, expected in zip(given, self._inputs, strict=True)]
        sizes = self._sizes(arrays)
        if all(leaf is array or isinstance(leaf, float) for leaf, array in zip(given, arrays, strict=True)):
            if len(self._fast_calls) >= _KNOWN:
                self._fast_calls.clear()
            call = self._fast_calls[_signature_of(given)] = self._specialized(arrays, sizes)
            self._use(call)
        outputs = self._empty(sizes)
        self._run([*arrays, *outputs], sizes)
        results = [o if o.ndim else o[()] for o in outputs]
        return results[0] if len(results) == 1 else tuple(results)

    def specialize(self, *args: Any) -> Callable[..., Any]:
        """Return the bare native call for exactly the types and shapes of ``args``: it never converts.

        It takes the arrays themselves, those of a nest one after the other, and raises TypeError or ValueError for
        others. ``g(x, y)`` and ``g(x, out=y)`` allocate nothing: they write into ``y``, an array or what is nested like the
        result, as tuples or lists, and return it. Its arrays must be writeable, C-contiguous and aligned, of exactly the
        results' types and shapes, and overlap nothing.
        """
        arrays = self._arrays(args)
        sizes = self._sizes(arrays)
        known = self._known(arrays, sizes)
        refuse = refuser(known)
        native = native_call(self._native, known, refuse, self._fail, lends=True)
        if native is None:
            native = plain_call(known, lambda inputs, outputs: self._run([*inputs, *outputs], sizes), refuse)
        call = returning(native, self.facts["result"], len(self._inputs), len(self._outputs))
        return (lambda *given, **named: self._finite(call(*given, **named))) if self._strict else call

    def bind(self, *args: Any, out: Any = None) -> Callable[[], Any]:
        """Return ``g`` such that ``g()`` computes from the present contents of ``args`` into the same outputs each time.

        Parameters
        ----------
        *args : nests of ndarray
            Of exactly the element types of the function, in C order.
        out : nest of ndarray, optional
            Where results go; allocated when omitted.

        Raises
        ------
        ValueError
            For arrays that would have to be converted, read-only outputs, or outputs that overlap anything.
        """
        arrays, given = self._arrays(args), self._leaves(args, {})
        for leaf, array, (label, dtype, _) in zip(given, arrays, self._inputs, strict=True):
            if leaf is not array:
                got = kind_of(leaf) + (" of other strides" if isinstance(leaf, np.ndarray) and leaf.dtype == dtype else "")
                raise ValueError(f"{self.__name__}.bind: argument {label}: expected a C-contiguous array of {dtype}, got {got}")
        sizes = self._sizes(arrays)
        outputs = self._empty(sizes) if out is None else list(leaves("out", self.facts["result"], out, either=True))
        self._check_outputs(arrays, outputs, sizes)
        block, keep = self._block([*arrays, *outputs], sizes)
        result, fail = nested(self.facts["result"], iter(outputs)), self._fail  # named: C takes them by their addresses
        made: list[Callable[[], Any]] = []
        ffi, lib = self._native.ffi, self._native.lib
        slow = evaluate(self.facts["flops"], sizes) > _SLOW
        run = ffi.addressof(lib, f"sg_packed_{self.__name__}")
        if lib.sg_bind(run, block, id(result), id(fail), id(keep), slow, id(made)):
            raise MemoryError(f"{self.__name__}.bind: out of memory")
        return (lambda: self._finite(made[0]())) if self._strict else made[0]

    @property
    def sparsity(self) -> tuple[tuple[Array, Array] | None, ...]:
        """Rows and columns of the structural non-zeros of each output, seen as a matrix; None where it is dense.

        A derivative has a row for each element of what is differentiated, and a column for each element of the input.
        """
        found = [(s.get("row"), s.get("column")) for s in self.facts["sparsity"]]
        return tuple(None if row is None else (np.array(row, np.intp), np.array(column, np.intp)) for row, column in found)

    @property
    def address(self) -> int:
        """Where the C function is, for ctypes, numba and others that call C."""
        pointer = self._native.ffi.addressof(self._native.lib, self.symbol)
        return int(self._native.ffi.cast("uintptr_t", pointer))

    def low_level(self) -> Any:
        """Return a scipy.LowLevelCallable: SciPy's integrators then call the C without Python in between.

        Raises
        ------
        TypeError
            Unless the function returns one float64 number and takes float64 numbers or arrays of fixed sizes.
        """
        if not self.facts["integrand"]:
            raise TypeError(
                f"{self.__name__}.low_level: needs a function of float64 numbers and arrays of fixed sizes that returns one "
                "float64 number; export one with such specs"
            )
        import scipy  # only for this

        return scipy.LowLevelCallable(self._native.ffi.addressof(self._native.lib, f"{self.symbol}_integrand"))

    # Arguments

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """Yield name, nest and value of each parameter."""
        labels, name = self._labels, self.__name__
        if len(args) > len(labels):
            raise TypeError(f"{name}: takes {len(labels)} arguments ({', '.join(labels)}), got {len(args)}")
        values = dict(zip(labels, args, strict=False))
        for key, value in kwargs.items():
            if key not in labels:
                raise TypeError(f"{name}: has no parameter {key!r}; they are {', '.join(labels)}")
            if key in values:
                raise TypeError(f"{name}: got two values for {key}")
            values[key] = value
        missing = [n for n in labels if n not in values]
        if missing:
            raise TypeError(f"{name}: needs {', '.join(missing)} as well; its parameters are {', '.join(labels)}")
        yield from ((n, nest, values[n]) for n, nest in zip(labels, self.facts["arguments"], strict=True))

    def _leaves(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        return [leaf for label, nest, value in self._given(args, kwargs) for leaf in leaves(label, nest, value)]

    def _arrays(self, args: tuple[Any, ...]) -> list[Array]:
        return [fitted(leaf, *expected) for leaf, expected in zip(self._leaves(args, {}), self._inputs, strict=True)]

    def _sizes(self, arrays: Sequence[Array]) -> dict[str, int]:
        """Return what each named size is, having checked all shapes."""
        sizes: dict[str, int] = {}
        for (_, _, shape), array in zip(self._inputs, arrays, strict=True):
            for expected, size in zip(shape, array.shape, strict=True):
                found = lone(expected)
                if found is not None and found[0] not in sizes and (size - found[2]) % found[1] == 0:
                    sizes[found[0]] = (size - found[2]) // found[1]
        where = ", ".join(f"{n} = {v}" for n, v in sizes.items())
        for name in self._dims:
            if name not in sizes:
                raise ValueError(f"{self.__name__}: the size {name} does not follow from the arguments' shapes")
        for (label, _, shape), array in zip(self._inputs, arrays, strict=True):
            if tuple(evaluate(s, sizes) for s in shape) != array.shape:
                at = f" where {where}" if where else ""
                raise ValueError(f"argument {label}: expected shape {shape_text(shape)}{at}, got {list(array.shape)}")
        for condition in self.facts["conditions"]:
            if evaluate(condition, sizes) < 0:
                raise ValueError(f"{self.__name__}: a size {size_text(condition)} is negative where {where}")
        return sizes

    # Calls

    def _empty(self, sizes: Mapping[str, int]) -> list[Array]:
        return [np.empty([evaluate(s, sizes) for s in shape], dtype) for dtype, shape in self._outputs]

    def _workspace(self, sizes: Mapping[str, int]) -> Any:
        count = evaluate(self.facts["work"], sizes)
        return self._native.ffi.from_buffer(np.empty(count)) if count else self._native.ffi.NULL

    def _block(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> tuple[Any, tuple[Any, ...]]:
        """Return a block of all arguments of a call on fixed arrays, and what has to be kept while it is used."""
        ffi = self._native.ffi
        work = self._workspace(sizes)
        pointers = [ffi.from_buffer(a) for a in arrays]
        block = np.array([int(ffi.cast("uintptr_t", p)) for p in pointers] + [sizes[d] for d in self._dims] + [0], np.uintp)
        block[-1] = int(ffi.cast("uintptr_t", work))
        whole = ffi.from_buffer(block)
        return whole, (whole, pointers, work)

    def _run(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> None:
        """Call C on exact arrays, inputs and outputs."""
        block, keep = self._block(arrays, sizes)
        status = self._packed(block)
        if status:
            self._fail(status)
        del keep

    def _known(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> Known:
        """Return the types and shapes of a call with such arrays."""
        made = [(tuple(evaluate(s, sizes) for s in shape), dtype) for dtype, shape in self._outputs]
        given = [(a.shape, dtype) for a, (_, dtype, _) in zip(arrays, self._inputs, strict=True)]
        work, flops = (evaluate(self.facts[what], sizes) for what in ("work", "flops"))
        labels, dims = [label for label, _, _ in self._inputs], [sizes[d] for d in self._dims]
        results = paths("out", self.facts["result"])
        return Known(self.__name__, labels, results, given, made, dims, work, flops > _SLOW)

    def _specialized(self, arrays: Sequence[Array], sizes: Mapping[str, int]) -> Callable[..., Any]:
        """Return the call for the types and shapes of ``arrays``; what is not of them goes the general way."""
        call = native_call(self._native, self._known(arrays, sizes), self._other, self._fail, lends=False)
        return self._convert if call is None else call

    def _fail(self, status: int) -> None:
        """Raise what a status other than 0 means."""
        if status == 1:
            operations = " or ".join(self.facts["failures"]) or self.__name__
            raise IndexError(f"{operations}: an index lies outside its axis")
        message = self._native.ffi.string(getattr(self._native.lib, f"{self.facts['library']}_message")(status)).decode()
        raise ValueError(f"{self.__name__}: {message}")

    def _check_outputs(self, inputs: Sequence[Array], outputs: Sequence[Any], sizes: Mapping[str, int]) -> None:
        names = paths("out", self.facts["result"])
        for k, (output, (dtype, shape)) in enumerate(zip(outputs, self._outputs, strict=True)):
            expected = tuple(evaluate(s, sizes) for s in shape)
            name = f"{self.__name__}.bind: {names[k]}"
            if type(output) is not np.ndarray or output.dtype != dtype or output.shape != expected:
                raise ValueError(f"{name} must be {dtype}{list(expected)}, got {kind_of(output)}")
            if not (output.flags.c_contiguous and output.flags.aligned and output.flags.writeable):
                raise ValueError(f"{name} must be writable, C-contiguous and aligned")
            if any(np.may_share_memory(output, other) for other in (*inputs, *outputs[:k])):
                raise ValueError(f"{name} overlaps another array")


def _signature_of(args: tuple[Any, ...]) -> Any:
    return tuple([(a.dtype, a.shape) if type(a) is np.ndarray else type(a) for a in args])
