"""torch's products of vectors and matrices: matmul and its kin, tensordot, outer products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symgrad.dtypes import int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_einsum import contraction
from symgrad.eager.torch_rules import (
    Operand,
    as_static,
    axis_of,
    broadcast,
    common,
    number_node,
    refuse,
    refuse_dtype,
    same_dtype,
    shape_text,
    spread,
)
from symgrad.ir.dims import product
from symgrad.ir.expr import Node, Range, ops

__all__ = ["FUNCTIONS", "LINALG", "OF_MATRICES", "matmul", "product_node"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _check_matmul(a: Node, b: Node) -> None:
    """Raise in torch's words unless the matrix product of ``a`` and ``b`` exists."""
    if not a.ndim or not b.ndim:
        refuse(f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D")
    if a.ndim == b.ndim == 1:
        same_dtype("dot : expected both vectors to have same dtype, but found {} and {}", a, b)
        if a.shape != b.shape:
            sizes = f"[{a.shape[0]}] and src [{b.shape[0]}]"
            refuse(
                f"inconsistent tensor size, expected tensor {sizes} to have the same number of elements, "
                f"but got {a.shape[0]} and {b.shape[0]} elements respectively"
            )
    if a.dtype is not b.dtype:
        left, right = ({"float32": "float", "float64": "double"}.get(n.dtype.name, n.dtype.name) for n in (a, b))
        refuse_dtype(f"expected m1 and m2 to have the same dtype, but got: {left} != {right}")
    if b.ndim == 1 and a.ndim == 2 and a.shape[1] != b.shape[0]:
        refuse(f"size mismatch, got input ({a.shape[0]}), mat ({_times(a.shape)}), vec ({b.shape[0]})")
    if a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        _refuse_product(a, b)
    lead = [n.shape[:-2] for n in (a, b)]
    rank = max(map(len, lead))
    for k, (p, q) in reversed(list(enumerate(zip(*[(1,) * (rank - len(s)) + tuple(s) for s in lead], strict=True)))):
        if p not in (1, q) and q != 1:
            refuse(f"The size of tensor a ({p}) must match the size of tensor b ({q}) at non-singleton dimension {k}")


def _times(shape: Sequence[Any]) -> str:
    return "x".join(map(str, shape))


def _refuse_product(a: Node, b: Node) -> None:
    if a.ndim > 2 and b.ndim > 2:
        wanted = shape_text([*_batch(a), a.shape[-1]])
        got = shape_text([*_batch(b), b.shape[-2]])
        refuse(f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: {got}.")
    rows = [product(n.shape[:-1]) for n in (a, b)]
    left = f"{1 if a.ndim == 1 else rows[0]}x{a.shape[-1]}"
    right = f"{b.shape[0]}x1" if b.ndim == 1 else f"{b.shape[-2] if a.ndim < 3 or b.ndim < 3 else rows[1]}x{b.shape[-1]}"
    refuse(f"mat1 and mat2 shapes cannot be multiplied ({left} and {right})")


def _batch(node: Node) -> list[Any]:
    return [product(node.shape[:-2])]


def product_node(a: Node, b: Node) -> Node:
    """Return the matrix product of two nodes that were checked."""
    if a.dtype.is_bool:
        counted = ops.matmul(*[ops.cast(n, dtype=int64) for n in (a, b)])
        return ops.cast(counted, dtype=a.dtype)
    result: Node = ops.matmul(a, b)
    return result


def _matmul_formula(a: Operand, b: Operand) -> Node:
    x, y = _node(a), _node(b)
    _check_matmul(x, y)
    return product_node(x, y)


_BY_RANK = {
    (1, 1): "DotBackward0", (2, 1): "MvBackward0", (2, 2): "MmBackward0", (1, 2): "SqueezeBackward4",
}  # fmt: skip
_matmuls = {ranks: operation(name)(_matmul_formula) for ranks, name in _BY_RANK.items()}
OF_MATRICES = _matmuls[2, 2]
_general = operation("UnsafeViewBackward0")(_matmul_formula)
_batched = operation("BmmBackward0")(_matmul_formula)


def matmul(input: Any, other: Any) -> Any:
    """Return the matrix product of the last two axes, leading ones broadcast; a vector counts as a row or a column."""
    return _matmuls.get((input.ndim, other.ndim), _general)(input, other)


def _of_ranks(name: str, x_rank: int, y_rank: int, refusal: str) -> Function:
    made = _matmuls.get((x_rank, y_rank), _batched)

    def function(input: Any, other: Any) -> Any:
        if input.ndim != x_rank or other.ndim != y_rank:
            wrong = ("self", "batch1") if input.ndim != x_rank else ("mat2", "batch2")
            refuse(refusal.format(f"{input.ndim}D", f"{other.ndim}D", *wrong))
        if x_rank == 3 and (input.shape[0] != other.shape[0] or input.shape[2] != other.shape[1]):
            wanted, got = shape_text([input.shape[0], input.shape[2]]), shape_text(other.shape[:2])
            refuse(f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: {got}.")
        return made(input, other)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the product of operands of {x_rank} and {y_rank} axes."
    return function


mm = _of_ranks("mm", 2, 2, "{2} must be a matrix")
bmm = _of_ranks("bmm", 3, 3, "{3} must be a 3D tensor")
mv = _of_ranks("mv", 2, 1, "vector + matrix @ vector expected, got {1}, {0}, {1}")
dot = _of_ranks("dot", 1, 1, "1D tensors expected, but got {0} and {1} tensors")


# products added to something


def _combination(base: Node, added: Node, scales: tuple[Operand, ...]) -> Node:
    """Return ``beta * base + alpha * product``; the base is left out where beta is 0 only by its factor."""
    target = added.shape
    fits = all(p in (1, q) for p, q in zip(reversed(base.shape), reversed(target), strict=False))
    if base.ndim > len(target) or not fits:
        sizes = f"Target sizes: {shape_text(target)}.  Tensor sizes: {shape_text(base.shape)}"
        refuse(f"The expanded size of the tensor must match the existing size. {sizes}")
    if not scales:
        return base + added
    beta, alpha = (number_node(s, added.dtype) for s in scales)
    return base * beta + added * alpha


def _scaled_sum(name: str, refusal: str, ranks: tuple[int, int], summed: bool = False) -> Function:
    @operation(f"{name.title()}Backward0")
    def made(x: Operand, a: Operand, b: Operand, *scales: Operand) -> Node:
        base, left, right = _node(x), _node(a), _node(b)
        if (left.ndim, right.ndim) != ranks:
            refuse(refusal.format(f"{left.ndim}-D", f"{right.ndim}-D"))
        _check_matmul(left, right)
        same_dtype("self and mat2 must have the same dtype, but got {} and {}", base, right)
        made_product = product_node(left, right)
        return _combination(base, ops.sum(made_product, axes=(0,)) if summed else made_product, scales)

    def function(input: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        plain = type(beta) is int and type(alpha) is int and beta == alpha == 1
        return made(input, a, b) if plain else made(input, a, b, beta, alpha)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Return ``beta * x + alpha * product`` of the other two operands."
    return function


addmm = _scaled_sum("addmm", "mat1 must be a matrix, got {0} tensor", (2, 2))
addmv = _scaled_sum("addmv", "vector + matrix @ vector expected, got {1}, {0}, {1}", (2, 1))
baddbmm = _scaled_sum("baddbmm", "batch1 must be a 3D tensor", (3, 3))
addbmm = _scaled_sum("addbmm", "batch1 must be a 3D tensor", (3, 3), summed=True)


# outer products


def _outer_node(a: Operand, b: Operand) -> Node:
    x, y = common(a, b)
    if x.ndim != 1 or y.ndim != 1:
        refuse(f"outer: Expected 1-D argument {'self' if x.ndim != 1 else 'vec2'}, but got {(x if x.ndim != 1 else y).ndim}-D")
    return ops.expand_dims(x, axes=(1,)) * ops.expand_dims(y, axes=(0,))


outer = operation("MulBackward0")(_outer_node)


@operation("AddrBackward0")
def _addr(x: Operand, a: Operand, b: Operand, *scales: Operand) -> Node:
    return _combination(_node(x), _outer_node(a, b), scales)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """Return ``beta * x + alpha * outer(vec1, vec2)``."""
    plain = type(beta) is int and type(alpha) is int and beta == alpha == 1
    return _addr(input, vec1, vec2) if plain else _addr(input, vec1, vec2, beta, alpha)


@operation("ViewBackward0")
def inner(a: Operand, b: Operand) -> Node:
    """Return the sums of products along the last axes."""
    x, y = _node(a), _node(b)
    if not x.ndim or not y.ndim:
        return ops.mul(*common(x, y))
    if x.shape[-1] != y.shape[-1]:
        shapes = f"inner() the last dimension must match on both input tensors but got shapes {shape_text(x.shape)}"
        refuse(f"{shapes} and {shape_text(y.shape)}")
    same_dtype("expected both vectors to have same dtype, but found {} and {}", x, y)
    xs, ys = tuple(range(x.ndim)), (*range(x.ndim, x.ndim + y.ndim - 1), x.ndim - 1)
    return ops.contract(x, y, x_labels=xs, y_labels=ys, out_labels=(*xs[:-1], *ys[:-1]))


@operation("SumBackward1")
def _vecdot(a: Operand, b: Operand, *, dim: int) -> Node:
    x, y = common(a, b)
    products = spread(x, broadcast(x, y)) * y
    return ops.sum(products, axes=(axis_of(dim, products.ndim),))


def vecdot(input: Any, other: Any, *, dim: int = -1) -> Any:
    """Return the dot products of vectors along an axis."""
    return _vecdot(input, other, dim=dim)


@operation("LinalgCrossBackward0")
def _cross(a: Operand, b: Operand, *, dim: int) -> Node:
    x, y = common(a, b)
    shape = broadcast(x, y)
    axis = axis_of(dim, len(shape))
    if shape[axis] != 3 or x.ndim != y.ndim:
        sizes = f"Got {x.shape[axis] if x.ndim else 1} and {y.shape[axis] if y.ndim else 1}"
        refuse(f"linalg.cross: inputs dimension {dim} must have length 3. {sizes}")
    x, y = spread(x, shape), spread(y, shape)
    return _turned(x, axis, 1) * _turned(y, axis, 2) - _turned(x, axis, 2) * _turned(y, axis, 1)


def _turned(x: Node, axis: int, by: int) -> Node:
    """Return three elements along an axis moved round by ``by`` places to the front."""
    pieces = [
        ops.slice(x, ranges=tuple(Range(start, count) if a == axis else Range(0, s) for a, s in enumerate(x.shape)))
        for start, count in ((by, 3 - by), (0, by))
    ]
    return ops.concatenate(*pieces, axis=axis)


def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """Return the cross products of vectors of three elements along an axis."""
    return _cross(input, other, dim=dim)


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """Return the cross products along an axis: by default the first of three elements."""
    if dim is None:
        found = [k for k, s in enumerate(input.shape) if s == 3]
        if not found:
            refuse("no dimension of size 3 in input")
        dim = found[0]
    return _cross(input, other, dim=dim)


# contractions


@operation("ViewBackward0")
def _tensordot(a: Operand, b: Operand, *, dims: Any) -> Node:
    x, y = _node(a), _node(b)
    same_dtype("both inputs should have same dtype, but found {} and {}", x, y)
    if isinstance(dims, int):
        left, right = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        sides = [(d,) if isinstance(d, int) else d for d in dims]
        left, right = [axis_of(d, x.ndim) for d in sides[0]], [axis_of(d, y.ndim) for d in sides[1]]
    for p, q in zip(left, right, strict=True):
        if x.shape[p] != y.shape[q]:
            pair = f"a has size {x.shape[p]} in dim {p} and b has size {y.shape[q]} in dim {q}"
            refuse(f"contracted dimensions need to match, but {pair}")
    ys = [left[right.index(k)] if k in right else x.ndim + k for k in range(y.ndim)]
    out = (*[k for k in range(x.ndim) if k not in left], *[k for k in ys if k >= x.ndim])
    return ops.contract(x, y, x_labels=tuple(range(x.ndim)), y_labels=tuple(ys), out_labels=out)


def tensordot(input: Any, other: Any, dims: Any = 2) -> Any:
    """Return the sum of products over the last ``dims`` axes of x and the first of y, or over pairs of axes."""
    return _tensordot(input, other, dims=as_static(dims))


@operation("UnsafeViewBackward0")
def kron(a: Operand, b: Operand) -> Node:
    """Return Kronecker's product."""
    x, y = common(a, b)
    rank = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (rank - n.ndim) + n.shape for n in (x, y))
    left = ops.reshape(x, shape=tuple(size for s in xs for size in (s, 1)))
    right = ops.reshape(y, shape=tuple(size for s in ys for size in (1, s)))
    return ops.reshape(left * right, shape=tuple(p * q for p, q in zip(xs, ys, strict=True)))


@operation("TraceBackward0")
def trace(x: Operand) -> Node:
    """Return the sum of a matrix's diagonal."""
    node = _node(x)
    if node.ndim != 2:
        refuse("trace: expected a matrix, but got tensor with dim " + str(node.ndim))
    return ops.trace(node if node.dtype.is_floating else ops.cast(node, dtype=int64), offset=0)


def _vander_formula(x: Operand, *, count: int, increasing: bool) -> Node:
    node = _node(x)
    if node.dtype.is_bool:
        node = ops.cast(node, dtype=int64)
    powers = [ops.integer_pow(node, exponent=k) for k in (range(count) if increasing else reversed(range(count)))]
    return ops.stack(*powers, axis=node.ndim)


_vander, _vander_rising = (operation(f"{name}Backward0")(_vander_formula) for name in ("Flip", "Cat"))


def vander(input: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the matrix of powers of each element."""
    return _vander(input, count=input.shape[-1] if N is None else N, increasing=bool(increasing))


def linalg_vander(input: Any, *, N: int | None = None) -> Any:  # noqa: N803  # torch's name
    """Return the matrix of increasing powers of each element."""
    return _vander_rising(input, count=input.shape[-1] if N is None else N, increasing=True)


def multi_dot(tensors: Sequence[Any]) -> Any:
    """Return the product of matrices, in the order of least work; the first and last may be vectors."""
    if len(tensors) < 2:
        refuse(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    letters = "abcdefghijklmnopqrstuvwxyz"
    terms = [letters[k : k + 2] for k in range(len(tensors))]
    if tensors[0].ndim == 1:
        terms[0] = terms[0][1:]
    if tensors[-1].ndim == 1:
        terms[-1] = terms[-1][:1]
    out = ("" if tensors[0].ndim == 1 else terms[0][0]) + ("" if tensors[-1].ndim == 1 else terms[-1][-1])
    return contraction(*tensors, subscripts=f"{','.join(terms)}->{out}")


def chain_matmul(*matrices: Any) -> Any:
    """Return the product of matrices, in the order of least work."""
    return multi_dot(matrices)


FUNCTIONS: dict[str, Function] = {
    "matmul": matmul, "mm": mm, "bmm": bmm, "mv": mv, "dot": dot, "vdot": dot, "addmm": addmm, "addmv": addmv,
    "baddbmm": baddbmm, "addbmm": addbmm, "addr": addr, "outer": outer, "ger": outer, "inner": inner, "cross": cross,
    "tensordot": tensordot, "kron": kron, "trace": trace, "vander": vander, "chain_matmul": chain_matmul,
}  # fmt: skip
LINALG: dict[str, Function] = {
    "cross": linalg_cross, "vecdot": vecdot, "multi_dot": multi_dot, "vander": linalg_vander, "matmul": matmul,
}  # fmt: skip
