"""The C of the special functions: strict compilation, and agreement with the interpreter."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import jinja2
import numpy as np
import pytest

from symgrad.dtypes import float32, float64
from symgrad.ir.kinds import Scalar
from symgrad.primitives import ops
from symgrad.primitives.samples import draw
from symgrad.primitives.special_c import SPECIAL, special_functions

TEMPLATES = Path(__file__).parents[2] / "templates"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic", "-ffp-contract=off"]
RECORDS = [p for p in ops.primitives() if isinstance(p.lowering, Scalar) and p.lowering.header == "special"]
SPECIAL_POINTS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5, -2.5, 24.9, 25.0, 25.1, 31.0, 1e-310, 1e-200, 1e200]
INFINITE = [np.inf, -np.inf, np.nan]
NAMES = [r.lowering.function + suffix for r in RECORDS for suffix in ("", "f")]

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")


def render(names):
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return "#include <math.h>\n\n" + environment.get_template("special.c.jinja").render(special=special_functions(names))


def build(directory, name, source, flags=()):
    path = directory / f"{name}.c"
    path.write_text(source)
    library = directory / f"{name}.so"
    subprocess.run([COMPILER, *FLAGS, *flags, "-shared", "-fPIC", str(path), "-o", str(library), "-lm"], check=True)
    return library


def wrapper(function):
    """Return a loop over an array that calls a static function, so that the library exports something."""
    real = "float" if function.name.endswith("f") else "double"
    order = "order, " if function.order else "(void)order, "
    call = f"{function.name}({'order, ' if function.order else ''}x[k])"
    unused = "" if order == "order, " else "    (void)order;\n"
    return (
        f"void loop_{function.name}(int order, const {real} *x, {real} *y, int n);\n"
        f"void loop_{function.name}(int order, const {real} *x, {real} *y, int n)\n{{\n{unused}"
        f"    for (int k = 0; k < n; ++k) {{\n        y[k] = {call};\n    }}\n}}\n"
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    source = render(NAMES) + "\n".join(wrapper(SPECIAL[n]) for n in NAMES)
    return ctypes.CDLL(str(build(tmp_path_factory.mktemp("special"), "all", source)))


@needs_compiler
@pytest.mark.parametrize("name", NAMES)
def test_compiles_alone(name, tmp_path):
    source = render([name])
    build(tmp_path, "alone", source + wrapper(SPECIAL[name]))
    assert "malloc" not in source and source == render([name])
    assert all(len(line) <= 130 for line in source.splitlines())


def evaluate(library, record, x, order):
    name = f"loop_{record.lowering.function}{'f' if x.dtype == np.float32 else ''}"
    result = np.empty_like(x)
    getattr(library, name)(ctypes.c_int(order), x.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p), len(x))
    return result


@needs_compiler
@pytest.mark.parametrize("dtype", [float64, float32], ids=lambda d: d.name)
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_agrees_with_the_interpreter(library, record, dtype):
    for family in record.samples:
        order = family.attributes.get("order", 0)
        (x,) = draw(family, dtype, np.random.default_rng(4), (300,))
        with np.errstate(all="ignore"):
            x = np.concatenate([x, np.array(SPECIAL_POINTS + INFINITE, dtype.numpy)])
            wanted = record.numpy(x, **family.attributes)
        found = evaluate(library, record, x, order)
        finite = np.isfinite(wanted)
        np.testing.assert_array_equal(found[~finite], wanted[~finite])
        np.testing.assert_array_equal(np.signbit(found[wanted == 0]), np.signbit(wanted[wanted == 0]))
        apart = np.abs(found[finite] - wanted[finite])
        assert (apart <= record.ulp * np.spacing(np.abs(wanted[finite]))).all(), x[finite][np.argmax(apart)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_every_special_function_is_known(record):
    function = SPECIAL[record.lowering.function]
    assert function.order == (record.lowering.attributes == ("order",))
    assert (TEMPLATES / "special" / function.template).read_text().count("\n") <= 60


def test_dependencies_come_first():
    found = special_functions(["sg_bessel_yf", "sg_erfinv"])
    names = [f.name for f in found]
    assert len(set(names)) == len(names)
    for f in found:
        assert all(names.index(n) < names.index(f.name) for n in f.needs)
    assert special_functions(["sg_erfinv", "sg_bessel_yf"]) == found
    assert special_functions([]) == ()
