"""The user's contract of sg.compile: what a CompiledFunction takes, returns, refuses and can be asked."""

from __future__ import annotations

import functools
import os
import pickle
import threading
from collections import namedtuple

import numpy as np
import pytest

import symgrad as sg

Spec = sg.TensorSpec
X = np.arange(3.0) + 1.0
INTERPRET = sg.Options(tier="interpret")
Pair = namedtuple("Pair", "x y")


def double(x):
    return x * 2.0


def wave(x):
    return np.sin(x * 2.0).sum()


def sine(x):
    return np.sin(x)


def power_sum(x, n):
    return (x**n).sum()


def same(got, expected):
    """Assert equal values, shapes and element types."""
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype


# Calls


@pytest.mark.parametrize(
    ("fn", "args"),
    [
        (lambda a, b: a[0] * b["k"][1] - b["s"], ([X], {"k": (X, X + 1.0), "s": 2.0})),
        (lambda p: {"a": p.y, "b": [p.x, (p.x + p.y,)]}, (Pair(1.0, 2.0),)),
        (lambda p: Pair(p[0][1], p[1]), ([[1.0, 2.0], 3.0],)),
        (lambda p: p["a b"] - p["a_b"] * p[("a", "b")] + p[1] * p["1"], ({"a b": 1.0, "a_b": 2.0, ("a", "b"): 3.0, 1: 4.0, "1": 5.0},)),
        (lambda p, p_0: p[0] - p_0, ([1.0], 5.0)),
        (lambda *a: sum(a), tuple(np.arange(40.0))),
        (lambda x: (x, x, None, ()), (X,)),
    ],
)  # fmt: skip
def test_nests_go_in_and_come_out(fn, args):
    got, expected = sg.compile(fn)(*args), fn(*args)
    flat, wanted = sg.eager.trees.flatten(got), sg.eager.trees.flatten(expected)
    assert flat[1] == wanted[1]
    for one, other in zip(flat[0], wanted[0], strict=True):
        same(one, np.asarray(other)[()])


@pytest.mark.parametrize(
    ("value", "kind"),
    [(2.5, np.float64), (3, np.int64), (True, np.bool_), (np.float32(2.5), np.float32), (np.array(2.5), np.float64)],
)
def test_numbers_are_0d_and_results_numpy_scalars(value, kind):
    for options in (None, INTERPRET):
        f = sg.compile(lambda x: x, options=options)
        for _ in range(2):  # the general call and the fast one
            got = f(value)
            assert type(got) is kind
            assert got == value


def test_a_number_of_another_type_is_another_program():
    f = sg.compile(lambda x: x * 2)
    assert [type(f(v)) for v in (1.5, 1, np.float32(1.5), 1.5)] == [np.float64, np.int64, np.float32, np.float64]


def _layouts():
    base = np.arange(24.0).reshape(4, 6)
    frozen = base[:, :3].copy()
    frozen.flags.writeable = False
    shifted = np.frombuffer(b"\0" + base[:, :3].tobytes(), np.uint8)[1:].view(np.float64).reshape(4, 3)
    wide = np.frombuffer(b"\0" + np.arange(12000.0).tobytes(), np.uint8)[1:].view(np.float64).reshape(3000, 4)
    return {
        "strided": base[:, ::2],
        "reversed": base[::-1, 2::-1],
        "fortran": np.asfortranarray(base[:, :3]),
        "broadcast": np.broadcast_to(base[0, :3], (4, 3)),
        "big-endian": base[:, :3].astype(">f8"),
        "read-only": frozen,
        "unaligned": shifted,
        "unaligned, long": wide,
        "fortran, long": np.asfortranarray(np.arange(12000.0).reshape(3000, 4)),
        "float32 big-endian": base.astype(">f4"),
        "int64 big-endian": base.astype(">i8"),
        "0-d big-endian": np.array(3.0, ">f8"),
        "zero-size": np.zeros((0, 3)),
        "zero-size, strided": np.zeros((4, 0))[::2],
        "subclass": base[:, :3].copy().view(type("Sub", (np.ndarray,), {})),
    }


