"""Index maps of views."""

import numpy as np
import pytest

from symgrad.dtypes import float64
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, fresh_input, ops
from symgrad.ir.types import TensorType
from symgrad.lower.access import flatten, space_of, view_of

N = dim("n")


def resolved(*nodes):
    """Return the position in the source's buffer of the last of a chain of views."""
    views = {}
    for node in nodes:
        found = view_of(node, views)
        if found is None:
            return None
        views[node] = found
    view = views[nodes[-1]]
    return view.flat if view.axes is None else flatten(view.axes, space_of(view.source.shape))


def positions(index, shape):
    """Return an affine position evaluated over a shape."""
    space = space_of(shape)
    grid = np.indices(space)
    return (index.offset + sum(c * grid[a] for a, c in index.terms) + np.zeros(space, int)).reshape(shape)


@pytest.mark.parametrize(
    "chain",
    [
        lambda x: [ops.transpose(x, permutation=(2, 0, 1))],
        lambda x: [ops.slice(x, ranges=(Range(1, None), Range(2, 3, -1), Range(0, 2, 2)))],
        lambda x: [ops.reshape(x, shape=(6, 4))],
        lambda x: [ops.reshape(x, shape=(2, 12)), "transpose"],
        lambda x: ["transpose", lambda y: ops.reshape(y, shape=(4, 1, 6))],
        lambda x: [ops.expand_dims(x, axes=(0, 2)), lambda y: ops.broadcast_to(y, shape=(5, 2, 7, 3, 4))],
        lambda x: [
            lambda y: ops.slice(y, ranges=(Range(0, 2), Range(0, 2), Range(0, 4))),
            lambda y: ops.reshape(y, shape=(2, 8)),
        ],
    ],
)
def test_positions_are_those_numpy_finds(chain):
    x = fresh_input("x", TensorType((2, 3, 4), float64))
    array = np.arange(24).reshape(2, 3, 4)
    nodes = []
    for step in chain(x):
        last = nodes[-1] if nodes else x
        if step == "transpose":
            nodes.append(ops.transpose(last, permutation=(last.ndim - 1, *range(last.ndim - 1))))
        else:
            nodes.append(step(last) if callable(step) else step)
    for node in nodes:
        array = node.primitive.numpy(array, **node.attributes)
    index = resolved(*nodes)
    assert index is not None
    np.testing.assert_array_equal(positions(index, array.shape), array)


def test_a_reshape_that_needs_a_copy_is_none():
    x = fresh_input("x", TensorType((3, N), float64))
    turned = ops.transpose(x, permutation=(1, 0))
    assert resolved(turned, ops.reshape(turned, shape=(3 * N,))) is None
    kept = ops.reshape(x, shape=(3 * N,))
    assert resolved(kept).terms == ((0, 1),)
