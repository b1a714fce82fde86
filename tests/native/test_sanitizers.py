"""The generated C under AddressSanitizer and UndefinedBehaviorSanitizer, against the interpreter."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from symgrad.codegen.render import render_c
from symgrad.errors import CompileError
from symgrad.interpret import bind_dims, interpret
from symgrad.ir.dims import evaluate
from symgrad.lower.lower import lower
from symgrad.native.toolchain import find_compiler
from symgrad.options import Options

from .hostile import cases

CASES = cases()
OPTIONS = Options(precise=True, march="baseline")
# Without: integers wrap as NumPy's do because the generated C says so.
FLAGS = (
    "-std=c99 -O1 -g0 -Wall -Wextra -Werror -ffp-contract=off -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all"
).split()

DRIVER_HEAD = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}

static void *filled(size_t bytes)
{{
    void *place = malloc(bytes);
    memset(place, 0xa5, bytes);
    return place;
}}

static void *given(size_t bytes)
{{
    void *place = malloc(bytes);
    if (fread(place, 1, bytes, stdin) != bytes) exit(99);
    return place;
}}

int main(int count, char **words)
{{
    int status = 98;
    switch (count > 1 ? atoi(words[1]) : -1) {{
"""


def driver_case(k, source, given, made, dims, work):
    """Return C that calls one function on memory of exactly the right size, from the standard input to its output."""
    names = [f"a{j}" for j in range(len(given) + len(made))]
    lines = [f"    case {k}: {{"]
    for name, a in zip(names, [*given, *made], strict=True):
        lines.append(f"        void *{name} = {'given' if len(lines) <= len(given) else 'filled'}({a.nbytes});")
    lines.append(f"        double *work = {f'filled({8 * work})' if work else 'NULL'};")
    lines.append(f"        status = {source.symbol}({', '.join([*names, *map(str, dims), 'work'])});")
    lines.append("        fwrite(&status, sizeof status, 1, stdout);")
    for name, a in zip(names[len(given) :], made, strict=True):
        lines.append(f"        fwrite({name}, 1, {a.nbytes}, stdout);")
    lines += [f"        free({n});" for n in [*names, "work"]]
    return "\n".join([*lines, "        break;", "    }", ""])


def shaped(graph, dims):
    return [np.empty([evaluate(s, dims) for s in o.type.shape], o.type.dtype.numpy) for o in graph.outputs]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """One program of all cases; its argument says which."""
    try:
        compiler = find_compiler()
    except CompileError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("sanitized")
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    probe = [*compiler.command, *FLAGS, "-o", "probe", "probe.c"]
    if any(subprocess.run(c, check=False, cwd=folder, capture_output=True).returncode for c in (probe, ["./probe"])):
        pytest.skip(f"{compiler.command[0]} lacks the sanitizers, or they do not run here")
    includes, bodies, files = [], [], {}
    for k, (_, graph, arrays) in enumerate(CASES):
        labels = [i.attributes["label"] for i in graph.inputs]
        sizes = bind_dims(graph.inputs, dict(zip(graph.inputs, arrays, strict=True)))
        source = render_c(lower(graph, OPTIONS), f"case{k}", labels, [f"y{j}" for j in range(len(graph.outputs))], OPTIONS)
        files[f"case{k}.c"] = source.text
        (folder / f"case{k}.c").write_text(source.text)
        (folder / f"case{k}.h").write_text(source.header)
        includes.append(f'#include "case{k}.h"')
        work = evaluate(source.work, sizes)
        bodies.append(driver_case(k, source, arrays, shaped(graph, sizes), [sizes[d] for d in source.dims], work))
    text = DRIVER_HEAD.format(includes="\n".join(includes)) + "".join(bodies) + "    }\n    return status < 0;\n}\n"
    (folder / "driver.c").write_text(text)
    command = [*compiler.command, *FLAGS, "-o", "driver", "driver.c", *files, "-lm"]
    built = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "driver"


@pytest.mark.parametrize("k", range(len(CASES)), ids=[name for name, _, _ in CASES])
def test_generated_c(program, k):
    _, graph, arrays = CASES[k]
    content = b"".join(a.tobytes() for a in arrays)
    done = subprocess.run([program, str(k)], check=False, input=content, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    status = int(np.frombuffer(done.stdout[:4], np.int32)[0])
    try:
        expected = interpret(graph, arrays)
    except (IndexError, ValueError) as error:
        assert status == (1 if isinstance(error, IndexError) else 2)
        return
    assert status == 0
    place = 4
    for want in expected:
        got = np.frombuffer(done.stdout, want.dtype, want.size, place).reshape(want.shape)
        place += want.nbytes
        tolerance = 1e-4 if any(a.dtype == np.float32 for a in arrays) else 1e-12
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=1e-300)
