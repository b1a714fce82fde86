"""Builds nodes that a law's pattern matches, and arguments full of special values."""

import itertools

import numpy as np

from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.errors import DTypeError, ShapeError
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.rewrite.pattern import Apply, Constant, Elementwise, Number, Var

DTYPES = (float64, float32, int64, int32, bool_)
FLOATS = (2.0, 3.0, -0.5, 1.5, 4.0, -2.0, 0.1, 1e30)
INTEGERS = (3, -2, 2**30, 7)
ATTRIBUTES = {
    "integer_pow": [{"exponent": e} for e in (0, 1, 2, -1, 3)],
    "cast": [{"dtype": d} for d in DTYPES],
    "all": [{"axes": (0,)}],
    "any": [{"axes": (0,)}],
}


def array(*shape, dtype=float64):
    return fresh_input("x", TensorType(shape, dtype))


def _sliced(x, *ranges):
    return ops.slice(x, ranges=tuple(ranges))


def _placed(shape, *pieces):
    return ops.assemble(*[piece for piece, *_ in pieces], shape=shape, ranges=tuple(tuple(r) for _, *r in pieces))


R = Range
TABLE = constant(np.arange(12.0).reshape(3, 4))
POINT = array()

# laws whose patterns say nothing about attributes: nodes to try them on
SAMPLES = {
    "f(constants) is a constant": lambda: [
        ops.sin(constant(0.5)), constant(-0.0) + constant(0.0), constant(7, int32) * constant(2**30, int32),
        ops.cast(constant(2.75), dtype=int64), ops.cast(constant(float("nan")), dtype=int64), TABLE * constant(2.0),
        ops.log(constant(0.0, float32)), ops.where(constant(True), constant(1.0), constant(2.0)),
        ops.floor_divide(constant(1, int64), constant(0, int64)),
    ],
    "expand_dims of a constant is a constant": lambda: [ops.expand_dims(TABLE, axes=(1,))],
    "reshape of a constant is a constant": lambda: [ops.reshape(TABLE, shape=(2, 6))],
    "slice of a constant is a constant": lambda: [_sliced(TABLE, R(1, None), R(3, 2, -2))],
    "squeeze of a constant is a constant": lambda: [ops.squeeze(constant(np.ones((1, 3))), axes=(0,))],
    "transpose of a constant is a constant": lambda: [ops.transpose(TABLE, permutation=(1, 0))],
    "assemble of constants is a constant": lambda: [
        _placed((3,), (constant(1.0), R(0, None)), (constant(-0.0), R(2, None)), (constant(2.0), R(0, None))),
        _placed((2,), (ops.broadcast_to(constant(3.0), shape=(2,)), R(0, 2))),
    ],
    "a fixed size is a constant": lambda: [ops.dim_size(dim=5)],
    "f(broadcast x, y) = broadcast f(x, y)": lambda: [
        ops.broadcast_to(array(3), shape=(2, 3)) * array(2, 3),
        ops.exp(ops.broadcast_to(POINT, shape=(4,))),
        ops.broadcast_to(array(1, 3), shape=(2, 3)) - ops.broadcast_to(POINT, shape=(2, 3)),
        ops.where(ops.broadcast_to(array(dtype=bool_), shape=(3,)), array(3), ops.broadcast_to(constant(0.0), shape=(3,))),
        ops.broadcast_to(POINT, shape=(2, 3)) + array(3),
        ops.broadcast_to(POINT, shape=(dim("n"),)) + array(dim("n")),
    ],
    "broadcast to the same shape": lambda: [ops.broadcast_to(array(3), shape=(3,))],
    "broadcast of a broadcast": lambda: [ops.broadcast_to(ops.broadcast_to(array(3, 1), shape=(3, 2)), shape=(4, 3, 2))],
    "expand_dims of a repeated number": lambda: [ops.expand_dims(ops.broadcast_to(POINT, shape=(3,)), axes=(0,))],
    "reshape of a repeated number": lambda: [ops.reshape(ops.broadcast_to(POINT, shape=(2, 3)), shape=(6,))],
    "slice of a repeated number": lambda: [_sliced(ops.broadcast_to(POINT, shape=(5,)), R(4, 2, -2))],
    "squeeze of a repeated number": lambda: [ops.squeeze(ops.broadcast_to(POINT, shape=(1, 3)), axes=(0,))],
    "transpose of a repeated number": lambda: [ops.transpose(ops.broadcast_to(POINT, shape=(2, 3)), permutation=(1, 0))],
    "expand_dims of a number": lambda: [ops.expand_dims(POINT, axes=(0, 1))],
    "reshape of a number": lambda: [ops.reshape(POINT, shape=(1, 1))],
    "reshape to the same shape": lambda: [ops.reshape(array(2, 3), shape=(2, 3))],
    "reshape of a reshape": lambda: [ops.reshape(ops.reshape(array(2, 3), shape=(6,)), shape=(3, 2))],
    "reshape of an expand_dims": lambda: [ops.reshape(ops.expand_dims(array(2, 3), axes=(1,)), shape=(3, 2))],
    "reshape of a squeeze": lambda: [ops.reshape(ops.squeeze(array(2, 1, 3), axes=(1,)), shape=(3, 2))],
    "expand_dims of a reshape": lambda: [ops.expand_dims(ops.reshape(array(2, 3), shape=(6,)), axes=(0,))],
    "squeeze of a reshape": lambda: [ops.squeeze(ops.reshape(array(2, 3), shape=(6, 1)), axes=(1,))],
    "transpose that moves nothing": lambda: [ops.transpose(array(2, 3), permutation=(0, 1))],
    "transpose of a transpose": lambda: [
        ops.transpose(ops.transpose(array(2, 3, 4), permutation=(2, 0, 1)), permutation=(1, 0, 2)),
        ops.transpose(ops.transpose(array(2, 3), permutation=(1, 0)), permutation=(1, 0)),
    ],
    "broadcast of leading axes": lambda: [ops.broadcast_to(ops.expand_dims(array(3), axes=(0,)), shape=(2, 3))],
    "expand_dims of no axes": lambda: [ops.expand_dims(array(3), axes=())],
    "expand_dims of an expand_dims": lambda: [
        ops.expand_dims(ops.expand_dims(array(2, 3), axes=(1,)), axes=(0, 3)),
        ops.expand_dims(ops.expand_dims(array(2, 3), axes=(0, 3)), axes=(2,)),
    ],
    "expand_dims of a squeeze": lambda: [ops.expand_dims(ops.squeeze(array(1, 3), axes=(0,)), axes=(0,))],
    "squeeze of no axes": lambda: [ops.squeeze(array(3), axes=())],
    "squeeze of a squeeze": lambda: [ops.squeeze(ops.squeeze(array(1, 2, 1, 3, 1), axes=(0, 4)), axes=(1,))],
    "squeeze of an expand_dims": lambda: [
        ops.squeeze(ops.expand_dims(array(2, 3), axes=(1,)), axes=(1,)),
        ops.squeeze(ops.expand_dims(array(2, 3), axes=(0, 2)), axes=(0,)),
        ops.squeeze(ops.expand_dims(array(2, 3), axes=(0, 2)), axes=(2,)),
        ops.squeeze(ops.expand_dims(array(1, 2, 3), axes=(1,)), axes=(0, 1)),
    ],
    "slice of everything": lambda: [_sliced(array(2, 3), R(0, 2), R(0, 3)), _sliced(array(1), R(0, 1, -1))],
    "slice of a slice": lambda: [
        _sliced(_sliced(array(9), R(1, 4, 2)), R(3, 2, -2)),
        _sliced(_sliced(array(9, 3), R(8, 5, -2), R(1, None)), R(1, None)),
        _sliced(_sliced(array(4, 9), R(3, None), R(0, 9)), R(2, 3, 3)),
    ],
    "slice of a broadcast": lambda: [
        _sliced(ops.broadcast_to(array(2, 1), shape=(4, 2, 3)), R(1, None), R(1, 2, -1), R(0, 2)),
        _sliced(ops.broadcast_to(array(3), shape=(2, 3)), R(1, None), R(2, None)),
        _sliced(ops.broadcast_to(array(1), shape=(5,)), R(4, 0)),
    ],
    "slice of an expand_dims": lambda: [_sliced(ops.expand_dims(array(5), axes=(0,)), R(0, None), R(3, 2, -1))],
    "element of an iota": lambda: [_sliced(ops.iota(size=5, dtype=float32), R(3, None))],
    "gather at a constant": lambda: [ops.gather(array(2, 3), constant(2, int64), axis=1)],
    "gather at even constants": lambda: [
        ops.gather(array(2, 7), constant(np.array([6, 4, 2])), axis=1),
        ops.gather(array(3), constant(np.array([0, 1, 2])), axis=0),
        ops.gather(array(3), constant(np.array([1])), axis=0),
    ],
    "slice of an assemble that hits one piece": lambda: [
        _sliced(_placed((7,), (array(3), R(1, 3, 2)), (array(1), R(6, 1))), R(3, None)),
        _sliced(_placed((7,), (array(3), R(1, 3, 2))), R(5, 2, -4)),
        _sliced(_placed((7,), (array(3), R(1, 3, 2))), R(0, 3, 2)),
        _sliced(_placed((2, 3), (array(3), R(1, None), R(0, 3))), R(1, 1), R(2, 2, -1)),
        _sliced(_placed((2, 3), (array(3), R(1, None), R(0, 3))), R(1, None), R(0, 3)),
        _sliced(_placed((dim("n"),), (array(dim("n")), R(0, dim("n")))), R(0, dim("n"))),
    ],
    "assemble of the whole": lambda: [
        _placed((3,), (array(3), R(0, 3))), _placed((1, 3), (array(3), R(0, None), R(0, 3))),
    ],
    "assemble of assembles": lambda: [
        _placed((6,), (_placed((3,), (array(2), R(0, 2))), R(3, 3)), (array(2), R(0, 2))),
        _placed((2, 3), (_placed((3,), (POINT, R(2, None)), (POINT, R(2, None))), R(1, None), R(2, 3, -1))),
        _placed((4,), (_placed((3,), (array(2), R(0, 2))), R(0, 3)), (array(2), R(2, 2))),
    ],
    "assemble of all the slices of one array": lambda: [_halves(array(4))],
    "sum of one element x = x + 0": lambda: [
        ops.sum(array(3, 1), axes=(1,)), ops.sum(array(3), axes=()), ops.sum(array(1, dtype=int64), axes=(0,)),
    ],
    "sum of a repeated number": lambda: [ops.sum(ops.broadcast_to(POINT, shape=(2, 3)), axes=(1,))],
    "sum of a sum": lambda: [ops.sum(ops.sum(array(2, 3, 4), axes=(1,)), axes=(0, 1))],
    "sum of -x = -(sum of x)": lambda: [ops.sum(-array(2, 3), axes=(1,))],
    "sum of a x = a (sum of x)": lambda: [ops.sum(array(2, 3) * 2.5, axes=(1,))],
    "sum of two assembles is one": lambda: [_placed((3,), (array(2), R(0, 2))) + _placed((3,), (array(2), R(1, 2)))],
    **{
        f"{name} of one element": lambda name=name: [
            getattr(ops, name)(array(3, 1), axes=(1,)), getattr(ops, name)(array(3), axes=()),
        ]
        for name in ("prod", "max", "min")
    },
    **{
        f"{name} of one element": lambda name=name: [getattr(ops, name)(array(1, 3, dtype=bool_), axes=(0,))]
        for name in ("any", "all")
    },
}  # fmt: skip


