"""Schedules of the learning rate, RMSprop and Adagrad."""

from __future__ import annotations

from .harness import case, leaf, raises, warns


def trained(torch, make, steps=4, dtype="float64"):
    x, y = leaf(torch, [1.0, -2.0, 0.5], dtype), leaf(torch, [[3.0]], dtype)
    optimizer = make([x, y])
    for k in range(steps):
        optimizer.zero_grad()
        ((x**4).sum() + (y * (k + 1)).sin().sum()).backward()
        optimizer.step()
    state = [dict(optimizer.state[p]) for p in (x, y)]
    return [x, y, state]


@case(59, rtol=1e-12, why="roots of running means round differently")
def rmsprop(torch):
    RMSprop = torch.optim.RMSprop
    return [
        trained(torch, RMSprop), trained(torch, lambda p: RMSprop(p, lr=0.1, alpha=0.9, eps=1e-6)),
        trained(torch, lambda p: RMSprop(p, momentum=0.9, weight_decay=0.1)), trained(torch, lambda p: RMSprop(p, centered=True)),
        trained(torch, lambda p: RMSprop(p, centered=True, momentum=0.5, maximize=True)),
        trained(torch, lambda p: RMSprop([{"params": p[:1], "lr": 0.5}, {"params": p[1:]}], lr=0.01)),
        raises(lambda: RMSprop([leaf(torch, 1.0)], lr=-1.0), "Invalid learning rate: -1.0"), raises(lambda: RMSprop([leaf(torch, 1.0)], alpha=-1), "Invalid alpha value: -1"),
        raises(lambda: RMSprop([leaf(torch, 1.0)], eps=-1), "Invalid epsilon value"), raises(lambda: RMSprop([leaf(torch, 1.0)], momentum=-1), "Invalid momentum value"),
    ]  # fmt: skip


@case(59, rtol=1e-12, why="roots of sums round differently")
def adagrad(torch):
    Adagrad = torch.optim.Adagrad
    x = leaf(torch, [1.0, 2.0])
    begun = Adagrad([x], initial_accumulator_value=0.5)
    return [
        trained(torch, Adagrad), trained(torch, lambda p: Adagrad(p, lr=0.5, lr_decay=0.1, weight_decay=0.2)),
        trained(torch, lambda p: Adagrad(p, initial_accumulator_value=0.3, eps=1e-3, maximize=True)), dict(begun.state[x]),
        raises(lambda: Adagrad([x], lr=-1.0), "Invalid learning rate: -1.0"), raises(lambda: Adagrad([x], lr_decay=-1), "Invalid lr_decay value: -1"),
        raises(lambda: Adagrad([x], initial_accumulator_value=-1), "Invalid initial_accumulator_value value: -1"),
    ]  # fmt: skip


def scheduled(torch, make, steps=9, groups=1):
    x = leaf(torch, [1.0])
    parts = [{"params": [x], "lr": 0.5}, {"params": [leaf(torch, [2.0])], "lr": 0.2}][:groups]
    optimizer = torch.optim.SGD(parts, lr=0.1)
    schedule = make(optimizer)
    rates = [schedule.get_last_lr()]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr())
    return [
        rates,
        [g["lr"] for g in optimizer.param_groups],
        [g["initial_lr"] for g in optimizer.param_groups],
        schedule.last_epoch,
        schedule.base_lrs,
    ]


@case(59)
def schedules(torch):
    S = torch.optim.lr_scheduler
    return [
        scheduled(torch, lambda o: S.StepLR(o, 3)), scheduled(torch, lambda o: S.StepLR(o, step_size=2, gamma=0.5), groups=2),
        scheduled(torch, lambda o: S.ExponentialLR(o, 0.9), groups=2), scheduled(torch, lambda o: S.LambdaLR(o, lambda k: 0.5**k)),
        scheduled(torch, lambda o: S.LambdaLR(o, [lambda k: 1 / (k + 1), lambda k: 2.0]), groups=2),
        scheduled(torch, lambda o: S.CosineAnnealingLR(o, 4)), scheduled(torch, lambda o: S.CosineAnnealingLR(o, T_max=3, eta_min=0.05), groups=2),
    ]  # fmt: skip