@pytest.mark.parametrize("layout", _layouts())
def test_every_layout_is_read_right(layout):
    x = _layouts()[layout]
    f = sg.compile(lambda x: x * 3 - x)
    native = x.dtype.newbyteorder("=")
    plain = np.array(x, native, order="C", subok=False)
    for _ in range(2):
        same(f(x), plain * 2)
        same(f(plain), plain * 2)


@pytest.mark.parametrize(
    "bad",
    [1j, np.ones(2, complex), np.float16(1), np.ones(2, np.uint8), np.ones(2, np.uint64), np.ones(2, np.int16), np.array(["a"]),
     np.array([None]), np.longdouble(1), 2**70, "x", b"x", {1.0}, object(), range(3), iter([1.0])],
    ids=lambda v: type(v).__name__ + str(getattr(v, "dtype", "")),
)  # fmt: skip
def test_other_types_are_refused(bad):
    f = sg.compile(double)
    assert f(1.0) == 2.0
    with pytest.raises((sg.DTypeError, sg.TraceError)):
        f(bad)


@pytest.mark.parametrize(
    ("fn", "args"), [(lambda x: x, ()), (lambda x: x, (1.0, 2.0)), (lambda x, y: x, (1.0,)), (lambda: 1.0, (1.0,))]
)
def test_wrong_number_of_arguments(fn, args):
    with pytest.raises(TypeError):
        sg.compile(fn)(*args)
    with pytest.raises(TypeError):
        sg.compile(lambda x: x)(x=1.0, z=2.0)


def test_arguments_by_name_and_an_argument_is_never_written():
    def f(x, y):
        x += y
        return x

    x = X.copy()
    same(sg.compile(f)(y=2.0, x=x), X + 2.0)
    same(x, X)


@pytest.mark.parametrize("fn", [lambda x: x, lambda x: x[:], lambda x: x.reshape(1, 3), lambda x: (x, x)])
def test_results_share_no_memory_with_arguments_or_one_another(fn):
    f = sg.compile(fn)
    for _ in range(2):
        results = f(X)
        results = results if isinstance(results, tuple) else (results, f(X))
        assert not any(np.shares_memory(r, X) for r in results)
        assert not np.shares_memory(*results)


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (lambda x: x if x > 0 else -x, "sg.where"),
        (lambda x: float(x), "np.sin for math.sin"),
        (lambda x: x[x > 0], "sg.where"),
        (lambda x: np.array([x, x]), "np.stack"),
        (lambda x: "a", "builtins.str"),
        (lambda x: np.sort(x.reshape(1)), "numpy.sort"),
        (lambda x: list(range(x.astype(int))), "static_argnames"),
    ],
)
def test_code_that_cannot_be_traced_says_what_to_use(fn, words):
    with pytest.raises(sg.TraceError, match=words):
        sg.compile(fn, options=INTERPRET)(1.5)


# Specs


def test_named_dims_serve_every_size_with_one_program():
    f = sg.compile(lambda x, y: x @ y, specs=[Spec(("n", 3)), Spec((3, "m"))])
    for n, m in ((2, 4), (1, 1), (0, 5), (70, 3)):
        same(f(np.ones((n, 3)), np.ones((3, m))), np.full((n, m), 3.0))
    assert "1 programs" in repr(f)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.bool_, ">f8"])
def test_with_specs_what_loses_nothing_is_converted(dtype):
    f = sg.compile(wave, specs=[Spec(("n",))])
    np.testing.assert_allclose(f(X.astype(dtype)), wave(X.astype(dtype).astype(float)))


@pytest.mark.parametrize(
    ("spec", "value"),
    [(sg.float32, 1.5), (sg.float32, 3), (sg.int32, 3), (sg.int64, 1.5), (sg.bool, 1), (sg.int32, np.int64(1)), (sg.float64, 1j)],
)
def test_with_specs_what_could_lose_is_refused(spec, value):
    with pytest.raises((sg.DTypeError, sg.TraceError)):
        sg.compile(lambda x: x, specs=[Spec((), spec)], options=INTERPRET)(value)


