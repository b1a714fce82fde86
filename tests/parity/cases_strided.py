"""as_strided: elements of a storage by where they lie, gradients through repeated ones, writes through it."""

from __future__ import annotations

from .harness import case, const, leaf, raises


@case(34)
def overlapping_elements_add_their_gradients(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0, 5.0])
    y = torch.as_strided(x, (3, 3), (1, 1))
    (y * y * const(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])).sum().backward()
    return [y.detach(), y.grad_fn.name(), y.stride(), y.storage_offset(), y._base is x, x.grad]


@case(34, 19)
def twice_differentiable(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x.as_strided((2, 2), (1, 1))
    (g,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    return [g.detach(), torch.autograd.grad((g * g).sum(), x)[0]]


@case(34)
def of_a_slice_and_of_a_transpose(torch):
    x = leaf(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    s, t = x[:, 1:], x.t()
    parts = [x[1].as_strided((2,), (2,)), s.as_strided((2, 2), (3, 1)), t.as_strided((3, 2), (1, 3)), t.as_strided((2, 3), (3, 1)),
             s.as_strided((2,), (1,), 4), x.as_strided((), (), 4), x.as_strided((2, 0), (1, 1)), x.as_strided((3,), (0,), 2)]
    sum((k + 1) * (p * p).sum() for k, p in enumerate(parts)).backward()
    return [[p.detach() for p in parts], [p.stride() for p in parts], [p.storage_offset() for p in parts],
            [p.is_contiguous() for p in parts], x.grad]


@case(34)
def beyond_the_view_itself(torch):
    x = const(torch, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    y = x[2:4].as_strided((3,), (2,), 0)
    x[0] = 10.0
    y[1:] += 1
    return [x, y, y._base is x]


@case(33, 34)
def a_write_reaches_the_base(torch):
    x = leaf(torch, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    y = x * 1
    v = y.as_strided((2, 2), (3, 1), 1)
    v.mul_(10)
    (y * y).sum().backward()
    return [y.detach(), v.detach(), y.grad_fn.name(), v.grad_fn.name(), y._version, v._version, x.grad]


@case(33, 34)
def a_write_to_the_base_is_seen(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0])
    y = x * 1
    v = y.as_strided((2, 2), (1, 1))
    y[1] = 7.0
    (v * v).sum().backward()
    return [v.detach(), x.grad]


@case(34)
def a_write_through_another_order(torch):
    x = torch.zeros(2, 3, dtype=torch.float64)
    x.t().as_strided((2, 2), (1, 3))[:] = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    x.as_strided((2,), (5,)).add_(10)
    return [x, x._version]


@case(34)
def memory_shared_with_numpy(torch):
    x = const(torch, [1.0, 2.0, 3.0, 4.0])
    array = x.numpy()
    y = x[1:].as_strided((2, 2), (1, 1))
    array[2] = 30.0
    x.as_strided((2,), (3,)).zero_()
    return [y, array.copy(), y.numpy()]


@case(34)
def in_place(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0])
    y = x * 1
    same = y.as_strided_((2,), (3,)) is y
    (y * y).sum().backward()
    return [same, y.detach(), y._version, x.grad, raises(lambda: x.as_strided_((2,), (1,)), "a leaf Variable that requires grad is being")]


@case(34)
def errors(torch):
    x = torch.zeros(6)
    return [
        raises(lambda: x.as_strided((3, 3), (2, 2)), r"setStorage: sizes \[3, 3\], strides \[2, 2\], storage offset 0, and itemsize 4 "
               "requiring a storage size of 36 are out of bounds for storage of size 24"),
        raises(lambda: x.as_strided((3,), (-1,)), r"as_strided: Negative strides are not supported at the moment, got strides: \[-1\]"),
        raises(lambda: x.as_strided((3, 2), (1,)), "mismatch in length of strides and shape"),
        raises(lambda: x.as_strided((3,), (1,), -1), "invalid storage offset -1"),
        raises(lambda: x.as_strided((-3,), (1,)), r"Storage size calculation overflowed with sizes=\[-3\] and strides=\[1\]"),
        raises(lambda: x.as_strided(2, 1), r"argument 'size' \(position 1\) must be tuple of ints, not int"),
        raises(lambda: x.as_strided((2, 3), (0, 1)).add_(1), "more than one element of the written-to tensor refers to a single memory"),
        raises(lambda: leaf(torch, [1.0, 2.0]).as_strided((1,), (1,)).zero_(), "a view of a leaf Variable that requires grad is being"),
    ]


@case(29, 33)
def reshapes_in_place_and_what_is_written_after_them(torch):
    x = leaf(torch, [[1.0, 2.0, 3.0]])
    y = x * 1
    y.squeeze_(0)
    y.mul_(2)
    z = x * 1
    z.t_()
    z[0] = 5.0
    (y.sum() + (z * z).sum()).backward()
    v = torch.ones(2, 3)[0:1]
    v.squeeze_(0)
    return [y.detach(), y._version, z.detach(), list(z.shape), x.grad, v._version, v.shape,
            raises(lambda: x.squeeze_(0), "a leaf Variable that requires grad is being used in an in-place operation")]


@case(35)
def one_value_fills_expanded_memory(torch):
    x = torch.tensor([[1.0], [2.0], [3.0]])
    x[1:].expand(2, 4)[:, 1:].fill_(7.0)
    x[:1].expand(5, 1, 3).zero_()
    y = leaf(torch, [1.0, 2.0]) * 1
    y.expand(3, 2).fill_(4.0)
    phrase = "more than one element of the written-to tensor refers to a single memory location"
    return [x, x._version, y.detach(), y.grad_fn.name(),
            raises(lambda: torch.zeros(3).expand(2, 3).normal_(), phrase), raises(lambda: torch.zeros(3).expand(2, 3).clamp_(1, 2), phrase),
            raises(lambda: leaf(torch, [1.0]).expand(3).zero_(), "a view of a leaf Variable that requires grad is being")]