@case(59)
def schedules_that_go_on(torch):
    S = torch.optim.lr_scheduler
    x = leaf(torch, [1.0])
    optimizer = torch.optim.SGD([x], lr=0.5)
    first = S.CosineAnnealingLR(optimizer, 5)
    for _ in range(3):
        optimizer.step()
        first.step()
    second = S.CosineAnnealingLR(torch.optim.SGD([x], lr=0.5), 5)
    second.load_state_dict(first.state_dict())
    second.optimizer.step()
    second.step()
    resumed = torch.optim.SGD([{"params": [x], "initial_lr": 0.8}], lr=0.3)
    third = S.CosineAnnealingLR(resumed, 5, last_epoch=2)
    resumed.step()
    after = third.get_last_lr()
    third.step()
    others = [
        s(torch.optim.SGD([{"params": [x], "initial_lr": 0.8}], lr=0.3)).get_last_lr()
        for s in (
            lambda o: S.StepLR(o, 3, last_epoch=2),
            lambda o: S.ExponentialLR(o, 0.5, last_epoch=2),
            lambda o: S.LambdaLR(o, lambda k: 1 / k, last_epoch=2),
        )
    ]
    fresh = torch.optim.SGD([x], lr=0.5)
    schedule = S.StepLR(fresh, 1)
    return [
        first.state_dict()["last_epoch"], first.get_last_lr(), second.get_last_lr(), after, third.get_last_lr(), third.last_epoch, others,
        warns(lambda: schedule.step(), "Detected call of `lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`"),
        raises(lambda: S.StepLR(fresh, 1, last_epoch=3) and S.StepLR(torch.optim.SGD([x]), 1, last_epoch=3), "param 'initial_lr' is not specified in param_groups.0."),
        raises(lambda: S.StepLR(3, 1), "is not an Optimizer"), raises(lambda: S.LambdaLR(fresh, [abs, abs]), "Expected 1 lr_lambdas, but got 2"),
    ]  # fmt: skip


@case(59)
def training_with_a_schedule(torch):
    x = leaf(torch, [1.0, 2.0])
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=0.5)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for _ in range(5):
        optimizer.zero_grad()
        (x * x).sum().backward()
        optimizer.step()
        schedule.step()
    return [x, schedule.get_last_lr()]


def _own_optimizer(torch):
    class Own(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1})

        def step(self, closure=None):
            with torch.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.add_(p, alpha=-group["lr"])
            return "stepped"

    return Own([leaf(torch, [1.0, 2.0])])


@case(59)
def steps_of_an_optimizer_of_ones_own(torch):
    found, order = [], "before `optimizer.step"
    for first in (True, False):
        optimizer = _own_optimizer(torch)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        found.append(optimizer.step() if first else None)
        found.append([warns(schedule.step, order)["warned"], warns(schedule.step, order)["warned"], schedule.get_last_lr(), optimizer.param_groups[0]["params"]])
    optimizer = _own_optimizer(torch)
    optimizer.step()  # of which the schedule does not know
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    found.append(warns(schedule.step, order)["warned"])
    optimizer = _own_optimizer(torch)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step = lambda: None
    return [*found, warns(schedule.step, "has been overridden after")]


@case(59)
def epochs_that_are_given(torch):
    schedules, found = torch.optim.lr_scheduler, []

    class Own(schedules.LRScheduler):
        def get_lr(self):
            return [base * 0.5**self.last_epoch for base in self.base_lrs]

    for make in (lambda o: schedules.StepLR(o, 2), lambda o: schedules.ExponentialLR(o, 0.5), Own,
        lambda o: schedules.LambdaLR(o, lambda e: 0.5**e), lambda o: schedules.CosineAnnealingLR(o, 4, 0.01)):  # fmt: skip
        optimizer = torch.optim.SGD([leaf(torch, 1.0)], 0.1)
        schedule = make(optimizer)
        optimizer.step()
        for epoch in (3, 5, None, 0, 2):
            warned = warns(lambda schedule=schedule, epoch=epoch: schedule.step(epoch), "epoch parameter in `scheduler.step")["warned"]
            found.append([warned, schedule.last_epoch, schedule.get_last_lr()])
        warns(lambda schedule=schedule: schedule.step(epoch=1), "epoch parameter")
        found.append(schedule.get_last_lr())
    return found
