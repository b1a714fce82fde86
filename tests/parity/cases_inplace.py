"""In-place operations and version counters."""

from __future__ import annotations

from .harness import case, const, leaf, raises

MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation"
LEAF_VIEW = "a view of a leaf Variable that requires grad is being used in an in-place operation"


def setitem(x, key, value):
    x[key] = value


@case(22)
def leaf_refused(torch):
    x = leaf(torch, [1.0, 2.0])

    def augmented():
        y = x
        y += 1

    return [raises(augmented, LEAF), raises(lambda: x.mul_(2), LEAF), raises(x.zero_, LEAF), raises(x.exp_, LEAF),
            raises(lambda: x.copy_(const(torch, [1.0, 2.0])), LEAF), raises(lambda: x.fill_(1), LEAF), x, x._version]


@case(22)
def setitem_on_a_leaf_refused(torch):
    x = leaf(torch, [1.0, 2.0])
    return [raises(lambda: setitem(x, 0, 5.0), LEAF), x]


@case(22, 35)
def view_of_a_leaf_refused(torch):
    x = leaf(torch, [1.0, 2.0])
    return [raises(lambda: x[:1].add_(1), LEAF_VIEW), raises(lambda: x.view(2).mul_(2), LEAF_VIEW), x]


@case(22)
def constants_are_free(torch):
    x = const(torch, [1.0, 2.0])
    x += 1
    x *= 2
    x[0] = 7
    return [x, x._version, x.requires_grad]


