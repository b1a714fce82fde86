"""torch's functions against what torch itself answered, gradients to second order and errors included.

The recorded values are those of torch 2.13.0; ``python -m tests.eager.record_torch`` records them again.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg

from .torch_cases import ERRORS, GROUPS
from .torch_evaluation import Names, evaluate, explored, leaves_of

RECORDED = json.loads((Path(__file__).parent / "torch_values.json").read_text(encoding="ascii"))
CASES = [pytest.param(text, id=f"{name}:{text}") for name, group in GROUPS.items() for text in group]

LIBRARY = {
    "T": Names(sg, sg.Tensor, tensor_of=sg.tensor, zeros_of=sg.zeros),
    "F": sg.nn.functional, "L": sg.linalg, "S": sg.special, "DOUBLE": sg.float64, "FLOAT": sg.float32,
}  # fmt: skip

# where torch's derivative is nan, or none, and that of symgrad is the mathematical one or exactly 0: what is not compared
DIFFERENT = {
    "T.logit(z, 0.1)": ("second",),  # flat outside the limits
    "T.sinc(z)": ("second",),  # -pi^2/3 at 0
    "S.entr(z)": ("first", "second"),  # the branches that are not chosen
    "T.pow(o, b)": ("second",),
    "T.hypot(o, o * 1)": ("first", "second"),  # 0 at the origin, as every norm
    "T.norm(o)": ("second",),
    "T.norm(c, 0)": ("grad_fn",),  # a count has no gradient
    "T.logcumsumexp(c * 500, 0)": ("second",),  # torch's is rounding, at 1e-9
    "L.cond(q)": ("grad_fn",),
}


def make(array, requires_grad):
    return sg.tensor(array, requires_grad=requires_grad)


def numpy(tensor):
    return tensor.detach().numpy()


def same(found, recorded, what, single=False):
    """Assert that arrays agree within rounding; None is what has no gradient, and equals zeros."""
    if found is None or recorded is None:
        rest = found if recorded is None else None if found is None and recorded is None else recorded[2]
        assert rest is None or not np.any(rest), (what, found, recorded)
        return
    kind, shape, values = recorded
    wanted = np.array(values, dtype=kind).reshape(shape)
    assert (found.dtype.name, list(found.shape)) == (kind, shape), what
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=what)
        return
    small = 2e-6 if kind == "float32" or single else 1e-10
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
    np.testing.assert_allclose(found, wanted, rtol=small, atol=small * scale, err_msg=what)


@pytest.mark.parametrize("text", CASES)
def test_values_and_gradients(text):
    recorded = RECORDED["cases"][text]
    made = make if recorded["first"] is not None else lambda array, _: make(array, False)  # as they were recorded
    found = explored(text, LIBRARY, sg.Tensor, made, sg.autograd.grad, numpy)
    assert len(found["values"]) == len(recorded["values"])
    for k, (mine, theirs) in enumerate(zip(found["values"], recorded["values"], strict=True)):
        same(mine, theirs, f"{text}: value {k}")
    if recorded["first"] is None:
        return
    skipped = DIFFERENT.get(text, ())
    assert found["grad_fn"] == recorded["grad_fn"] or "grad_fn" in skipped
    for order in ("first", "second"):
        if recorded[order] is None or order in skipped:
            continue
        gradients = found[order] or [None] * len(recorded[order])
        for k, (mine, theirs) in enumerate(zip(gradients, recorded[order], strict=True)):
            same(mine, theirs, f"{text}: {order} derivative by input {k}", single="FLOAT" in text)


@pytest.mark.parametrize(("text", "phrase"), [pytest.param(t, p, id=t) for t, p in ERRORS])
def test_errors(text, phrase):
    recorded = RECORDED["errors"][text]
    leaves = leaves_of(text, evaluate_inputs(), make)
    assert phrase in recorded["message"]
    with pytest.raises(Exception) as raised:
        evaluate(text, LIBRARY, leaves)
    assert phrase in str(raised.value)
    assert recorded["kinds"][0] in (c.__name__ for c in type(raised.value).__mro__) or recorded["kinds"][0] == "_LinAlgError"
    if recorded["kinds"][0] == "_LinAlgError":
        assert isinstance(raised.value, RuntimeError)


def evaluate_inputs():
    from .torch_cases import inputs

    return inputs()


@pytest.mark.parametrize("text", RECORDED["promotion"])
def test_promotion(text):
    wanted = RECORDED["promotion"][text]
    operands = {
        f"{n}{r}": sg.ones((2,) * r, dtype=getattr(sg, n))
        for n in ("float64", "float32", "int64", "int32", "bool")
        for r in (0, 1)
    }
    names = {**operands, "KEY": sg.tensor([True, False])}
    if wanted is None:
        with pytest.raises(RuntimeError):
            evaluate(text, LIBRARY, names)
        return
    result = evaluate(text, LIBRARY, names)
    assert result.dtype.name == wanted


def test_torch_recorded_what_is_here():
    assert RECORDED["torch"] == "2.13.0"
    assert set(RECORDED["cases"]) == {text for group in GROUPS.values() for text in group}
    assert set(RECORDED["errors"]) == {text for text, _ in ERRORS}
    assert math.isnan(RECORDED["cases"]["T.sigmoid(h)"]["values"][0][2][0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: t.unbind(), IndexError, "Dimension specified as 0 but tensor has no dimensions"),
        (lambda t: t.split(1), RuntimeError, "split expects at least a 1-dimensional tensor"),
        (lambda t: t.split([1]), RuntimeError, "split expects at least a 1-dimensional tensor"),
        (lambda t: t.chunk(2), RuntimeError, "chunk expects at least a 1-dimensional tensor"),
        (lambda t: t.tensor_split(2), RuntimeError, "tensor_split expected at least a 1-dimensional tensor"),
    ],
)
def test_a_number_has_no_parts(call, error, words):
    with pytest.raises(error, match=words):
        call(sg.tensor(1.0))


def test_class_indices_are_checked_in_every_layout():
    dtype = sg.int64
    logits = sg.zeros(4, 3)
    good = sg.tensor([[0, 9], [1, 9], [2, 9], [1, 9]], dtype=dtype)[:, 0]
    assert sg.nn.functional.cross_entropy(logits, good).item() == pytest.approx(math.log(3.0))
    with pytest.raises(IndexError, match=r"^Target 3 is out of bounds\."):
        sg.nn.functional.cross_entropy(logits, good + sg.tensor([0, 0, 1, 0], dtype=dtype))
    with pytest.raises(IndexError, match=r"^Target -1 is out of bounds\."):
        sg.nn.functional.cross_entropy(logits, good - 1)
    ignored = sg.nn.functional.cross_entropy(logits, good - sg.tensor([100, 0, 0, 0], dtype=dtype))
    assert ignored.item() == pytest.approx(math.log(3.0))