def _halves(x):
    return _placed((4,), (_sliced(x, R(0, 2)), R(0, 2)), (_sliced(x, R(2, 2)), R(2, 2)))


def nodes_for(law):
    """Return nodes for a law: its samples, or its pattern with every choice of element types and shapes."""
    if law.text in SAMPLES:
        return SAMPLES[law.text]()
    assert not isinstance(law.pattern, Elementwise), law.text
    return list(_instances(law.pattern))


def _instances(pattern):
    names = sorted(_variables(pattern))
    for dtypes in itertools.product(DTYPES, repeat=len(names)):
        for shapes in ([()] * len(names), [(7,)] * len(names), [(7,), *[()] * (len(names) - 1)]):
            inputs = {n: fresh_input(n, TensorType(tuple(s), d)) for n, d, s in zip(names, dtypes, shapes, strict=False)}
            for dtype in dict.fromkeys((*dtypes, bool_)):
                for repeated in (False, True):
                    yield from _build(pattern, inputs, dtype, (7,) if repeated else ())


def _variables(pattern):
    if isinstance(pattern, Var):
        return {pattern.name}
    if isinstance(pattern, Apply):
        return set().union(*map(_variables, pattern.arguments))
    return set()


def _build(pattern, inputs, dtype, shape):
    """Yield the nodes for a pattern; nothing where the types do not fit."""
    if isinstance(pattern, Var):
        wanted = {"": (0, 1, 2), "float": (2,), "integer": (1,)}[pattern.kind]
        if inputs[pattern.name].dtype.category in wanted:
            yield inputs[pattern.name]
    elif isinstance(pattern, (Number, Constant)):
        for value in _values(pattern, dtype):
            yield ops.broadcast_to(constant(value, dtype), shape=shape) if shape else constant(value, dtype)
    else:
        choices = [list(_build(a, inputs, dtype, shape)) for a in pattern.arguments]
        for chosen in itertools.product(*choices):
            for attributes in ATTRIBUTES.get(pattern.primitive, [{}]):
                try:
                    yield getattr(ops, pattern.primitive)(*chosen, **attributes)
                except (DTypeError, ShapeError):
                    continue