@pytest.mark.parametrize(
    ("specs", "args", "words"),
    [
        ([Spec(("n", 3))], (np.ones((2, 4)),), r"argument a_0: expected shape \[n, 3\], got \[2, 4\]"),
        ([Spec(("n",))], (np.ones((2, 1)),), r"expected shape \[n\], got \[2, 1\]"),
        ([Spec(("n",))], (1.0,), r"expected shape \[n\], got \[\]"),
        ([Spec(("n",)), Spec(("n",))], (np.ones(2), np.ones(3)), "n is 2 in axis 0 of a_0 and 3 in axis 0 of a_1"),
        ([Spec(("n",)), Spec(("n",))], (np.ones(1), np.ones(3)), "n is 1"),
        ([Spec((2,))], (np.ones(3),), r"\[2\], got \[3\]"),
    ],
)
def test_shapes_that_do_not_fit_the_specs(specs, args, words):
    for options in (None, INTERPRET):
        with pytest.raises(sg.ShapeError, match=words):
            sg.compile(lambda *a: a[0] * 2.0, specs=specs, options=options)(*args)


def test_a_slice_of_a_named_dim_needs_an_element():
    f = sg.compile(lambda x: x[1:] - x[:-1], specs=[Spec(("n",))])
    same(f(X), np.ones(2))
    same(f(np.ones(1)), np.ones(0))
    with pytest.raises(sg.ShapeError, match="n - 1 is negative where n = 0"):
        f(np.ones(0))


def test_dims_in_arithmetic_and_shapes():
    f = sg.compile(lambda x: x.mean() * x.shape[0] + sg.zeros(x.shape[0]), specs=[Spec(("n",))])
    same(f(X), np.full(3, 6.0))
    same(f(np.ones(5)), np.full(5, 5.0))
    with pytest.raises(sg.TraceError, match="TensorSpec"):
        sg.compile(lambda x: x[::2], specs=[Spec(("n",))])(X)


def test_specs_of_nests():
    f = sg.compile(lambda p: p["a"] * p["b"][0], specs=[{"a": Spec(()), "b": [Spec((3,))]}])
    same(f({"a": 2.0, "b": [X]}), 2.0 * X)
    with pytest.raises(TypeError, match=r"argument p\['b'\]: expected a list of 1, got an array or number; the specs are"):
        f({"a": 2.0, "b": X})
    with pytest.raises(TypeError, match="specs must be TensorSpecs"):
        sg.compile(double, specs=["float64"])


@pytest.mark.parametrize(("shape", "error"), [((-1,), ValueError), (("n m",), sg.ShapeError), (("2*n",), sg.ShapeError)])
def test_specs_that_are_none(shape, error):
    with pytest.raises(error):
        Spec(shape)


# Static arguments and decorators


def test_static_arguments_by_position_and_name():
    f = sg.compile(power_sum, static_argnames="n")
    assert f(X, 2) == f(X, n=2) == f(n=2, x=X) == 14.0
    assert f(X, 3) == 36.0
    same(f.grad(X, 3), 3 * X**2)
    same(f.grad(X, n=3), 3 * X**2)
    same(f.hvp(X, 3, X), 6 * X * X)
    same(f.specialize(X, 2)(X), 14.0)
    same(f.bind(X, 2)(), np.array(14.0))


def test_static_values_differ_by_type():
    f = sg.compile(
        lambda x, s: x + (1.0 if s is True else 2.0 if isinstance(s, int) else 3.0), static_argnames=["s"], options=INTERPRET
    )
    assert [f(0.0, s) for s in (True, 1, 1.0)] == [1.0, 2.0, 3.0]


def test_static_keyword_only_arguments():
    f = sg.compile(lambda x, *, k=2: x**k, static_argnames=("k",))
    assert (f(3.0), f(3.0, k=3), f.grad(3.0, k=3)) == (9.0, 27.0, 27.0)
    assert sg.compile(lambda x, *, k=2.0: x * k)(3.0, k=3.0) == 9.0  # without, it is traced like the others


def test_wrong_static_arguments():
    with pytest.raises(ValueError, match="no parameter"):
        sg.compile(power_sum, static_argnames="q")
    with pytest.raises(TypeError, match="hashable"):
        sg.compile(power_sum, static_argnames="n")(X, [2])


