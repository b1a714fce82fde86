"""Small functions of a module, run with torch to record what they show and with symgrad to compare.

A case is a function of the module (``def leaf_flags(torch): ...``). What it returns and prints is written down as plain data by
``observe``; ``differences`` compares two such records by one set of rules:

- text, bools, ints, shapes, element types, ``requires_grad`` and structure (tuple, list, dict) are equal. In text the module's
  name in front of an element type is dropped: ``torch.float64`` and ``symgrad.float64`` both read ``float64``; so is the
  name space of C++ in front of a node's name;
- an error must be an instance of every class of ERRORS that torch's is one of, and have the key phrase; a warning likewise;
- floats agree to ``rtol`` times the larger of the value and the largest value beside it, this one counted up to 1: 1e-14 for
  float64 and 2e-6 for float32 (libraries of elementary functions differ by a few ulp), or what the case says, with its reason;
- with ``bits=True`` floats are equal to the last bit, the sign of zero included;
- a case with ``differs`` is an intended difference: its expected value is mathematical, stands in the case, and is not torch's.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
TOLERANCE = {"float64": 1e-14, "float32": 2e-6}
ERRORS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, AssertionError, StopIteration)
WARNINGS = (UserWarning, DeprecationWarning, FutureWarning, RuntimeWarning)
MODULE_NAME = re.compile(r"\btorch::autograd::|\b(?:torch|symgrad|sg)\.(?=(?:float|int|bool|double|long)\d*\b)")
NOTHING = object()


@dataclass(frozen=True)
class Case:
    """A function of the module, the mechanics it shows, and how its result is compared."""

    name: str
    rows: tuple[int, ...]
    function: Callable[[Any], Any]
    rtol: float | None
    bits: bool
    differs: str
    expected: Any


CASES: dict[str, Case] = {}


def add(name, function, rows, *, rtol=None, why="", bits=False, differs="", expected=NOTHING):
    """Register a case; ``name`` is ``group/what``."""
    assert (rtol is None) == (not why), f"{name}: a tolerance has a reason"
    assert (expected is NOTHING) == (not differs), f"{name}: an intended difference has an expected value"
    assert rows and all(1 <= row <= 80 for row in rows), name
    assert name not in CASES, f"{name} is there twice"
    CASES[name] = Case(name, tuple(rows), function, rtol, bits, differs, expected)


def case(*rows, **options):
    """Register the decorated function under its module's group and its own name."""

    def register(function):
        group = function.__module__.rpartition("cases_")[2]
        add(f"{group}/{function.__name__}", function, rows, **options)
        return function

    return register


def load() -> dict[str, Case]:
    """Return every case of the cases_*.py files."""
    for path in sorted(HERE.glob("cases_*.py")):
        importlib.import_module(f".{path.stem}", __package__)
    return CASES


# what snippets use ---------------------------------------------------------------------------------------------------------


def leaf(torch, data, dtype="float64"):
    """Return a tensor that requires grad, of doubles unless said otherwise."""
    return torch.tensor(data, dtype=getattr(torch, dtype), requires_grad=True)


def const(torch, data, dtype="float64"):
    """Return a tensor that does not require grad, of doubles unless said otherwise."""
    return torch.tensor(data, dtype=getattr(torch, dtype))


def raises(function, phrase):
    """Return the built-in classes of the error that ``function`` raises, and whether its message has ``phrase`` (a regex)."""
    try:
        function()
    except Exception as error:
        bases = [base.__name__ for base in ERRORS if isinstance(error, base)]
        return {"error": bases, "phrase": bool(re.search(phrase, str(error))), "message": f"{type(error).__name__}: {error}"}
    return {"error": [], "phrase": False, "message": "nothing was raised"}


