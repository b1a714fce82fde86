"""gradcheck and gradgradcheck: what passes, what fails and what they say."""

from __future__ import annotations

from .cases_function import make, save
from .harness import case, const, leaf, raises, warns

MISMATCH = "Jacobian mismatch for output {} with respect to input {}"


def wrong(torch):
    return make(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 3, "Wrong")


@case(58)
def passes(torch):
    check = torch.autograd.gradcheck
    x, y = leaf(torch, [0.3, 0.4]), leaf(torch, [[1.0], [2.0]])
    return [check(torch.sin, (x,)), check(torch.sin, x), check(lambda x, y: x * y, (x, y)), check(lambda x, y: (x * y, x.sum()), [x, y]),
            check(lambda x, k: x**k, (x, 3)), check(lambda x: x.prod(), x), check(lambda x, c: x * c, (x, const(torch, [1.0, 2.0])))]


@case(58)
def failure_message(torch):
    x = leaf(torch, [1.0, 2.0])
    f = wrong(torch).apply
    check = torch.autograd.gradcheck
    return [raises(lambda: check(f, (x,)), MISMATCH.format(0, 0)), raises(lambda: check(f, (x,)),
        r"numerical:tensor\(\[\[2\.0000, 0\.0000\]"),
            raises(lambda: check(f, (x,)), r"analytical:tensor\(\[\[3\., 0\.\]")]


@case(58)
def failure_names_output_and_input(torch):
    f = make(torch, lambda ctx, x, y: (x * 1, x * y), lambda ctx, g, h: (g, h), "Wrong")
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    return raises(lambda: torch.autograd.gradcheck(f.apply, (x, y)), MISMATCH.format(1, 0))


@case(58)
def without_raising(torch):
    x = leaf(torch, [1.0, 2.0])
    return [torch.autograd.gradcheck(wrong(torch).apply, (x,), raise_exception=False),
        torch.autograd.gradcheck(torch.sin, (x,), raise_exception=False)]


@case(58)
def error_class(torch):
    x = leaf(torch, [1.0, 2.0])
    try:
        torch.autograd.gradcheck(wrong(torch).apply, (x,))
    except RuntimeError as error:
        return type(error).__name__
    return None


@case(58)
def tolerances(torch):
    x = leaf(torch, [1.0, 2.0])
    near = make(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2.01, "Near").apply
    check = torch.autograd.gradcheck
    return [check(near, (x,), raise_exception=False), check(near, (x,), atol=3e-2), check(near, (x,), rtol=2e-2),
            check(lambda x: x**3, (x,), eps=0.2, raise_exception=False), check(lambda x: x**3, (x,), eps=1e-4)]


@case(58)
def fast_mode(torch):
    x = leaf(torch, [1.0, 2.0])
    check = torch.autograd.gradcheck
    return [check(torch.sin, (x,), fast_mode=True), check(lambda x: (x * 2, x.sum()), (x,), fast_mode=True),
            raises(lambda: check(wrong(torch).apply, (x,), fast_mode=True), MISMATCH.format(0, 0) + r"(.|\n)*in fast mode")]


@case(58)
def inputs_are_left_alone(torch):
    x = leaf(torch, [1.0, 2.0])
    torch.autograd.gradcheck(torch.sin, (x,))
    return [x, x.grad]


@case(58, 66)
def fails_at_a_kink(torch):
    check = torch.autograd.gradcheck
    return [check(torch.relu, (leaf(torch, [0.0]),), raise_exception=False), check(torch.relu, (leaf(torch, [0.5, -0.5]),)),
            check(torch.abs, (leaf(torch, [0.0]),), raise_exception=False)]


@case(58)
def several_outputs_and_integers_among_them(torch):
    x = leaf(torch, [3.0, 1.0, 2.0])
    return [torch.autograd.gradcheck(lambda x: tuple(torch.sort(x)), (x,)), torch.autograd.gradcheck(lambda x: (x * 2, x.argmax()), (x,))]


@case(58)
def matrices(torch):
    m = leaf(torch, [[2.0, 0.5], [0.25, 3.0]])
    check = torch.autograd.gradcheck
    return [check(torch.linalg.inv, (m,)), check(torch.linalg.det, (m,)), check(lambda m: m @ m.t(), (m,)),
        check(lambda m: m.exp().sum(0), (m,))]


@case(59)
def single_precision_warns(torch):
    x = leaf(torch, [1.0], "float32")
    return warns(lambda: torch.autograd.gradcheck(lambda x: x * 2, (x,), raise_exception=False),
        "Input #0 requires gradient and is not a double precision floating point")