def test_decorators():
    @sg.compile
    def first(x):
        """Return twice x."""
        return x * 2.0

    @sg.compile(specs=[Spec(())], options=INTERPRET)
    def second(x):
        return x * 3.0

    assert (first(1.0), second(1.0)) == (2.0, 3.0)
    assert (first.__name__, first.__doc__, second.__name__) == ("first", "Return twice x.", "second")
    assert second.options is INTERPRET


@pytest.mark.parametrize("fn", [3, "x*2", [1], None.__class__])
def test_what_is_no_function(fn):
    with pytest.raises((TypeError, ValueError)):
        sg.compile(fn)(1.0, 2.0)


class Twice:
    def __call__(self, x):
        return x * 2.0


@pytest.mark.parametrize("fn", [Twice(), functools.partial(lambda a, x: a * x, 2.0), lambda x: x * 2.0, Twice().__call__])
def test_any_callable(fn):
    f = sg.compile(fn)
    assert (f(3.0), f.grad(3.0)) == (6.0, 2.0)
    assert sg.compile(f)(3.0) == 6.0


# Derivatives


CUBE = np.diag(6.0 * X)
DERIVED = {
    "grad": ((X,), 3 * X**2),
    "jacobian": ((X,), 3 * X**2),
    "hessian": ((X,), CUBE),
    "hvp": ((X, X), CUBE @ X),
    "jvp": ((X, X), 3 * np.sum(X**3)),
    "vjp": ((X, 2.0), 6 * X**2),
}


@pytest.mark.parametrize("specs", [None, [Spec((3,))], [Spec(("n",))]], ids=["no specs", "fixed", "named"])
@pytest.mark.parametrize("name", [*DERIVED, "value_and_grad"])
def test_derivatives_are_compiled_functions(name, specs):
    f = sg.compile(lambda x: (x**3).sum(), specs=specs)
    derived = getattr(f, name)
    assert isinstance(derived, sg.CompiledFunction)
    assert getattr(f, name) is derived
    args, expected = DERIVED.get(name, ((X,), None))
    got = derived(*args)
    if name == "value_and_grad":
        value, got = got
        same(value, 36.0)
        expected = 3 * X**2
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    asked = () if specs is not None else args
    assert len(derived.graph(*asked)) > 1
    assert "double" in derived.c_source(*asked)
    report = derived.report(*asked)
    assert report.nodes == len(derived.graph(*asked))
    assert "flops" in str(report)


def test_derivatives_of_derivatives():
    f = sg.compile(sine)
    same(f.grad.grad.grad(1.0), -np.cos(1.0))
    same(f.jacobian.jacobian(X)[1, 1, 1], -np.sin(X[1]))
    same(f.grad.jvp(1.0, 2.0), -2.0 * np.sin(1.0))


def test_gradients_of_nests_and_float32():
    f = sg.compile(lambda p: (p["w"] * p["b"]).sum())
    got = f.grad({"w": X.astype("f4"), "b": np.float32(2.0)})
    same(got["w"], np.full(3, 2.0, "f4"))
    same(got["b"], np.float32(6.0))


@pytest.mark.parametrize(
    ("fn", "arg", "error"),
    [
        (lambda x: x * x, 3, sg.DTypeError),
        (lambda x: (x * x).sum(), np.arange(3), sg.DTypeError),
        (lambda x: x * x, X, sg.ShapeError),
        (lambda x: x.argmax(), X, sg.DTypeError),
        (lambda x: (x.sum(), x.sum()), X, TypeError),
    ],
)
def test_gradients_that_do_not_exist(fn, arg, error):
    with pytest.raises(error):
        sg.compile(fn).grad(arg)


@pytest.mark.parametrize("name", ["hvp", "jvp", "vjp"])
def test_directions_that_do_not_fit(name):
    f = getattr(sg.compile(lambda x: (x**3).sum()), name)
    with pytest.raises(TypeError):
        f(X)
    with pytest.raises(sg.ShapeError):
        f(X, np.ones(2))