def warns(function, phrase):
    """Return the result of ``function`` with the categories of its warnings that have ``phrase`` (a regex)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    found = [w for w in caught if re.search(phrase, str(w.message))]
    kinds = sorted({base.__name__ for w in found for base in WARNINGS if issubclass(w.category, base)})
    return {"warned": kinds, "phrase": bool(found), "value": result}


def graph_names(function, depth=6):
    """Return the names of a node and of those behind it, nested."""
    if function is None:
        return None
    behind = [graph_names(f, depth - 1) for f, _ in function.next_functions] if depth else []
    return [function.name(), *behind]


# writing down --------------------------------------------------------------------------------------------------------------


def _number(value):
    return value if math.isfinite(value) else str(value)


def _numbers(values):
    if isinstance(values, list):
        return [_numbers(v) for v in values]
    return _number(values) if isinstance(values, float) else values


def _short(dtype):
    return str(dtype).rpartition(".")[2]


def _tensor(value):
    record = {"dtype": _short(value.dtype), "shape": [int(n) for n in value.shape], "values": _numbers(value.detach().tolist())}
    return {**record, "requires_grad": True} if value.requires_grad else record


def _dict(value):
    if "message" in value and "phrase" in value:
        return value
    if "warned" in value:
        return {**value, "value": observe(value["value"])}
    return {"dict": [[observe(k), observe(v)] for k, v in value.items()]}


def observe(value: Any) -> Any:
    """Return ``value`` as data that JSON keeps to the last bit."""
    if value is None or type(value) in (bool, int):
        return value
    if isinstance(value, str):
        return MODULE_NAME.sub("", value)
    if type(value) is float:
        return _number(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return {"numpy": str(value.dtype), "shape": list(value.shape), "values": _numbers(value.tolist())}
    if isinstance(value, dict):
        return _dict(value)
    if isinstance(value, list):
        return [observe(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [observe(v) for v in value]}
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "requires_grad"):
        return _tensor(value)
    if type(value).__name__ in ("dtype", "DType"):
        return _short(value)
    raise TypeError(f"a case shows plain values and tensors, got {type(value).__name__}")


def _reset(module):
    """Put the modes that a snippet may leave switched back to what they are at the start."""
    steps = (
        lambda: module.set_grad_enabled(True),
        lambda: module.set_default_dtype(module.float32),
        lambda: module.autograd.set_detect_anomaly(False),
        lambda: module.set_printoptions(profile="default", sci_mode=None),
    )
    for step in steps:
        with contextlib.suppress(AttributeError, TypeError):
            step()


def run(case: Case, module: ModuleType | Any) -> Any:
    """Return what a case shows with ``module``: what it returns, and the lines it prints."""
    _reset(module)
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = observe(case.function(module))
    finally:
        _reset(module)
    printed = text.getvalue()
    return {"value": value, "printed": observe(printed).splitlines()} if printed else value


# comparing -----------------------------------------------------------------------------------------------------------------


def _is_number(value):
    return type(value) in (int, float) or value in ("nan", "inf", "-inf")


def _largest(values):
    if isinstance(values, list):
        return max((_largest(v) for v in values), default=0.0)
    return abs(values) if type(values) is float else 0.0


def _same_float(want, got, tolerance, scale):
    if want == got:
        return tolerance > 0 or isinstance(want, str) or math.copysign(1, want) == math.copysign(1, got)
    if type(want) is not float or type(got) is not float:
        return False
    return abs(want - got) <= tolerance * max(abs(want), min(1.0, scale))


def _in_tensor(want, got, tolerance, scale, path) -> Iterator[str]:
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for k, (w, g) in enumerate(zip(want, got, strict=True)):
            yield from _in_tensor(w, g, tolerance, scale, f"{path}[{k}]")
    elif type(want) is float and _is_number(got):
        if not _same_float(want, got, tolerance, scale):
            yield f"{path}: expected {want!r}, got {got!r}"
    elif type(want) is not type(got) or want != got:
        yield f"{path}: expected {want!r}, got {got!r}"


def _in_dict(want, got, case, path) -> Iterator[str]:
    if "error" in want:
        if not set(want["error"]) <= set(got.get("error", ())) or not got.get("phrase"):
            yield f"{path}: expected {want['error']} with the key phrase, got {got.get('message', got)!r}"
        return
    kind = want.get("dtype", want.get("numpy"))
    for key in [*want, *(k for k in got if k not in want)]:
        here = path if key in ("tuple", "dict", "value") else f"{path}.{key}"
        if key not in want or key not in got:
            yield f"{here}: expected {want.get(key, 'nothing')!r}, got {got.get(key, 'nothing')!r}"
        elif key == "values" and kind:
            tolerance = 0.0 if case.bits else case.rtol or TOLERANCE.get(kind, 0.0)
            yield from _in_tensor(want[key], got[key], tolerance, _largest(want[key]), here)
        else:
            yield from differences(want[key], got[key], case, here)


def differences(want: Any, got: Any, case: Case, path: str = "") -> Iterator[str]:
    """Yield where two records differ, by the rules at the top of this file."""
    if isinstance(want, dict) and isinstance(got, dict):
        yield from _in_dict(want, got, case, path)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for k, (w, g) in enumerate(zip(want, got, strict=True)):
            yield from differences(w, g, case, f"{path}[{k}]")
    elif type(want) is float and type(got) is float:
        tolerance = 0.0 if case.bits else case.rtol or TOLERANCE["float64"]
        if not _same_float(want, got, tolerance, abs(want)):
            yield f"{path}: expected {want!r}, got {got!r}"
    elif type(want) is not type(got) or want != got:
        yield f"{path}: expected {want!r}, got {got!r}"


def flaws(record: Any) -> Iterator[str]:
    """Yield the key phrases that a record from torch should have and does not."""
    if isinstance(record, dict):
        if record.get("phrase") is False:
            yield f"the key phrase is not in torch's message: {record.get('message', record)}"
        for value in record.values():
            yield from flaws(value)
    elif isinstance(record, list):
        for value in record:
            yield from flaws(value)


def without_messages(record: Any) -> Any:
    """Return a record without the messages of its errors, which nothing compares."""
    if isinstance(record, dict):
        return {k: without_messages(v) for k, v in record.items() if not (k == "message" and "error" in record)}
    return [without_messages(v) for v in record] if isinstance(record, list) else record


def expected() -> dict[str, Any]:
    """Return what torch showed: ``{"torch": version, "cases": {name: record}}``."""
    data: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return data
