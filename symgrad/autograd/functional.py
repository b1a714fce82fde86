"""``sg.autograd.functional``: jacobian, hessian, vjp, jvp, hvp and vhp of functions of Tensors, over the tape.

Inputs and outputs are a Tensor or a tuple of Tensors, and results have their structure. Messages are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.eager.grad_mode import enable_grad, is_grad_enabled, set_grad_enabled
from symgrad.eager.gradients import grad
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.func import hessian as forward_hessian
from symgrad.func import jacfwd
from symgrad.ir.expr import Node, ops

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = tuple[Tensor, ...]
Optional = Sequence[Tensor | None]

OUTPUTS = "outputs of the user-provided function"
NOT_STRICT = "This is not allowed in strict mode."

_OUTPUT_WITHOUT_GRADIENT = (
    "Output {} of the user-provided function does not require gradients. The outputs must be computed in a differentiable "
    "manner from the input when running in strict mode."
)
_CONSTANT_JACOBIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
    "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
    "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example)."
)
_CONSTANT_GRADIENT = (
    "The gradient with respect to input {} is independent of the inputs of the user-provided function. " + NOT_STRICT
)
_UNUSED = "The output of the user-provided function is independent of input {}. " + NOT_STRICT
_UNUSED_COTANGENT = (
    "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the double backward "
    "trick to compute forward mode gradients. " + NOT_STRICT
)
_UNUSED_SECOND = "The jacobian of the user-provided function is independent of input {}. " + NOT_STRICT
_UNUSED_SECOND_COTANGENT = (
    "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. This is not allowed in strict "
    "mode as it prevents from using the double backward trick to replace forward mode AD."
)
_ONE_INPUT = "the input to the user-provided function is a single Tensor with a single element"
_ONE_OUTPUT = "the user-provided function returns a single Tensor with a single element"
_LINEAR = (
    "The {} of the user-provided function is independent of input {}. This is not allowed in strict mode when create_graph=True."
)


@operation("StackBackward0")
def _assemble(*rows: Node, shape: tuple[int, ...]) -> Node:
    stacked: Node = ops.stack(*rows, axis=0)
    return ops.reshape(stacked, shape=shape)


def _zeros(like: Tensor) -> Tensor:
    return _zeros_of(tuple(like.shape), like)


def _zeros_of(shape: tuple[int, ...], like: Tensor) -> Tensor:
    return Tensor.from_array(np.zeros(shape, like.dtype.numpy))


def _as_tuple(given: Any, what: str, function: str) -> tuple[bool, Tensors]:
    """Return whether ``given`` is a tuple, and it as one.

    Raises
    ------
    TypeError
        For anything but a Tensor or a tuple of Tensors.
    """
    several = isinstance(given, tuple)
    values = given if several else (given,)
    for k, value in enumerate(values):
        if not isinstance(value, Tensor):
            which = f"value at index {k}" if several else f"given {what}"
            expected = f"The {what} given to {function} must be either a Tensor or a tuple of Tensors"
            raise TypeError(f"{expected} but the {which} has type {type(value)}.")
    return several, values


def _prepared(tensors: Tensors, create_graph: bool, need_graph: bool) -> Tensors:
    """Return new tensors of the same values, so that those the function captured are told from its arguments."""

    def one(t: Tensor) -> Tensor:
        made: Tensor = t.clone() if create_graph and t.requires_grad else t.detach().requires_grad_(need_graph)
        return made

    return tuple(map(one, tensors))


def _answer(results: Sequence[Any], several: bool, create_graph: bool) -> Any:
    """Return results as the user gets them: without history unless asked for, in the structure of what they belong to."""
    done = tuple(results) if create_graph else tuple(r.detach() for r in results)
    return done if several else done[0]


def _check_strict(tensors: Optional, strict: bool, message: str) -> None:
    for k, tensor in enumerate(tensors if strict else ()):
        if tensor is None:
            raise RuntimeError(_UNUSED.format(k))
        if not tensor.requires_grad:
            raise RuntimeError(message.format(k))


def _check_direction(v: Tensors, of: Tensors, several: bool) -> None:
    if len(v) != len(of):
        wanted = f"v is a tuple of invalid length: should be {len(of)} but got {len(v)}."
        raise RuntimeError(wanted if several else "The given v should contain a single Tensor.")
    for k, (given, other) in enumerate(zip(v, of, strict=True)):
        if tuple(given.shape) != tuple(other.shape):
            entry = f"Entry {k} in " if several else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {other.shape} but got {given.shape}.")


def _direction(v: Any, of: Tensors, several: bool, create_graph: bool, function: str, missing: str) -> Optional:
    """Return the vector of a product, checked against what it belongs to; of a single number it may be left out."""
    if v is not None:
        given = _prepared(_as_tuple(v, "v", function)[1], create_graph, False)
        _check_direction(given, of, several)
        return given
    if len(of) != 1 or of[0].numel() != 1:
        raise RuntimeError(f"The vector v can only be None if {missing}.")
    return (None,)


def _gradients(outputs: Optional, inputs: Tensors, v: Optional | None, create_graph: bool, retain: Any = None) -> Optional:
    """Return ``autograd.grad`` of those outputs that have a tape, None for inputs they do not depend on."""
    cotangents: Optional = (None,) * len(outputs) if v is None else v
    pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    given = [c for _, c in pairs]
    return grad([o for o, _ in pairs], inputs, given, retain_graph=retain, create_graph=create_graph, allow_unused=True)


def _filled(found: Optional, like: Tensors, strict: bool, create_graph: bool, unused: str, linear: str) -> Tensors:
    """Return gradients with zeros for None; in strict mode raise instead, and for those that are constant."""
    results = []
    for k, (gradient, tensor) in enumerate(zip(found, like, strict=True)):
        if gradient is None and strict:
            raise RuntimeError(unused.format(k))
        if gradient is not None and strict and create_graph and not gradient.requires_grad:
            raise RuntimeError(_LINEAR.format(linear, k))
        results.append(_zeros(tensor) if gradient is None else gradient)
    return tuple(results)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``(func(*inputs), v J)``: the outputs, and the product of a vector and the Jacobian.

    Parameters
    ----------
    func : callable
        Returns a Tensor or a tuple of Tensors.
    inputs : Tensor or tuple of Tensor
    v : Tensor or tuple of Tensor, optional
        Of the outputs' shapes; 1 for a single number.
    create_graph : bool
        Make the results differentiable with respect to the inputs.
    strict : bool
        Raise a RuntimeError where the outputs do not depend on an input, instead of returning zeros.
    """
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", "vjp")
        given = _prepared(given, create_graph, True)
        several_out, outputs = _as_tuple(func(*given), OUTPUTS, "vjp")
        _check_strict(outputs, strict, _OUTPUT_WITHOUT_GRADIENT)
        direction = _direction(v, outputs, several_out, create_graph, "vjp", _ONE_OUTPUT)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(outputs, given, direction, create_graph)
        product = _filled(found, given, strict, create_graph, _UNUSED, "jacobian")
    return _answer(outputs, several_out, create_graph), _answer(product, several, create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``(func(*inputs), J v)``: the outputs, and the derivative along ``v``, by differentiating ``vjp`` in its vector.

    Parameters and errors are those of ``vjp``; ``v`` has the inputs' shapes.
    """
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", "jvp")
        given = _prepared(given, create_graph, True)
        direction = _direction(v, given, several, create_graph, "jvp", _ONE_INPUT)
        several_out, outputs = _as_tuple(func(*given), OUTPUTS, "jvp")
        _check_strict(outputs, strict, _OUTPUT_WITHOUT_GRADIENT)
        cotangents = tuple(_zeros(o).requires_grad_() for o in outputs)  # backward is linear: their value does not matter
        pulled = _gradients(outputs, given, cotangents, True)
        _check_strict(pulled, strict, _CONSTANT_GRADIENT)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(pulled, cotangents, direction, create_graph)
        product = _filled(found, outputs, strict, create_graph, _UNUSED_COTANGENT, "jacobian")
    return _answer(outputs, several_out, create_graph), _answer(product, several_out, create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the derivative of each output by each input, of shape ``output.shape + input.shape``.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As for ``vjp``.
    vectorize : bool
        Differentiate all rows in one call.
    strategy : {"reverse-mode", "forward-mode"}
        Forward mode needs ``vectorize``.

    Returns
    -------
    Tensor or tuple
        Nested as outputs, then as inputs.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
            'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    several, given = _as_tuple(inputs, "inputs", "jacobian")
    if strategy == "forward-mode":
        _check_forward(create_graph, strict, vectorize)
        return _without_history(jacfwd(func, _argnums(given, several))(*[t.detach() for t in given]))
    with enable_grad():
        given = _prepared(given, create_graph, True)
        several_out, outputs = _as_tuple(func(*given), OUTPUTS, "jacobian")
        _check_strict(outputs, strict, _OUTPUT_WITHOUT_GRADIENT)
        if vectorize and strict:
            raise RuntimeError(_not_together("`strict=True`", "`vectorized=True`", "`strict=False`", "`vectorize=False`"))
        rows = _batched_rows if vectorize else _single_rows
        found = [_answer(rows(k, o, given, create_graph, strict), several, create_graph) for k, o in enumerate(outputs)]
    return tuple(found) if several_out else found[0]


def _not_together(one: str, other: str, instead: str, or_else: str) -> str:
    together = f"torch.autograd.functional.jacobian: {one} and {other} are not supported together"
    return f"{together}. Please either set {instead} or {or_else}."


def _single_rows(k: int, output: Tensor, inputs: Tensors, create_graph: bool, strict: bool) -> list[Tensor]:
    """Return the Jacobian of one output by each input, a row at a time."""
    columns: list[list[Tensor]] = [[] for _ in inputs]
    for cotangent in _basis(output):
        row = _gradients((output,), inputs, (cotangent,), create_graph, True)
        for j, (gradient, tensor) in enumerate(zip(row, inputs, strict=True)):
            if gradient is None and strict:
                raise RuntimeError(f"Output {k} of the user-provided function is independent of input {j}. {NOT_STRICT}")
            if gradient is not None and strict and create_graph and not gradient.requires_grad:
                raise RuntimeError(_LINEAR.format("jacobian", k))
            columns[j].append(_zeros(tensor) if gradient is None else gradient)
    shapes = [(*output.shape, *t.shape) for t in inputs]
    parts = zip(columns, shapes, inputs, strict=True)
    return [_assemble(*rows, shape=shape) if rows else _zeros_of(shape, t) for rows, shape, t in parts]


def _basis(output: Tensor) -> list[Tensor]:
    """Return the unit vectors of an output's space, in its shape."""
    zeros = _zeros(output).numpy()
    units = []
    for k in range(zeros.size):
        unit = zeros.copy()
        unit.reshape(-1)[k] = 1
        units.append(Tensor.from_array(unit))
    return units


def _batched_rows(_: int, output: Tensor, inputs: Tensors, create_graph: bool, strict: bool) -> list[Tensor]:
    """Return the Jacobian of one output by each input, from one call with a batch of unit vectors."""
    shapes = [(*output.shape, *t.shape) for t in inputs]
    units = _basis(output)
    if not output.requires_grad or not units:
        return [_zeros_of(shape, t) for shape, t in zip(shapes, inputs, strict=True)]
    batch = _assemble(*units, shape=(len(units), *output.shape))
    options = {"retain_graph": True, "create_graph": create_graph, "allow_unused": True, "is_grads_batched": True}
    found = grad([output], inputs, [batch], **options)
    parts = zip(found, shapes, inputs, strict=True)
    return [_zeros_of(shape, t) if g is None else g.reshape(shape) for g, shape, t in parts]


def _check_forward(create_graph: bool, strict: bool, vectorize: bool) -> None:
    by_forward, reverse = '`strategy="forward-mode"`', '`strategy="reverse-mode"`'
    if create_graph:
        raise NotImplementedError(_not_together("`create_graph=True`", by_forward, "`create_graph=False`", reverse))
    if strict:
        raise RuntimeError(_not_together("`strict=True`", by_forward, "`strict=False`", reverse))
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for `vectorize=True`."
        )


