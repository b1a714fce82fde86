"""The C of an exported module: strict compilers, C++, sizes that do not fit, sanitizers, valgrind, several files."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen import library
from symgrad.shipped.building import link_flags

STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes".split()
CC = shutil.which("gcc") or shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler")


def build_and_run(folder, source, *flags, compiler=CC, files=(), command=()):
    """Compile a program with the module's C and return what it prints."""
    suffix = "cpp" if "++" in compiler else "c"
    (folder / f"main.{suffix}").write_text(source)
    subprocess.run([compiler, *flags, "-o", "main", f"main.{suffix}", *files, "-lm"], cwd=folder, check=True)
    done = subprocess.run([*command, "./main"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("flags", [(), ("-O2", "-DSG_SIMD", "-fopenmp-simd")], ids=["plain", "simd"])
def test_strict_compilers(exported, flags):
    done = subprocess.run([CC, *STRICT, *flags, "-c", "-o", "/dev/null", exported / "kinds.c"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_wrapper_uses_what_python_declares(small, tmp_path):
    """All that is not cffi's own compiles without a warning; an undeclared function would return an int."""
    flags = [
        *link_flags(),
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-Wno-unused-function",
        "-Wno-cast-function-type",
        "-Wno-unused-variable",
    ]
    command = [
        CC,
        *flags,
        "-Wno-missing-field-initializers",
        "-Wno-sign-compare",
        "-c",
        "-o",
        tmp_path / "w.o",
        small / "_wrapper.c",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "sg_" not in done.stderr, done.stderr


def test_no_state_and_no_allocation(exported, tmp_path):
    subprocess.run([CC, "-c", "-O2", "-o", tmp_path / "kinds.o", exported / "kinds.c"], check=True)
    if shutil.which("nm") is None:
        pytest.skip("needs nm")
    symbols = [
        line.split()[-2:]
        for line in subprocess.run(["nm", tmp_path / "kinds.o"], capture_output=True, text=True).stdout.splitlines()
    ]
    assert not [name for kind, name in symbols if kind in "bBcC"], "static mutable state"
    assert not [
        name for kind, name in symbols if kind in "dD" and not name.endswith(("_arguments", "_patterns"))
    ]  # these are const
    assert not {name for kind, name in symbols if kind == "U"} & {"malloc", "calloc", "realloc", "free", "memcpy"}


PROGRAM = r"""
#include "kinds.h"
#include <stdio.h>
#include <stdint.h>
#include <string.h>

int main(void)
{
    double x[4] = {-1.2, 1.0, 0.8, 0.3}, value, gradient[4], work[64], a[1] = {0.0};
    size_t shape[2];
    if (kinds_loss(x, &value, 4, NULL)) return 1;
    if (kinds_loss_grad_work(4) > 64 || kinds_loss_grad(x, gradient, 4, work)) return 2;
    printf("%.17g %.17g ", value, gradient[3]);
    printf("%d %d ", kinds_loss(x, &value, 0, NULL), kinds_loss(x, &value, SIZE_MAX, NULL));
    printf("%d %d ", kinds_loss_grad(x, gradient, 4, NULL), kinds_weighted(x, a, &value, SIZE_MAX / 4, 8, work));
    printf("%d ", kinds_loss_hessian(x, gradient, SIZE_MAX / 64, work));
    const int rank = kinds_loss_hessian_shape(1, shape, 7);
    printf("%d %d ", rank, (int)shape[1]);
    printf("%s %s %d ", kinds_loss_arguments[0].name, kinds_loss_arguments[1].type, kinds_loss_arguments[1].output);
    printf("%d %d ", (int)kinds_loss_grad_work(0), kinds_loss_hessian_work(SIZE_MAX / 2) == SIZE_MAX);
    printf("%d %d ", !strcmp(kinds_version(), KINDS_VERSION), !strcmp(kinds_key(), KINDS_KEY));
    printf("%s", kinds_message(KINDS_NO_WORK));
    return 0;
}
"""


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_program_that_links_only_the_c(exported, module, tmp_path, language):
    compiler = CC if language == "c" else shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    subprocess.run([CC, "-O2", "-ffp-contract=off", "-c", "-o", tmp_path / "kinds.o", exported / "kinds.c"], check=True)
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{exported}"]
    found = build_and_run(tmp_path, PROGRAM, *flags, compiler=compiler, files=["kinds.o"])
    x = np.array([-1.2, 1.0, 0.8, 0.3])
    np.testing.assert_allclose([float(f) for f in found[:2]], [module.loss(x), module.loss_grad(x)[3]], rtol=1e-14)
    size, too_large, no_work = 3, 4, 5
    assert list(map(int, found[2:7])) == [size, too_large, no_work, too_large, too_large]
    assert found[7:16] == ["2", "7", "x", "float64", "1", "0", "1", "1", "1"]
    assert " ".join(found[16:]) == "work is NULL, and workspace is needed"


CALLS = r"""
#include "kinds.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int32_t k[3] = {INT32_MAX, INT32_MIN, 7}, out[3];
    float *x = malloc(40 * sizeof(float)), *gradient = malloc(40 * sizeof(float));
    size_t needed = kinds_single_grad_work(40);
    double *work = malloc(needed * sizeof(double) + 1), *y = malloc(40 * sizeof(double)), *hessian = malloc(1600 * sizeof(double));
    double *more = malloc(kinds_loss_hessian_work(40) * sizeof(double));
    if (kinds_whole(k, out, 3, NULL)) return 1;
    for (int i = 0; i < 40; ++i) {
        x[i] = (float)i / 40.0f;
        y[i] = (double)i / 40.0;
    }
    if (kinds_single_grad(x, gradient, 40, work) || kinds_loss_hessian(y, hessian, 40, more)) return 2;
    printf("%d %d %.9g %.17g", out[0], out[1], (double)gradient[39], hessian[1599]);
    free(x), free(gradient), free(work), free(y), free(hessian), free(more);
    return 0;
}
"""


def check_calls(found, module):
    with np.errstate(over="ignore"):
        whole = module.whole(np.array([2**31 - 1, -(2**31), 7], np.int32))
    assert [int(f) for f in found[:2]] == whole[:2].tolist()
    x = np.arange(40) / 40
    np.testing.assert_allclose(float(found[2]), module.single_grad(x.astype(np.float32))[39], rtol=1e-6)
    np.testing.assert_allclose(float(found[3]), module.loss_hessian(x)[39, 39], rtol=1e-13)


def test_sanitizers_find_nothing(exported, module, tmp_path):
    flags = "-O1 -g -std=c99 -fsanitize=address,undefined -fno-sanitize-recover=all".split()
    (tmp_path / "probe.c").write_text("int main(void) { return 0; }")
    if subprocess.run([CC, *flags, "-o", "probe", "probe.c"], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("this compiler lacks the sanitizers")
    check_calls(build_and_run(tmp_path, CALLS, *flags, f"-I{exported}", files=[exported / "kinds.c"]), module)


def test_valgrind_finds_nothing(exported, module, tmp_path):
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind")
    command = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full"]
    check_calls(build_and_run(tmp_path, CALLS, "-O2", f"-I{exported}", files=[exported / "kinds.c"], command=command), module)


def test_long_libraries_come_in_several_files(tmp_path, monkeypatch):
    def chain(x):
        for k in range(400):
            x = np.sin(x) * 0.5 + x + k
        return x

    one = sg.export({"chain": chain}, specs=[sg.TensorSpec()], name="one", directory=tmp_path, derivatives=["grad"])
    assert [p.name for p in one.glob("one*.c")] == ["one.c"]
    monkeypatch.setattr(library.render_library, "__defaults__", (300,))
    two = sg.export({"chain": chain}, specs=[sg.TensorSpec()], name="two", directory=tmp_path, derivatives=["grad"])
    files = sorted(p.name for p in two.glob("two*.c"))
    assert len(files) > 3 and all((two / f).read_text().count("\n") < 1500 for f in files)
    done = subprocess.run([CC, *STRICT, "-fsyntax-only", *(str(two / f) for f in files)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sg.load(two).chain_grad(0.3) == sg.load(one).chain_grad(0.3)


def test_make_pkg_config_and_cmake(exported, tmp_path):
    tools = {t: shutil.which(t) for t in ("make", "pkg-config", "cmake")}
    if None in tools.values():
        pytest.skip(f"needs {', '.join(t for t, p in tools.items() if p is None)}")
    folder = shutil.copytree(exported, tmp_path / "kinds")
    (tmp_path / "main.c").write_text(PROGRAM)
    subprocess.run(["make", "-s", "install", f"PREFIX={tmp_path}/usr"], cwd=folder, check=True)
    words = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "kinds"], env={"PKG_CONFIG_PATH": f"{tmp_path}/usr/lib/pkgconfig"}, capture_output=True, text=True, check=True
    ).stdout.split()  # fmt: skip
    subprocess.run([CC, "-o", "main", "main.c", *words, f"-Wl,-rpath,{tmp_path}/usr/lib"], cwd=tmp_path, check=True)
    wanted = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(user C)\ninclude(kinds/kinds.cmake)\n"
        "add_executable(user main.c)\ntarget_link_libraries(user kinds)\n"
    )
    subprocess.run(["cmake", "-S", ".", "-B", "made"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", "made"], cwd=tmp_path, check=True, capture_output=True)
    assert subprocess.run([tmp_path / "made" / "user"], capture_output=True, check=True).stdout == wanted