def _values(pattern, dtype):
    if isinstance(pattern, Constant):
        return FLOATS if dtype.is_floating else INTEGERS if dtype.is_integer else ()
    fits = dtype.is_bool if isinstance(pattern.value, bool) else not dtype.is_bool
    if isinstance(pattern.value, float):
        fits = dtype.is_floating
    return (pattern.value,) if fits else ()


def inputs_of(node):
    order = Graph([], [node]).order
    return [n for n in order if n.primitive is ops.input]


def special_values(dtype):
    if dtype.is_bool:
        return [False, True]
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        return [0, 1, -1, 7, -3, limits.min, limits.max]
    limits = np.finfo(dtype.numpy)
    plain = [0.0, -0.0, 1.0, -1.0, 1.7, -2.3, np.inf, -np.inf, np.nan]
    return [*plain, limits.smallest_subnormal, -3 * limits.smallest_subnormal, limits.tiny, limits.max, -0.7 * limits.max]


def special_arguments(inputs, rng, count=400):
    """Return dicts of arguments whose elements are special values and random ones, many combinations of them."""
    for _ in range(count):
        yield [_draw(i, rng) for i in inputs]


def _draw(node, rng):
    shape = tuple(5 if not isinstance(s, int) else s for s in node.shape)
    values = np.array(special_values(node.dtype), node.dtype.numpy)
    picked = rng.choice(values, shape)
    if node.dtype.is_floating:
        noise = rng.normal(size=shape).astype(node.dtype.numpy)
        picked = np.where(rng.random(shape) < 0.25, noise, picked)
    return np.asarray(picked, node.dtype.numpy)


def ordinary_arguments(inputs, rng):
    return [np.asarray(rng.uniform(0.2, 0.9, n.shape), n.dtype.numpy) for n in inputs]


def same_bits(a, b):
    """Equal type, shape and bits; any nan equals any other."""
    assert a.dtype == b.dtype and a.shape == b.shape, (a.dtype, b.dtype, a.shape, b.shape)
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    unsigned = {4: np.uint32, 8: np.uint64}[a.dtype.itemsize]
    equal = np.ascontiguousarray(a).reshape(-1).view(unsigned) == np.ascontiguousarray(b).reshape(-1).view(unsigned)
    return bool(np.all(equal | (np.isnan(a).reshape(-1) & np.isnan(b).reshape(-1))))
