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

__all__ = ["POINTS", "Checked", "Output", "check_ranges", "compare", "report_text"]

POINTS = 5
_FLOATS = (0.1, 0.9)  # where most functions are defined
_INTEGERS = (0, 1)
_SIZES = (5, 4, 6, 3, 7)

_SEEN = 16  # a difference rounds by some eps/step of the function: elements under 16 steps of it are held to that

AnyArray = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """What comparing one output gave.

    Attributes
    ----------
    name : str
    ulp, relative : float
        Worst error against the interpreter, in ulp and relative to the largest element.
    differences : float, or None
        Worst error against differences, relative to the largest element; None for a value, and where none were finite.
    """

    name: str
    ulp: float
    relative: float
    differences: float | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What comparing one function gave.

    Attributes
    ----------
    name : str
    outputs : tuple of Output
    points, finite : int
        Points where both computed something, and where all of it was finite.
    dims : mapping
        The sizes that were used.
    """

    name: str
    outputs: tuple[Output, ...]
    points: int
    finite: int
    dims: Mapping[str, int]

    @property
    def differences(self) -> float | None:
        """The worst error of an output against differences; None where there is none."""
        return max((o.differences for o in self.outputs if o.differences is not None), default=None)

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        known = bool(self.finite)  # where nothing finite came out, nothing was compared
        outputs = [
            {
                "name": o.name,
                "worst_ulp": _plain(o.ulp) if known else None,
                "relative": _plain(o.relative) if known else None,
                "differences": o.differences,
            }
            for o in self.outputs
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
    differences: list[float | None] = [None] * len(names)
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
        if planned.lower is not None:
            apart = _differences(planned, planned.lower, [np.asarray(f, float) for f in found], arrays, dims, random)
            differences = [max((e for e in pair if e is not None), default=None) for pair in zip(differences, apart, strict=True)]
    outputs = tuple(Output(n, u, r, d) for n, (u, r), d in zip(names, worst, differences, strict=True))
    return Checked(planned.name, outputs, points, finite, dims or {})


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


@dataclass(frozen=True, slots=True)
class _Slope:
    """One output of a function along a direction: its central difference, and the largest value that took part."""

    value: AnyArray
    size: float


def _differences(
    planned: Planned, lower: Graph, found: Sequence[AnyArray], arrays: Sequence[AnyArray], dims: Mapping[str, int], random: Any
) -> list[float | None]:
    """Return the error of each output against central differences; None where these say nothing, or are not finite."""
    point, extra = arrays[: len(lower.inputs)], arrays[len(lower.inputs) :]
    step: float = max(float(np.finfo(point[k].dtype).eps) for k in planned.wrt) ** (1 / 3)
    errors: list[float | None] = [None] * len(found)
    numbered = planned.kind[0] == "d" and planned.kind[1:].isdigit()
    if numbered or planned.kind in ("hvp", "jvp"):  # along one direction in all inputs at once
        along = [np.ones_like(point[k]) for k in planned.wrt] if numbered else list(extra)
        slopes = _slopes(lower, point, dict(zip(planned.wrt, along, strict=True)), dims, step)
        return [_error(f, np.abs(f), slope, step) for f, slope in zip(found, slopes, strict=True)]
    for j, k in enumerate(planned.wrt):  # along one in each, so that each output stands for itself
        v = random.uniform(-1.0, 1.0, point[k].shape)
        slopes = _slopes(lower, point, {k: v}, dims, step)
        if planned.kind == "vjp":
            slopes = [_weighted(slopes, extra)]
        each = len(planned.wrt)
        first = len(found) - each * len(slopes)  # of value_and_grad, the value stands before
        for r, slope in enumerate(slopes):
            one = found[first + r * each + j]
            ours, size = (np.asarray(np.tensordot(a, b, v.ndim)) for a, b in ((one, v), (np.abs(one), np.abs(v))))
            errors[first + r * each + j] = _error(ours, size, slope, step)
    return errors


def _slopes(
    lower: Graph, point: Sequence[AnyArray], along: Mapping[int, AnyArray], dims: Mapping[str, int], step: float
) -> list[_Slope]:
    """Return the central difference of each output of a graph when some inputs move."""
    sides: list[list[AnyArray]] = []
    for sign in (-1.0, 1.0):
        there = list(point)
        for k, v in along.items():
            there[k] = np.asarray(point[k] + sign * step * v, point[k].dtype)
        sides.append([np.asarray(a, float) for a in interpret(lower, there, dims)])
    pairs = zip(*sides, strict=True)
    return [_Slope((b - a) / (2 * step), max(float(np.max(np.abs(s), initial=0.0)) for s in (a, b))) for a, b in pairs]


def _weighted(slopes: Sequence[_Slope], cotangents: Sequence[AnyArray]) -> _Slope:
    """Return the slope of the sum of outputs times cotangents."""
    pairs = list(zip(slopes, cotangents, strict=True))
    total = np.asarray(sum(np.sum(c * s.value) for s, c in pairs))
    return _Slope(total, sum(float(np.sum(np.abs(c))) * s.size for s, c in pairs))


def _error(ours: AnyArray, size: AnyArray, slope: _Slope, step: float) -> float | None:
    """Return how far a derivative along a direction, of terms as large as ``size``, is from a slope; None if not finite."""
    if not (np.isfinite(ours).all() and np.isfinite(slope.value).all()):
        return None
    largest = [float(np.max(np.abs(a), initial=0.0)) for a in (slope.value, size)]
    return float(np.max(np.abs(ours - slope.value), initial=0.0)) / max(*largest, step, _SEEN * step * slope.size)


def report_text(name: str, checked: Sequence[Checked]) -> str:
    """Return the report as text to be read."""
    width = max(len(f"{c.name}.{o.name}") for c in checked for o in c.outputs)
    lines = [
        f"{name}: the native code against the interpreter, and derivatives against central differences,",
        f"at {POINTS} random points of the given ranges (or 0.1 to 0.9); worst error of each output,",
        "in ulp of each element, and relative to the largest element.",
        "",
        f"{'output':<{width}}  {'ulp':>10}  {'relative':>9}  differences",
    ]
    for one in checked:
        for k, output in enumerate(one.outputs):
            missing = "nothing finite to compare; give ranges" if one.points else "no point could be computed"
            errors = f"{output.ulp:>10.3g}  {output.relative:>9.1e}" if one.finite else f"{missing:>21}"
            apart = "" if output.differences is None else f"  {output.differences:>11.1e}"
            few = f"  finite at {one.finite} of {one.points} points" if not k and one.finite < one.points else ""
            lines.append(f"{f'{one.name}.{output.name}':<{width}}  {errors}{apart}{few}")
    sizes = {n: v for one in checked for n, v in one.dims.items()}
    return "\n".join([*lines, *(["", "sizes: " + ", ".join(f"{n} = {v}" for n, v in sizes.items())] if sizes else []), ""])
