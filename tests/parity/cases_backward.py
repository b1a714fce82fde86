"""backward: its arguments, several roots, freed graphs."""

from __future__ import annotations

from .harness import case, const, leaf, raises, warns

TWICE = "Trying to backward through the graph a second time"
SCALAR = "grad can be implicitly created only for scalar outputs"


@case(7)
def scalar(torch):
    x = leaf(torch, 3.0)
    result = (x**2).backward()
    return [result, x.grad]


@case(7)
def one_element_counts_as_scalar(torch):
    x, y = leaf(torch, [3.0]), leaf(torch, [[2.0]])
    (x**2).backward()
    (y**3).backward()
    return [x.grad, y.grad]


@case(7)
def vector_needs_gradient(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x**2
    return [raises(y.backward, SCALAR), raises(lambda: y[:0].backward(), SCALAR), x.grad]


@case(7, 12)
def gradient_argument(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    (x**2).backward(const(torch, [1.0, 0.5, -1.0]))
    first = x.grad.clone()
    (x**2).backward(gradient=const(torch, [1.0, 0.0, 0.0]))
    return [first, x.grad]


@case(7, 12)
def gradient_of_another_shape(torch):
    x = leaf(torch, [1.0, 2.0])
    phrase = r"Mismatch in shape: grad_output\[0\] has a shape of .* and output\[0\] has a shape of"
    return [
        raises(lambda: (x**2).backward(const(torch, [1.0])), phrase),
        raises(lambda: (x**2).backward(const(torch, 1.0)), phrase),
        raises(lambda: (x**2).sum().backward(const(torch, [1.0, 2.0])), phrase),
        x.grad,
    ]


@case(7, 12)
def gradient_of_another_dtype(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).backward(const(torch, [1.0, 2.0], "float32"))
    return [x.grad]


@case(7)
def gradient_that_is_a_number(torch):
    x = leaf(torch, 2.0)
    return raises(lambda: (x**2).backward(2.0), "")


@case(7)
def nothing_requires_grad(torch):
    y = const(torch, [1.0, 2.0]).sum()
    phrase = "element 0 of tensors does not require grad and does not have a grad_fn"
    return [raises(y.backward, phrase), raises(const(torch, 1.0).backward, phrase), raises(leaf(torch, 1.0).detach().backward, phrase)]


@case(7)
def backward_of_a_leaf(torch):
    x = leaf(torch, 3.0)
    x.backward()
    x.backward(const(torch, 2.5))
    return [x.grad]


@case(5, 7)
def integer_root(torch):
    return raises(torch.tensor(3).backward, "does not require grad")


@case(12)
def inputs(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    (x * y).backward(inputs=[x])
    (x * y).backward(inputs=y)
    return [x.grad, y.grad]


@case(12)
def inputs_not_leaf(torch):
    x = leaf(torch, 2.0)
    y = x * 3
    (y * y).backward(inputs=[y])
    return [x.grad, y.grad, y.retains_grad]


@case(12)
def inputs_empty(torch):
    x = leaf(torch, 2.0)
    return [raises(lambda: (x * x).backward(inputs=[]), "inputs. argument to .backward.* cannot be empty"), x.grad]


@case(12, 18)
def all_arguments(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    z = x * x * y
    z.backward(const(torch, [1.0, 1.0]), retain_graph=True, create_graph=False, inputs=[x])
    z.backward(const(torch, [1.0, 1.0]))
    return [x.grad, y.grad]


@case(12)
def root_of_another_leaf_in_inputs(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    (x * 2).backward(inputs=[x, y])
    return [x.grad, y.grad]


@case(13)
def several_roots(torch):
    x = leaf(torch, [1.0, 2.0])
    torch.autograd.backward([(x**2).sum(), (x**3).sum()])
    return x.grad


@case(13)
def roots_with_gradients(torch):
    x = leaf(torch, [1.0, 2.0])
    torch.autograd.backward([x**2, (x**3).sum()], [const(torch, [1.0, 2.0]), None])
    first = x.grad.clone()
    torch.autograd.backward((x**2,), grad_tensors=(const(torch, [1.0, 1.0]),))
    return [first, x.grad]


@case(13)
def duplicate_roots(torch):
    x = leaf(torch, 2.0)
    y = x**2
    torch.autograd.backward([y, y])
    return x.grad


@case(13)
def dependent_roots(torch):
    x = leaf(torch, 2.0)
    y = x**2
    z = y * 3
    torch.autograd.backward([z, y])
    return x.grad


@case(13)
def one_tensor_as_root(torch):
    x = leaf(torch, 2.0)
    torch.autograd.backward(x**2)
    torch.autograd.backward(x**2, const(torch, 10.0))
    return x.grad


@case(13)
def roots_and_gradients_of_unequal_number(torch):
    x = leaf(torch, [1.0, 2.0])
    return [
        raises(lambda: torch.autograd.backward([x**2, x**3], [const(torch, [1.0, 1.0])]), "got 2 tensors and 1 gradients"),
        raises(lambda: torch.autograd.backward([x**2], [None]), SCALAR),
        x.grad,
    ]


@case(13)
def no_roots(torch):
    return [torch.autograd.backward([])]


@case(17)
def second_backward_where_something_is_saved(torch):
    x = leaf(torch, [1.0, 2.0])
    made = [x * x, x**2, x.exp(), x.sin(), x / x, x.prod(), x.relu(), x.norm(), x[torch.tensor([0, 1])], x.abs(), x.max(), x.cumprod(0)]
    found = []
    for y in made:
        loss = y.sum()
        loss.backward()
        found.append(raises(loss.backward, TWICE))
    return found


@case(17)
def second_backward_where_nothing_is_saved(torch):
    x = leaf(torch, [[1.0, 2.0]])
    made = [x + 1, x - 2, -x, x.sum(), x.mean(), x.reshape(2), x.t(), x.expand(2, 2), x[0], x.clone(), x.cumsum(1), x.flip(0),
        x.select(1, 0), x.diagonal()]
    for y in made:
        loss = y.sum()
        loss.backward()
        loss.backward()
    return x.grad


@case(17)
def second_backward_in_a_part(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    (y + 1).sum().backward()
    return [raises((y * 3).sum().backward, TWICE), x.grad]


@case(17)
def part_below_still_works(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x + 3
    (y * y).sum().backward()
    y.sum().backward()
    return x.grad


@case(17)
def factors_are_saved_numbers_too(torch):
    x = leaf(torch, [1.0, 2.0])
    made = [x * 3, 3 * x, x / 2, x.addcmul(x.detach(), x.detach())]
    for y in made:
        y.sum().backward()
    return [raises(made[0].sum().backward, TWICE), raises(made[1].sum().backward, TWICE), raises(made[2].sum().backward, TWICE), x.grad]


@case(17)
def constants_are_not_saved_for_each_other(torch):
    x = leaf(torch, 2.0)
    c = const(torch, 3.0)
    y = x * c
    y.backward()
    return [raises(y.backward, TWICE), x.grad]


@case(17)
def grad_frees_too(torch):
    x = leaf(torch, 2.0)
    y = x**3
    first = torch.autograd.grad(y, x)
    return [first, raises(lambda: torch.autograd.grad(y, x), TWICE), raises(y.backward, TWICE)]


@case(17)
def values_stay_after_backward(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    z = (y * y).sum()
    z.backward()
    return [y.detach(), z.item(), y.requires_grad, y.grad_fn.name()]


@case(18)
def retained(torch):
    x = leaf(torch, 2.0)
    y = x**3
    for _ in range(3):
        y.backward(retain_graph=True)
    y.backward()
    return [x.grad, raises(y.backward, TWICE)]


@case(18)
def create_graph_implies_retain(torch):
    x = leaf(torch, 2.0)
    y = x**3
    y.backward(create_graph=True)
    first = x.grad.detach().clone()
    y.backward()
    return [first, x.grad.detach()]


@case(18)
def create_graph_without_retain(torch):
    x = leaf(torch, 2.0)
    y = x**3
    (g,) = torch.autograd.grad(y, x, create_graph=True, retain_graph=False)
    return [g.detach(), raises(lambda: torch.autograd.grad(y, x), TWICE), torch.autograd.grad(g, x)]


@case(18)
def create_graph_warns_in_backward(torch):
    x = leaf(torch, 2.0)
    return warns(lambda: (x**2).backward(create_graph=True), r"Using backward\(\) with create_graph=True will create a reference cycle")