def test_asking_without_arguments_needs_specs():
    f = sg.compile(double)
    for ask in (f.graph, f.c_source, f.report):
        with pytest.raises(TypeError):
            ask()
    assert "n" in f.c_source(Spec(("n",)))
    assert len(f.graph(Spec((3,)))) == len(f.graph(X)) == 3


# bind and specialize


def test_bind_reads_buffers_anew_and_returns_the_same_objects():
    x = X.copy()
    g = sg.compile(lambda x: {"y": x * 2.0, "s": x.sum()}).bind(x)
    first = g()
    same(first["y"], X * 2.0)
    x[:] = 5.0
    assert g() is first
    same(first["y"], np.full(3, 10.0))
    same(first["s"], np.array(15.0))


def test_bind_into_given_outputs():
    out = np.zeros(3)
    frozen = X.copy()
    frozen.flags.writeable = False  # an input may be
    g = sg.compile(double, specs=[Spec(("n",))]).bind(frozen, out=out)
    assert g() is out
    same(out, X * 2.0)


def _read_only():
    out = np.zeros(3)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    "out", [_read_only(), np.zeros(3, "f4"), np.zeros(4), np.zeros(6)[::2], np.zeros(3, ">f8"), [0.0] * 3, [np.zeros(3)] * 2, X]
)
def test_bind_refuses_outputs(out):
    with pytest.raises(ValueError):
        sg.compile(double).bind(X, out=out)


@pytest.mark.parametrize("arg", [X.astype("f4"), X.astype(">f8"), np.arange(6.0)[::2], [1.0, 2.0], np.arange(3)], ids=str)
def test_bind_never_converts(arg):
    with pytest.raises((TypeError, ValueError)):
        sg.compile(double, specs=[Spec(("n",))]).bind(arg)
    with pytest.raises(ValueError, match="argument x must be a C-contiguous array of float64"):
        sg.compile(double).bind(2.0)
    with pytest.raises(ValueError, match=r"argument q\['b'\] must be a C-contiguous"):
        sg.compile(lambda p, q: p * q["a"] * q["b"]).bind(X, {"a": X, "b": np.repeat(X, 2)[::2]})


def test_specialize_returns_as_the_function_does():
    f = sg.compile(lambda x: [x, {"s": x.sum()}])
    g = f.specialize(X)
    got = g(X + 1.0)
    same(got[0], X + 1.0)
    same(got[1]["s"], 9.0)
    assert sg.compile(double).specialize(2.0)(3.0) == 6.0


@pytest.mark.parametrize(
    "args",
    [(), (X, X), (X.astype("f4"),), (X.astype(">f8"),), (np.ones(4),), ([1.0, 2.0, 3.0],), (np.arange(3),), (1.0,), (X[None],)],
)
def test_specialize_never_converts(args):
    with pytest.raises((TypeError, ValueError)):
        sg.compile(double).specialize(X)(*args)


# Captured arrays, nesting


@pytest.mark.parametrize("count", [3, 1000])
def test_captured_arrays_are_snapshots(count):
    captured = np.ones(count)
    f = sg.compile(lambda x: (x * captured).sum())
    assert f(2.0) == 2.0 * count
    captured[:] = 7.0
    assert f(2.0) == 2.0 * count
    assert f.grad(np.float64(2.0)) == 7.0 * count  # another program, another moment
    g = f.bind(np.array(2.0))
    assert g() == 2.0 * count


def test_captured_arrays_are_tables_or_inputs():
    small, large = np.ones(3), np.ones(1000)
    assert len(sg.compile(lambda x: x * small).graph(2.0).inputs) == 1
    assert len(sg.compile(lambda x: x * large).graph(2.0).inputs) == 2
    with pytest.raises(TypeError, match="captures"):
        sg.compile(lambda x: x * large).specialize(2.0)


