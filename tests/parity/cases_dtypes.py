"""Element types: defaults, promotion, casts, gradients across them."""

from __future__ import annotations

import re

from .harness import case, const, leaf, raises

CLEAR = re.compile("element type|dtype|support")  # the message says what the matter is
NAMES = ("bool", "int32", "int64", "float32", "float64")


@case(74)
def literals(torch):
    return [torch.tensor(v).dtype for v in (1, 1.0, True, [1, 2.0], [True, 1], [], [[1], [2]], 2**40)]


@case(74)
def promotion_of_tensors(torch):
    made = {n: torch.ones(2, dtype=getattr(torch, n)) for n in NAMES}
    return [[[(made[a] + made[b]).dtype, (made[a] * made[b]).dtype] for b in NAMES] for a in NAMES]


@case(74)
def promotion_of_division(torch):
    made = {n: torch.ones(2, dtype=getattr(torch, n)) for n in NAMES}
    return [[(made[a] / made[b]).dtype for b in NAMES] for a in NAMES]


@case(74)
def numbers_do_not_promote_within_a_kind(torch):
    made = [torch.ones(2, dtype=getattr(torch, n)) for n in NAMES]
    return [[(m + 1).dtype, (m * 2.5).dtype, (m + True).dtype, (2 - m.int()).dtype, (m / 2).dtype, (2.0**m).dtype,
        (m == 1.5).dtype] for m in made]


@case(74)
def zero_dimensional_tensors_do_not_promote_within_a_kind(torch):
    made = [torch.ones(2, dtype=getattr(torch, n)) for n in NAMES]
    scalars = [torch.tensor(1, dtype=getattr(torch, n)) for n in NAMES]
    return [[(m + s).dtype for s in scalars] + [(s * s2).dtype for s in scalars[:2] for s2 in scalars] for m in made]


@case(74)
def result_type(torch):
    x, k = torch.ones(2), torch.tensor([1])
    return [torch.result_type(x, k), torch.result_type(k, 1.5), torch.result_type(x, torch.tensor(1.0, dtype=torch.float64)),
        torch.promote_types(torch.int32, torch.float32), torch.can_cast(torch.float32, torch.int64),
        torch.can_cast(torch.int32, torch.float32)]


@case(74)
def promotion_in_functions(torch):
    f, d, k = torch.ones(2), torch.ones(2, dtype=torch.float64), torch.tensor([1, 2])
    return [torch.where(k > 1, f, d).dtype, torch.cat([f, d]).dtype, torch.maximum(f, d).dtype, torch.maximum(k, f).dtype,
        torch.stack([f, d]).dtype, torch.cat([k, f]).dtype, torch.atan2(f, d).dtype,
            torch.where(k > 1, k, 2.5).dtype, torch.pow(k, f).dtype, torch.lerp(f, f * 2, 0.5).dtype, k.clamp(min=1.5).dtype,
            f.clamp(min=1).dtype, torch.einsum("i,i", f, f).dtype]


@case(74)
def casting_methods(torch):
    x = const(torch, [1.7, -2.3])
    return [x.float(), x.double().dtype, x.int(), x.long(), x.bool(), x.to(torch.float32), x.to(torch.int64), x.type(torch.float32),
        x.type_as(torch.ones(1)), x.to(torch.ones(1)), x.to("cpu").dtype, x.cpu().dtype,
            x.to(dtype=torch.int32), x.to(torch.float64) is x, x.double() is x, x.float().is_floating_point(),
            x.to(torch.float64, copy=True) is x]


@case(74)
def casting_bools_and_integers(torch):
    b, k = torch.tensor([True, False]), torch.tensor([0, 3])
    return [b.int(), b.float(), k.bool(), k.double(), b.long() + 1, (~b).to(torch.float32), torch.tensor([0.5, float("nan")]).bool()]


@case(74)
def default_dtype(torch):
    seen = [torch.get_default_dtype()]
    torch.set_default_dtype(torch.float64)
    seen += [torch.get_default_dtype(), torch.tensor(1.0).dtype, torch.zeros(2).dtype, torch.arange(2.0).dtype,
        (torch.tensor([1]) / 2).dtype, torch.rand(1).dtype, (torch.tensor([1]) * 1.5).dtype, torch.eye(1).dtype]
    torch.set_default_dtype(torch.float32)
    return [*seen, torch.tensor(1.0).dtype, raises(lambda: torch.set_default_dtype(torch.int64),
        "only floating-point types are supported as the default type")]


