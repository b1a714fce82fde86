"""NumPy and Python: sharing, refusals, conversions, identity, pickle, DLPack, random numbers."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np

from .harness import case, const, leaf, raises, warns


@case(77)
def numpy_shares(torch):
    x = torch.zeros(3)
    a = x.numpy()
    a[0] = 5
    x[1] = 7
    return [x, a, a.dtype.name, type(a).__name__]


@case(77)
def numpy_refused_on_tensors_that_require_grad(torch):
    x = leaf(torch, [1.0, 2.0])
    phrase = r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\) instead."
    return [raises(x.numpy, phrase), raises((x * 2).numpy, phrase), raises(lambda: np.asarray(x), phrase),
        raises(lambda: np.array(x), phrase), x.detach().numpy(), x.numpy(force=True)]


@case(77)
def numpy_under_no_grad(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.no_grad():
        return [(x * 2).numpy(), x.numpy()]


@case(77)
def numpy_of_a_view_and_of_0d(torch):
    x = torch.arange(6.0).reshape(2, 3)
    x.t().numpy()[2, 1] = 50
    return [x, x[0].numpy(), torch.tensor(2.0).numpy(), x.t().numpy().strides, torch.tensor([1, 2]).numpy(), torch.tensor([True]).numpy()]


@case(77)
def from_numpy_shares(torch):
    a = np.array([1.0, 2.0])
    x = torch.from_numpy(a)
    a[0] = 10
    x[1] = 20
    return [x, a, x.dtype, x.requires_grad, x.is_leaf]


@case(77)
def from_numpy_with_gradient(torch):
    a = np.array([1.0, 2.0])
    x = torch.from_numpy(a).requires_grad_()
    y = (x**2).sum()
    a[0] = 10.0
    y.backward()
    return [y.detach(), x.grad]


@case(77)
def from_numpy_dtypes(torch):
    arrays = [np.zeros(1, dtype=d) for d in ("float32", "float64", "int32", "int64", "bool")]
    return [[torch.from_numpy(a).dtype for a in arrays], raises(lambda: torch.from_numpy([1.0]), "expected np.ndarray"),
        raises(lambda: torch.from_numpy(np.array(["a"])), "can't convert np.ndarray of type numpy.str_")]


@case(77)
def from_numpy_strides(torch):
    a = np.arange(6.0).reshape(2, 3)
    x = torch.from_numpy(a.T)
    a[0, 1] = 50
    return [x, torch.from_numpy(a[:, ::2]), torch.from_numpy(a[::-1].copy())]


@case(77)
def tensor_and_as_tensor(torch):
    a = np.array([1.0, 2.0])
    x, y = torch.tensor(a), torch.as_tensor(a)
    a[0] = 9
    return [x, y, torch.as_tensor(x) is x, torch.as_tensor(a, dtype=torch.float32), torch.tensor(np.float64(1.5)),
        torch.tensor(np.float32(1.5)), torch.tensor([np.float64(2.0), 1.0]).dtype, torch.tensor(np.int64(3))]


@case(77)
def array_protocol(torch):
    x = const(torch, [1.0, 2.0])
    return [np.asarray(x), np.array(x, dtype=np.float32), np.sin(x.numpy()), np.add(x.numpy(), 1), np.mean(x.numpy()).item(),
        np.asarray(torch.tensor([1, 2])), np.stack([x.numpy(), x.numpy()])]


@case(77)
def numpy_numbers_as_operands(torch):
    x = const(torch, [1.0, 2.0], "float32")
    return [x * np.float64(2.0), x + np.int64(1), x * np.float32(0.5), torch.tensor([1, 2]) * np.float64(1.5), x.numpy() * 2]


@case(77)
def item_and_tolist(torch):
    values = [torch.tensor(1.5).item(), torch.tensor([[3]]).item(), torch.tensor(True).item(),
        torch.tensor(2.0, dtype=torch.float64).item(), torch.tensor(1).item()]
    lists = [torch.tensor([1.0, 2.5]).tolist(), torch.tensor([[1], [2]]).tolist(), torch.tensor(3.0).tolist(), torch.tensor([]).tolist(),
        torch.tensor([True]).tolist(), torch.zeros(2, 0).tolist()]
    return [values, [type(v).__name__ for v in values], lists, raises(lambda: torch.tensor([1.0, 2.0]).item(),
        "a Tensor with 2 elements cannot be converted to Scalar"), leaf(torch, 2.0).item(), leaf(torch, [1.0]).tolist()]


@case(77)
def single_precision_item(torch):
    return [torch.tensor(0.1).item(), torch.tensor([0.1]).tolist(), torch.tensor(0.1, dtype=torch.float64).item()]


@case(77)
def python_numbers(torch):
    x, k = torch.tensor(2.7), torch.tensor(3)
    return [float(x) == x.item(), int(x), bool(x), int(k), float(k), [10, 20, 30, 40][k], list(range(k)), math.sqrt(torch.tensor(4.0)),
        round(x.item(), 1), complex(k).real, float(torch.tensor([2.0])), hex(k), divmod(7, int(k))]


@case(77)
def python_numbers_refused(torch):
    return [raises(lambda: bool(torch.tensor([1.0, 2.0])), "Boolean value of Tensor with more than one value is ambiguous"),
        raises(lambda: float(torch.tensor([1.0, 2.0])),
        "a Tensor with 2 elements cannot be converted to Scalar|only one element tensors can be converted to Python scalars"),
            raises(lambda: [1, 2][torch.tensor(1.0)], "only integer tensors of a single element can be converted to an index"),
            raises(lambda: bool(torch.tensor([])), "Boolean value of Tensor with no values is ambiguous|ambiguous"),
            raises(lambda: int(torch.tensor(float("nan"))), "cannot convert float NaN to integer")]


@case(77)
def float_of_a_tensor_that_requires_grad(torch):
    x = leaf(torch, 2.5)
    return [float(x), int(x), bool(x), x.tolist()]


@case(77)
def length_and_iteration(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    a, b = x
    (a * b).sum().backward()
    return [len(x), [r.detach() for r in x], x.grad, a.grad_fn.name(), raises(lambda: len(torch.tensor(1.0)), r"len\(\) of a 0-d tensor"),
        raises(lambda: list(torch.tensor(1.0)), "iteration over a 0-d tensor"), [v.item() for v in torch.tensor([1, 2])],
        list(reversed(torch.tensor([1, 2, 3])))]


@case(77)
def membership(torch):
    x = torch.tensor([1.0, 2.0])
    return [2.0 in x, 5.0 in x, torch.tensor(1.0) in x, bool((x == 2).any())]


@case(78)
def identity_and_hash(torch):
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
    return [hash(x) == hash(x), len({x, y, x}), {x: "a"}[x], x == y, x is not y, x in [x], (x == None), (x != None)]  # noqa: E711


@case(78)
def pickled(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    y = pickle.loads(pickle.dumps(x))
    z = pickle.loads(pickle.dumps({"w": torch.tensor([[1, 2]]), "b": torch.tensor(True)}))
    return [y, y.requires_grad, y.is_leaf, y.grad, z]


@case(78)
def pickled_views_share(torch):
    x = torch.arange(4.0)
    a, b = pickle.loads(pickle.dumps((x, x[1:3])))
    a[1] = 50
    return [a, b]


@case(78)
def copies(torch):
    x = const(torch, [1.0, 2.0])
    y, z = copy.copy(x), copy.deepcopy(x)
    x[0] = 9
    return [y, z]


@case(78)
def dlpack(torch):
    x = torch.tensor([1.0, 2.0, 3.0])
    a = np.from_dlpack(x)
    y = torch.from_dlpack(np.array([4.0, 5.0]))
    x[0] = 10
    return [a, y, torch.from_dlpack(x), x.__dlpack_device__()[0] == 1]


@case(78)
def dlpack_refused(torch):
    return raises(lambda: np.from_dlpack(leaf(torch, [1.0])),
        "Can't export tensors that require gradient, use tensor.detach()|require gradient")


@case(1)
def manual_seed_repeats(torch):
    found = []
    for make in (lambda: torch.rand(3), lambda: torch.randn(2, 2), lambda: torch.randint(0, 10, (4,)), lambda: torch.randperm(5),
        lambda: torch.normal(0.0, 1.0, (3,)), lambda: torch.bernoulli(torch.full((4,), 0.5)), lambda: torch.rand_like(torch.ones(2)),
        lambda: torch.randn_like(torch.ones(2)),
                 lambda: torch.ones(3).uniform_(), lambda: torch.ones(3).normal_()):
        torch.manual_seed(7)
        first = make()
        torch.manual_seed(7)
        second = make()
        third = make()
        found.append([first.dtype, list(first.shape), torch.equal(first, second),
            first.numel() < 4 or first.dtype == torch.int64 or not torch.equal(second, third)])
    return found


@case(1)
def random_ranges(torch):
    torch.manual_seed(0)
    u, n, k, p = torch.rand(2000), torch.randn(2000), torch.randint(3, 7, (500,)), torch.randperm(10)
    return [bool((u >= 0).all() and (u < 1).all()), abs(u.mean().item() - 0.5) < 0.05, abs(n.mean().item()) < 0.1,
        abs(n.std().item() - 1) < 0.1, k.min().item(), k.max().item(), p.sort().values, torch.randint(5, (2,)).shape[0],
        torch.rand(2, dtype=torch.float64).dtype]


@case(77)
def warning_of_tensor_of_tensor(torch):
    x = torch.tensor([1.0])
    return warns(lambda: torch.tensor(x), "To copy construct from a tensor, it is recommended to use sourceTensor.detach")


@case(77)
def devices(torch):
    x = torch.ones(2)
    return [str(x.device), x.device.type, x.cpu() is x, x.to("cpu") is x]
