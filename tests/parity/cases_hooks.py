"""Hooks of tensors and nodes."""

from __future__ import annotations

from .harness import case, const, leaf, raises


@case(43)
def sees_the_gradient(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []
    y = x * 3
    y.register_hook(seen.append)
    x.register_hook(seen.append)
    (y**2).sum().backward()
    return seen


@case(43)
def replaces_the_gradient(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 3
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    return x.grad


@case(43)
def hook_on_a_leaf_replaces(torch):
    x = leaf(torch, [1.0, 2.0])
    x.register_hook(lambda g: g.clamp(max=3.0))
    (x**2).sum().backward()
    return x.grad


@case(43)
def order_and_chaining(torch):
    x, seen = leaf(torch, 1.0), []
    x.register_hook(lambda g: seen.append(["first", g.item()]) or g + 1)
    x.register_hook(lambda g: seen.append(["second", g.item()]) or g * 10)
    x.register_hook(lambda g: seen.append(["third", g.item()]))
    (x * 2).backward()
    return [seen, x.grad]


@case(43)
def removal(torch):
    x, seen = leaf(torch, 1.0), []
    handle = x.register_hook(lambda g: seen.append(g.item()))
    (x * 2).backward()
    handle.remove()
    handle.remove()
    (x * 3).backward()
    return [seen, x.grad]


@case(43)
def removal_by_context(torch):
    x, seen = leaf(torch, 1.0), []
    with x.register_hook(lambda g: seen.append(g.item())):
        (x * 2).backward()
    (x * 3).backward()
    return seen


@case(43)
def once_for_a_backward_with_the_total(torch):
    x, seen = leaf(torch, 2.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 3 + x**2 + x * x).backward()
    x.sum().backward()
    return [seen, x.grad]


@case(43)
def result_used_twice_gets_the_sum(torch):
    x, seen = leaf(torch, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 3 + y * 4).backward()
    return seen


@case(43)
def runs_under_grad(torch):
    x, seen = leaf(torch, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()) or g * 5)
    x.register_hook(lambda g: seen.append(g.item()) or g + 1)
    return [torch.autograd.grad(y * 3, x), seen, x.grad]


@case(43)
def runs_only_where_needed(torch):
    x, seen = leaf(torch, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append("y"))
    torch.autograd.grad(y * 3, y)
    x.register_hook(lambda g: seen.append("x"))
    torch.autograd.grad(x * 3, x)
    return seen


@case(43)
def refused_without_grad(torch):
    return raises(lambda: const(torch, 1.0).register_hook(lambda g: g), "cannot register a hook on a tensor that doesn't require gradient")


@case(43)
def hook_of_the_root(torch):
    x = leaf(torch, 2.0)
    y = x**2
    y.register_hook(lambda g: g * 7)
    y.backward()
    return x.grad


@case(44)
def wrong_return(torch):
    found = []
    for wrong in (1.0, "text"):
        x = leaf(torch, [1.0, 2.0])
        y = x * 2
        y.register_hook(lambda g, wrong=wrong: wrong)
        found.append([raises(y.sum().backward, "hook.*should|expected Tensor.*got|hook"), x.grad])
    return found


@case(44)
def wrong_shape(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    y.register_hook(lambda g: g[:1])
    return [raises(y.sum().backward, "hook .* has changed the size of value"), x.grad]


@case(44)
def exception_passes_through(torch):
    x, z = leaf(torch, [1.0, 2.0]), leaf(torch, 1.0)

    def fail(g):
        raise ValueError("from the hook")

    y = x * 2
    handle = y.register_hook(fail)
    loss = y.sum() * z
    found = raises(loss.backward, "from the hook")
    handle.remove()
    x.grad = None
    (x * 2).sum().backward()
    return [found, x.grad]


@case(44)
def retain_grad_and_hooks(torch):
    x = leaf(torch, 2.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    (y * 2).backward()
    return [y.grad, x.grad]


@case(44)
def hook_and_create_graph(torch):
    x, seen = leaf(torch, 2.0), []
    x.register_hook(lambda g: seen.append([g.item(), g.requires_grad]))
    y = x**3
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    g.backward()
    return [seen, x.grad]


@case(44)
def hook_scales_under_create_graph(torch):
    x = leaf(torch, 2.0)
    y = x**3
    y.register_hook(lambda g: g * x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g, x)
    return [g.detach(), h]


@case(44)
def mode_inside_a_hook(torch):
    x, seen = leaf(torch, 2.0), []
    x.register_hook(lambda g: seen.append(torch.is_grad_enabled()))
    (x**2).backward()
    (x**2).backward(create_graph=True)
    return seen


@case(44)
def hook_before_an_in_place_operation(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []
    y = x * 1
    y.register_hook(lambda g: seen.append(["before", g.clone()]))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(["after", g.clone()]))
    y.sum().backward()
    return [seen, x.grad]


@case(44)
def retain_grad_before_an_in_place_operation(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    return [y.grad, x.grad]


@case(44)
def hook_that_edits_the_gradient(torch):
    x = leaf(torch, [1.0, 2.0])
    x.register_hook(lambda g: g.mul_(2) and None if g.numel() == 1 else None)
    (x * 3).sum().backward()
    return x.grad


@case(45)
def post_accumulate(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append([p is x, p.grad.clone()]))
    (x**2).sum().backward()
    (x * 3).sum().backward()
    return seen


@case(45)
def post_accumulate_after_tensor_hooks(torch):
    x, seen = leaf(torch, 1.0), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(["post", p.grad.item()]))
    x.register_hook(lambda g: seen.append(["hook", g.item()]) or g * 2)
    (x * 5).backward()
    return seen


@case(45)
def post_accumulate_removed(torch):
    x, seen = leaf(torch, 1.0), []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(1))
    x.sum().backward()
    handle.remove()
    x.sum().backward()
    return seen


@case(45)
def post_accumulate_refused_on_results(torch):
    y = leaf(torch, 1.0) * 2
    return [raises(lambda: y.register_post_accumulate_grad_hook(print),
        "post accumulate grad hooks cannot be registered on non-leaf tensors"),
            raises(lambda: const(torch, 1.0).register_post_accumulate_grad_hook(print),
            "cannot register a hook on a tensor that doesn't require gradient")]


@case(45)
def post_accumulate_not_run_by_grad(torch):
    x, seen = leaf(torch, 1.0), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(1))
    torch.autograd.grad(x * 2, x)
    return [seen, x.grad]


@case(45)
def optimiser_in_backward(torch):
    x, y = leaf(torch, 3.0), leaf(torch, [1.0, 2.0])

    def step(p):
        with torch.no_grad():
            p -= 0.1 * p.grad
        p.grad = None

    for p in (x, y):
        p.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (x**2 + (y**2).sum()).backward()
    return [x, y, x.grad, y.grad]


@case(46)
def node_hook(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []
    y = x * 3
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append([len(inputs), inputs[0], inputs[1], outputs[0]]))
    y.sum().backward()
    return seen


@case(46)
def node_hook_replaces(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    z = x * y
    z.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10, inputs[1]))
    z.sum().backward()
    return [x.grad, y.grad]


