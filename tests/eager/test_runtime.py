"""The eager runtime beyond what torch shows: repeated plans against first runs, threads, tiers, failures, forks."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.autograd import set_detect_anomaly
from symgrad.eager import execution, programs
from symgrad.eager.by_numpy import by_numpy
from symgrad.eager.execution import wait_for_compiler
from symgrad.eager.grad_mode import mode
from symgrad.eager.partition import partition
from symgrad.errors import CompileError
from symgrad.ir.expr import constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.options import Options


def double(values, requires_grad=False):
    return sg.tensor(values, dtype=sg.float64, requires_grad=requires_grad)


UNARY = [sg.sin, sg.exp, lambda t: t * t, lambda t: t**3, lambda t: -t, lambda t: t / 2 + 1, lambda t: t.clamp(min=0.1)]
BINARY = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 2 * b, lambda a, b: sg.where(a > b, a, b)]


def step(choices, leaves, observed, retain_graph=False):
    """Run one round of a random training loop and return the loss; what is read on the way goes to ``observed``."""
    values = list(leaves)
    for kind, k, i, j, look in choices:
        a, b = values[i % len(values)], values[j % len(values)]
        made = UNARY[k % len(UNARY)](a) if kind else BINARY[k % len(BINARY)](a, b)
        values.append(made / (1 + made.abs()) if made is not a else made)
        if look == 1:
            observed.append(values[-1].sum().item())
        if look == 2 and not values[-1].is_leaf:
            values[-1].add_(0.25)
        if look == 3:
            values[-1] = values[-1].detach() + a
        if look == 4:
            with sg.no_grad():
                observed.append((values[-1] * 2).tolist())
    loss = sum((v * (n + 1)).sum() for n, v in enumerate(values[len(leaves) :]))
    loss.backward(retain_graph=retain_graph)
    observed.append([None if p.grad is None else p.grad.tolist() for p in leaves])
    with sg.no_grad():
        for p in leaves:
            if p.grad is not None:
                p -= 0.01 * p.grad
                p.grad.zero_()
    observed.append([p.tolist() for p in leaves])
    return loss


def train(choices, slow, rounds=6):
    generator = np.random.default_rng(5)
    leaves = [double(generator.normal(size=3), requires_grad=True) for _ in range(2)]
    observed = []
    before = mode.window
    mode.window = None
    try:
        double([1.0]) + 1  # a window of its own
        mode.window.slow = slow
        for _ in range(rounds):
            step(choices, leaves, observed)
    finally:
        mode.window = before
    return observed


@pytest.mark.parametrize("seed", range(60))
def test_a_repeated_round_is_the_same_as_a_first_one(seed):
    generator = np.random.default_rng(seed)
    count = int(generator.integers(2, 9))
    columns = (2, 20, 20, 20, 12)
    choices = [tuple(int(generator.integers(0, c)) for c in columns) for _ in range(count)]
    try:
        expected = train(choices, slow=True)
    except RuntimeError as error:  # a saved value was modified in place: then it is so in both
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            train(choices, slow=False)
        assert "modified by an inplace operation" in str(error)
        return
    found = train(choices, slow=False)
    np.testing.assert_equal(flat(found).shape, flat(expected).shape)
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-12, atol=1e-13)


def flat(nested):
    if isinstance(nested, list):
        return np.concatenate([flat(n) for n in nested]) if nested else np.zeros(0)
    return np.asarray([np.nan if nested is None else nested], float)


def test_threads_record_and_differentiate_side_by_side():
    shared = double([1.0, 2.0], requires_grad=True)
    found, errors = {}, []

    def work(k):
        try:
            x = double([float(k), 2.0], requires_grad=True)
            for _ in range(40):
                x.grad = None
                (x**2 * (k + 1)).sum().backward()
                (shared * 1.0).sum().backward()
            found[k] = x.grad.tolist()
        except Exception as error:  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert found == {k: [2.0 * k * (k + 1), 4.0 * (k + 1)] for k in range(4)}
    assert shared.grad.tolist() == [160.0, 160.0]


def test_native_code_takes_over_and_agrees(monkeypatch):
    compiled = []
    original = execution.Program.compile

    def compile(self, options):
        original(self, options)
        compiled.append(self.fast is not None)

    monkeypatch.setattr(execution.Program, "compile", compile)
    generator = np.random.default_rng(2)
    x = double(generator.normal(size=(40, 30)), requires_grad=True)
    w = double(generator.normal(size=(30, 20)), requires_grad=True)
    results = []
    for _ in range(12):
        x.grad = w.grad = None
        sg.tanh(x @ w).sum().backward()
        results.append((x.grad.numpy().copy(), w.grad.numpy().copy()))
        wait_for_compiler()
    assert compiled
    assert all(compiled)
    for one in results[1:]:
        for a, b in zip(one, results[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_a_compiler_that_fails_leaves_the_interpreter(monkeypatch):
    def fail(*args, **kwargs):
        raise CompileError("no compiler today")

    monkeypatch.setattr(execution, "compile_graph", fail)
    monkeypatch.setattr(execution, "_failures", execution._Failures())
    x = double([0.3, 0.7, 1.1], requires_grad=True)
    with pytest.warns(RuntimeWarning, match="are interpreted, which is slower: no compiler today") as said:
        for _ in range(10):
            x.grad = None
            (sg.sin(x) * sg.cos(x) * 3.0625).sum().backward()
            wait_for_compiler()
            np.testing.assert_allclose(x.grad.numpy(), 3.0625 * np.cos(2 * x.detach().numpy()), rtol=1e-12)
    assert len(said) == 1


def test_the_interpreter_tier_never_compiles(monkeypatch):
    monkeypatch.setenv("SYMGRAD_TIER", "interpret")
    own = execution._Worker()  # that of the process may still have the programs of other tests
    monkeypatch.setattr(execution, "_worker", own)
    x = double([0.5], requires_grad=True)
    for _ in range(10):
        (x.exp() * 1.25).sum().backward()
    assert own._thread is None


def test_with_deterministic_the_switch_waits(monkeypatch):
    monkeypatch.setenv("SYMGRAD_DETERMINISTIC", "1")
    own = execution._Worker()
    monkeypatch.setattr(execution, "_worker", own)
    compiled = []
    assemble = execution._assemble
    monkeypatch.setattr(execution, "_assemble", lambda *a: compiled.append(threading.get_ident()) or assemble(*a))
    x = double([0.5, 0.25], requires_grad=True)
    for k in range(1, 8):
        (x.exp() * x * 1.75).sum().backward()
        assert (threading.get_ident() in compiled) is (k > execution.HOT), k  # the first round adds to no gradient
    assert own._thread is None


@pytest.mark.parametrize("where", ["hook", "function", "post"])
def test_an_exception_leaves_no_gradient_half_added(where):
    class Breaks(sg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("from backward")

    x, y = double([1.0, 2.0], requires_grad=True), double([3.0, 4.0], requires_grad=True)
    (x * y).sum().backward()
    before = x.grad.tolist(), y.grad.tolist()

    def boom(*_):
        raise ValueError("from a hook")

    z = x * y
    if where == "hook":
        z.register_hook(boom)
    if where == "function":
        z = Breaks.apply(z) + x * 5
    if where == "post":
        handle = y.register_hook(boom)
    with pytest.raises(ValueError, match="from"):
        z.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == before
    if where == "post":
        handle.remove()
    (x * y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([6.0, 8.0], [2.0, 4.0])


def test_a_shape_error_is_raised_where_it_is_recorded_and_harms_nothing():
    x = double([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        with pytest.raises(RuntimeError, match=r"The size of tensor a \(2\).*test_runtime.py"):
            x + double([1.0, 2.0, 3.0])
        y = x * 3
        assert y.tolist() == [3.0, 6.0]


def test_anomaly_detection_names_the_operation_and_the_line():
    x = double([-1.0], requires_grad=True)
    with set_detect_anomaly(True):
        y = x.sqrt() * 0 + x
        with pytest.raises(RuntimeError, match=r"SqrtBackward0.*nan values in its 0th output.*test_runtime.py:\d+"):
            y.sum().backward()
    y = x * 2
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def _child(queue):
    x = double([1.0, 2.0], requires_grad=True)
    for _ in range(8):
        (x * x * 1.5).sum().backward()
    wait_for_compiler()
    queue.put(x.grad.tolist())


def test_python_ends_while_a_program_is_compiled_and_so_does_the_compiler(tmp_path):
    compiler, started = tmp_path / "slow-cc", tmp_path / "started"
    real = shutil.which("cc") or shutil.which("gcc")
    if real is None:
        pytest.skip("needs a C compiler")
    compiler.write_text(
        f'#!/bin/sh\nfor a in "$@"; do case "$a" in *.c) echo $$ > {started}; sleep 60;; esac; done\nexec {real} "$@"\n'
    )
    compiler.chmod(0o755)
    program = (
        "import time, pathlib, symgrad as sg\n"
        "x = sg.tensor([1.0, 2.0], requires_grad=True)\n"
        "for _ in range(8): (x.exp() * x * 7.25).sum().backward()\n"
        f"while not pathlib.Path({str(started)!r}).exists(): time.sleep(0.01)\n"
    )
    environment = {**os.environ, "CC": str(compiler), "SYMGRAD_CACHE_DIR": str(tmp_path / "cache")}
    before = time.monotonic()
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=50)
    assert time.monotonic() - before < 30
    pid = int(started.read_text())
    for _ in range(100):
        if not _alive(pid):
            break
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_compiler_of_its_own():
    x = double([1.0], requires_grad=True)
    for _ in range(8):
        (x.exp() * 2.5).sum().backward()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == [24.0, 48.0]
    child.join()


def test_large_products_are_cut_out_for_blas():
    x, w = (fresh_input(n, TensorType(s, sg.float64)) for n, s in (("x", (64, 128)), ("w", (128, 32))))
    product = ops.matmul(ops.sin(x), w)
    schedule = partition(Graph([x, w], [ops.exp(product), product]))
    assert [p.node is not None for p in schedule.parts] == [False, True, False]
    small = Graph([x], [ops.sin(x)])
    assert [p.graph for p in partition(small).parts] == [small]


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns_of_a_product_that_got_nothing_are_cleared_in_place(axis):
    sizes = ((200, 64), (64, 150), (200, 150)[1 - axis])
    x, w = (fresh_input(n, TensorType(s, sg.float64)) for n, s in zip("xw", sizes[:2], strict=True))
    given = fresh_input("given", TensorType(sizes[2:], sg.bool))
    mask = ops.broadcast_to(ops.expand_dims(given, axes=(axis,)), shape=(200, 150))
    product = ops.matmul(x, w)
    cleared = ops.where(mask, product, constant(0.0, sg.float64))
    only, shared = Graph([x, w, given], [ops.exp(cleared)]), Graph([x, w, given], [cleared, ops.exp(product)])
    assert [p.node for p in partition(only).parts] == [product, cleared, None]
    assert [p.node for p in partition(shared).parts] == [product, None]  # another reads the product as it was
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=s) / 50 for s in sizes[:2]]
    arrays[0][5, 0] = np.inf
    for chosen in (generator.random(sizes[2]) < 0.5, np.ones(sizes[2], bool)):
        expected = np.where(np.expand_dims(chosen, axis), arrays[0] @ arrays[1], 0.0)
        for graph, results in ((only, [np.exp(expected)]), (shared, [expected, np.exp(arrays[0] @ arrays[1])])):
            program = execution.Program(graph)
            program.compile(Options())
            for found, wanted in zip(program.fast([*arrays, chosen]), results, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_transposed_products_by_blas_are_those_of_the_interpreter():
    generator = np.random.default_rng(4)
    labels = [((0, 1), (1, 2), (0, 2)), ((0, 1), (1, 2), (2, 0)), ((1, 0), (2, 1), (2, 0)), ((3, 0, 1), (3, 1, 2), (3, 0, 2)),
              ((0, 1), (1,), (0,)), ((3, 0, 1), (1, 2), (0, 2, 3)), ((0, 1), (2, 1), (0, 2)), ((2, 1), (0, 1), (2, 0))]  # fmt: skip
    sizes = {0: 40, 1: 30, 2: 50, 3: 3}
    for x_labels, y_labels, out_labels in labels:
        arrays = [generator.normal(size=[sizes[k] for k in some]) for some in (x_labels, y_labels)]
        nodes = [fresh_input("x", TensorType(a.shape, sg.float64)) for a in arrays]
        node = ops.contract(*nodes, x_labels=x_labels, y_labels=y_labels, out_labels=out_labels)
        run = by_numpy(node)
        expected = np.einsum(arrays[0], list(x_labels), arrays[1], list(y_labels), list(out_labels))
        np.testing.assert_allclose(run(arrays)[0], expected, rtol=1e-12, atol=1e-14)  # sums that cancel
        assert run(arrays)[0].flags.c_contiguous


def test_the_steps_of_a_program_let_go_of_what_nobody_reads_any_more():
    x = fresh_input("x", TensorType((64, 64), sg.float64))
    first = ops.matmul(x, x)
    second = ops.matmul(ops.sin(first), x)
    graph = Graph([x], [ops.matmul(second, x)])
    alive, calls = [], []

    def watched(call):
        def run(values):
            alive.append(sum(ref() is not None for ref in calls))
            results = call(values)
            calls.extend(weakref.ref(r) for r in results)
            return results

        return run

    schedule = partition(graph)
    run = execution._sequence([watched(execution._call(p, Options())) for p in schedule.parts], schedule)
    value = np.random.default_rng(0).normal(size=(64, 64)) / 8
    np.testing.assert_allclose(run([value])[0], np.sin(value @ value) @ value @ value, rtol=1e-12, atol=1e-14)
    assert alive == [0, 1, 1, 1]


def test_what_is_pending_in_one_thread_is_read_in_another():
    base = double([1.0, 2.0, 3.0]) * 2
    pending, found = [base + k for k in range(4)], []
    for one in pending:
        thread = threading.Thread(target=lambda t=one: found.append(t.sum().item()))
        thread.start()
        thread.join()
    assert found == [12.0, 15.0, 18.0, 21.0]


def test_what_is_pending_from_before_is_no_part_of_a_plan():
    for k in range(4):
        pending = double([1.0, 2.0]) * float(k)
        mode.window.begin()  # as after a backward that did not need it
        x = double([1.0, 1.0], requires_grad=True)
        (x * pending).sum().backward()
        assert x.grad.tolist() == [float(k), 2.0 * k]
        pending = double([5.0, 2.0]) * float(k)
        mode.window.begin()
        assert (pending + 1).sum().item() == 7.0 * k + 2


def test_a_view_of_a_leaf_made_under_no_grad_is_not_written():
    x = sg.ones(3, requires_grad=True)
    with sg.no_grad():
        view = x.view(3)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.mul_(2)


def test_a_tensor_of_tensors_keeps_their_element_type():
    x = double([1.0, 2.0])
    assert sg.tensor([x[0], x[1]]).dtype is sg.float64
    assert sg.tensor([1.0, 2.0]).dtype is sg.float32


def test_rounds_with_higher_derivatives_are_the_same_program_each_time():
    generator = np.random.default_rng(0)
    weights = [double(generator.normal(size=s), requires_grad=True) for s in ((1, 4), (4,), (4, 4), (4,), (4, 1), (1,))]
    t = double(np.linspace(0, 1, 5)[:, None], requires_grad=True)

    def step():
        u = sg.tanh(t @ weights[0] + weights[1]) @ weights[2] + weights[3]
        u = sg.tanh(u) @ weights[4] + weights[5]
        (du,) = sg.autograd.grad(u.sum(), t, create_graph=True)
        (ddu,) = sg.autograd.grad(du.sum(), t, create_graph=True)
        for w in weights:
            w.grad = None
        ((ddu + u) ** 2).mean().backward()
        with sg.no_grad():
            for w in weights:
                w -= 0.01 * w.grad

    for _ in range(3):
        step()
    known = set(programs._programs)
    for _ in range(5):
        step()
    assert set(programs._programs) == known