def test_compiled_functions_inside_transforms_and_one_another():
    f = sg.compile(sine)
    same(sg.grad(f)(1.0), np.cos(1.0))
    same(sg.grad(sg.grad(f))(1.0), -np.sin(1.0))
    same(sg.vmap(f)(X), np.sin(X))
    same(sg.compile(lambda x: f(x) * f(x + 1.0))(1.0), np.sin(1.0) * np.sin(2.0))
    same(sg.compile(sg.hessian(lambda x: f(x).sum()))(X), np.diag(-np.sin(X)))
    same(sg.compile(lambda x: sg.compile(power_sum, static_argnames="n")(x, n=3))(X), 36.0)
    same(sg.jvp(f.grad)(1.0, 2.0), -2.0 * np.sin(1.0))


# Hostile names

WORDS = ["double", "int", "main", "work", "out", "sin", "sg_sin", "i", "t1", "size_t", "NULL", "INFINITY", "sg_entry", "errno", "linux",
         "é", "变量", "x" * 300, "_", "__x", "restrict", "y0", "SG_LOOP"]  # fmt: skip
STRINGS = [
    'a"b',
    "a\nb",
    "*/ int x; /*",
    "\\",
    "a\\\n#error",
    "%s",
    "{{ 7*7 }}",
    "{% raw %}",
    "",
    "\0",
    "??/",
    "\u2028",
    "// x",
    "'",
    "for",
]


@pytest.mark.parametrize("word", WORDS)
def test_names_of_functions_and_arguments(word):
    scope = {"np": np}
    exec(f"def {word}({word}): return np.sin({word} * 2.0).sum()", scope)
    same(sg.compile(scope[word])(X), wave(X))


@pytest.mark.parametrize("text", STRINGS, ids=ascii)
def test_names_that_are_any_string(text):
    def f(p):
        return {text: np.sin(p[text] * 2.0).sum()}

    f.__name__ = text
    compiled = sg.compile(f)
    same(compiled({text: X})[text], wave(X))
    assert compiled.c_source({text: X}).isascii()


def test_names_that_differ_only_in_case_or_count():
    assert sg.compile(lambda x, X, out, out_: x - X * out / out_)(1.0, 6.0, 2.0, 3.0) == -3.0


# Threads, processes, pickle


def test_threads_compile_and_call_at_once():
    f = sg.compile(lambda x: (np.sin(x) * x).sum())
    failures = []

    def work(k):
        try:
            for j in range(30):
                x = np.full(3 + j % 3, float(k))
                np.testing.assert_allclose(f(x), np.sum(np.sin(x) * x), rtol=1e-13)
                np.testing.assert_allclose(f.grad(x), np.sin(x) + x * np.cos(x), rtol=1e-13)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert "3 programs" in repr(f)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_calls_and_compiles():
    f = sg.compile(wave)
    expected = f(X)
    child = os.fork()
    if child == 0:
        ok = f(X) == expected and sg.compile(lambda x: x * 7.0)(1.0) == 7.0 and abs(f(X[:2]) - wave(X[:2])) < 1e-12
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_pickles():
    f = sg.compile(wave)
    graph = f.graph(X)
    again = pickle.loads(pickle.dumps(graph))
    assert (str(again), again.key, len(again)) == (str(graph), graph.key, len(graph))
    for value in (sg.Options(precise=True), Spec(("n", 3)), f.report(X)):
        assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(TypeError, match="pickle the Graph"):
        pickle.dumps(graph.outputs[0])


def test_a_compiled_function_pickles_as_its_programs():
    captured = np.ones(1000)
    f = sg.compile(lambda x: {"y": (x * captured).sum()}, options=sg.Options(precise=True))
    f(2.0)
    again = pickle.loads(pickle.dumps(f))
    same(again(2.0)["y"], 2000.0)
    assert again.options == f.options
    named = sg.compile(wave, specs=[Spec(("n",))])
    again = pickle.loads(pickle.dumps(named))
    same(again(X), wave(X))
    same(again.grad(X[:2]), named.grad(X[:2]))


