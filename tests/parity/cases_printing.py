"""What print, repr, str and format show."""

from __future__ import annotations

from .harness import case, const, leaf

INF = float("inf")
NAN = float("nan")


@case(73, bits=True)
def numbers_and_vectors(torch):
    for data in (1.0, 2.5, [1.0, 2.0], [1.0, 2.5], [1.5, -2.25, 100.125], [], [0.0, -0.0], 3, [1, -20, 300], True, [True, False], [[]],
        1 / 3):
        print(torch.tensor(data))


@case(73, bits=True)
def dtypes(torch):
    for name in ("float32", "float64", "int32", "int64", "bool"):
        print(torch.tensor([1, 0], dtype=getattr(torch, name)), torch.tensor(1, dtype=getattr(torch, name)))
    print(torch.tensor([], dtype=torch.float64), torch.tensor([], dtype=torch.int64), torch.zeros(2, 0),
        torch.zeros(0, 3, dtype=torch.float64))


@case(73, bits=True)
def gradients(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    print(x)
    print(x * 2, x + 1, x.sum(), x.mean(), (x**2).exp(), x[0], x.reshape(2, 1))
    print(x.double(), x.detach(), x.data, (x > 1))
    print(torch.tensor(1.0, dtype=torch.float64, requires_grad=True) * 2)


@case(73, bits=True)
def alignment(torch):
    for data in ([1.0, 10.0, 100.0], [1.5, 10.25, 100.125], [-1.0, 1.0], [-1.5, 100.0], [1, 10, -100], [[1.0, 2.0], [30.5, 4.25]],
        [[1], [20]], [4.0, 6.0, 12.6], [0.5, -0.25]):
        print(torch.tensor(data))


@case(73, bits=True)
def scientific(torch):
    for data in ([1e-5, 1.0], [1e8, 1.0], [1e9, 1.5], [1e-8], [123456.789], [1e5, 1e-5], [1e10], [100000000.0], [99999.0, 0.5], [1e-4],
        [1e-10, 1e10], 1e-5, 1e20, [1.0, 1e5], [1001.0, 0.5], [0.0001, 1.0]):
        print(torch.tensor(data))


@case(73, bits=True)
def nan_and_infinity(torch):
    for data in ([NAN, 1.0], [INF, -INF], [NAN, 1.5], [INF, 1e10], NAN, -INF, [NAN], [INF, 0.25, -1.0]):
        print(torch.tensor(data))


@case(73, bits=True)
def double_precision_numbers(torch):
    for data in ([0.1, 0.2], [1 / 3], [1e-12], [123456789.123], [2.0, 3.0], 1 / 3):
        print(torch.tensor(data, dtype=torch.float64))


@case(73, bits=True)
def matrices(torch):
    print(torch.arange(6.0).reshape(2, 3))
    print(torch.arange(12).reshape(2, 3, 2))
    print(torch.eye(3))
    print(torch.tensor([[1.5, -2.0], [1e3, 0.0]]))
    print(torch.zeros(1, 1, 1, 1))
    print(torch.arange(4.0, requires_grad=True).reshape(2, 2) * 2)


@case(73, bits=True)
def long_lines_wrap(torch):
    print(torch.arange(30.0))
    print(torch.arange(40))
    print(torch.arange(30.0).reshape(2, 15) / 7)
    print(torch.arange(25.0, requires_grad=True) * 1.5)


@case(73, bits=True)
def summarising(torch):
    print(torch.arange(1001))
    print(torch.arange(1000.0)[:3])
    print(torch.zeros(2000))
    print(torch.arange(40000.0).reshape(200, 200))
    print(torch.zeros(20, 20, 20))
    print(torch.arange(1500.0, dtype=torch.float64, requires_grad=True))


@case(73, bits=True)
def long_attributes_go_to_the_next_line(torch):
    x = torch.ones(12, requires_grad=True)
    print(x * 1.2345)
    print(torch.ones(11, dtype=torch.float64) * 1.2345)
    print(torch.ones(3, 3, dtype=torch.float64, requires_grad=True) * 2)


@case(73, bits=True)
def str_repr_and_format(torch):
    x, y = torch.tensor(1.5), torch.tensor([1.0, 2.0])
    return [str(x), repr(y), f"{x}", f"{y}", f"{x:.3f}", f"{torch.tensor(7):03d}", f"{x}, {y}", f"{x.item():.2f}",
        f"{torch.tensor(2.0, requires_grad=True)}", f"{[x, y]}", str({"a": x})]


@case(73, bits=True)
def shapes_and_dtypes(torch):
    x = torch.zeros(2, 3)
    print(x.dtype, x.double().dtype, torch.tensor(1).dtype, repr(torch.float64), str(torch.bool))
    print(list(x.shape), tuple(x.size()), x.numel())


@case(73, bits=True)
def nodes(torch):
    x = torch.tensor([1.0], requires_grad=True)
    return [repr(x.grad_fn), str((x * 2).grad_fn).split(" at")[0], (x * 2).grad_fn.name(),
        str((x * 2).grad_fn.next_functions[0][0]).split(" at")[0]]


@case(73, bits=True)
def named_results(torch):
    print(torch.tensor([[1.0, 3.0], [4.0, 2.0]]).max(1))
    print(torch.tensor([2, 1, 3]).sort())


@case(73, bits=True)
def integers_with_many_digits(torch):
    print(torch.tensor([2**40, -1]), torch.tensor([10**12]), torch.tensor([[1, 1000000], [-5, 3]]))


@case(73, bits=True)
def print_options(torch):
    torch.set_printoptions(precision=2)
    print(torch.tensor([1.23456, 2.0]))
    torch.set_printoptions(sci_mode=True)
    print(torch.tensor([1.5, 2.0]))
    torch.set_printoptions(profile="default")
    torch.set_printoptions(sci_mode=None)
    print(torch.tensor([1.23456, 2.0]))


@case(73, bits=True)
def rounding_of_printed_digits(torch):
    print(torch.tensor([0.00005, 0.00015, 0.12345, 0.12355, 2.00005]), torch.tensor([0.66666667, 1.33333333]), const(torch, [0.99999, 1.0]))


@case(73, bits=True)
def custom_function_name(torch):
    class Doubling(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    print(Doubling.apply(leaf(torch, [1.0, 2.0])))


@case(73, bits=True)
def after_in_place_and_views(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] = 5
    print(y, y[:1], y.t(), x.unsqueeze(0), x.expand(2, 2), x[x > 1], x.clone())
