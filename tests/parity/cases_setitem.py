"""Assignment to parts of a tensor."""

from __future__ import annotations

from .harness import case, const, leaf, raises

MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"


def setitem(x, key, value):
    x[key] = value


@case(31)
def setitem_number(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x * 2
    y[1] = 10.0
    y.sum().backward()
    return [y.detach(), x.grad, y.grad_fn.name()]


@case(31)
def setitem_tensor(torch):
    x, v = leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, 5.0)
    y = x * 2
    y[1] = v * 3
    y.sum().backward()
    return [y.detach(), x.grad, v.grad]


@case(31)
def setitem_slice_broadcast(torch):
    x, v = leaf(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), leaf(torch, [7.0, 8.0])
    y = x * 1
    y[1:] = v
    y[0, ::2] = v[:1] * 2
    (y**2).sum().backward()
    return [y.detach(), x.grad, v.grad]


@case(31)
def setitem_mask(torch):
    x, v = leaf(torch, [1.0, -2.0, 3.0]), leaf(torch, 4.0)
    y = x * 1
    y[y < 0] = v
    y[x > 2] = 0.0
    y.sum().backward()
    return [y.detach(), x.grad, v.grad]


@case(31)
def setitem_mask_with_values(torch):
    x, v = leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, [10.0, 20.0])
    y = x * 1
    y[torch.tensor([True, False, True])] = v
    (y * y).sum().backward()
    return [y.detach(), x.grad, v.grad]


@case(31)
def setitem_index_list(torch):
    x, v = leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, [10.0, 20.0])
    y = x * 1
    y[[2, 0]] = v
    y.sum().backward()
    return [y.detach(), x.grad, v.grad]


@case(31)
def setitem_into_a_fresh_buffer(torch):
    x = leaf(torch, [1.0, 2.0])
    out = torch.zeros(3, dtype=torch.float64)
    for k in range(3):
        out[k] = x[k % 2] * k
    out.sum().backward()
    return [out.detach(), out.requires_grad, x.grad]


@case(31)
def setitem_rows_of_a_matrix(torch):
    x = leaf(torch, [1.0, 2.0])
    out = torch.zeros(2, 2, dtype=torch.float64)
    out[0] = x
    out[1] = out[0].clone() * x
    out[:, 1] += x
    out.sum().backward()
    return [out.detach(), x.grad]


@case(31, 23)
def setitem_after_its_row_was_saved(torch):
    x = leaf(torch, [1.0, 2.0])
    out = torch.zeros(2, 2, dtype=torch.float64)
    out[0] = x
    out[1] = out[0] * x
    return [raises(out.sum().backward, MODIFIED), out.detach()]


@case(31)
def augmented_setitem(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x * 1
    y[1:] *= 2
    y[0] += x[2]
    y[[0, 1]] -= 1
    y.sum().backward()
    return [y.detach(), x.grad, y._version]


@case(31)
def setitem_errors(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    return [
        raises(lambda: setitem(x, 5, 1.0), "index 5 is out of bounds for dimension 0 with size 3"),
        raises(lambda: setitem(x, slice(0, 2), const(torch, [1.0, 2.0, 3.0])), "expanded size of the tensor|shape mismatch|must match"),
        raises(lambda: setitem(x, (0, 0), 1.0), "too many indices for tensor of dimension 1"),
        x,
    ]


@case(31, 74)
def setitem_casts(torch):
    x, k = const(torch, [1.0, 2.0], "float32"), torch.tensor([1, 2])
    x[0] = const(torch, 2.5)
    k[0] = 2.9
    return [x, k]