@case(59)
def without_differentiable_input(torch):
    phrase = "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True"
    return [raises(lambda: torch.autograd.gradcheck(torch.sin, (const(torch, [1.0]),)), phrase),
        raises(lambda: torch.autograd.gradcheck(lambda: 1.0, ()), phrase)]


@case(59)
def expected_to_be_zero(torch):
    x = leaf(torch, [1.0, 2.0])
    check = torch.autograd.gradcheck
    return [raises(lambda: check(lambda x: x.detach() * 2, (x,)), "Numerical gradient for function expected to be zero"),
            check(lambda x: torch.ones(2, dtype=torch.float64), (x,))]


@case(59)
def undefined_gradients(torch):
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def total(*parts):
        parts = [p for p in parts if p is not None]
        return sum(parts) if parts else None

    def honest(ctx, g, h):
        return total(None if g is None else g * 2, None if h is None else h * 3)

    def confused(ctx, g, h):
        alone = g is None and h is not None and not h.any()
        return torch.ones(2, dtype=torch.float64) if alone else honest(ctx, g, h)

    good, bad = make(torch, forward, honest), make(torch, forward, confused)
    x = leaf(torch, [1.0, 2.0])
    check = torch.autograd.gradcheck
    phrase = "Expected all input grads to be undefined or zero when all output grads are undefined or zero"
    return [check(good.apply, (x,)), check(bad.apply, (x,), check_undefined_grad=False), raises(lambda: check(bad.apply, (x,)), phrase)]


@case(59)
def not_reentrant(torch):
    count = []

    def backward(ctx, g):
        count.append(1)
        return g * (2 + 1e-9 * len(count))

    f = make(torch, lambda ctx, x: x * 2, backward)
    x = leaf(torch, [1.0, 2.0])
    check = torch.autograd.gradcheck
    return [raises(lambda: check(f.apply, (x,), check_undefined_grad=False), "Backward is not reentrant"),
        check(f.apply, (x,), nondet_tol=1e-6)]


@case(59)
def expanded_input_refused(torch):
    x = const(torch, [1.0, 2.0]).expand(2, 2).requires_grad_()
    return raises(lambda: torch.autograd.gradcheck(torch.sin, (x,)), "The 0th input has a dimension with stride 0")


@case(59)
def options(torch):
    x = leaf(torch, [0.3, 0.4])
    check = torch.autograd.gradcheck
    return [check(torch.sin, (x,), check_batched_grad=True), check(torch.sin, (x,), check_grad_dtypes=True),
        check(torch.sin, (x,), check_undefined_grad=False),
            raises(lambda: check(torch.sin, (x,), check_backward_ad=False),
            "Expected at least one of check_forward_ad or check_backward_ad to be True"),
            check(torch.sin, (x,), check_forward_ad=True)]


@case(60)
def gradgradcheck(torch):
    x, y = leaf(torch, [0.3, 0.4]), leaf(torch, [1.0, 2.0])
    check = torch.autograd.gradgradcheck
    return [check(torch.sin, (x,)), check(lambda x, y: x**2 * y, (x, y)), check(lambda x: (x**3).sum(), x),
        check(lambda x: (x.exp(), x**2), (x,)),
            check(lambda x: x * 2, (x,))]


@case(60)
def gradgradcheck_with_grad_outputs(torch):
    x = leaf(torch, [0.3, 0.4])
    check = torch.autograd.gradgradcheck
    return [check(torch.sin, (x,), (leaf(torch, [1.0, -1.0]),)), check(lambda x: (x.exp(), x**2), (x,),
        grad_outputs=(leaf(torch, [1.0, 2.0]), leaf(torch, [0.5, 1.0]))),
            check(lambda x: x.prod(), x, leaf(torch, 2.0))]


@case(60)
def gradgradcheck_fails(torch):
    cut = make(torch, save(lambda x: x**2), lambda ctx, g: g * 2 * ctx.saved_tensors[0].detach(), "Cut")
    x = leaf(torch, [0.3, 0.4])
    check = torch.autograd.gradgradcheck
    return [raises(lambda: check(cut.apply, (x,)), MISMATCH.format(0, 0)), check(cut.apply, (x,), raise_exception=False),
        torch.autograd.gradcheck(cut.apply, (x,))]


@case(60)
def gradgradcheck_options(torch):
    x = leaf(torch, [0.3, 0.4])
    check = torch.autograd.gradgradcheck
    return [check(torch.sin, (x,), gen_non_contig_grad_outputs=True), check(torch.sin, (x,), fast_mode=True),
        check(torch.sin, (x,), eps=1e-5, atol=1e-4, rtol=1e-2)]
