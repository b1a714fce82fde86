"""What backward says of values that were modified in place since they were saved."""

from __future__ import annotations

from .harness import case, leaf, raises

SINCE = "one of the variables needed for gradient computation has been modified by an inplace operation: "
HINT = r" Hint: enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly"


def said(y, what, versions, hint=HINT):
    now, then = versions
    return raises(lambda: y.sum().backward(), f"{SINCE}{what} is at version {now}; expected version {then} instead.{hint}")


def functions(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    class Exponential(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    class Between(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.between = x * 2
            ctx.save_for_backward(ctx.between)
            return ctx.between * x

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    return Square, Exponential, Between


@case(53, 23)
def saved_by_a_function(torch):
    square, exponential, between = functions(torch)
    w = leaf(torch, [1.0, 2.0, 3.0], "float32")
    x = w.exp()
    first = square.apply(x)
    x.mul_(2)
    second = square.apply(w)
    third = exponential.apply(w)
    third.add_(1)
    fourth = exponential.apply(w)
    fourth[0] = 2.0
    fourth[1] = 2.0
    fifth = between.apply(w)
    fifth.grad_fn.between.mul_(2)
    with torch.no_grad():
        w.mul_(2)
    kind = r"\[torch.FloatTensor \[3\]\]"
    return [said(first, f"{kind}, which is output 0 of Mul(Backward0)?,", (1, 0)), said(second, kind, (1, 0)),
            said(third, f"{kind}, which is output 0 of Exponential(Backward)?,", (1, 0)),
            said(fourth, f"{kind}, which is output 0 of Exponential(Backward)?,", (2, 0)), said(fifth, kind, (1, 0))]


@case(54, 53)
def the_entry_of_a_function_is_its_context(torch):
    square, _, between = functions(torch)
    w = leaf(torch, [1.0, 2.0])
    y = between.apply(w).grad_fn
    return [y.between, y.saved_tensors[0], y.needs_input_grad, square.apply(w).grad_fn.saved_tensors[0] is w, hasattr(y, "beyond")]


@case(23)
def saved_by_operations(torch):
    w = leaf(torch, [[1.0, 2.0, 3.0]])
    result, operand, both = w.exp(), w**2, w.tanh()
    squares, products = operand * operand, both * both
    result.add_(1)
    operand.add_(1)
    both.add_(1)
    c = torch.tensor([1, 2])
    taken = w[0][c]
    c.add_(0)
    z = w * 1
    z[0, 0] = 5.0
    after = z * z
    z[0, 1] = 3.0
    kind = r"\[torch.DoubleTensor \[1, 3\]\]"
    return [said(result, f"{kind}, which is output 0 of Exp(Backward0)?,", (1, 0)),
            said(squares, f"{kind}, which is output 0 of Add(Backward0)?,", (1, 0)),
            said(products, f"{kind}, which is output 0 of Add(Backward0)?,", (1, 0)),
            said(taken, r"\[torch.LongTensor \[2\]\]", (1, 0)),
            said(after, f"{kind}, which is output 0 of (torch::autograd::)?CopySlices,", (2, 1))]


@case(80, 23)
def under_anomaly_detection(torch):
    w = leaf(torch, [1.0, 2.0])
    with torch.autograd.detect_anomaly():
        y = w.exp()
        y.add_(1)
        hint = " Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in question"
        return said(y, r"\[torch.DoubleTensor \[2\]\], which is output 0 of Exp(Backward0)?,", (1, 0), hint)
