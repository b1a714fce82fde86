"""The C for other machines: clang, aarch64, Windows and WebAssembly, through the zig package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs the extra zig (pip install ziglang)")
STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Werror -Wconversion -Wshadow -Wstrict-prototypes -O2 -ffp-contract=off".split()
MAGIC = {
    "native": b"\x7fELF" if sys.platform == "linux" else b"",
    "aarch64-linux-musl": b"\x7fELF",
    "x86_64-windows-gnu": b"\x64\x86",
    "wasm32-wasi": b"\0asm",
}
HOST = """
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const wasi = new WASI({ version: 'preview1', args: [], env: {}, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
"""
PROGRAM = r"""
#include "kinds.h"
#include <stdio.h>

int main(void)
{
    const double x[4] = {-1.2, 1.0, 0.8, 0.3};
    const float f[3] = {0.25f, -0.5f, 2.0f};
    double value, gradient[4], hessian[16], work[64];
    float slopes[3];
    if (kinds_loss(x, &value, 4, NULL) || kinds_loss_grad(x, gradient, 4, work) || kinds_loss_hessian(x, hessian, 4, work)) return 1;
    if (kinds_single_grad(f, slopes, 3, work)) return 2;
    printf("%.17g %.17g %.17g ", value, gradient[1], hessian[5]);
    for (int i = 0; i < 3; ++i) printf("%.9g ", (double)slopes[i]);
    printf("%d", kinds_loss(x, &value, (size_t)-1, NULL));
    return 0;
}
"""


def zig(folder, *words):
    environment = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-cache")}
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *words], cwd=folder, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", MAGIC)
def test_objects_build_without_a_warning(exported, tmp_path, target):
    zig(tmp_path, *([] if target == "native" else ["-target", target]), *STRICT, "-c", "-o", "kinds.o", str(exported / "kinds.c"))
    assert (tmp_path / "kinds.o").read_bytes().startswith(MAGIC[target])


def test_webassembly_computes_the_same_numbers(exported, module, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    (tmp_path / "main.c").write_text(PROGRAM)
    (tmp_path / "host.mjs").write_text(HOST)
    zig(tmp_path, "-target", "wasm32-wasi", *STRICT, f"-I{exported}", "-o", "main.wasm", "main.c", str(exported / "kinds.c"))
    done = subprocess.run(
        [node, "--no-warnings", "host.mjs", "main.wasm"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    x = np.array([-1.2, 1.0, 0.8, 0.3])
    wanted = [module.loss(x), module.loss_grad(x)[1], module.loss_hessian(x)[1, 1]]
    assert [float(f) for f in found[:3]] == wanted  # arithmetic alone: to the last bit
    slopes = module.single_grad(np.array([0.25, -0.5, 2.0], np.float32))
    np.testing.assert_array_max_ulp(np.array(found[3:6], np.float32), slopes, 8)  # tanh of another C library
    assert found[6] == "4"  # too large


def test_zig_builds_the_module_where_there_is_no_other_compiler(copied, run_bare, tmp_path):
    next(copied.glob("*.abi3.so")).unlink()
    program = "import kinds, numpy as np; print(kinds.loss(np.ones(3)))"
    done = run_bare(program, copied.parent, CC=f"{sys.executable} -m ziglang cc", PATH=os.environ["PATH"], timeout=300)
    assert float(done.stdout) == 0.0
