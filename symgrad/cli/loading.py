"""The user's own file: it is run, as ``python FILE.py`` would, and what goes wrong in it is shown with its line."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import os
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import click

__all__ = ["UserCodeError", "functions_in", "is_user_file", "load_functions", "user_frame"]

_MAIN = "symgrad_model_"  # what the modules of users' files are called begins with this: `if __name__ == "__main__"` is false
_loaded: dict[tuple[str, int, int], ModuleType] = {}  # by place, time and size
_folders: set[str] = set()  # of the user's files


class UserCodeError(Exception):
    """The user's file raised an error; the message has its place."""


def load_functions(given: str) -> dict[str, Callable[..., Any]]:
    """Return the functions that ``FILE.py:NAME`` or ``FILE.py:NAME,NAME`` stands for, by name, in order.

    Raises
    ------
    click.UsageError
        When there is no such file, or no such function in it.
    UserCodeError
        When running the file fails.
    """
    file, _, names = given.rpartition(":")
    if not file or os.sep in names:
        known = f"; for example {given}:{_first(given)}" if os.path.isfile(given) else ""
        raise click.UsageError(f"a function is given as FILE.py:NAME, got '{given}'{known}")
    module = _run(Path(file))
    return {name: _member(module, file, name) for name in dict.fromkeys(n.strip() for n in names.split(","))}


def _first(file: str) -> str:
    names = functions_in(file)
    return names[0] if names else "NAME"


def functions_in(file: str) -> list[str]:
    """Return the names of the functions that a file defines, read without running it; none where it cannot be read."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    names += [t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)]
    return [n for n in names if not n.startswith("_")]


def _run(file: Path) -> ModuleType:
    """Return a file as a module, run once; its folder comes first on the path, as when Python runs it."""
    if not file.is_file():
        near = get_close_matches(file.name, [p.name for p in file.parent.glob("*.py")] if file.parent.is_dir() else [], n=1)
        hint = f"; did you mean '{file.with_name(near[0])}'?" if near else ""
        raise click.UsageError(f"there is no file '{file}'{hint}")
    place = str(file.resolve())
    version = place, file.stat().st_mtime_ns, file.stat().st_size
    if version in _loaded:
        return _loaded[version]
    name = _MAIN + "".join(c if c.isalnum() else "_" for c in file.stem)
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"'{file}' is no Python file: a function is given as FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    _folders.add(os.path.dirname(place))
    sys.path.insert(0, os.path.dirname(place))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        sys.modules.pop(name, None)
        where = f"{os.path.basename(error.filename or str(file))}:{error.lineno}"
        raise UserCodeError(f"{where}: {error.msg}\n    {(error.text or '').strip()}") from error
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise UserCodeError(_told(error, place)) from error
    _loaded[version] = module
    return module


def _told(error: BaseException, file: str) -> str:
    """Return an error of the user's file with the line of theirs that is nearest to it."""
    place = user_frame(error) or os.path.basename(file)
    kind, said = type(error).__name__, str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        said += f" (is it installed in this Python, {sys.executable}?)"
    if isinstance(error, SystemExit):
        said = f"the file ends Python with status {error.code} when it is run; keep that under `if __name__ == '__main__':`"
    return f"{place}: {kind}: {said}"


def user_frame(error: BaseException) -> str:
    """Return ``"model.py:3: in loss: <the line>"`` for the innermost line of the user's files that an error came through."""
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if os.path.dirname(os.path.abspath(frame.filename)) in _folders:
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            where = f": in {frame.name}" if frame.name != "<module>" else ""
            found = f"{os.path.basename(frame.filename)}:{frame.lineno}{where}: `{line}`"
    return found


def is_user_file(name: str) -> bool:
    """Whether a file of this name stands beside one of the user's files."""
    return any(os.path.isfile(os.path.join(folder, name)) for folder in _folders)


def _member(module: ModuleType, file: str, name: str) -> Callable[..., Any]:
    found = getattr(module, name, None) if name.isidentifier() else None
    if callable(found) and not isinstance(found, type):
        return found  # type: ignore[no-any-return]
    own = [n for n in functions_in(file) if callable(getattr(module, n, None)) and not isinstance(getattr(module, n), type)]
    near = get_close_matches(name, own, n=1)
    if found is not None and (type(found).__module__ or "").startswith("sympy"):
        hint = f"make it a function: {name} = sg.from_sympy({name}, [its symbols])"
    elif found is not None:
        hint = f"it is {type(found).__name__}, not a function"
    elif near:
        hint = f"did you mean '{near[0]}'?"
    else:
        hint = f"it has {', '.join(own)}" if own else "it defines no functions"
    raise click.UsageError(f"there is no function '{name}' in {file}: {hint}")
