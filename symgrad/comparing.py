"""The check of an export: native results against the interpreter, derivatives against differences, at random points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.eager.trees import flatten, unflatten
from symgrad.errors import ExportError
from symgrad.interpret import interpret
from symgrad.ir.dims import evaluate
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.planning import Planned

__all__ = ["POINTS", "Checked", "check_ranges", "compare", "report_text"]

POINTS = 5
_FLOATS = (0.1, 0.9)  # where most functions are defined
_INTEGERS = (0, 1)
_SIZES = (5, 4, 6, 3, 7)

AnyArray = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What comparing one function gave.

    Attributes
    ----------
    name : str
    outputs : tuple of (str, float, float)
        Name of each output, its worst error in ulp and relative to its largest element.
    differences : float, or None
        Worst relative error against differences; None for a value, and where no point was finite.
    points, finite : int
        Points where both computed something, and where all of it was finite.
    dims : mapping
        The sizes that were used.
    """

    name: str
    outputs: tuple[tuple[str, float, float], ...]
    differences: float | None
    points: int
    finite: int
    dims: Mapping[str, int]

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        known = bool(self.finite)  # where nothing finite came out, nothing was compared
        outputs = [
            {"name": n, "worst_ulp": _plain(u) if known else None, "relative": _plain(r) if known else None}
            for n, u, r in self.outputs
        ]
        counts = {"points": self.points, "finite": self.finite}
        return {**counts, "dims": dict(self.dims), "outputs": outputs, "differences": self.differences}


def _plain(error: float) -> float | str:
    return error if np.isfinite(error) else "infinite"  # JSON has no infinity


def check_ranges(ranges: Any, planned: Sequence[Planned]) -> dict[str, tuple[float, float]]:
    """Return the ranges by name of argument, array or size.

    Raises
    ------
    ExportError
        For names that no function has, and for what is no range.
    """
    if ranges is None:
        return {}
    if not isinstance(ranges, Mapping):
        raise ExportError(f"export: ranges must be a dict such as {{'x': (0.0, 1.0)}}, got {ranges!r}")
    known = {n for p in planned for n in (*p.call.labels, *p.input_names, *p.graph.dims)}
    found = {}
    for name, given in ranges.items():
        if name not in known:
            raise ExportError(f"export: ranges has {name!r}, which is no argument or size; they are {', '.join(sorted(known))}")
        pair = (given, given) if isinstance(given, int) else given
        good = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(isinstance(v, (int, float)) for v in pair)
        if not good or not pair[0] <= pair[1] or not np.all(np.isfinite(pair)):
            raise ExportError(f"export: the range of {name!r} must be two finite numbers (low, high), got {given!r}")
        found[name] = (float(pair[0]), float(pair[1]))
    return found


def compare(planned: Planned, function: Callable[..., Any], ranges: Mapping[str, tuple[float, float]]) -> Checked:
    """Return how far an exported function is from its graph, and a derivative from differences."""
    random = np.random.default_rng(0)
    dims = _sizes(planned.graph, ranges)
    names = planned.trace.output_names
    worst = [[0.0, 0.0] for _ in names]
    points = finite = 0
    differences: float | None = None
    for _ in range(POINTS if dims is not None else 0):
        assert dims is not None
        arrays = [_sample(t, n, label, ranges, dims, random) for t, n, label in _arguments(planned)]
        try:
            wanted = interpret(planned.graph, arrays, dims)
            found = [np.asarray(a) for a in flatten(function(*_nested(planned, arrays)))[0]]
        except (IndexError, ValueError, FloatingPointError):
            continue
        points += 1
        finite += all(np.isfinite(w).all() for w in wanted)
        for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
            worst[k] = [max(w, e) for w, e in zip(worst[k], _errors(a, b), strict=True)]
        error = None if planned.lower is None else _difference(planned, found, arrays, dims, random)
        if error is not None:
            differences = error if differences is None else max(differences, error)
    outputs = tuple((n, u, r) for n, (u, r) in zip(names, worst, strict=True))
    return Checked(planned.name, outputs, differences, points, finite, dims or {})


def _arguments(planned: Planned) -> list[tuple[TensorType, str, str]]:
    labels = [label for label, tree in zip(planned.call.labels, planned.call.trees, strict=True) for _ in range(tree.leaves)]
    return [(i.type, n, label) for i, n, label in zip(planned.graph.inputs, planned.input_names, labels, strict=True)]


def _nested(planned: Planned, arrays: Sequence[AnyArray]) -> list[Any]:
    start, found = 0, []
    for tree in planned.call.trees:
        found.append(unflatten(tree, arrays[start : start + tree.leaves]))
        start += tree.leaves
    return found


def _sizes(graph: Graph, ranges: Mapping[str, tuple[float, float]]) -> dict[str, int] | None:
    """Return sizes of the named dims that fit the graph's conditions; None where none were found."""
    given = {n: int(ranges[n][1]) for n in graph.dims if n in ranges}
    tries = [{n: _SIZES[k % len(_SIZES)] for k, n in enumerate(graph.dims)}]
    tries += [dict.fromkeys(graph.dims, size) for size in (*range(1, 20), 64, 256)]
    for one in tries:
        sizes = {**one, **given}
        if all(evaluate(c, sizes) >= 0 for c in graph.conditions):
            return sizes
    return None


