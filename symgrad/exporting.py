"""``sg.export`` and ``sg.load``: functions and their derivatives as an importable package that is plain C inside."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import os
import shutil
import sys
import sysconfig
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cffi

from symgrad.codegen.library import Library, render_library
from symgrad.codegen.manifest import facts_of
from symgrad.codegen.package import PackagedFunction, docstring, package_files
from symgrad.comparing import Checked, check_ranges, compare, report_text
from symgrad.compiler import exported_unit
from symgrad.errors import CompileError, ExportError
from symgrad.native import publish
from symgrad.native.build import FORMAT, VERSION
from symgrad.native.cache import digest
from symgrad.native.extension import MODULE, build_extension, plain_flags, wrapper_text
from symgrad.native.toolchain import find_compiler, flags_for
from symgrad.native.wheel import wheel_of
from symgrad.options import Options
from symgrad.planning import Planned, check_name, nest_data, plan
from symgrad.shipped.building import cpu_features, object_suffix

__all__ = ["export", "load"]

_DISAGREE = 1e-6  # relative, of double results, beyond which the report is a warning
_WRAPPER = "_wrapper.c"


def export(
    functions: Any,
    *,
    specs: Any = None,
    name: str,
    directory: str | os.PathLike[str] = "build",
    derivatives: Any = (),
    ranges: Mapping[str, Any] | None = None,
    wheel: bool = False,
    force: bool = False,
    options: Options | None = None,
) -> Path:
    """Write functions and their derivatives as a package that needs only NumPy and cffi, and as C that needs nothing.

    Parameters
    ----------
    functions : callable, or dict of callables by name
        Python functions, compiled functions, or SymPy expressions made functions by ``sg.from_sympy``.
    specs : list of TensorSpec or nests of them, or a dict of such lists by function name
        Types of the arguments; named sizes are arguments of the C functions. Functions may have specs of their own.
    name : str
        Of the package, and what all names in C begin with.
    directory : path
        Where the package's folder is made.
    derivatives : sequence of str, or a dict of them by function name
        Of ``grad``, ``value_and_grad``, ``jacobian``, ``hessian``, ``hvp``, ``jvp``, ``vjp``, and ``d1``, ``d2``, ... for
        derivatives of any order; values are always there.
    ranges : dict
        ``(low, high)`` by name of argument, for the points of the check report; sizes for named dims.
    wheel, force : bool
        Write a wheel beside the folder as well; replace what is there: another module of symgrad's is removed, anything
        else is kept beside it.
    options : Options
        Of these ``precise``, ``fast_math``, ``finite``, ``compile_budget`` and ``march`` (``auto``: any CPU of the
        platform's) concern it.

    Returns
    -------
    Path
        The package's folder, ``directory/name``. It appears whole, or not at all.

    Raises
    ------
    ExportError
        For names that cannot be, specs that do not fit, and places that hold something else.
    TraceError, ShapeError, DTypeError, CompileError
        When a function cannot be traced, differentiated or compiled.
    """
    chosen = options or Options.from_environment()
    chosen = replace(chosen, march="baseline") if chosen.march == "auto" else chosen
    check_name(name)
    planned, taken = plan(functions, specs, name, derivatives, chosen)
    limits = check_ranges(ranges, planned)
    draft = _Draft(name, planned, taken, limits, chosen)
    place = Path(directory).absolute() / name
    draft.put(place, force)
    if wheel:
        _add_wheel(place)
    return Path(directory) / name


def _add_wheel(place: Path) -> None:
    try:
        file, content = wheel_of(place)
        publish.publish_file(content, place.parent / file)
    except OSError as error:
        raise ExportError(f"export: the wheel cannot be written to {place.parent}: {error}") from error


class _Draft:
    """An export before it is compiled: all of its text, and its key."""

    def __init__(
        self, name: str, planned: Sequence[Planned], taken: Sequence[str], ranges: Mapping[str, Any], options: Options
    ) -> None:
        self.name, self.planned, self.ranges, self.options = name, planned, ranges, options
        units = tuple(
            exported_unit(
                p.graph,
                module=name,
                name=p.name,
                title=[p.title, *_summary(p.doc)],
                input_names=p.input_names,
                output_names=p.trace.output_names,
                rows=p.rows,
                taken=taken,
                options=options,
            )
            for p in planned
        )
        self.model = digest(FORMAT, name, repr(options), *[f"{u.name} {u.key} {u.prototype}" for u in units])
        title = f"{name}: {', '.join(p.name for p in planned if p.kind == 'value')}."
        self.library = Library(name, title, VERSION, self.model[:32], units)
        self.c = render_library(self.library)
        self.wrapper = wrapper_text(self.library)
        self.version = f"{VERSION}+{self.model[:8]}"
        self.functions = [self.packaged(p) for p in planned]
        self.statements = max(u.statements for u in units)
        compiler = find_compiler()
        self.entries = {
            "symgrad": FORMAT,
            "files": digest(self.wrapper, *[f"{n} {t}" for n, t in sorted({**self.c, **self.python("")}.items())]),
            "options": {k: v for k, v in asdict(options).items() if k != "compile_budget"},
            "ranges": {k: list(v) for k, v in ranges.items()},
            "flags": list(flags_for(options, self.statements)),
            "compiler": compiler.identity,
            "cpu": cpu_features() if options.march == "native" else "",
            "platform": sysconfig.get_platform(),
            "object": object_suffix(),
            "cffi": cffi.__version__,
        }
        self.key = digest(json.dumps(self.entries, sort_keys=True))

    def packaged(self, p: Planned) -> PackagedFunction:
        """Return what the package's Python says of one function."""
        unit = next(u for u in self.library.units if u.name == p.name)
        names = list(p.input_names), list(p.trace.output_names)
        nests = [nest_data(tree) for tree in p.call.trees], nest_data(p.trace.output)
        facts = facts_of(unit, self.name, self.options.finite, *names, list(p.call.labels), *nests)
        doc = docstring(p.title, inspect.cleandoc(p.doc), unit, p.input_paths, p.output_paths)
        return PackagedFunction(p.name, doc, facts)

    def python(self, key: str) -> dict[str, str]:
        """Return the package's Python and the files for make, CMake and pkg-config."""
        sources = [f for f in self.c if f.endswith(".c")]
        return package_files(self.library, self.functions, sources, self.version, key)

    def put(self, place: Path, force: bool) -> None:
        """Compile, check and publish, unless the same module is there, whole."""
        publish.check_place(place, self.key, force)
        standing = publish.manifest_of(place)
        if standing is not None and standing["key"] == self.key and publish.is_whole(place, standing):
            return
        new = not place.parent.exists()
        try:
            self.write(place, force)
        except OSError as error:
            raise ExportError(f"export: {place} cannot be written: {error}; nothing was changed") from error
        finally:
            if new and not place.exists():
                with contextlib.suppress(OSError):
                    place.parent.rmdir()  # made for this, and empty

    def write(self, place: Path, force: bool) -> None:
        """Fill a folder beside the place, and put it there in one step."""
        folder = publish.staging(place.parent, self.name)
        try:
            self.fill(folder)
            os.chmod(folder, 0o755)
            publish.publish_folder(folder, place, self.key, force)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def fill(self, folder: Path) -> None:
        """Write all files into a folder, the manifest last."""
        module = f"_native_{self.key[:12]}"
        for file, text in {**self.c, **self.python(self.key)}.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        wrapper = self.wrapper.replace(MODULE, module)
        (folder / _WRAPPER).write_text(wrapper, encoding="ascii", newline="\n")
        sources = {**self.c, _WRAPPER: wrapper}
        built = build_extension(folder, module, sources, self.statements, self.options)
        manifest = {
            "writer": "symgrad",
            "format": 1,
            "name": self.name,
            "version": self.version,
            "symgrad": VERSION,
            "key": self.key,
            "key_entries": self.entries,
            "model": self.model,
            "functions": {f.name: dict(f.facts) for f in self.functions},
            "build": {
                "module": module,
                "object": built.object,
                "wrapper": _WRAPPER,
                "sources": sorted(sources),
                "flags": list(plain_flags(self.options, self.statements)),
                "compiled_with": list(built.flags),
                "simd": built.simd,
                "platform": self.entries["platform"],
                "python": "abi3" if ".abi3." in built.object else sys.implementation.cache_tag,
                "cpu": self.entries["cpu"],
            },
        }
        self.publishable(folder, manifest)
        checked = self.checked(folder)
        report = {"points": {c.name: c.data for c in checked}, "ranges": self.entries["ranges"], "key": self.key}
        (folder / "check.json").write_text(_json(report), encoding="ascii", newline="\n")
        (folder / "check.txt").write_text(report_text(self.name, checked), encoding="utf-8", newline="\n")
        self.publishable(folder, manifest)

    @staticmethod
    def publishable(folder: Path, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, with the digests of the files that are there."""
        (folder / "manifest.json").unlink(missing_ok=True)
        whole = {**manifest, "files": publish.digests(folder)}
        (folder / "manifest.json").write_text(_json(whole), encoding="ascii", newline="\n")

    def checked(self, folder: Path) -> list[Checked]:
        """Import the package from where it is being written, and compare it; large errors give a warning."""
        trial = f"_symgrad_export_{id(self):x}"  # of its own: other threads may export the same
        try:
            module = _import(trial, folder)
            checked = [compare(p, getattr(module, p.name), self.ranges) for p in self.planned]
        except ImportError as error:
            raise CompileError(f"export: the compiled module cannot be imported: {error}") from error
        finally:
            _forget(trial)
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        for p, one in zip(self.planned, checked, strict=True):
            for output, node in zip(one.outputs, p.graph.outputs, strict=True):
                if output.relative > _DISAGREE * max(1.0, node.dtype.eps / 2.0**-52):
                    warnings.warn(
                        f"export: {self.name}.{one.name} differs from the interpreter by {output.relative:.1e} of its largest "
                        f"element in {output.name}; see check.txt, and try Options(precise=True)",
                        RuntimeWarning,
                        stacklevel=6,
                    )
        return checked


def _summary(doc: str) -> list[str]:
    """Return the first paragraph of a docstring."""
    return inspect.cleandoc(doc).split("\n\n")[0].splitlines()


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


# Loading


def load(path: str | os.PathLike[str]) -> ModuleType:
    """Return the module that ``sg.export`` wrote to a folder, imported under its own name.

    Raises
    ------
    ExportError
        When there is no exported module.
    ImportError
        When it cannot be imported.
    """
    folder = Path(path).absolute()
    manifest = publish.manifest_of(folder)
    if manifest is None:
        raise ExportError(f"load: {folder} holds no module written by sg.export; give the folder that it returned")
    with _lock:
        return _loaded(folder, manifest)


def _loaded(folder: Path, manifest: Mapping[str, Any]) -> ModuleType:
    name = manifest["name"]
    known = sys.modules.get(name)
    if known is not None and getattr(known, "_manifest", {}).get("key") == manifest["key"]:
        return known
    if known is not None and not hasattr(known, "_manifest"):
        raise ImportError(f"load: another module called {name!r} is imported already, from {getattr(known, '__file__', '?')}")
    _forget(name)
    return _import(name, folder)


_lock = threading.RLock()


def _renew_lock() -> None:
    """After a fork nobody holds the lock that another thread of the parent held."""
    global _lock  # noqa: PLW0603  # one lock for the process
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _import(name: str, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"load: {folder} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise
    return module


def _forget(name: str) -> None:
    for key in list(sys.modules):  # a copy: other threads import meanwhile
        if key == name or key.startswith(f"{name}."):
            sys.modules.pop(key, None)
