"""CompiledFunction: a Python function or a SymPy expression as native code, one program for each signature."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad import transforms
from symgrad.arguments import Call, Parameters, bind_dims, fit_spec, is_traced, leaf_array, leaf_type
from symgrad.eager.array_face import Array
from symgrad.eager.trees import LEAF, Tree, flatten, names, unflatten
from symgrad.eager.values import AnyArray, bound_input
from symgrad.ir.dims import evaluate
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.options import Options
from symgrad.replay import Recording, Replay
from symgrad.tracing import TensorSpec, Trace, trace

if TYPE_CHECKING:
    from symgrad.compiler import Compiled, Report

__all__ = ["CompiledFunction"]

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Program:
    """One signature's trace and native code."""

    trace: Trace
    types: tuple[TensorType, ...]
    compiled: Compiled

    def run(self, arrays: list[AnyArray], labels: Sequence[str]) -> Any:
        """Return the function's results for exact arrays."""
        every = [*arrays, *self.trace.captured]
        dims = bind_dims(self.types, arrays, labels)
        return self.nest(self.compiled.call(every, dims))

    def nest(self, outputs: Sequence[AnyArray]) -> Any:
        """Return output arrays in the nest the function returns; 0-d ones as NumPy scalars, or all as Tensors."""
        if self.trace.face is not Array:
            return unflatten(self.trace.output, [self.trace.face(bound_input(o, "result")) for o in outputs])
        return unflatten(self.trace.output, [o if o.ndim else o[()] for o in outputs])


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
        self._fast: Function = _no_fast_call

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as graphs, specs and options: never machine code, nor the Python function."""
        if self._parameters.specs is not None:
            self._program(self._parameters.spec_call(), None)
        records = [Recording(trees, p.types, tuple((n, v) for n, _, v in static), p.trace)
                   for (trees, _, _, static), p in self._programs.items()]  # fmt: skip
        if isinstance(self.fn, Replay):
            records += self.fn.recordings
        if not records:
            raise TypeError("pickle: call the function once, or compile it with specs, so that it has a graph to pickle")
        fn = Replay(getattr(self, "__name__", "function"), self.__doc__, records)
        return _restore, (fn, self._parameters.specs, self.options, self._argnums, self._parameters.result)

    def __repr__(self) -> str:
        return f"<compiled {getattr(self, '__name__', 'function')}, {len(self._programs)} programs>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
            except _NOT_THESE:
                pass  # another signature, or arguments to convert
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = self._parameters.bind(args, kwargs)
        if is_traced(call.leaves):
            return self.fn(*args, **kwargs)
        arrays, labels = self._arrays(call)
        program = self._program(call, arrays)
        result = program.run(arrays, labels)
        if self.options.finite:
            self._check_finite(result)
        elif not kwargs and not call.static and program.trace.face is Array:
            self._fast = self._specialized(program, call, arrays) or _no_fast_call
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
        from_arguments = self._parameters.labels(len(call.trees))
        return tuple(n for label, tree in zip(from_arguments, call.trees, strict=True) for n in names(label, tree))

    def _program(self, call: Call, arrays: Sequence[AnyArray] | None) -> Program:
        if self._parameters.specs is not None:
            types = tuple(spec.type for spec in self._parameters.spec_leaves)
        else:
            assert arrays is not None
            types = tuple(leaf_type(a) for a in arrays)
        key = (call.trees, types, call.faces, tuple((n, type(v), v) for n, v in call.static))
        found = self._programs.get(key)
        if found is None:
            with self._lock:
                found = self._programs.get(key)
                if found is None:
                    found = self._programs[key] = self._compile(call, types)
        return found

    def _compile(self, call: Call, types: tuple[TensorType, ...]) -> Program:
        from symgrad.compiler import compile_graph  # not needed to import symgrad, and a third of the time that would take

        traced = self._trace(call, types)
        compiled = compile_graph(
            traced.graph,
            name=getattr(self.fn, "__name__", "function"),
            options=self.options,
            input_names=traced.input_names,
            output_names=traced.output_names,
        )
        return Program(traced, types, compiled)

    def _trace(self, call: Call, types: tuple[TensorType, ...]) -> Trace:
        labels = self._parameters.labels(len(call.trees))
        return trace(self.fn, call.trees, types, call.faces, labels, dict(call.static), self._parameters.result)

    def _specialized(self, program: Program, call: Call, arrays: Sequence[AnyArray]) -> Function | None:
        """Return a callable for arguments of exactly these types, or None where the general path is needed."""
        if program.trace.captured or any(tree != LEAF for tree in call.trees):
            return None
        native = program.compiled.specialize(arrays)
        if native is None:
            return None
        return _returning(native, program.trace.output)

    # what can be asked of a signature ----------------------------------------------------------------------------------

    def _asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Program, Call, list[AnyArray]]:
        if not args and not kwargs and self._parameters.specs is not None:
            call = self._parameters.spec_call()
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

        It allocates and returns as the function does, and raises TypeError or ValueError for other arguments.
        """
        program, call, arrays = self._asked(args, {})
        program.compiled.c_source  # noqa: B018  # compiles now, or says why not
        found = self._specialized(program, call, arrays)
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
        for leaf, array in zip(call.leaves, arrays, strict=True):
            if leaf is not array:
                raise ValueError("bind: arguments must be C-contiguous arrays of exactly the program's element types")
        dims = bind_dims(program.types, arrays, self._labels(call))
        types = [n.type for n in program.trace.graph.outputs]
        outputs = program.compiled.outputs(dims) if out is None else flatten(out)[0]
        for array, kind in zip(outputs, types, strict=True):
            if not _is_output(array, kind, dims):
                raise ValueError(f"bind: outputs must be writable C-contiguous arrays, expected {kind}")
        native = program.compiled.bind([*arrays, *program.trace.captured], outputs)
        result = unflatten(program.trace.output, outputs)

        def call_bound() -> Any:
            native()
            return result

        return call_bound

    # derivatives -------------------------------------------------------------------------------------------------------

    def _derived(self, name: str, **settings: Any) -> CompiledFunction:
        found = self.__dict__.get(f"_{name}")
        if found is None:
            transform = getattr(transforms, name)
            specs = self._parameters.specs
            if specs is not None and name in ("jvp", "hvp", "vjp"):
                specs = (*specs, specs[0] if name != "vjp" else self._result_specs())
            fn = transform(self.fn, **settings)
            fn.__name__ = f"{getattr(self.fn, '__name__', 'function')}_{name}"
            found = CompiledFunction(
                fn,
                specs=specs,
                static_argnames=self._parameters.static_names,
                options=self.options,
                argnums=self._argnums,
                result=("value", "grad") if name == "value_and_grad" else name,
            )
            self.__dict__[f"_{name}"] = found
        return found

    def _result_specs(self) -> Any:
        call = self._parameters.spec_call()
        traced = self._trace(call, tuple(s.type for s in self._parameters.spec_leaves))
        return unflatten(traced.output, [TensorSpec(o.shape, o.dtype) for o in traced.graph.outputs])

    @property
    def grad(self) -> CompiledFunction:
        """The gradient."""
        return self._derived("grad", argnums=self._argnums)

    @property
    def value_and_grad(self) -> CompiledFunction:
        """The value and the gradient, computed together."""
        return self._derived("value_and_grad", argnums=self._argnums)

    @property
    def jacobian(self) -> CompiledFunction:
        """The Jacobian: ``output.shape + input.shape``."""
        return self._derived("jacobian", argnums=self._argnums)

    @property
    def hessian(self) -> CompiledFunction:
        """The Hessian: ``input.shape + input.shape``."""
        return self._derived("hessian", argnums=self._argnums)

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


def _restore(fn: Replay, specs: Any, options: Options, argnums: Any, result: Any) -> CompiledFunction:
    return CompiledFunction(fn, specs=specs, options=options, argnums=argnums, result=result)


_NOT_THESE = (TypeError, ValueError)


def _no_fast_call(*args: Any) -> Any:
    raise TypeError("no call with exact types has been made yet")


def _is_output(array: Any, kind: TensorType, dims: Any) -> bool:
    shape = tuple(evaluate(s, dims) for s in kind.shape)
    fits = isinstance(array, np.ndarray) and array.dtype == kind.dtype.numpy and array.shape == shape
    return fits and array.flags.c_contiguous and array.flags.writeable


def _returning(native: Function, output: Tree) -> Function:
    """Return ``native``, which returns one array or a tuple of them, with its results in the function's own nest."""
    flat = output.kind is tuple and len(output.children) > 1 and all(child == LEAF for child in output.children)
    if output == LEAF or flat:
        return native
    if output.leaves == 1:
        return lambda *args: unflatten(output, [native(*args)])
    return lambda *args: unflatten(output, native(*args))
