"""The checks of sizes in exported C say what exact integers say, up to sizes no memory holds."""

from __future__ import annotations

import random
import re

import pytest

from symgrad.codegen.checks import guarded, size_checks
from symgrad.ir.dims import Dim, dim, evaluate

SIZE_MAX = 2**64 - 1
NAMES = {"n": "n", "m": "rows", "k": "k"}
N, M, K = (dim(n) for n in NAMES)


def returned(lines, values):
    """Run the lines as C would, in integers that wrap."""
    functions = {
        "sg_times": lambda a, b: SIZE_MAX if b and a > SIZE_MAX // b else a * b,
        "sg_plus": lambda a, b: min(a + b, SIZE_MAX),
        "SG_LARGEST": SIZE_MAX // 16,
    }
    names = {**functions, **{NAMES[n]: v for n, v in values.items()}}
    for line in lines:
        condition, status = re.fullmatch(r"if \((.*)\) return (\w+);", line).groups()
        found = eval(condition, names)
        assert isinstance(found, bool)
        if found:
            return status
    return "OK"


def polynomial(rng):
    result = rng.randint(-4, 4)
    for _ in range(rng.randint(1, 3)):
        term = rng.choice([-3, -2, -1, 1, 2, 5])
        for _ in range(rng.randint(1, 2)):
            term = term * rng.choice([N, M, K])
        result = result + term
    return result


SIZES = (0, 1, 2, 3, 7, 2**20, 2**31, 2**32, 2**59, 2**60, 2**63, SIZE_MAX)


@pytest.mark.parametrize("seed", range(60))
def test_against_exact_integers(seed):
    rng = random.Random(seed)
    conditions = [c for c in (polynomial(rng) for _ in range(rng.randint(0, 3))) if isinstance(c, Dim)]
    sizes = [N, *(abs_of(polynomial(rng)) for _ in range(2))]
    lines = size_checks(conditions, sizes, NAMES, "NEGATIVE", "LARGE")
    for _ in range(200):
        values = {n: rng.choice(SIZES) for n in NAMES}
        found = returned(lines, values)
        if any(evaluate(s, values) > SIZE_MAX // 16 for s in sizes):
            assert found == "LARGE"
        elif found != "LARGE":  # a part of a condition may be too large by itself
            assert (found == "NEGATIVE") == any(evaluate(c, values) < 0 for c in conditions), (lines, values)
        else:
            halves = [evaluate(abs_of(c), values) for c in conditions]
            assert max(halves) > SIZE_MAX // 16


def abs_of(size):
    """Return a size with all its terms added."""
    return size if isinstance(size, int) else Dim(tuple((names, abs(k)) for names, k in size.terms))


def test_only_the_strictest_are_written():
    lines = size_checks([N, N - 1, N - 3, N * M - 3, 2 * N - 6], [N, N * M, N * M + 5, 12], NAMES, "NEGATIVE", "LARGE")
    assert lines == (
        "if (n > SG_LARGEST) return LARGE;",
        "if (sg_plus(sg_times(rows, n), 5) > SG_LARGEST) return LARGE;",
        "if (n < 3) return NEGATIVE;",
        "if (sg_times(rows, n) < 3) return NEGATIVE;",
        "if (sg_times(2, n) < 6) return NEGATIVE;",
    )


def test_a_size_as_c():
    assert guarded(3 * N * M + N + 2, NAMES) == "sg_plus(sg_plus(sg_times(sg_times(3, rows), n), n), 2)"
