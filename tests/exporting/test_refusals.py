"""What cannot be exported is refused before anything is written; what was there stays."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symgrad as sg
from symgrad.native import publish

S = sg.TensorSpec


def f(x):
    return np.sum(x * x)


def g(x, y):
    return x * y


def branching(x):
    return x if x[0] > 0 else -x


def outside(x):
    return np.linalg.eigvals(x)


def nothing(x):
    return None


BAD = {
    "name with a space": ({"name": "two words"}, sg.ExportError, "must be an ASCII identifier"),
    "hostile name": ({"name": '"); system("x'}, sg.ExportError, "must be an ASCII identifier"),
    "path as name": ({"name": "../up"}, sg.ExportError, "must be an ASCII identifier"),
    "Python's word": ({"name": "class"}, sg.ExportError, "reserved word"),
    "C's word": ({"name": "double"}, sg.ExportError, "reserved word"),
    "a library": ({"name": "numpy"}, sg.ExportError, "which the module would hide"),
    "standard library": ({"name": "json"}, sg.ExportError, "which the module would hide"),
    "no name": ({"name": None}, sg.ExportError, "must be an ASCII identifier"),
    "a lambda": ({"functions": lambda x: x}, sg.ExportError, "pass {'name': function}"),
    "no function": ({"functions": {}}, sg.ExportError, "at least one function"),
    "not a function": ({"functions": {"f": 3}}, sg.ExportError, "'f' must be a function, got builtins.int"),
    "bare SymPy": ({"functions": {"f": sp.Symbol("x") ** 2}}, sg.ExportError, "sg.from_sympy"),
    "function name": ({"functions": {"f g": f}}, sg.ExportError, "function's name must be an ASCII identifier"),
    "function keyword": ({"functions": {"lambda": f}}, sg.ExportError, "reserved word of Python"),
    "function lib": ({"functions": {"lib": f}}, sg.ExportError, "calls its C library"),
    "clash in C": ({"functions": {"f": f, "f_work": f}}, sg.ExportError, "C name m_f_work of 'f_work' is taken by f"),
    "clash with the library": ({"functions": {"key": f}}, sg.ExportError, "taken by the library itself"),
    "clash of case": ({"functions": {"f": f, "F": f}}, sg.ExportError, "M_F.* is taken"),
    "clash with a derivative": ({"functions": {"f": f, "f_grad": f}, "derivatives": ["grad"]}, sg.ExportError, "would be two functions"),
    "an error of its own": ({"functions": {"h": lambda x: x + undefined}}, NameError, "undefined"),  # noqa: F821
    "a type error of its own": ({"functions": {"h": lambda x: len("ab", x)}}, TypeError, r"len\(\) takes"),
    "compiled without specs": ({"functions": sg.compile(f), "specs": None}, sg.ExportError, "f needs specs="),
    "no specs": ({"specs": None}, sg.ExportError, "needs specs="),
    "one spec": ({"specs": S(("n",))}, sg.ExportError, "must be a list"),
    "too many specs": ({"specs": [S(()), S(())]}, sg.ExportError, "specs of f do not fit its parameters: too many"),
    "too few specs": ({"functions": g}, sg.ExportError, "specs of g do not fit its parameters: missing a required argument: 'y'"),
    "a device": ({"name": "Aux"}, sg.ExportError, "device of Windows"),
    "no TensorSpec": ({"specs": [3]}, sg.ExportError, "specs must be TensorSpecs"),
    "specs by another name": ({"specs": {"h": [S(())]}}, sg.ExportError, "specs are given for 'h'"),
    "contradiction": ({"functions": {"g": lambda x: x + np.ones(3)}, "specs": [S((4,))]}, sg.ShapeError, r"\[4\]"),
    "unknown derivative": ({"derivatives": ["slope"]}, sg.ExportError, "derivatives must be of value, grad"),
    "derivatives of another": ({"derivatives": {"h": ["grad"]}}, sg.ExportError, "asked of 'h'"),
    "integer gradient": ({"specs": [S(("n",), sg.int64)], "derivatives": ["grad"]}, sg.DTypeError, "int64"),
    "gradient of an array": ({"functions": {"h": lambda x: x * 2}, "derivatives": ["grad"]}, sg.ShapeError, "grad"),
    "a branch": ({"functions": branching}, sg.TraceError, "sg.where"),
    "a callback": ({"functions": outside, "specs": [S((3, 3))]}, sg.TraceError, "eigvals"),
    "interpreted only": ({"functions": {"h": lambda x: sg.argsort(x)}}, sg.ExportError, "h uses argsort, which has no form in C"),
    "no result": ({"functions": nothing}, sg.ExportError, "returns nothing"),
    "ranges name": ({"ranges": {"z": (0, 1)}}, sg.ExportError, "ranges has 'z'"),
    "ranges order": ({"ranges": {"x": (1, 0)}}, sg.ExportError, "two finite numbers"),
    "ranges kind": ({"ranges": [1]}, sg.ExportError, "must be a dict"),
    "dict keys": ({"functions": {"h": lambda x: {(1, 2): x}}}, sg.ExportError, "keys of dicts"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    changes, error, message = BAD[case]
    given = {"functions": f, "specs": [S(("n",))], "name": "m", "directory": tmp_path / "new"} | changes
    with pytest.raises(error, match=message):
        sg.export(given.pop("functions"), **given)
    assert not (tmp_path / "new").exists()


def tree(folder):
    return {
        p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path_factory.mktemp("first"))


def test_the_same_again_writes_nothing(first):
    before = {p: p.stat().st_mtime_ns for p in first.iterdir()}
    assert sg.export(f, specs=[S(("n",))], name="m", directory=first.parent) == first
    assert {p: p.stat().st_mtime_ns for p in first.iterdir()} == before


def test_another_module_is_replaced_only_with_force(first):
    before = tree(first)
    with pytest.raises(sg.ExportError, match=r"holds another module; pass force=True"):
        sg.export(f, specs=[S((3,))], name="m", directory=first.parent)
    assert tree(first) == before
    old = sg.load(first)
    sg.export(f, specs=[S((3,))], name="m", directory=first.parent, force=True)
    assert tree(first) != before and [p.name for p in first.parent.iterdir()] == ["m"]
    new = sg.load(first)
    assert new is not old and new.m if hasattr(new, "m") else new.f(np.ones(3)) == 3.0
    assert old.f(np.ones(5)) == 5.0  # what was imported goes on working


def test_foreign_folders_are_kept_even_with_force(tmp_path):
    place = tmp_path / "m"
    place.mkdir()
    (place / "thesis.tex").write_text("years of work")
    with pytest.raises(sg.ExportError, match="is no module written by symgrad"):
        sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path)
    assert [p.name for p in place.iterdir()] == ["thesis.tex"]
    sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path, force=True)
    assert sg.load(place).f(np.ones(2)) == 2.0
    assert (tmp_path / "m.before" / "thesis.tex").read_text() == "years of work"


def test_a_damaged_module_is_written_again(tmp_path):
    place = sg.export(f, specs=[S(("n",))], name="again", directory=tmp_path)
    before = tree(place)
    (place / "again.c").write_text("")
    assert sg.export(f, specs=[S(("n",))], name="again", directory=tmp_path) == place
    assert tree(place) == before


def test_where_folders_cannot_be_exchanged_in_one_step(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "_exchange", lambda *_: False)
    sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path)
    place = sg.export(f, specs=[S((2,))], name="m", directory=tmp_path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m"] and sg.load(place).f(np.ones(2)) == 2.0


def test_names_that_c_does_not_allow_are_changed(tmp_path):
    def odd(double, work, out, m_odd, α, INT32_MAX, n):
        return double + work + out + m_odd + α + INT32_MAX + n

    place = sg.export(odd, specs=[S(("n",))] * 7, name="m", directory=tmp_path)
    module = sg.load(place)
    np.testing.assert_array_equal(module.odd(*[np.full(2, 2.0**k) for k in range(7)]), [127.0, 127.0])
    assert (
        module.odd(
            double=np.ones(1), work=np.ones(1), out=np.ones(1), m_odd=np.ones(1), INT32_MAX=np.ones(1), n=np.ones(1), α=np.ones(1)
        )[0]
        == 7.0
    )
    assert module.odd.facts["renamed"]["double"] == "double_" and "double *double_" in module.odd.facts["prototype"]


def test_captured_arrays_become_tables_and_sizes_of_nothing_work(tmp_path):
    weights = np.array([1.0, 2.0, 3.0])
    place = sg.export(
        {"weigh": lambda x: x * weights, "empty": lambda x: np.sum(x) + np.sum(x[:0])}, specs={"weigh": [S(("n", 3))], "empty": [S((0,))]},
        name="m", directory=tmp_path,
    )  # fmt: skip
    module = sg.load(place)
    weights[:] = 0.0
    np.testing.assert_array_equal(module.weigh(np.ones((2, 3))), [[1, 2, 3]] * 2)
    assert module.weigh(np.ones((0, 3))).shape == (0, 3) and module.empty(np.ones(0)) == 0.0
    assert "static const double" in (place / "m.c").read_text()


@pytest.mark.parametrize("name", ["int", "float", "np", "Mapping"])
def test_names_of_functions_that_c_or_the_stub_needs(tmp_path, name):
    with pytest.raises(sg.ExportError, match="reserved word of C|hide what the stub"):
        sg.export({name: lambda x: x * 2}, specs=[sg.TensorSpec()], name="valley", directory=tmp_path)


@pytest.mark.parametrize("name", ["stdint", "limits", "fenv"])
def test_names_of_modules_that_are_headers(tmp_path, name):
    with pytest.raises(sg.ExportError, match="header of C"):
        sg.export({"loss": lambda x: x * 2}, specs=[sg.TensorSpec()], name=name, directory=tmp_path)


def test_a_macro_s_name_is_no_argument_s_in_c(tmp_path):
    path = sg.export({"loss": lambda M_PI: M_PI * 2}, specs=[sg.TensorSpec()], name="valley", directory=tmp_path)
    assert sg.load(path).loss(1.5) == 3.0
    assert "M_PI_" in (path / "valley.h").read_text()


def test_nothing_finite_is_no_agreement(tmp_path):
    path = sg.export(
        {"f": lambda x: np.log(x)}, specs=[sg.TensorSpec()], name="negative", directory=tmp_path, ranges={"x": (-2, -1)}
    )
    assert "nothing finite to compare" in (path / "check.txt").read_text()
