"""What is refused, and in what words: arguments that are no Tensors, bools in differences, class indices, no axis for softmax."""

from __future__ import annotations

from .harness import case, const, leaf, raises, warns


@case(2)
def assigning_what_is_no_number(torch):
    y = const(torch, [1.0, 2.0], "float32")
    n = torch.tensor([1, 2])
    text = "can't assign a {} to a torch.{}Tensor"

    def put(target, value, key=0):
        return lambda: target.__setitem__(key, value)

    return [
        raises(put(y, [1, 2, 3, 4]), text.format("list", "Float")), raises(put(y, "a"), text.format("str", "Float")),
        raises(put(y, (1, 2)), text.format("tuple", "Float")), raises(put(y, None), text.format("NoneType", "Float")),
        raises(put(n, "a"), text.format("str", "Long")), raises(put(y, [1, 2], slice(None)), text.format("list", "Float")),
        raises(put(y, [1, 2], y > 0), text.format("list", "Float")), raises(put(y.double(), {}), text.format("dict", "Double")),
        raises(lambda: y.__delitem__(0), "Tensor does not support deleting items"), y,
    ]  # fmt: skip


@case(2)
def lists_of_tensors(torch):
    x, none = torch.ones(2), "expects a non-empty TensorList"
    no_list = "argument 'tensors' .position 1. must be tuple of Tensors, not {}"
    return [
        raises(lambda: torch.stack([]), none), raises(lambda: torch.hstack([]), none), raises(lambda: torch.vstack([]), none),
        raises(lambda: torch.cat([]), "expected a non-empty list of Tensors"), raises(lambda: torch.cat(x), no_list.format("Tensor")),
        raises(lambda: torch.stack(x), no_list.format("Tensor")), raises(lambda: torch.cat(3), no_list.format("int")),
        raises(lambda: torch.cat([x, 3]), "expected Tensor as element 1 in argument 0, but got int"),
        raises(lambda: torch.stack([x, 3.0]), "expected Tensor as element 1 in argument 0, but got float"),
        raises(lambda: torch.einsum("i,i", x, "a"), "expected Tensor as element 1 in argument 1, but got str"),
        raises(lambda: torch.einsum("i,i", x, 3), "expected Tensor as element 1 in argument 1, but got int"),
    ]  # fmt: skip


@case(2)
def bits_of_floats(torch):
    x = torch.ones(2)
    return [
        raises(lambda: x & 1, '"bitwise_and_cpu" not implemented for .Float.'), raises(lambda: x | x, '"bitwise_or_cpu" not implemented for .Float.'),
        raises(lambda: x ^ True, '"bitwise_xor_cpu" not implemented for .Float.'), raises(lambda: x << 1, '"lshift_cpu" not implemented for .Float.'),
        raises(lambda: ~x, "only implemented on integer and Boolean-type tensors"), ~torch.tensor([True, False]), ~torch.tensor([1, -2]),
    ]  # fmt: skip


@case(2)
def differences_of_bools(torch):
    x, mask = torch.ones(2), torch.tensor([True, False])
    one, two = "with a bool tensor is not supported", "with two bool tensors is not supported"
    return [
        raises(lambda: x - True, one), raises(lambda: True - x, one), raises(lambda: x - mask, one), raises(lambda: mask - x, one),
        raises(lambda: mask - 1, one), raises(lambda: mask - mask, two), raises(lambda: mask - True, two), raises(lambda: x.sub_(True), one),
        raises(lambda: torch.sub(x, mask, alpha=2), one), raises(lambda: x.__isub__(True), one), raises(lambda: torch.rsub(x, True), one),
        x, x + True, x * mask, mask + mask, x - 1,
    ]  # fmt: skip


@case(2)
def class_indices_are_int64(torch):
    F, m = torch.nn.functional, torch.ones(2, 2)
    words = "expected target dtype to be Long or Byte, but got {}"
    return [
        raises(lambda: F.cross_entropy(m, torch.tensor([0, 1], dtype=torch.int32)), words.format("Int")),
        raises(lambda: F.nll_loss(m, torch.tensor([0, 1], dtype=torch.int32)), words.format("Int")),
        raises(lambda: F.cross_entropy(m, torch.tensor([True, False])), words.format("Bool")),
        raises(lambda: F.cross_entropy(m, torch.tensor([0.0, 1.0])), words.format("Float")), F.cross_entropy(m, torch.tensor([0, 1])),
    ]  # fmt: skip


@case(2)
def numbers_in_place_of_tensors(torch):
    F = torch.nn.functional
    text = "argument 'input' .position 1. must be Tensor, not {}"
    calls = (lambda: torch.relu(3), lambda: F.relu(3), lambda: F.gelu(3), lambda: torch.softmax(3, 0), lambda: torch.rad2deg(3),
             lambda: torch.clamp_min(3, 1), lambda: torch.diff(3), lambda: torch.flatten(3), lambda: torch.sgn(3))  # fmt: skip
    return [[raises(f, text.format("int") + "|invalid combination of arguments") for f in calls], raises(lambda: torch.relu([1.0]), text.format("list")),
            torch.add(torch.ones(1), 2), torch.mul(2, torch.ones(1)), torch.pow(2, torch.ones(1)), raises(lambda: torch.mul(torch.ones(1), "a"), "argument 'other' .position 2.")]  # fmt: skip


@case(2)
def softmax_without_an_axis(torch):
    F, m = torch.nn.functional, leaf(torch, [[1.0, 2.0], [3.0, 5.0]])
    words = "Implicit dimension choice for {} has been deprecated. Change the call to include dim=X as an argument."
    return [
        warns(lambda: F.softmax(m), words.format("softmax")), warns(lambda: F.log_softmax(m[0]), words.format("log_softmax")),
        warns(lambda: F.softmin(m, None), words.format("softmin")), F.softmax(m, 0), F.softmax(m, dim=0, dtype=torch.float32),
        raises(lambda: torch.softmax(m), "missing 1 required positional argument"), raises(lambda: m.softmax(), "missing 1 required positional argument"),
        raises(lambda: torch.log_softmax(m), "missing 1 required positional argument"), torch.softmax(m, 1), m.log_softmax(axis=1),
        torch.softmax(m, 1, torch.float32),
    ]  # fmt: skip


@case(14)
def heaviside_has_no_derivative(torch):
    x, half = leaf(torch, [-1.0, 0.0, 2.0]), const(torch, 0.5)
    y = torch.heaviside(x, half)
    return [y, raises(y.sum().backward, "derivative for aten::heaviside is not implemented"), torch.heaviside(x.detach(), half)]