def _sample(
    kind: TensorType, name: str, label: str, ranges: Mapping[str, tuple[float, float]], dims: Mapping[str, int], random: Any
) -> AnyArray:
    shape = [evaluate(s, dims) for s in kind.shape]
    default = _FLOATS if kind.dtype.is_floating else _INTEGERS
    low, high = ranges.get(name, ranges.get(label, default))
    if kind.dtype.is_floating:
        return np.asarray(random.uniform(low, high, shape), kind.dtype.numpy)
    return np.asarray(random.integers(int(low), int(high), shape, endpoint=True), kind.dtype.numpy)


def _errors(found: AnyArray, wanted: AnyArray) -> tuple[float, float]:
    """Return the largest error in ulp, and relative to the largest element; 0 where both are nan or equal."""
    if wanted.dtype.kind != "f":
        same = bool(np.array_equal(found, wanted))
        return (0.0, 0.0) if same else (float("inf"), float("inf"))
    equal = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(all="ignore"):
        apart = np.where(equal, 0.0, np.abs(found - wanted))
        ulp = np.where(equal, 0.0, apart / np.spacing(np.abs(wanted)))
    scale = np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))
    bad = [float("inf") if np.isnan(v).any() else float(np.max(v, initial=0.0)) for v in (ulp, apart)]
    return bad[0], bad[1] / float(scale) if scale else bad[1]


# Differences


def _difference(
    planned: Planned, found: Sequence[AnyArray], arrays: Sequence[AnyArray], dims: Mapping[str, int], random: Any
) -> float | None:
    """Return the error of a derivative against a central difference along one direction; None where that is not finite."""
    assert planned.lower is not None
    count = len(planned.lower.inputs)
    point, extra = list(arrays[:count]), arrays[count:]
    numbered = planned.kind[0] == "d" and planned.kind[1:].isdigit()
    along = [np.ones_like(point[k]) if numbered else random.uniform(-1.0, 1.0, point[k].shape) for k in planned.wrt]
    if planned.kind in ("hvp", "jvp"):
        along = list(extra)
    step: float = max(float(np.finfo(point[k].dtype).eps) for k in planned.wrt) ** (1 / 3)

    def moved(sign: float) -> list[AnyArray]:
        there = list(point)
        for k, v in zip(planned.wrt, along, strict=True):
            there[k] = np.asarray(point[k] + sign * step * v, point[k].dtype)
        assert planned.lower is not None
        return interpret(planned.lower, there, dims)

    slopes: list[AnyArray] = [(np.asarray(b, float) - a) / (2 * step) for a, b in zip(moved(-1.0), moved(1.0), strict=True)]
    ours, theirs = _sides(planned.kind, [np.asarray(f, float) for f in found], slopes, along, extra)
    pairs = [np.concatenate([np.ravel(v) for v in side]) for side in (ours, theirs)]
    if not all(np.isfinite(p).all() for p in pairs):
        return None
    scale = max(float(np.max(np.abs(pairs[1]), initial=0.0)), step)
    return float(np.max(np.abs(pairs[0] - pairs[1]), initial=0.0)) / scale


def _sides(
    kind: str, found: Sequence[AnyArray], slopes: Sequence[AnyArray], along: Sequence[AnyArray], extra: Sequence[AnyArray]
) -> tuple[list[Any], list[Any]]:
    """Return what the derivative says along the direction, and what the differences say."""
    if kind in ("grad", "value_and_grad"):
        gradients = found[-len(along) :]
        return [sum(np.sum(g * v) for g, v in zip(gradients, along, strict=True))], [slopes[0]]
    if kind in ("jacobian", "hessian"):
        each = len(along)
        rows = [found[k : k + each] for k in range(0, len(found), each)]
        return [sum(np.tensordot(b, v, v.ndim) for b, v in zip(row, along, strict=True)) for row in rows], list(slopes)
    if kind == "vjp":
        left = sum(np.sum(g * v) for g, v in zip(found, along, strict=True))
        return [left], [sum(np.sum(c * s) for c, s in zip(extra, slopes, strict=True))]
    return list(found), list(slopes)


def report_text(name: str, checked: Sequence[Checked]) -> str:
    """Return the report as text to be read."""
    width = max(len(f"{c.name}.{n}") for c in checked for n, _, _ in c.outputs)
    lines = [
        f"{name}: the native code against the interpreter, and derivatives against central differences,",
        f"at {POINTS} random points of the given ranges (or 0.1 to 0.9); worst error of each output.",
        "",
        f"{'output':<{width}}  {'ulp':>10}  {'relative':>9}  differences",
    ]
    for one in checked:
        for k, (output, ulp, relative) in enumerate(one.outputs):
            missing = "nothing finite to compare; give ranges" if one.points else "no point could be computed"
            errors = f"{ulp:>10.3g}  {relative:>9.1e}" if one.finite else f"{missing:>21}"
            apart = "" if one.differences is None else f"  {one.differences:.1e}"
            few = f"  finite at {one.finite} of {one.points} points" if not k and one.finite < one.points else ""
            lines.append(f"{f'{one.name}.{output}':<{width}}  {errors}{apart}{few}")
    sizes = {n: v for one in checked for n, v in one.dims.items()}
    return "\n".join([*lines, *(["", "sizes: " + ", ".join(f"{n} = {v}" for n, v in sizes.items())] if sizes else []), ""])
