"""Products over every order of their axes, small ones by plain loops and large ones in tiles, against NumPy."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import symgrad as sg

SIZES = {
    "small": {"i": 2, "k": 3, "j": 4, "b": 2},
    "large": {"i": 18, "k": 20, "j": 23, "b": 3},
    "a single row": {"i": 1, "k": 70, "j": 67, "b": 1},
}


def formulas(left, extra):
    """Return every product of ``left`` with the axes k and j, and with ``extra`` ones."""
    return [f"{left},{''.join(y)}->{''.join(o)}" for y in permutations("kj" + extra) for o in permutations("ij" + extra)]


CASES = [(left, sizes, named, np.float64) for left in ("ik", "ki") for sizes in SIZES for named in (False, True)]
CASES += [(left, "large", named, np.float32) for left in map("".join, permutations("ikb")) for named in (False, True)]


@pytest.mark.parametrize(("left", "sizes", "named", "dtype"), CASES)
def test_every_order_of_axes(left, sizes, named, dtype):
    size = SIZES[sizes]
    generator = np.random.default_rng(0)
    specs = formulas(left, "b" if "b" in left else "")
    rights = sorted({s.partition(",")[2].partition("->")[0] for s in specs})
    x = generator.integers(-3, 4, [size[c] for c in left]).astype(dtype)  # sums of whole numbers are exact in any order
    ys = [generator.integers(-3, 4, [size[c] for c in y]).astype(dtype) for y in rights]

    def products(x, *ys):
        given = dict(zip(rights, ys, strict=True))
        return [np.einsum(s, x, given[s.partition(",")[2].partition("->")[0]]) for s in specs]

    types = None
    if named:
        dims = {"i": "n", "k": "m", "j": "p", "b": "q"}
        kind = sg.float64 if dtype is np.float64 else sg.float32
        types = [sg.TensorSpec(tuple(dims[c] for c in labels), kind) for labels in (left, *rights)]
    compiled = sg.compile(products, specs=types)
    for spec, found, expected in zip(specs, compiled(x, *ys), products(x, *ys), strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=spec)


@pytest.mark.parametrize("sizes", ["small", "large"])
def test_derivatives_of_products(sizes):
    """What derivatives make of a product has its axes in other orders than anyone writes."""
    size = SIZES[sizes]
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(size["i"], size["k"])), generator.normal(size=(size["k"], size["j"]))
    for fn in (lambda x, y: np.sum(np.tanh(x @ y)), lambda x, y: np.sum(np.tanh((x @ y).T) @ x), lambda x, y: np.sum((y.T @ x.T) ** 3)):
        expected = sg.value_and_grad(fn, argnums=(0, 1))(x, y)
        found = sg.compile(sg.value_and_grad(fn, argnums=(0, 1)))(x, y)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        for a, b in zip(found[1], expected[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