@case(46)
def node_prehook(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []
    y = x * 3
    handle = y.grad_fn.register_prehook(lambda outputs: seen.append(outputs[0]) or (outputs[0] * 2,))
    y.sum().backward(retain_graph=True)
    handle.remove()
    y.sum().backward()
    return [seen, x.grad]


@case(46)
def hook_on_accumulate_grad(torch):
    x, seen = leaf(torch, 2.0), []
    y = x * 3
    y.grad_fn.next_functions[0][0].register_hook(lambda *_: seen.append(x.grad.item()))
    y.backward()
    return seen


@case(46)
def saved_values_of_a_node(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    z = x * y
    node = z.grad_fn
    first = [node._saved_self is x, node._saved_other.detach()]
    e = x.exp()
    return [first, e.grad_fn._saved_result.detach(), (x**3).grad_fn._saved_exponent]


@case(46, 17)
def saved_values_are_freed(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    y.sum().backward()
    return raises(lambda: y.grad_fn._saved_result, "Trying to backward through the graph a second time")


@case(46)
def saved_tensors_hooks(torch):
    x, seen = leaf(torch, [1.0, 2.0]), []

    def pack(t):
        seen.append("pack")
        return t.tolist()

    def unpack(values):
        seen.append("unpack")
        return torch.tensor(values, dtype=torch.float64) * 2

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = x**2
    y.sum().backward()
    return [seen, x.grad]


@case(46)
def multi_grad_hook(torch):
    x, y, seen = leaf(torch, 2.0), leaf(torch, 3.0), []
    torch.autograd.graph.register_multi_grad_hook((x, y), lambda gs: seen.append([g.item() for g in gs]))
    (x * y).backward()
    return seen


@case(60)
def hooks_run_before_what_was_given_up_is_found_missing(torch):
    seen = []
    x = leaf(torch, [1.0, 2.0])
    y = x * x
    y.register_hook(lambda g: seen.append(g.clone()))
    z = y.sum()
    z.backward()
    x.register_hook(lambda g: seen.append(g.clone()))
    found = [raises(lambda: z.backward(), "second time"), x.grad.clone()]
    twice = torch.autograd.grad((x * 2).sum(), [x, x])
    return [*found, *twice, *seen]
