"""Random graphs of everything the lowering has to fuse, keep, recompute and place."""

from __future__ import annotations

import random

import numpy as np

from symgrad.dtypes import float64, int64
from symgrad.errors import ShapeError
from symgrad.ir.dims import Dim, dim, product
from symgrad.ir.expr import Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType


def axes_of(rng, x):
    return tuple(sorted(rng.sample(range(x.ndim), rng.randint(1, x.ndim))))


def pair(rng, x, values):
    return rng.choice([ops.add, ops.sub, ops.mul, ops.maximum])(x, rng.choice(values))


def reduced(rng, x, values):
    inner = ops.tanh(x) if rng.random() < 0.5 else x
    kind = rng.choice([ops.sum, ops.sum, ops.max])
    return ops.tanh(kind(inner, axes=axes_of(rng, x)) * 0.1)


def turned(rng, x, values):
    return ops.transpose(x, permutation=tuple(rng.sample(range(x.ndim), x.ndim)))


def flat(rng, x, values):
    if rng.random() < 0.3:
        x = turned(rng, x, values)
    return ops.reshape(x, shape=(product(x.shape),))


def sliced(rng, x, values):
    axis = rng.randrange(x.ndim)
    size = x.shape[axis]
    some = [Range(0, None), Range(size - 1, size, -1)]
    if isinstance(size, Dim) or size > 1:
        some += [Range(1, size - 1), Range(0, size - 1)]
    taken = rng.choice(some)
    return ops.slice(x, ranges=tuple(taken if a == axis else Range(0, s) for a, s in enumerate(x.shape)))


def overlapping(rng, x, values):
    (size,) = x.shape
    pieces = [x, ops.exp(x * 0.1), x * 2.0][: rng.randint(1, 3)]
    starts = rng.sample((0, 1, 2), len(pieces))
    return ops.assemble(*pieces, shape=(size + 2,), ranges=tuple((Range(s, size),) for s in starts))


def joined(rng, x, values):
    axis = rng.randrange(x.ndim)
    size = x.shape[axis]

    def at(start):
        return tuple(Range(start, size) if a == axis else Range(0, s) for a, s in enumerate(x.shape))

    shape = tuple(s * 2 if a == axis else s for a, s in enumerate(x.shape))
    return ops.assemble(x, ops.sin(x), shape=shape, ranges=(at(0), at(size)))


def taken(rng, x, values):
    return ops.gather(x, constant(np.array([0, 0])), axis=rng.randrange(x.ndim))


def scattered(rng, x, values):
    indices = ops.iota(size=x.shape[-1], dtype=int64)
    return ops.scatter_add(x, indices, axis=x.ndim - 1, size=x.shape[-1] + 1)


def product_of(rng, x, values):
    if x.ndim == 1:
        return ops.contract(x, ops.cos(x), x_labels=(0,), y_labels=(0,), out_labels=())
    return ops.tanh(ops.contract(x, x, x_labels=(0, 1), y_labels=(2, 1), out_labels=(0, 2)))


def best(rng, x, values):
    return ops.cast(ops.argmax(x, axis=rng.randrange(x.ndim)), dtype=float64) * 0.1


def counted(rng, x, values):
    return x * ops.cast(ops.iota(size=x.shape[-1], dtype=int64), dtype=float64) * 0.01


STEPS = (  # how to make a value, and which ranks it takes
    (pair, range(4)),
    (pair, range(4)),
    (lambda rng, x, values: ops.exp(ops.sin(x) * 0.5), range(4)),
    (lambda rng, x, values: x * 0.5 + 1.0, range(4)),
    (lambda rng, x, values: ops.where(ops.gt(x, constant(0.1, float64)), x, ops.exp(x)), range(4)),
    (lambda rng, x, values: ops.expand_dims(x, axes=(rng.randrange(x.ndim + 1),)), range(3)),
    (reduced, range(1, 4)),
    (turned, range(2, 4)),
    (flat, range(1, 4)),
    (sliced, range(1, 4)),
    (overlapping, range(1, 2)),
    (joined, range(1, 4)),
    (taken, range(1, 4)),
    (scattered, range(1, 3)),
    (product_of, range(1, 3)),
    (best, range(1, 4)),
    (counted, range(1, 4)),
)


def random_graph(seed, steps=16):
    """Return a graph of float64 inputs, over a named dim ``n`` for most seeds."""
    rng = random.Random(seed)
    n = dim("n") if rng.random() < 0.6 else rng.choice([1, 2, 5, 70])
    m = rng.choice([1, 2, 3])
    shapes = [(n,), (n, m), (m,), (), (m, n), (1, n), (n, 1)]
    inputs = [fresh_input(f"x{k}", TensorType(rng.choice(shapes), float64)) for k in range(3)]
    values = list(inputs)
    while len(values) < steps:
        x = rng.choice(values[-6:])
        step, ranks = rng.choice(STEPS)
        if x.ndim in ranks:
            try:
                values.append(step(rng, x, values))
            except ShapeError:  # sizes that do not go together: another one
                continue
    outputs = [rng.choice(values[-6:]) for _ in range(rng.randint(1, 3))]
    return Graph(inputs, [*outputs, values[-1]])
