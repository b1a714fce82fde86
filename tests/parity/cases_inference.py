"""Inference mode, updates under no_grad, anomaly mode."""

from __future__ import annotations

from .harness import case, const, leaf, raises, warns


@case(41)
def inference_mode(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.inference_mode():
        y = x * 2
        inside = [torch.is_inference_mode_enabled(), torch.is_grad_enabled(), y.requires_grad, y.is_inference(), x.is_inference()]
    return [inside, torch.is_inference_mode_enabled(), torch.is_grad_enabled(), y.is_inference(), y.is_leaf, y]


@case(41)
def inference_mode_as_decorator(torch):
    @torch.inference_mode()
    def f(x):
        return x * 2

    @torch.inference_mode
    def g(x):
        return x * 2

    x = leaf(torch, 1.0)
    return [f(x).is_inference(), g(x).is_inference(), (x * 2).is_inference()]


@case(41)
def inference_mode_switched_off(torch):
    x = leaf(torch, 1.0)
    with torch.inference_mode(), torch.inference_mode(False):
        y = x * 2
        return [y.requires_grad, y.is_inference(), torch.is_inference_mode_enabled()]


@case(41)
def inference_tensors_are_not_saved(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.inference_mode():
        c = const(torch, [3.0, 4.0])
    phrase = "Inference tensors cannot be saved for backward"
    y = x + c
    y.sum().backward()
    return [raises(lambda: x * c, phrase), x.grad, (c * 2).is_inference(), c.clone().is_inference()]


@case(41)
def inference_tensors_are_not_edited_outside(torch):
    with torch.inference_mode():
        c = const(torch, [3.0, 4.0])
        c.add_(1)
    return raises(lambda: c.add_(1), "Inplace update to inference tensor outside InferenceMode is not allowed")


@case(41)
def inference_tensors_do_not_require_grad(torch):
    with torch.inference_mode():
        c = const(torch, [3.0, 4.0])
    return [raises(lambda: c.requires_grad_(), "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed"),
            raises(lambda: c._version, "Inference tensors do not track version counter")]


@case(42)
def update_under_no_grad(torch):
    x = leaf(torch, [3.0, -1.0])
    for _ in range(3):
        (x**2).sum().backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
        x.grad = None
    return [x, x.is_leaf, x._version]


@case(42)
def update_through_data(torch):
    x = leaf(torch, [3.0, -1.0])
    for _ in range(3):
        (x**2).sum().backward()
        x.data -= 0.1 * x.grad
        x.grad.zero_()
    return [x, x.is_leaf, x._version]


@case(42)
def update_by_methods(torch):
    x = leaf(torch, [3.0, -1.0])
    (x**2).sum().backward()
    with torch.no_grad():
        x.sub_(0.1 * x.grad)
        x.add_(x.grad, alpha=-0.5)
        x.copy_(x * 2)
        x[0] = 7.0
        x.mul_(2).clamp_(min=-1)
    return [x, x.is_leaf, x.requires_grad]


@case(42)
def rebinding_under_no_grad_loses_the_leaf(torch):
    x = leaf(torch, 3.0)
    (x**2).backward()
    with torch.no_grad():
        x = x - 0.1 * x.grad
    return [x, x.requires_grad, x.grad]


@case(42, 23)
def update_between_forward_and_backward(torch):
    x = leaf(torch, [3.0])
    y = (x**2).sum()
    with torch.no_grad():
        x -= 1.0
    return raises(y.backward, "one of the variables needed for gradient computation has been modified by an inplace operation")


@case(80)
def anomaly_names_the_function(torch):
    x = leaf(torch, [0.0, 1.0])

    def fail():
        with torch.autograd.detect_anomaly():
            (torch.sqrt(x) * 0.0).sum().backward()

    return raises(fail, r"Function 'SqrtBackward0' returned nan values in its 0th output")


@case(80)
def anomaly_warns_with_the_forward_line(torch):
    x = leaf(torch, -1.0)
    caught = []

    def fail():
        with torch.autograd.set_detect_anomaly(True):
            y = x.log()
            caught.append(raises(y.backward, "LogBackward0"))

    y = warns(fail, r"Anomaly Detection has been enabled|Error detected in")
    return [y["phrase"], y["warned"]]


@case(80)
def anomaly_off_says_nothing(torch):
    x = leaf(torch, 0.0)
    with torch.autograd.set_detect_anomaly(False):
        (x.sqrt() * 0).backward()
    return [x.grad, torch.is_anomaly_enabled()]


@case(80)
def anomaly_as_call_and_without_nan_check(torch):
    x = leaf(torch, 0.0)
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    inside = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    (x.sqrt() * 0).backward()
    torch.autograd.set_detect_anomaly(False)
    return [inside, x.grad, torch.is_anomaly_enabled()]


@case(80)
def anomaly_names_a_custom_function(torch):
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    x = leaf(torch, 1.0)

    def fail():
        with torch.autograd.detect_anomaly():
            Bad.apply(x).backward()

    return [raises(fail, "Function 'BadBackward' returned nan values in its 0th output"), x.grad]


@case(41)
def normal_tensors_stay_normal_in_inference_mode(torch):
    touches = [
        lambda w: w.detach(), lambda w: w.data, lambda w: w[0], lambda w: w * 2, lambda w: w.add_(1), lambda w: w.mul_(2), lambda w: w.zero_(),
        lambda w: w.fill_(3.0), lambda w: w.copy_(const(torch, [5.0, 6.0])), lambda w: w.sub_(const(torch, [0.1, 0.2])), lambda w: w[:1].add_(2),
        lambda w: w.detach().add_(1), lambda w: w.data.add_(1), lambda w: w.clamp_(0, 1), lambda w: w.max(0)[0],
    ]  # fmt: skip
    found = []
    for touch in touches:
        for w in (leaf(torch, [1.0, 2.0]), const(torch, [1.0, 2.0])):
            u = leaf(torch, [1.0, 1.0])
            with torch.inference_mode():
                made = touch(w).is_inference()
            (w * w * u).sum().backward()
            found.append([made, w.is_inference(), w.detach().clone(), w.grad, u.grad, w._version])
    return found


@case(41)
def inference_tensors_stay_what_they_are(torch):
    phrase = "Inference tensors cannot be saved for backward"
    writes = [lambda c: c.mul_(2), lambda c: c.zero_(), lambda c: c.__setitem__(0, 3.0), lambda c: c[:1].add_(1), lambda c: c.fill_(2.0)]
    found = []
    for write in writes:
        x = leaf(torch, [1.0, 2.0])
        with torch.inference_mode():
            c = const(torch, [3.0, 4.0])
            write(c)
            views = [c.detach().is_inference(), c[0].is_inference(), c.data.is_inference(), c.sort()[0].is_inference()]
        found += [raises(lambda x=x, c=c: x * c, phrase), c.is_inference(), c.detach().is_inference(), *views]
    return found


@case(41)
def averages_are_kept_in_inference_mode(torch):
    e, w = const(torch, [0.0, 0.0]), leaf(torch, [1.0, 2.0])
    for _ in range(12):
        (w * w * (w.detach() + e)).sum().backward()
        with torch.inference_mode():
            e.mul_(0.9).add_(w, alpha=0.1)
            w -= 0.01 * w.grad
        w.grad = None
    return [e, w.detach()]
