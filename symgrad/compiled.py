"""CompiledFunction: a Python function or a SymPy expression as native code, one program for each signature."""

from __future__ import annotations

import functools
import gc
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad import transforms
from symgrad.arguments import Call, Parameters, bind_dims, fit_spec, fit_traced, is_traced, leaf_array, leaf_type
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face
from symgrad.eager.trees import LEAF, flatten, flatten_as, paths, unflatten
from symgrad.eager.values import AnyArray
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.options import Options
from symgrad.programs import NOT_THESE, Program, is_output, no_fast_call, returning, signature_of
from symgrad.replay import Recording, Replay
from symgrad.tracing import OuterTraceError, TensorSpec, Trace, trace

if TYPE_CHECKING:
    from symgrad.compiler import Report

__all__ = ["CompiledFunction"]

Function = Callable[..., Any]


class CompiledFunction:
    """A function compiled to native code, called like the function it was made from.

    Each new combination of structure, element types and shapes of the arguments is compiled once (with ``specs``,
    each combination that the named dims leave open). Arguments are nested tuples, lists and dicts of arrays; a Python
    float or int is a 0-d float64 or int64 array. Results are ndarrays, NumPy scalars for 0-d, and Tensors if any
    argument is one.

    Attributes
    ----------
    grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp : CompiledFunction
        The transforms of those names, with respect to the first argument (for a SymPy expression of several
        arguments: all of them).
    """

    def __init__(
        self,
        fn: Function,
        *,
        specs: Sequence[Any] | None = None,
        static_argnames: Sequence[str] = (),
        options: Options | None = None,
        argnums: int | tuple[int, ...] = 0,
        result: str | tuple[str, ...] = "out",
    ) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.fn = fn
        self.options = options or Options.from_environment()
        self._parameters = Parameters(fn, static_argnames, specs, result)
        self._argnums = argnums
        self._programs: dict[Any, Program] = {}
        self._lock = threading.RLock()
        self._methods: dict[int, tuple[weakref.ref[Any], CompiledFunction]] = {}
        _functions.add(self)
        self._fast: Function = no_fast_call
        self._fast_calls: dict[Any, Function] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as graphs, specs and options: never machine code, nor the Python function."""
        if self._parameters.specs is not None and not self._parameters.static_names:
            self._program(self._parameters.spec_call(), None)
        records = [Recording(p.made_for.key, p.types, p.trace) for p in self._programs.values()]
        if isinstance(self.fn, Replay):
            records += self.fn.recordings
        if not records:
            raise TypeError("pickle: call the function once, or compile it with specs, so that it has a graph to pickle")
        parameters = self._parameters
        names = getattr(self, "__name__", "function"), self.__doc__
        fn = Replay(*names, parameters.signature, parameters.static_names, records)
        return _restore, (fn, parameters.specs, parameters.static_names, self.options, self._argnums, parameters.result)

    def __get__(self, instance: Any, owner: type | None = None) -> CompiledFunction:
        """Return the compiled method of an instance, whose attributes it captures."""
        if instance is None:
            return self
        found = self._methods.get(id(instance))
        if found is None or found[0]() is not instance:
            method = self.transformed(self.fn.__get__(instance, owner), self._parameters.result)
            found = self._methods[id(instance)] = weakref.ref(instance), method
        return found[1]

    def __repr__(self) -> str:
        return f"<compiled {getattr(self, '__name__', 'function')}, {len(self._programs)} programs>"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return the function's result, compiling first where this signature is new.

        Raises
        ------
        TraceError
            When the function cannot be traced.
        ShapeError, DTypeError
            When arguments do not fit each other or the specs.
        CompileError
            When the C compiler fails.
        """
        if not kwargs:
            try:
                return self._fast(*args)
            except NOT_THESE:  # another signature, or arguments to convert
                known = self._fast_calls.get(signature_of(args))
                if known is not None and known is not self._fast:
                    self._fast = known
                    return self(*args)
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = self._parameters.bind(args, kwargs)
        if is_traced(call.leaves):
            return self._inline(call)
        arrays, labels = self._arrays(call)
        try:
            program = self._program(call, arrays)
        except OuterTraceError:  # it closes over a traced value, so it belongs to that trace
            return self._inline(call)
        result = self._checked(program.run(arrays, labels, lambda: self._tape_graph(program, call, arrays), call.leaves))
        if not kwargs and not call.static and program.trace.face is Array:
            self._fast = self._fast_calls[signature_of(args)] = self._specialized(program, call, arrays) or no_fast_call
        return result

    def _inline(self, call: Call) -> Any:
        """Run the Python function as a part of the trace under way."""
        leaves = call.leaves
        if self._parameters.specs is not None:
            labels, faces = self._labels(call), [leaf for leaf in leaves if isinstance(leaf, Face)]
            if len(faces) == len(leaves):
                specs = self._parameters.spec_leaves
                leaves = [fit_traced(f, s, label) for f, s, label in zip(faces, specs, labels, strict=True)]
        start, arguments = 0, []
        for tree in call.trees:
            arguments.append(unflatten(tree, leaves[start : start + tree.leaves]))
            start += tree.leaves
        return call.adapted(self.fn)(*arguments)

    def _checked(self, result: Any) -> Any:
        if self.options.finite:
            self._check_finite(result)
        return result

    def _check_finite(self, result: Any) -> None:
        for value in flatten(result)[0]:
            if not np.all(np.isfinite(np.asarray(value))):
                name = getattr(self, "__name__", "function")
                raise FloatingPointError(f"{name}: a result is nan or inf, and options.finite is on")

    def _arrays(self, call: Call) -> tuple[list[AnyArray], tuple[str, ...]]:
        labels = self._labels(call)
        arrays = [leaf_array(leaf, label) for leaf, label in zip(call.leaves, labels, strict=True)]
        if self._parameters.specs is not None:
            specs = self._parameters.spec_leaves
            arrays = [fit_spec(a, s, label) for a, s, label in zip(arrays, specs, labels, strict=True)]
        return arrays, labels

    def _labels(self, call: Call) -> tuple[str, ...]:
        return tuple(n for label, tree in zip(call.labels, call.trees, strict=True) for n in paths(label, tree))

    def _program(self, call: Call, arrays: Sequence[AnyArray] | None) -> Program:
        if self._parameters.specs is not None:
            types = tuple(spec.type for spec in self._parameters.spec_leaves)
        else:
            assert arrays is not None
            types = tuple(leaf_type(a) for a in arrays)
        key = call.key, types
        found = self._programs.get(key)
        if found is None:
            with self._lock:
                found = self._programs.get(key)
                if found is None:
                    found = self._programs[key] = self._compile(call, types)
        return found

    def _compile(self, call: Call, types: tuple[TensorType, ...]) -> Program:
        from symgrad.compiler import compile_graph  # not needed to import symgrad, and a third of the time that would take

        collecting = gc.isenabled()
        gc.disable()  # nodes form no cycles, and collecting while they are built costs a third of the time
        try:
            traced = self._trace(call, types)
            compiled = compile_graph(
                traced.graph,
                name=getattr(self.fn, "__name__", "function"),
                options=self.options,
                input_names=traced.input_names,
                output_names=traced.output_names,
            )
        finally:
            if collecting:
                gc.enable()
        return Program(call, traced, types, compiled)

    def _tape_graph(self, program: Program, call: Call, arrays: Sequence[AnyArray]) -> Graph:
        """Return the graph that Tensors which require a gradient put on their tape: sizes are those of this call."""
        if not program.trace.graph.dims:
            return program.trace.graph
        return self._trace(call, tuple([leaf_type(a) for a in arrays])).graph

    def _trace(self, call: Call, types: tuple[TensorType, ...]) -> Trace:
        return trace(call.adapted(self.fn), call.trees, types, call.faces, call.labels, self._parameters.result)

    def _specialized(self, program: Program, call: Call, arrays: Sequence[AnyArray], lends: bool = False) -> Function | None:
        """Return a callable for arguments of exactly these types, or None where the general path is needed."""
        if program.trace.captured or any(tree != LEAF for tree in call.trees):
            return None
        native = program.compiled.specialize(arrays, lends)
        if native is None:
            return None
        call_native = returning(native, program.trace.output)
        return (lambda *args, **named: self._checked(call_native(*args, **named))) if self.options.finite else call_native

    def _asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Program, Call, list[AnyArray]]:
        if not args and self._parameters.specs is not None:
            call = self._parameters.spec_call(kwargs)
            return self._program(call, None), call, []
        call = self._parameters.bind(args, kwargs)
        if any(isinstance(leaf, TensorSpec) for leaf in call.leaves):
            types = tuple(s.type if isinstance(s, TensorSpec) else leaf_type(leaf_array(s, "x")) for s in call.leaves)
            return self._compile(call, types), call, []
        arrays, _ = self._arrays(call)
        return self._program(call, arrays), call, arrays

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """Return the graph for these arguments, after rewriting: ``len`` counts nodes, ``str`` prints it.

        Arguments may be omitted where specs were given, and may be TensorSpecs.
        """
        return self._asked(args, kwargs)[0].compiled.graph

    def c_source(self, *args: Any, **kwargs: Any) -> str:
        """Return the generated C for these arguments."""
        return self._asked(args, kwargs)[0].compiled.c_source

    def latex(self, *args: Any, **kwargs: Any) -> str:
        """Return the function for these arguments as LaTeX."""
        from symgrad.symbolic import latex  # it needs SymPy, which is slow to import

        program = self._asked(args, kwargs)[0]
        return latex(program.compiled.graph, program.trace.input_names)

    def report(self, *args: Any, **kwargs: Any) -> Report:
        """Return what compiling for these arguments did: nodes by pass, flops, bytes, kernels, time, cache."""
        return self._asked(args, kwargs)[0].compiled.report

    def specialize(self, *args: Any) -> Function:
        """Return the bare native callable for the types and shapes of ``args``: never converts.

        It allocates and returns as the function does, and raises TypeError or ValueError for other arguments. Where ``out``
        is given, nested like the result, it writes into that and returns it; its arrays are as those of ``bind``.
        """
        program, call, arrays = self._asked(args, {})
        program.compiled.c_source  # noqa: B018  # compiles now, or says why not
        found = self._specialized(program, call, arrays, lends=True)
        if found is None:
            raise TypeError("specialize: needs plain arrays as arguments, and a function that captures no arrays")
        return found

    def bind(self, *args: Any, out: Any = None) -> Function:
        """Return ``g`` such that ``g()`` computes from the present contents of ``args`` into the same outputs each time.

        Parameters
        ----------
        *args : nests of ndarray
            Of exactly the element types the program has, in C order.
        out : nest of ndarray, optional
            Where results go, nested like them; allocated when omitted.

        Raises
        ------
        ValueError
            For arrays that would have to be converted, or read-only outputs.
        """
        program, call, arrays = self._asked(args, {})
        labels = self._labels(call)
        for label, leaf, array in zip(labels, call.leaves, arrays, strict=True):
            if leaf is not array:
                raise ValueError(f"bind: argument {label} must be a C-contiguous array of {array.dtype}: it cannot be converted")
        dims = bind_dims(program.types, arrays, labels)
        outputs = program.compiled.outputs(dims) if out is None else flatten_as(program.trace.output, out, either=True)
        if outputs is None:
            raise ValueError("bind: out must be nested like the function's result")
        for array, kind in zip(outputs, [n.type for n in program.trace.graph.outputs], strict=True):
            if not is_output(array, kind, dims):
                got = f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
                raise ValueError(f"bind: outputs must be writable C-contiguous arrays, expected {kind}, got {got}")
        result = unflatten(program.trace.output, outputs)
        native = program.compiled.bind([*arrays, *program.trace.captured], outputs, result)
        return (lambda: self._checked(native())) if self.options.finite else native

    @property
    def has_specs(self) -> bool:
        """Whether it was compiled with specs."""
        return self._parameters.specs is not None

    def spec_call(self) -> Call:
        """Return the arguments that the specs stand for."""
        return self._parameters.spec_call()

    def trace_specs(self) -> tuple[Call, Trace]:
        """Return the arguments the specs stand for, and the function traced for them."""
        call = self.spec_call()
        return call, self._trace(call, tuple(s.type for s in self._parameters.spec_leaves))

    @property
    def argnums(self) -> tuple[int, ...]:
        """Which traced arguments its derivatives are taken with respect to."""
        return (self._argnums,) if isinstance(self._argnums, int) else self._argnums

    def with_specs(self, specs: Sequence[Any] | None) -> CompiledFunction:
        """Return the same function for other specs; itself for None."""
        return self if specs is None else self.transformed(self.fn, self._parameters.result, specs)

    def transformed(self, fn: Function, result: Any, specs: Sequence[Any] | None = None) -> CompiledFunction:
        """Return a function of the same arguments and options, whose results are called ``result``."""
        known, options, argnums = self._parameters, self.options, self._argnums
        specs, static = known.specs if specs is None else specs, known.static_names
        return CompiledFunction(fn, specs=specs, static_argnames=static, options=options, argnums=argnums, result=result)

    def _derived(self, name: str) -> CompiledFunction:
        argnums = self._argnums if name not in ("jvp", "hvp", "vjp") else 0
        found = self.__dict__.get(f"_{name}")
        if found is None:
            transform = getattr(transforms, name)
            specs = self._parameters.specs
            if name in ("jvp", "hvp", "vjp") and specs is not None:
                specs = (*specs, specs[0] if name != "vjp" else self._result_specs())
            fn = transform(self.fn, argnums=self._parameters.first_traced if self._argnums == 0 else argnums)
            fn.__name__ = f"{getattr(self.fn, '__name__', 'function')}_{name}"
            found = self.transformed(fn, ("value", "grad") if name == "value_and_grad" else name, specs)
            self.__dict__[f"_{name}"] = found
        return found

    def _result_specs(self) -> Any:
        _, traced = self.trace_specs()
        return unflatten(traced.output, [TensorSpec(o.shape, o.dtype) for o in traced.graph.outputs])

    @property
    def grad(self) -> CompiledFunction:
        """The gradient."""
        return self._derived("grad")

    @property
    def value_and_grad(self) -> CompiledFunction:
        """The value and the gradient, computed together."""
        return self._derived("value_and_grad")

    @property
    def jacobian(self) -> CompiledFunction:
        """The Jacobian: ``output.shape + input.shape``."""
        return self._derived("jacobian")

    @property
    def hessian(self) -> CompiledFunction:
        """The Hessian: ``input.shape + input.shape``."""
        return self._derived("hessian")

    @property
    def hvp(self) -> CompiledFunction:
        """``(*args, v) -> H v``."""
        return self._derived("hvp")

    @property
    def jvp(self) -> CompiledFunction:
        """``(*args, v) -> J v``."""
        return self._derived("jvp")

    @property
    def vjp(self) -> CompiledFunction:
        """``(*args, ct) -> J' ct``."""
        return self._derived("vjp")


def _restore(fn: Replay, specs: Any, static: Any, options: Options, argnums: Any, result: Any) -> CompiledFunction:
    return CompiledFunction(fn, specs=specs, static_argnames=static, options=options, argnums=argnums, result=result)


_functions: weakref.WeakSet[CompiledFunction] = weakref.WeakSet()


def _renew_locks() -> None:
    """After a fork nobody holds the locks that other threads of the parent held."""
    for function in _functions:
        function._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