# Options


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"precise": True},
        {"fast_math": True},
        {"march": "baseline"},
        {"tier": "interpret"},
        {"tier": "quick"},
        {"deterministic": True},
    ],
    ids=str,
)
def test_every_option_gives_the_same_function(options):
    f = sg.compile(lambda x: (np.sin(x) * np.exp(-(x**2)) + np.log1p(x * x) * np.tanh(x)).sum(), options=sg.Options(**options))
    x = np.linspace(-2.0, 2.0, 101)
    for _ in range(6):  # the quick tier compiles on the way
        np.testing.assert_allclose(f(x), f.fn(x), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(f.grad(x), sg.grad(f.fn)(x), rtol=1e-12, atol=1e-14)


def test_interpret_never_compiles():
    f = sg.compile(double, options=INTERPRET)
    assert f(1.0) == 2.0
    assert len(f.graph(1.0)) == 3
    for ask in (f.c_source, f.report, f.bind, f.specialize):
        with pytest.raises(sg.CompileError, match="interpret"):
            ask(X)


def test_finite():
    f = sg.compile(lambda x: {"a": np.log(x)}, options=sg.Options(finite=True))
    assert f(1.0)["a"] == 0.0
    with pytest.raises(FloatingPointError, match="nan or inf"):
        f(-1.0)
    with pytest.raises(FloatingPointError):
        sg.compile(np.sqrt, options=sg.Options(finite=True)).grad(0.0)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("PRECISE", "1", True), ("FAST_MATH", "on", True), ("TIER", "quick", "quick"), ("FINITE", "no", False), ("THREADS", "2", 2),
     ("COMPILE_BUDGET", "2.5", 2.5), ("MARCH", "baseline", "baseline"), ("DETERMINISTIC", "true", True)],
)  # fmt: skip
def test_variables_set_options(monkeypatch, name, text, value):
    monkeypatch.setenv(f"SYMGRAD_{name}", text)
    assert getattr(sg.compile(double).options, name.lower()) == value
    monkeypatch.setenv(f"SYMGRAD_{name}", "??")
    with pytest.raises(ValueError, match=name.lower() if name in ("TIER", "MARCH") else name):
        sg.compile(double)


# Compilers and caches that are not there


def test_without_a_compiler_functions_are_interpreted(monkeypatch, tmp_path):
    monkeypatch.setattr("symgrad.shipped.building.importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("symgrad.compiler._warned", set())
    f = sg.compile(lambda x: np.sin(x * 7.0).sum())
    with pytest.warns(RuntimeWarning, match="SYMGRAD_TIER=interpret") as told:
        for _ in range(2):
            np.testing.assert_allclose(f(X), np.sin(X * 7.0).sum())
        np.testing.assert_allclose(f.grad(X), np.cos(X * 7.0) * 7.0)
        with pytest.raises(sg.CompileError, match="compiler"):
            f.c_source(X)
    assert len(told) == 1


@pytest.mark.parametrize(("command", "words"), [("false", "failed with status 1"), ("true", "wrote nothing")])
def test_a_compiler_that_fails(monkeypatch, tmp_path, command, words):
    monkeypatch.setenv("CC", command)
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    with pytest.raises(sg.CompileError, match=words):
        sg.compile(double)(1.0)
    assert not any(p.is_file() for p in tmp_path.rglob("*"))
    monkeypatch.delenv("CC")
    assert sg.compile(double)(1.0) == 2.0


def test_a_compiler_that_hangs(monkeypatch, tmp_path):
    hang = tmp_path / "hang"
    hang.write_text("#!/bin/sh\nsleep 60\n")
    hang.chmod(0o755)
    monkeypatch.setenv("CC", str(hang))
    with pytest.raises(sg.CompileError, match="compile_budget"):
        sg.compile(lambda x: x * 13.0, options=sg.Options(compile_budget=0.3))(1.0)


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("symgrad.native.cache._fallback", None)
    with pytest.warns(RuntimeWarning, match="SYMGRAD_CACHE_DIR") as told:
        assert [sg.compile(double)(x) for x in (1.0, 2.0)] == [2.0, 4.0]
        assert sg.compile(lambda x: x * 3.0)(1.0) == 3.0
    assert len(told) == 1


def test_a_second_compile_finds_the_first():
    reports = [sg.compile(lambda x: np.cos(x * 11.0)).report(X) for _ in range(2)]
    assert [r.cache_hit for r in reports] == [False, True]


def test_static_before_traced_and_derivatives():
    f = sg.compile(lambda n, x: x**n, static_argnames="n")
    assert (f(3, 2.0), f(n=3, x=2.0), f.grad(3, 2.0)) == (8.0, 8.0, 12.0)
    g = sg.compile(lambda x, n: sg.sum(x**n), static_argnames="n")
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(g.hvp(x, x, n=3), g.hvp(x, 3, x))
    assert sg.compile(np.sin).jvp(0.0, 2.0) == 2.0
    assert sg.compile(lambda x, k=3: np.sin(x) * k).jvp(0.0, 2.0) == 6.0


def test_static_values_count_by_bits():
    g = sg.compile(lambda x, s: x / s, static_argnames="s")
    assert (g(1.0, 0.0), g(1.0, -0.0)) == (np.inf, -np.inf)
    h = sg.compile(lambda x, s: x * s[0], static_argnames="s")
    assert h(3, (2,)).dtype == np.int64 and h(3, (2.0,)).dtype == np.float64


def test_default_stays_a_python_number():
    f = sg.compile(lambda x, n=3: sum(x for _ in range(n)))
    assert f(2.0) == f(x=2.0) == 6.0


def test_bind_fills_dicts_by_key():
    x = np.arange(3.0)
    a, b = np.empty(3), np.empty(3)
    f = sg.compile(lambda x: {"a": x + 1, "b": x * 2})
    f.bind(x, out={"b": b, "a": a})()
    assert a.tolist() == [1.0, 2.0, 3.0] and b.tolist() == [0.0, 2.0, 4.0]
    with pytest.raises(ValueError, match="nested like"):
        f.bind(x, out=[a, b])


def test_arrays_that_mean_more_than_their_elements():
    f = sg.compile(lambda x: x.sum())
    f(np.ones(3))
    with pytest.raises(sg.TraceError, match="MaskedArray"):
        f(np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]))


