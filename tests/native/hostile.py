"""Graphs and arguments at the edges of what C defines: extreme integers, nan, empty arrays, indices outside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.ir.dims import dim
from symgrad.ir.expr import Node, Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

N, M = dim("n"), dim("m")
FLOATS = [0.0, -0.0, 1.5, -2.5, 1e-310, 1e300, -1e300, np.nan, np.inf, -np.inf, 2.0**31, -(2.0**31) - 1, 2.0**63, 255.5]

Case = tuple[str, Graph, list[np.ndarray]]


def inputs(*types) -> list[Node]:
    return [fresh_input(f"x{k}", TensorType(shape, dtype)) for k, (shape, dtype) in enumerate(types)]


def integers(dtype) -> np.ndarray:
    limits = np.iinfo(dtype.numpy)
    few = np.array([limits.min, limits.min + 1, -2, -1, 0, 1, 3, limits.max], dtype.numpy)
    return np.stack([np.repeat(few, few.size), np.tile(few, few.size)])


def integer_cases() -> Iterator[Case]:
    for dtype in (int32, int64):
        x, y = inputs(((N,), dtype), ((N,), dtype))
        pairs = list(integers(dtype))
        for name in ("floor_divide", "fmod", "remainder", "left_shift", "right_shift", "bitwise_xor"):
            yield f"{name} {dtype.name}", Graph([x, y], [getattr(ops, name)(x, y)]), pairs
        arithmetic = [x + y, x - y, x * y, ops.maximum(x, y), ops.minimum(x, y)]
        yield f"wrapping arithmetic {dtype.name}", Graph([x, y], arithmetic), pairs
        one = [-x, ops.abs(x), ops.sign(x), ops.integer_pow(x, exponent=3), ops.integer_pow(x, exponent=0)]
        yield f"wrapping of one {dtype.name}", Graph([x], one), pairs[:1]
        totals = [f(x, axes=(0,)) for f in (ops.sum, ops.prod, ops.max, ops.min)]
        yield f"wrapping totals {dtype.name}", Graph([x], totals), pairs[:1]
        yield f"casts of {dtype.name}", Graph([x], [ops.cast(x, dtype=d) for d in (int32, int64, float32, bool_)]), pairs[:1]
        a, b = inputs(((3, 4), dtype), ((4, 2), dtype))
        product = ops.contract(a, b, x_labels=(0, 1), y_labels=(1, 2), out_labels=(0, 2))
        most = np.iinfo(dtype.numpy).max
        yield f"wrapping product {dtype.name}", Graph([a, b], [product]), [np.full((3, 4), most), np.full((4, 2), most)]


def cast_cases() -> Iterator[Case]:
    for source in (float64, float32):
        (x,) = inputs(((N,), source))
        with np.errstate(over="ignore"):
            values = np.array(FLOATS).astype(source.numpy)
        for target in (int32, int64, bool_, float32):
            yield f"cast {source.name} to {target.name}", Graph([x], [ops.cast(x, dtype=target)]), [values]


def index_cases() -> Iterator[Case]:
    x, i = inputs(((N, 3), float64), ((M,), int64))
    picked = ops.gather(x, i, axis=0)
    spread = ops.scatter_add(picked, i, axis=0, size=N)
    table = np.arange(12.0).reshape(4, 3)
    for bad in (0, 3, 4, -1, 2**62, -(2**63), 2**63 - 1):
        yield f"gather and scatter at {bad}", Graph([x, i], [picked, spread]), [table, np.array([1, bad])]
    yield "gather from nothing", Graph([x, i], [picked]), [np.empty((0, 3)), np.array([0])]
    yield "gather of nothing", Graph([x, i], [picked, spread]), [table, np.empty(0, np.int64)]
    y, j = inputs(((2, N), float32), ((M, 2), int32))
    narrow = ops.gather(y, j, axis=1)
    for bad in (1, 2**31 - 1, -(2**31)):
        yield f"int32 gather at {bad}", Graph([y, j], [narrow]), [np.ones((2, 3)), np.array([[0, bad]])]
    u, k = inputs(((M, 2), bool_), ((M,), int32))
    hits = ops.scatter_add(u, k, axis=0, size=5)
    for bad in (4, 5, -1):
        yield f"bool scatter at {bad}", Graph([u, k], [hits]), [np.ones((2, 2), bool), np.array([4, bad])]


def shape_cases() -> Iterator[Case]:
    (x,) = inputs(((N, M), float64))
    sliced = ops.slice(x, ranges=(Range(0, N, 1), Range(M - 1, M, -1)))
    whole = [ops.sum(x, axes=(0,)), ops.sum(x, axes=(0, 1)), ops.prod(x, axes=(1,)), sliced, ops.transpose(x, permutation=(1, 0))]
    padded = ops.assemble(x, x, shape=(N + 2, M), ranges=((Range(0, N), Range(0, M)), (Range(2, N), Range(0, M))))
    for shape in ((0, 3), (3, 0), (0, 0), (1, 1), (5, 67), (130, 3)):
        values = np.arange(float(shape[0] * shape[1])).reshape(shape) / 7
        yield f"views of {shape}", Graph([x], [*whole, padded, ops.reshape(x, shape=(N * M,))]), [values]
    v, w = inputs(((N, 5), float32), ((5, M), float32))
    product = ops.contract(v, w, x_labels=(0, 1), y_labels=(1, 2), out_labels=(0, 2))
    mixed = ops.cast(ops.exp(product), dtype=float64) * 0.5
    chain = [ops.sum(mixed, axes=(0,)), ops.sum(product, axes=(0, 1)), ops.cast(mixed, dtype=float32)]
    for n, m in ((0, 0), (3, 0), (0, 4), (7, 9), (1, 70)):
        made = [np.linspace(-1, 1, n * 5).reshape(n, 5), np.linspace(0, 1, 5 * m).reshape(5, m)]
        yield f"float32 workspace {n} x {m}", Graph([v, w], chain), made
    (b,) = inputs(((N, 3), bool_))
    truths = [ops.any(b, axes=(0,)), ops.all(b, axes=(0, 1)), ops.cast(b, dtype=int32), ops.logical_not(b)]
    for n in (0, 1, 9):
        yield f"bool of {n}", Graph([b], truths), [np.arange(3 * n).reshape(n, 3) % 2 == 0]
    for size in (0, 1, 64, 65, 1000):
        (line,) = inputs(((N,), float64))
        best = [ops.argmax(line, axis=0), ops.argmin(line, axis=0)]
        yield f"argmax of {size}", Graph([line], best), [np.sin(np.arange(float(size)))]


def function_cases() -> Iterator[Case]:
    (x,) = inputs(((N,), float64))
    values = np.array([*FLOATS, 0.5, 25.0, 26.0, 1e-200, -7.0, -7.5, 5e-324, 1e15])
    for name in ("erfinv", "gamma", "lgamma", "digamma", "ndtr", "softplus", "sigmoid", "rsqrt", "round", "sign"):
        yield name, Graph([x], [getattr(ops, name)(x)]), [values]
    for name in ("bessel_j", "bessel_y", "bessel_i", "sinc"):
        for order in (0, 1, 2, 40):
            yield f"{name} {order}", Graph([x], [getattr(ops, name)(x, order=order)]), [values]
    for order in (1, 5):
        yield f"polygamma {order}", Graph([x], [ops.polygamma(x, order=order)]), [values[values < 1e300]]
    (f,) = inputs(((N,), float32))
    y, kept = f, []
    for k in range(60):
        y = ops.sin(y) + constant(float(k), float32) * f
        kept.append(ops.cast(y, dtype=float64))
    yield "a long chain", Graph([f], [y, ops.sum(kept[-1] * kept[3], axes=(0,))]), [np.linspace(0, 1, 19)]


def straight_cases() -> Iterator[Case]:
    x, k, b = inputs(((), float64), ((), int64), ((), bool_))
    outputs = [ops.where(b, x, -x), k * k, ops.cast(b, dtype=float64) + x, ops.iota(size=4, dtype=int64) + k]
    for value in (0, 2**63 - 1, -(2**63)):
        yield f"scalars {value}", Graph([x, k, b], outputs), [np.array(np.nan), np.array(value), np.array(True)]


def cases() -> list[Case]:
    """Return named graphs with arguments of exactly their types."""
    found = []
    for group in (integer_cases, cast_cases, index_cases, shape_cases, function_cases, straight_cases):
        for name, graph, arrays in group():
            pairs = zip(graph.inputs, arrays, strict=True)
            found.append((name, graph, [np.array(a, i.type.dtype.numpy) for i, a in pairs]))
    return found
