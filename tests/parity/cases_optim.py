"""Optimisers: loops, arguments, groups, closures and state."""

from __future__ import annotations

import copy

from .harness import add, case, const, leaf, raises

TARGET = [3.0, -1.0, 0.5]


def loss_of(torch, x):
    return ((x - const(torch, TARGET)) ** 2 * const(torch, [1.0, 2.0, 3.0])).sum() + x.prod() * 0.1


def descend(torch, make, steps=6):
    x = leaf(torch, [1.0, 2.0, -1.0])
    optimizer = make([x])
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(torch, x).backward()
        optimizer.step()
        seen.append(x.detach().clone())
    return seen


SETTINGS = {
    "sgd": ("SGD", {"lr": 0.05}),
    "sgd_default_rate": ("SGD", {}),
    "sgd_momentum": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd_dampening": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    "sgd_nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    "sgd_all": ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    "sgd_maximize": ("SGD", {"lr": 0.01, "maximize": True}),
    "sgd_maximize_with_decay": ("SGD", {"lr": 0.01, "maximize": True, "momentum": 0.5, "weight_decay": 0.1}),
    "adam": ("Adam", {"lr": 0.1}),
    "adam_default": ("Adam", {}),
    "adam_betas": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    "adam_weight_decay": ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    "adam_amsgrad": ("Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.5)}),
    "adam_maximize": ("Adam", {"lr": 0.1, "maximize": True}),
    "adam_decoupled": ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "adamw": ("AdamW", {"lr": 0.1}),
    "adamw_default": ("AdamW", {}),
    "adamw_weight_decay": ("AdamW", {"lr": 0.1, "weight_decay": 0.5}),
    "adamw_amsgrad": ("AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True}),
}

for _name, (_kind, _options) in SETTINGS.items():
    add(f"optim/{_name}", lambda torch, k=_kind, o=_options: descend(torch, lambda ps: getattr(torch.optim, k)(ps, **o)), (79,),
        rtol=1e-12, why="six steps: each rounding of a step goes into the next")


@case(79)
def single_precision_and_several_parameters(torch):
    found = []
    for kind in ("SGD", "Adam", "AdamW"):
        w, b = leaf(torch, [[1.0, 2.0]], "float32"), leaf(torch, [0.5], "float32")
        optimizer = getattr(torch.optim, kind)([w, b], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            ((w.sum() + b) ** 2).sum().backward()
            optimizer.step()
        found.append([w, b])
    return found


@case(79, 9)
def zero_grad(torch):
    x = leaf(torch, [1.0, 2.0])
    optimizer = torch.optim.SGD([x], lr=0.1)
    (x**2).sum().backward()
    optimizer.zero_grad()
    none = x.grad
    (x**2).sum().backward()
    kept = x.grad
    optimizer.zero_grad(set_to_none=False)
    return [none, x.grad, kept is x.grad]


@case(79)
def parameters_without_gradient_stay(torch):
    x, y, c = leaf(torch, [1.0]), leaf(torch, [2.0]), const(torch, [3.0])
    optimizer = torch.optim.Adam([x, y, c], lr=0.1)
    (x**2).sum().backward()
    optimizer.step()
    return [x, y, c, len(optimizer.state), y in optimizer.state]


@case(79)
def step_keeps_the_leaf(torch):
    x = leaf(torch, [1.0])
    optimizer = torch.optim.SGD([x], lr=0.5)
    (x**2).sum().backward()
    result = optimizer.step()
    return [result, x.is_leaf, x.requires_grad, x.grad, torch.is_grad_enabled(), x._version]


@case(79)
def parameter_groups(torch):
    x, y = leaf(torch, [1.0]), leaf(torch, [1.0])
    optimizer = torch.optim.SGD([{"params": [x]}, {"params": y, "lr": 0.01, "momentum": 0.5}], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (x**2 + y**2).sum().backward()
        optimizer.step()
    groups = optimizer.param_groups
    return [x, y, len(groups), groups[0]["lr"], groups[1]["lr"], groups[0]["momentum"], groups[1]["momentum"], groups[1]["params"][0] is y]


@case(79)
def group_added_later(torch):
    x, y = leaf(torch, [1.0]), leaf(torch, [1.0])
    optimizer = torch.optim.SGD([x], lr=0.1)
    optimizer.add_param_group({"params": [y], "lr": 0.2})
    (x**2 + y**2).sum().backward()
    optimizer.step()
    return [x, y, raises(lambda: optimizer.add_param_group({"params": [y]}), "some parameters appear in more than one parameter group"),
        raises(lambda: optimizer.add_param_group([y]), "param_group must be a dict")]


@case(79)
def learning_rate_changed_by_hand(torch):
    x = leaf(torch, [1.0])
    optimizer = torch.optim.SGD([x], lr=0.1)
    seen = []
    for k in range(3):
        optimizer.param_groups[0]["lr"] = 0.1 / (k + 1)
        optimizer.zero_grad()
        (x**2).sum().backward()
        optimizer.step()
        seen.append(x.detach().clone())
    return seen


@case(79)
def closure(torch):
    x = leaf(torch, [1.0, 2.0])
    found = []
    for kind in ("SGD", "Adam"):
        optimizer = getattr(torch.optim, kind)([x], lr=0.1)

        def evaluate(optimizer=optimizer):
            optimizer.zero_grad()
            loss = (x**2).sum()
            loss.backward()
            return loss

        loss = optimizer.step(evaluate)
        found.append([loss.detach(), loss.requires_grad, x.detach().clone()])
    return found


@case(79)
def state_dict(torch):
    x, y = leaf(torch, [1.0]), leaf(torch, [2.0, 3.0])
    optimizer = torch.optim.SGD([{"params": [x]}, {"params": [y], "lr": 0.2}], lr=0.1, momentum=0.9)
    (x**2 + y.sum()).sum().backward()
    before = optimizer.state_dict()
    optimizer.step()
    after = optimizer.state_dict()
    return [sorted(before), len(before["state"]), sorted(after["state"]), after["state"][1]["momentum_buffer"],
        [g["params"] for g in after["param_groups"]], [g["lr"] for g in after["param_groups"]]]


@case(79)
def state_dict_of_adam(torch):
    x = leaf(torch, [1.0])
    optimizer = torch.optim.Adam([x], lr=0.1)
    (x**2).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()["state"][0]
    return [sorted(state), state["step"], state["exp_avg"], state["exp_avg_sq"], optimizer.state_dict()["param_groups"][0]["betas"]]


@case(79)
def state_dict_follows_the_steps(torch):
    found, optim = [], torch.optim
    for make in (optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad):
        x = leaf(torch, [1.0, -2.0])
        optimizer = make([x])
        for _ in range(2):
            x.grad = torch.ones_like(x)
            optimizer.step()
        state = optimizer.state_dict()["state"][0]
        count, kept = state["step"], state["step"].clone()
        twice = count * 2
        optimizer.step()
        found.append([count, kept, twice, state["step"], count is optimizer.state[x]["step"], count._version])
    return found


@case(79)
def state_restored(torch):
    found = []
    for kind, options in (("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True})):
        x = leaf(torch, [1.0, 2.0])
        first = getattr(torch.optim, kind)([x], lr=0.1, **options)

        def step(optimizer, p):
            optimizer.zero_grad()
            (p**3).sum().backward()
            optimizer.step()

        step(first, x)
        y = x.detach().clone().requires_grad_()
        second = getattr(torch.optim, kind)([y], lr=0.7, **options)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        step(first, x)
        step(second, y)
        found.append([torch.equal(x, y), second.param_groups[0]["lr"], x])
    return found


@case(79)
def state_of_another_shape_refused(torch):
    x, y = leaf(torch, [1.0]), leaf(torch, [2.0])
    one, two = torch.optim.SGD([x], lr=0.1), torch.optim.SGD([x, y], lr=0.1)
    three = torch.optim.SGD([{"params": [x]}, {"params": [y]}], lr=0.1)
    return [raises(lambda: one.load_state_dict(two.state_dict()),
        "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"),
            raises(lambda: one.load_state_dict(three.state_dict()), "loaded state dict has a different number of parameter groups")]


@case(79)
def argument_errors(torch):
    x = leaf(torch, [1.0])
    o = torch.optim
    return [
        raises(lambda: o.SGD([], lr=0.1), "optimizer got an empty parameter list"),
        raises(lambda: o.SGD([x], lr=-1.0), "Invalid learning rate: -1.0"),
        raises(lambda: o.SGD([x], lr=0.1, momentum=-1.0), "Invalid momentum value: -1.0"),
        raises(lambda: o.SGD([x], lr=0.1, weight_decay=-1.0), "Invalid weight_decay value: -1.0"),
        raises(lambda: o.SGD([x], lr=0.1, nesterov=True), "Nesterov momentum requires a momentum and zero dampening"),
        raises(lambda: o.SGD(x, lr=0.1), "params argument given to the optimizer should be an iterable of Tensors or dicts"),
        raises(lambda: o.SGD([1.0], lr=0.1), "optimizer can only optimize Tensors, but one of the params is float"),
        raises(lambda: o.SGD([x * 2], lr=0.1), "can't optimize a non-leaf Tensor"),
        raises(lambda: o.Adam([x], lr=-1.0), "Invalid learning rate: -1.0"),
        raises(lambda: o.Adam([x], eps=-1.0), "Invalid epsilon value: -1.0"),
        raises(lambda: o.Adam([x], betas=(1.0, 0.9)), "Invalid beta parameter at index 0: 1.0"),
        raises(lambda: o.AdamW([x], betas=(0.9, 1.0)), "Invalid beta parameter at index 1: 1.0"),
        raises(lambda: o.Adam([x], weight_decay=-1.0), "Invalid weight_decay value: -1.0"),
        raises(lambda: o.SGD([{"lr": 0.1}], lr=0.1), "params"),
    ]


@case(79)
def parameters_in_a_set_refused(torch):
    x = leaf(torch, [1.0])
    optimizer = torch.optim.SGD(iter([x]), lr=0.1)
    return [raises(lambda: torch.optim.SGD([{"params": {x}}], lr=0.1), "optimizer parameters need to be organized in ordered collections"),
        len(optimizer.param_groups[0]["params"])]


@case(79, bits=True)
def printed(torch):
    print(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9))


@case(79, 42)
def fit_of_a_line(torch):
    x = torch.linspace(-1, 1, 20, dtype=torch.float64)
    t = 2 * x + 1
    a, b = leaf(torch, 0.0), leaf(torch, 0.0)
    optimizer = torch.optim.SGD([a, b], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        ((a * x + b - t) ** 2).mean().backward()
        optimizer.step()
    return [abs(a.item() - 2) < 1e-6, abs(b.item() - 1) < 1e-6]


@case(79, 8)
def accumulated_micro_batches(torch):
    x = leaf(torch, [1.0, 2.0])
    optimizer = torch.optim.SGD([x], lr=0.1)
    for k in range(3):
        ((x * (k + 1)) ** 2).sum().div(3).backward()
    optimizer.step()
    return [x, x.grad]


@case(79, 20)
def step_is_not_recorded(torch):
    x = leaf(torch, [1.0])
    optimizer = torch.optim.Adam([x], lr=0.1)
    (x**2).sum().backward(create_graph=False)
    optimizer.step()
    (x**2).sum().backward()
    return [x.grad_fn, x.grad.requires_grad, optimizer.state[x]["exp_avg"].requires_grad]