def test_finite_holds_for_every_call():
    f = sg.compile(sg.log, options=sg.Options(finite=True))
    specialized, bound = f.specialize(1.0), f.bind(np.array(-1.0))
    for call in (lambda: f(-1.0), lambda: specialized(-1.0), bound):
        with pytest.raises(FloatingPointError):
            call()


def test_specs_hold_inside_a_trace():
    inner = sg.compile(lambda y: y * 2, specs=[sg.TensorSpec(4)])
    with pytest.raises(sg.ShapeError, match=r"expected shape \[4\], got \[3\]"):
        sg.compile(lambda x: inner(x))(np.ones(3))


def test_closing_over_a_traced_value():
    assert sg.grad(lambda x: sg.compile(lambda y: y * x)(3.0))(2.0) == 3.0
    assert sg.compile(lambda x: sg.compile(lambda y: y * x)(3.0))(2.0) == 6.0


def test_methods():
    class Model:
        def __init__(self, weight):
            self.weight = weight

        @sg.compile
        def loss(self, x):
            return np.sum(self.weight * x**2)

    one, two = Model(np.ones(2)), Model(np.full(2, 3.0))
    x = np.array([1.0, 2.0])
    assert (one.loss(x), two.loss(x)) == (5.0, 15.0)
    assert two.loss.grad(x).tolist() == [6.0, 12.0]


INDICES = {
    "x[5]": (lambda x: x[5], 3), "x[-1]": (lambda x: x[-1], 0), "x[:2]": (lambda x: x[:2], 1), "x[1]": (lambda x: x[0] + x[1], 1),
    "x[-2:]": (lambda x: x[-2:], 1), "x[-5]": (lambda x: x[-5], 3), "gradient": (sg.grad(lambda x: x[5]), 3), "max": (lambda x: x.max(), 0),
    "write": (lambda x: _written(x), 3),
}  # fmt: skip


def _written(x):
    y = np.zeros_like(x)
    y[5] = x[0]
    return y


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("tier", ["native", "interpret"])
def test_no_index_leaves_a_named_axis(name, tier):
    fn, size = INDICES[name]
    f = sg.compile(fn, specs=[sg.TensorSpec("n")], options=sg.Options(tier=tier))
    with pytest.raises(sg.ShapeError):
        f(np.ones(size))
    assert np.all(np.isfinite(f(np.ones(9))))