@case(74)
def names_of_dtypes(torch):
    names = "float32 float64 int32 int64 bool float double int long".split()
    return [[getattr(torch, n), getattr(torch, n).is_floating_point, getattr(torch,
        n).itemsize] for n in names] + [torch.float is torch.float32, torch.long is torch.int64, torch.float64 == torch.double,
        torch.ones(1).dtype is torch.float32]


@case(74)
def limits(torch):
    f, d, k = torch.finfo(torch.float32), torch.finfo(torch.float64), torch.iinfo(torch.int64)
    return [f.eps, f.max, f.tiny, d.eps, d.min, k.max, k.min, torch.iinfo(torch.int32).bits, torch.pi, torch.inf, torch.e]


@case(74)
def integer_overflow_and_bool_arithmetic(torch):
    b = torch.tensor([True, False])
    return [torch.tensor([2**62]) * 2 * 2, torch.tensor([2**31 - 1], dtype=torch.int32) + 1, b + b, b * b, b.sum(), (b + 1).dtype,
        (b * 1.5).dtype]


@case(75)
def gradients_in_each_dtype(torch):
    x, y = leaf(torch, [1.0, 2.0], "float32"), leaf(torch, [3.0, 4.0])
    z = x * y
    z.sum().backward()
    return [z.dtype, x.grad, y.grad]


@case(75)
def gradients_through_casts(torch):
    x = leaf(torch, [1.0, 2.0], "float32")
    y = x.double() * 2
    y.float().sum().backward()
    return [y.detach(), y.grad_fn.name(), x.grad, x.double().grad_fn.next_functions[0][0].name()]


@case(75)
def gradients_with_0d_of_another_dtype(torch):
    x, s = leaf(torch, [1.0, 2.0], "float32"), leaf(torch, 3.0)
    y = x * s
    y.sum().backward()
    return [y.dtype, x.grad, s.grad]


@case(75)
def gradients_with_integers(torch):
    x = leaf(torch, [1.0, 2.0], "float32")
    k = torch.tensor([2, 3])
    y = x * k + k / x
    y.sum().backward()
    return [y.detach(), x.grad]


@case(75)
def casts_to_integers_cut(torch):
    x = leaf(torch, [1.5, 2.5])
    y = x.long()
    z = (x * y).sum()
    z.backward()
    return [y.requires_grad, y, x.grad]


@case(75)
def loss_of_mixed_terms(torch):
    a, b = leaf(torch, 0.5, "float32"), leaf(torch, [1.0, 2.0])
    loss = (a * b).sum() + a.exp() + b[0]
    loss.backward()
    return [loss.dtype, a.grad, b.grad]


@case(76, differs="half precision is not there: a clear error", expected=[True, True])
def half_precision(torch):
    found = []
    for name in ("float16", "bfloat16"):
        try:
            torch.ones(2, dtype=getattr(torch, name))
            found.append(False)
        except Exception as error:
            found.append(name in str(error) and bool(CLEAR.search(str(error))))
    return found


@case(76, differs="complex numbers are not there: a clear error", expected=[True, True])
def complex_numbers(torch):
    found = []
    for make in (lambda: torch.tensor([1j]), lambda: torch.ones(2, dtype=torch.complex128)):
        try:
            make()
            found.append(False)
        except Exception as error:
            found.append("complex" in str(error) and bool(CLEAR.search(str(error))))
    return found


@case(76)
def is_complex_of_real_tensors(torch):
    return [torch.ones(1).is_complex(), torch.is_complex(torch.ones(1)), torch.is_floating_point(torch.ones(1)),
        torch.is_tensor(torch.ones(1)), torch.is_tensor(1.0), isinstance(torch.ones(1), torch.Tensor)]


@case(74)
def wrong_dtypes_refused(torch):
    k, x = torch.tensor([1, 2]), const(torch, [1.0, 2.0])
    return [raises(lambda: x & x, "not implemented for|bitwise_and"), raises(lambda: x[x],
        "tensors used as indices must be long, int, byte or bool tensors|indices must be"),
        raises(lambda: torch.where(x, x, x), "expected condition to be a boolean tensor|condition"),
            raises(lambda: torch.dot(x, x.float()), "same dtype"),
            raises(lambda: k.softmax(0), "not implemented for|softmax")]
