"""Write a model and its gradient as C, and minimise it in a C and a C++ program that know nothing of Python."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

import symgrad as sg
from symgrad.native.toolchain import find_compiler

PROGRAM = r"""
#include "valley.h"
#include <stdio.h>

int main(void)
{
    double x[2] = {-1.2, 1.0}, value, gradient[2], work[VALLEY_HEIGHT_VALUE_AND_GRAD_WORK + 1];
    int steps = 0, status;
    do {
        status = valley_height_value_and_grad(x, &value, gradient, work);
        if (status) {
            fprintf(stderr, "%s\n", valley_message(status));
            return 1;
        }
        for (int i = 0; i < 2; ++i) x[i] -= 0.002 * gradient[i];
    } while (value > 1e-10 && ++steps < 100000);
    printf("%.6f %.6f %d\n", x[0], x[1], steps);
    return 0;
}
"""


def height(x):
    """Rosenbrock's valley; its minimum is 0 at x = (1, ..., 1)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def run(folder, language, compiler):
    """Return what the program prints, compiled as C or C++; the library is C in both."""
    source = folder / f"main.{language}"
    source.write_text(PROGRAM)
    subprocess.run([*compiler, "-O2", "-c", "-o", "valley.o", "valley/valley.c"], cwd=folder, check=True)
    words = ["-x", "c++" if language == "cpp" else "c", source.name, "-x", "none", "valley.o", "-lm"]
    subprocess.run([*compiler, "-O2", "-Ivalley", "-o", language, *words], cwd=folder, check=True)
    return subprocess.run([folder / language], capture_output=True, text=True, check=True).stdout


def main():
    compiler = find_compiler().command
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sg.export(height, specs=[sg.TensorSpec((2,))], name="valley", directory=folder, derivatives=["value_and_grad"])
        for language in ("c", "cpp"):
            found = run(folder, language, compiler)
            print(f"{language}: {found}", end="")
            np.testing.assert_allclose([float(f) for f in found.split()[:2]], [1, 1], atol=1e-4)


if __name__ == "__main__":
    main()
