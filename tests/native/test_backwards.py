"""Sums of what is read backwards, in short loops and long ones, whatever a compiler makes of their order."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

FORMULAS = {
    "sum": lambda x, y: np.sum(x[:, ::-1]),
    "of both axes": lambda x, y: np.sum(x[::-1, ::-1]),
    "of rows": lambda x, y: np.sum(x[::-1] * 3.0),
    "by column": lambda x, y: np.sum(x[:, ::-1], axis=0),
    "by row": lambda x, y: np.sum(x[:, ::-1], axis=1),
    "of products": lambda x, y: np.sum(x[:, ::-1] * y[:, ::-1]),
    "with another": lambda x, y: np.sum(x[:, ::-1] * y),
    "two sums": lambda x, y: np.sum(x[:, ::-1]) * np.sum(y),
    "product": lambda x, y: np.prod(x[:, ::-1]),
    "every second": lambda x, y: np.sum(x[:, ::-2]),
    "matrix product": lambda x, y: x[:, ::-1] @ y.T[::-1],
    "gathered": lambda x, y: np.sum(x[:, np.zeros(x.shape[1], int)][:, ::-1]),
    "gradient": lambda x, y: sg.grad(lambda x: np.sum(np.flip(x, 1) * y[:, ::-1] ** 2))(x),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("width", [2, 3, 4, 7, 8, 65])
def test_sums_read_backwards(width, dtype):
    generator = np.random.default_rng(0)
    x, y = (generator.integers(1, 3, (9, width)).astype(dtype) for _ in range(2))  # exact in any order
    names = [n for n in FORMULAS if dtype is not np.int64 or n not in ("gradient", "product")]
    if width == 65:
        names.remove("product") if "product" in names else None

    def every(x, y):
        return [FORMULAS[n](x, y) for n in names]

    for name, found, expected in zip(names, sg.compile(every)(x, y), every(x, y), strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=name)
    for name in names:
        np.testing.assert_array_equal(sg.compile(FORMULAS[name])(x, y), FORMULAS[name](x, y), err_msg=name)
