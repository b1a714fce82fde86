"""The check report finds what is wrong, and says where nothing could be checked."""

from __future__ import annotations

import json

import numpy as np
import pytest

import symgrad as sg
from symgrad import exporting
from symgrad.comparing import check_ranges, compare, report_text
from symgrad.compiled import CompiledFunction
from symgrad.eager.trees import flatten, unflatten
from symgrad.interpret import interpret
from symgrad.options import Options
from symgrad.planning import plan

S = sg.TensorSpec
KINDS = ["grad", "value_and_grad", "jacobian", "hessian", "hvp", "jvp", "vjp", "d1", "d2"]


def wave(x, a):
    return np.sum(np.sin(x) * a) * np.exp(x[0])


def curve(x, a):
    return np.sin(x) * a


def planned(kind):
    fn, specs = (curve, [S(("n",)), S()]) if kind in ("d1", "d2", "jacobian") else (wave, [S(("n",)), S()])
    return plan(fn, specs, "m", [kind], Options())[0][-1]


def interpreted(p, factor=1.0, output=-1):
    """Return an exported function's stand-in: the interpreter, one output off by a factor."""

    def call(*arguments):
        arrays = [np.asarray(a) for a in flatten(list(arguments))[0]]
        found = interpret(p.graph, arrays, {"n": arrays[0].size})
        found[output] = found[output] * factor
        return unflatten(p.trace.output, found)

    return call


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_derivative(kind):
    p = planned(kind)
    checked = compare(p, interpreted(p), {})
    assert checked.points == checked.finite == 5
    assert all((o.ulp, o.relative) == (0.0, 0.0) for o in checked.outputs)
    assert checked.differences is not None and checked.differences < 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_derivative(kind):
    p = planned(kind)
    checked = compare(p, interpreted(p, 1.001), {})
    assert checked.outputs[-1].relative == pytest.approx(1e-3, rel=1e-6) and checked.outputs[-1].ulp > 1e9
    assert checked.differences > 1e-4, "differences are what finds an error in both the graph and its code"


def test_ranges_are_where_points_are_drawn():
    p = planned("grad")
    seen = []

    def call(x, a):
        seen.append((x, a))
        return interpreted(p)(x, a)

    compare(p, call, check_ranges({"x": (5.0, 6.0), "n": 11}, [p]))
    assert all(x.shape == (11,) and x.min() >= 5 and x.max() <= 6 and 0.1 <= a <= 0.9 for x, a in seen)


def test_where_nothing_is_finite_the_report_says_so(tmp_path):
    place = sg.export({"f": lambda x: np.log(-x)}, specs=[S(())], name="m", directory=tmp_path, derivatives=["grad"])
    assert "finite at 0 of 5 points" in (place / "check.txt").read_text()
    report = json.loads((place / "check.json").read_text())
    assert report["points"]["f"]["finite"] == 0
    better = sg.export({"f": lambda x: np.log(-x)}, specs=[S(())], name="n", directory=tmp_path, ranges={"x": (-2.0, -1.0)})
    assert "finite at" not in (better / "check.txt").read_text()
    assert json.loads((better / "check.json").read_text())["ranges"] == {"x": [-2.0, -1.0]}


def test_a_disagreement_is_a_warning_at_the_users_line(tmp_path, monkeypatch):
    def wrong(p, function, ranges):
        return compare(p, lambda *a: function(*a) * 1.5, ranges)

    monkeypatch.setattr(exporting, "compare", wrong)
    with pytest.warns(
        RuntimeWarning, match=r"m\.f differs from the interpreter by 5\.0e-01 of its largest element in out"
    ) as caught:
        place = sg.export({"f": lambda x: x * x}, specs=[S(())], name="m", directory=tmp_path)
    assert caught[0].filename == __file__
    assert "5.0e-01" in (place / "check.txt").read_text()


def test_sizes_are_found_that_fit(tmp_path):
    p = plan({"f": lambda x: np.sum(x[40:])}, [S(("n",))], "m", (), Options())[0][0]
    checked = compare(p, lambda x: np.sum(x[40:]), {})
    assert checked.points == 5 and checked.dims["n"] >= 40
    none = compare(plan({"f": lambda x: np.sum(x[1000:])}, [S(("n",))], "m", (), Options())[0][0], np.sum, {})
    assert none.points == 0 and "no point could be computed" in report_text("m", [none])


def test_each_output_stands_for_itself():
    """An error in one output is that output's, however large the others are; a value has no differences."""

    def two(x, y):
        return 1e3 * np.sum(x**2) + np.sum(np.sin(y))

    fn = CompiledFunction(two, specs=[S(("n",)), S(("n",))], argnums=(0, 1))
    p = plan({"two": fn}, None, "m", ["value_and_grad"], Options())[0][-1]
    right, wrong = compare(p, interpreted(p), {}), compare(p, interpreted(p, 1.5), {})
    assert [o.differences is None for o in right.outputs] == [True, False, False]
    assert right.differences < 1e-6
    assert wrong.outputs[1].differences == right.outputs[1].differences and wrong.outputs[2].differences > 0.1
    text = report_text("m", [wrong])
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("two")}
    assert [len(cells) for cells in rows.values()] == [2, 3, 3], text


@pytest.mark.parametrize("kind", ["jacobian", "vjp", "jvp"])
def test_each_output_of_several(kind):
    def several(p):
        return {"a": np.sin(p["u"]) * p["v"], "b": np.exp(p["v"]) * 1e-5}

    planned = plan({"f": several}, [{"u": S(("n",)), "v": S()}], "m", [kind], Options())[0][-1]
    right = compare(planned, interpreted(planned), {})
    assert all(o.differences is not None and o.differences < 1e-7 for o in right.outputs), right
    for k, output in enumerate(right.outputs):
        wrong = compare(planned, interpreted(planned, 1.01, k), {})
        for other, (before, after) in enumerate(zip(right.outputs, wrong.outputs, strict=True)):
            if other != k:
                assert after == before
        zero = output.differences == 0.0 and "_u" in output.name and "b" in output.name  # b does not depend on u
        assert zero or wrong.outputs[k].differences > 1e-3, (output, wrong)