@case(22, 2)
def constant_becomes_a_result(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    c *= x
    c.sum().backward()
    return [c.detach(), c.is_leaf, c.grad_fn.name(), x.grad]


@case(23)
def saved_input_edited(torch):
    x = leaf(torch, [1.0, 2.0])
    a = x * 1
    y = a**2
    a += 1
    return raises(y.sum().backward, MODIFIED + r".*is at version 1; expected version 0 instead")


@case(23)
def saved_output_edited(torch):
    found = []
    for name in ("exp", "sqrt", "tanh", "sigmoid", "relu"):
        y = getattr(leaf(torch, [1.0, 2.0]), name)()
        loss = y.sum()
        y += 1
        found.append(raises((y.sum() + loss).backward, MODIFIED + ".*output 0 of " + name.capitalize()))
    return found


@case(23)
def saved_constant_edited(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    y = x * c
    c[0] = 0.0
    return [raises(y.sum().backward, MODIFIED), x.grad]


@case(23)
def edited_through_a_view(torch):
    x = leaf(torch, [1.0, 2.0])
    a = x * 1
    y = a**2
    a[:1] *= 2
    return raises(y.sum().backward, MODIFIED)


@case(23, 26)
def edited_through_detach(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    x.detach().add_(1)
    return [raises(y.backward, MODIFIED), x._version]


@case(23)
def message_names_shape_and_versions(torch):
    x = leaf(torch, [[1.0, 2.0]])
    y = (x**2).sum()
    with torch.no_grad():
        x += 1
        x += 1
    return raises(y.backward,
        r"\[torch\.DoubleTensor \[1, 2\]\] is at version 2; expected version 0 instead|\[1, 2\].*is at version 2; expected version 0")


@case(23)
def edited_before_use_is_fine(torch):
    x = leaf(torch, [1.0, 2.0])
    x.detach().add_(1)
    (x**2).sum().backward()
    return [x.grad, x._version]


@case(23)
def nothing_is_accumulated_when_it_raises(torch):
    x, z = leaf(torch, [1.0, 2.0]), leaf(torch, 1.0)
    a = x * 1
    y = (a**2).sum() + z
    a.zero_()
    return [raises(y.backward, MODIFIED), x.grad]


@case(24)
def operations_that_save_nothing(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    found = []
    for f in (lambda a: a + 1, lambda a: -a, lambda a: a.sum(0), lambda a: a.mean(), lambda a: a.cumsum(0), lambda a: a.reshape(4).sum()):
        a = x * 1
        y = f(a)
        a += 1
        (g,) = torch.autograd.grad(y.sum(), x)
        found.append(g)
    return found


@case(24)
def product_saves_only_what_it_needs(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    a = x * 1
    y = a * c
    a += 1
    y.sum().backward()
    return x.grad


@case(24)
def relu_saves_its_output(torch):
    x = leaf(torch, [1.0, -2.0])
    a = x * 1
    y = a.relu()
    a += 5
    y.sum().backward()
    return x.grad


@case(24)
def division_saves_the_divisor(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [4.0, 5.0])
    a = x * 1
    y = a / c
    a += 1
    y.sum().backward()
    z = x / c
    c += 1
    return [x.grad, raises(z.sum().backward, MODIFIED)]


@case(25)
def versions(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    seen = [x._version]
    x += 1
    seen.append(x._version)
    x[0] = 5
    seen.append(x._version)
    x.zero_()
    x.exp_().neg_()
    seen.append(x._version)
    (x + 1).exp()
    return [*seen, x._version, (x * 2)._version]


@case(25, 33)
def version_is_shared(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    v, d, c = x[1:], x.detach(), x.clone()
    v += 1
    d *= 2
    return [x._version, v._version, d._version, c._version, x.data._version, x]


@case(25)
def version_after_assignment_to_data(torch):
    x = leaf(torch, [1.0, 2.0])
    x.data = const(torch, [3.0, 4.0])
    x.data.add_(1)
    return [x._version, x]


@case(29)
def arithmetic_on_a_result(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    names = []
    for step in ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__"):
        y = getattr(y, step)(2)
        names.append(y.grad_fn.name())
    y.sum().backward()
    return [y.detach(), names, x.grad, y._version]


@case(29)
def in_place_keeps_the_object(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    z = y
    y += x
    y *= x
    y.sum().backward()
    return [z is y, z.detach(), x.grad]


@case(29)
def in_place_with_tensors_that_require_grad(torch):
    x, c = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    y = torch.zeros(2, dtype=torch.float64)
    y += x * c
    y -= c
    y.sum().backward()
    return [y.detach(), x.grad, c.grad]


@case(29)
def in_place_may_not_broaden(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [[1.0, 2.0], [3.0, 4.0]])
    return [raises(lambda: x.add_(y), r"output with shape \[2\] doesn't match the broadcast shape \[2, 2\]"), x]


@case(29, 74)
def in_place_may_not_change_dtype(torch):
    k, x = torch.tensor([1, 2]), const(torch, [1.5, 2.5])
    phrase = "result type (Double|Float) can't be cast to the desired output type (Long|long int)|can't be cast"
    return [raises(lambda: k.add_(x), phrase), raises(lambda: k.mul_(1.5), phrase), raises(lambda: k.div_(2), phrase), k.add_(1),
            const(torch, [1.0], "float32").add_(x[:1])]


@case(30)
def functions_in_place(torch):
    found = []
    for name in "exp_ relu_ sqrt_ sin_ cos_ tanh_ sigmoid_ neg_ abs_ log_ square_ reciprocal_ floor_".split():
        x = leaf(torch, [0.5, 2.0])
        y = x * 1
        returned = getattr(y, name)()
        y.sum().backward()
        found.append([returned is y, y.detach(), x.grad])
    return found


@case(30)
def clamp_in_place(torch):
    x = leaf(torch, [-2.0, 0.5, 3.0])
    y = (x * 1).clamp_(-1, 1)
    z = (x * 1).clamp_(min=0.5)
    (y + z).sum().backward()
    return [y.detach(), z.detach(), x.grad]


@case(30)
def zero_and_fill_cut(torch):
    x = leaf(torch, [1.0, 2.0])
    y, z = x * 2, x * 3
    y.zero_()
    z.fill_(7.0)
    (y + z).sum().backward()
    return [y.detach(), z.detach(), y.requires_grad, x.grad]


@case(30)
def copy_routes(torch):
    x, c = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    y = x * 2
    y.copy_(c)
    y.sum().backward()
    return [y.detach(), x.grad, c.grad]


@case(30)
def copy_broadcasts_and_casts(torch):
    x = leaf(torch, [5.0], "float32")
    y = torch.zeros(2, 2, dtype=torch.float64).copy_(x)
    y.sum().backward()
    return [y.detach(), x.grad]


@case(30)
def masked_fill_in_place(torch):
    x = leaf(torch, [1.0, -2.0, 3.0])
    y = x * 2
    y.masked_fill_(y < 0, 9.0)
    y.sum().backward()
    return [y.detach(), x.grad]


@case(30)
def alpha_and_value_arguments(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    y.add_(x, alpha=3).sub_(x, alpha=0.5).addcmul_(x, x, value=2).addcdiv_(x, x + 1, value=-1)
    y.sum().backward()
    return [y.detach(), x.grad]