def _argnums(inputs: Tensors, several: bool) -> int | tuple[int, ...]:
    return tuple(range(len(inputs))) if several else 0


def _without_history(result: Any) -> Any:
    return tuple(_without_history(r) for r in result) if isinstance(result, tuple) else result.detach()


def _single_number(value: Any, strict: bool, function: str) -> Tensor:
    """Return the result of a function of which a Hessian is asked, checked to be one number."""
    several, values = _as_tuple(value, OUTPUTS, function)
    _check_strict(values, strict, _OUTPUT_WITHOUT_GRADIENT)
    if several:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if values[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return values[0]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of a function that returns one number, of shape ``input.shape + input.shape``.

    Parameters
    ----------
    func, inputs, create_graph, strict, vectorize
        As for ``jacobian``.
    outer_jacobian_strategy : {"reverse-mode", "forward-mode"}
        How the gradient is differentiated.

    Returns
    -------
    Tensor or tuple of tuple of Tensor
    """
    several, given = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    if outer_jacobian_strategy == "forward-mode":
        _check_forward(create_graph, strict, vectorize)
        derivative = forward_hessian(lambda *args: _single_number(func(*args), False, "hessian"), _argnums(given, several))
        return _without_history(derivative(*[t.detach() for t in given]))

    def gradient(*args: Tensor) -> Any:
        inner = _prepared(args, True, True)
        value = _single_number(func(*inner), strict, "hessian")
        found = _filled(_gradients((value,), inner, None, True), inner, False, True, _UNUSED, "jacobian")
        _check_strict(found, strict, _CONSTANT_JACOBIAN)
        return found if several else found[0]

    return jacobian(gradient, given if several else given[0], create_graph, strict, vectorize)


def _second_order(function: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    """Return what ``hvp`` and ``vhp`` begin with: inputs, the value, the gradient on the tape, and the vector."""
    several, given = _as_tuple(inputs, "inputs", function)
    given = _prepared(given, create_graph, True)
    direction = _direction(v, given, several, create_graph, function, _ONE_INPUT)
    value = _single_number(func(*given), strict, function)
    gradient = _gradients((value,), given, None, True)
    _check_strict(gradient, strict, _CONSTANT_JACOBIAN)
    return several, given, value, gradient, direction


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``(func(*inputs), v H)``: the value, and the product of a vector and the Hessian.

    Parameters and errors are those of ``vjp``; ``func`` returns one number and ``v`` has the inputs' shapes.
    """
    with enable_grad():
        several, given, value, gradient, direction = _second_order("vhp", func, inputs, v, create_graph, strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(gradient, given, direction, create_graph)
        product = _filled(found, given, strict, create_graph, _UNUSED_SECOND, "hessian")
    return _answer((value,), False, create_graph), _answer(product, several, create_graph)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``(func(*inputs), H v)``: the value, and the Hessian times a vector.

    Parameters and errors are those of ``vhp``, which is cheaper, and the same wherever the Hessian is symmetric.
    """
    with enable_grad():
        several, given, value, gradient, direction = _second_order("hvp", func, inputs, v, create_graph, strict)
        cotangents = tuple(_zeros(t).requires_grad_() for t in given)
        double = _gradients(gradient, given, cotangents, True)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(double, cotangents, direction, create_graph)
        product = _filled(found, given, strict, create_graph, _UNUSED_SECOND_COTANGENT, "hessian")
    return _answer((value,), False, create_graph), _answer(product, several, create_graph)
