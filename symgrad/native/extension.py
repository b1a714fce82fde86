"""The shared object of an exported package: cffi's wrapper of its C functions, compiled together with them."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cffi

from symgrad.codegen.library import Library
from symgrad.codegen.render import template_environment
from symgrad.codegen.unit import Unit
from symgrad.errors import CompileError, ExportError
from symgrad.native.toolchain import find_compiler, flags_for, libraries_for, run, without_simd
from symgrad.options import Options
from symgrad.shipped.building import link_flags, object_suffix

__all__ = ["MODULE", "Built", "build_extension", "plain_flags", "wrapper_text"]

MODULE = "sg_native_module"  # stands for the name, which depends on the text
_QUICK = """\
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O0") /* conversions of arguments: optimised, they compile three times as long and are no faster */
#endif
"""
_STRUCTURES = """
typedef struct { void *type; int rank; int number; size_t bytes; ptrdiff_t shape[8]; } sg_array;
typedef struct {
    int (*run)(void *);
    int inputs, outputs, dims, slow, lends;
    size_t work;
    double *spare;
    void **numpy;
    void *array, *other, *fail, *word;
    size_t sizes[64];
    sg_array arrays[64];
} sg_special;
int sg_specialize(const sg_special *, size_t, size_t);
"""
_OWN = ("-std=c99", "-shared", "-fPIC", "-pipe")  # not for a module of Python's, or said elsewhere

_NO_HEADERS = re.compile(r"Python\.h['\"]?:? *(file not found|No such file)")  # not any mention of it in a trace of includes


@dataclass(frozen=True, slots=True)
class Built:
    """What building gave: the object's file name, and the flags that it was compiled with."""

    object: str
    flags: tuple[str, ...]
    simd: bool


def wrapper_text(library: Library) -> str:
    """Return cffi's C for a module called ``MODULE`` of the library's functions.

    Beside each function it has ``sg_packed_<name>``, which takes a block of all arguments, and what makes Python functions
    of those.
    """
    ffi = cffi.FFI()
    ffi.cdef("\n".join(_declarations(library)))
    body = "\n".join(line for unit in library.units for line in _helpers(unit))
    calls = [template_environment().get_template(f"export/{t}.c.jinja").render() for t in ("bound", "special")]
    source = "\n".join([f'#include "{library.name}.h"\n', *calls, body, _QUICK])
    ffi.set_source(f"{library.name}.{MODULE}", source, compiler_verbose=0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "wrapper.c"
            ffi.emit_c_code(str(path))
            return path.read_text(encoding="ascii")
    except OSError as error:
        raise ExportError(f"export: temporary files cannot be written: {error}; nothing was changed") from error


def _declarations(library: Library) -> list[str]:
    name = library.name
    lines = [_STRUCTURES, "int sg_bind(void *, void *, size_t, size_t, size_t, int, size_t);"]
    lines += [f"const char *{name}_message(int);", f"const char *{name}_version(void);", f"const char *{name}_key(void);"]
    for unit in library.units:
        lines += [f"{unit.prototype};", f"size_t {unit.symbol}_work({unit.dim_parameters});"]
        if unit.scalar_inputs is not None:
            lines.append(f"double {unit.symbol}_integrand(int, double *, void *);")
        lines.append(f"int sg_packed_{unit.name}(void *);")
    return lines


def _helpers(unit: Unit) -> list[str]:
    count, dims = len(unit.arguments), len(unit.dims)
    kinds = [f"{'const ' if k < len(unit.inputs) else ''}{t.dtype.c} *" for k, (_, t) in enumerate(unit.arguments)]
    taken = [f"({kind})a[{k}]" for k, kind in enumerate(kinds)] + [f"(size_t)a[{count + k}]" for k in range(dims)]
    taken.append(f"(double *)a[{count + dims}]")
    return [
        f"static int sg_packed_{unit.name}(void *block)",
        "{",
        "    const uintptr_t *a = (const uintptr_t *)block;",
        f"    return {unit.symbol}({', '.join(taken)});",
        "}",
        "",
    ]


def plain_flags(options: Options, statements: int) -> tuple[str, ...]:
    """Return the flags with which the module compiles anywhere: for this platform's baseline, without SIMD libraries."""
    flags = [f for f in without_simd(flags_for(options, statements)) if f not in _OWN]
    return tuple(f for f in flags if not f.endswith("=native"))


def build_extension(folder: Path, module: str, files: Mapping[str, str], statements: int, options: Options) -> Built:
    """Compile the C files in ``folder`` into a shared object beside them.

    Parameters
    ----------
    folder : Path
    module : str
        Of Python, the name of the object without its suffix.
    files : mapping
        The C sources' names, wrapper included, and texts; headers are passed over.
    statements : int
        Length of the longest function: very long ones are optimised less.
    options : Options

    Raises
    ------
    CompileError
        When there is no compiler, it fails, or takes longer than ``options.compile_budget`` seconds.
    """
    compiler = find_compiler()
    given = flags_for(options, statements)
    flags = [f for f in given if f not in _OWN]
    sources = [f for f in files if f.endswith(".c")]
    target = f"{module}{object_suffix()}"
    deadline = time.monotonic() + options.compile_budget

    def attempt(flags: Sequence[str]) -> Built:
        command = [*flags, *link_flags(), "-o", target, *sources, *libraries_for(flags)]
        run(compiler, command, folder, options.compile_budget, deadline)
        return Built(target, tuple(flags), "-DSG_SIMD" in flags)

    plain = without_simd(flags)
    built = None
    if len(plain) < len(flags):
        with contextlib.suppress(CompileError):  # a compiler that rejects the SIMD flags; another error comes again
            built = attempt(flags)
    if built is None:
        try:
            built = attempt(plain)
        except CompileError as error:
            if _NO_HEADERS.search(str(error)):
                raise CompileError(
                    "export: the compiler does not find Python's headers (Python.h); install them (apt install python3-dev)"
                ) from error
            raise
    if not (folder / target).is_file():
        raise CompileError(f"compiler: {' '.join(compiler.command)} reported success and wrote nothing")
    return built
