"""How torch's functions may be called: names of arguments that the functions here do not have themselves, and ``out``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from symgrad.eager.operation import Operation, refuse_number
from symgrad.eager.out_argument import check_derivative, check_out, deliver
from symgrad.eager.quick import unary_method
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line

__all__ = ["Form", "arguments", "form_of", "method", "public"]

Function = Callable[..., Any]

_PARTS = dict.fromkeys(("sections", "indices", "tensor_indices_or_sections"), "indices_or_sections")
# torch's other names of arguments, by the name of the function
_RENAMED: dict[str, dict[str, str]] = {
    "addbmm": {"batch1": "a", "batch2": "b"},
    "baddbmm": {"batch1": "a", "batch2": "b"},
    "addmm": {"mat1": "a", "mat2": "b"},
    "addmv": {"mat": "a", "vec": "b"},
    "bmm": {"mat2": "other"},
    "mm": {"mat2": "other"},
    "mv": {"vec": "other"},
    "dot": {"tensor": "other"},
    "ger": {"vec2": "other"},
    "outer": {"vec2": "other"},
    "dsplit": _PARTS,
    "hsplit": _PARTS,
    "vsplit": _PARTS,
    "tensor_split": _PARTS,
    "split": {"tensor": "input", "split_size": "split_size_or_sections"},
    "swapaxes": {"axis0": "dim0", "axis1": "dim1"},
    "tensordot": {"a": "input", "b": "other"},
    "max": {"other": "dim"},
    "min": {"other": "dim"},
    "vecdot": {"x": "input", "y": "other"},
    "lstsq": {"b": "B"},
    "cholesky_solve": {"input": "B", "input2": "L"},
    "copy_": {"other": "source"},
}
# what functions of sizes one by one call them when they are given as one sequence
_LISTED: dict[str, tuple[str, ...]] = {
    "broadcast_to": ("size",),
    "expand": ("size",),
    "flip": ("dims",),
    "permute": ("dims",),
    "repeat": ("repeats",),
    "reshape": ("shape",),
    "tile": ("dims",),
    "view": ("size", "dtype"),
}
# NumPy's names, which torch takes, too
_OF_NUMPY = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other", "A": "input"}


_NUMBERS = frozenset((int, float, bool))
# functions whose first operand may be a number, or is none
_OF_NUMBERS = frozenset(
    """
add bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_shapes copysign div divide float_power
floor_divide fmod mul multiply multigammaln polygamma pow remainder rsub sub subtract tril_indices triu_indices true_divide
where xlogy
""".split()
)


class Form(NamedTuple):
    """What a function's arguments are called.

    Attributes
    ----------
    operands : tuple of str
        Those of an Operation, which takes operands by position only.
    renamed : mapping
        torch's names, and those that the function itself has for them.
    listed : tuple of str
        What a sequence that the function takes member by member may be called.
    """

    operands: tuple[str, ...]
    renamed: Mapping[str, str]
    listed: tuple[str, ...]


def form_of(function: Function, name: str) -> Form:
    """Return how a function of torch's may be called."""
    plain = getattr(function, "__wrapped__", function)
    code = getattr(plain.formula if isinstance(plain, Operation) else plain, "__code__", None)
    if code is None:
        return Form((), {}, ())
    own = code.co_varnames[: code.co_argcount]
    every = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    renamed = dict(_RENAMED.get(name, {}))
    if isinstance(function, Operation):
        operands = tuple("input" if k == 0 else "other" if n == "b" else n for k, n in enumerate(own))
        known = {*operands, *every[len(own) :]}
        renamed |= {given: meant for given, meant in _OF_NUMPY.items() if given not in known and meant in known}
        return Form(operands, renamed, ())
    renamed |= {given: meant for given, meant in _OF_NUMPY.items() if given not in every and meant in every}
    if own and "input" not in every and "input" not in renamed and "self" not in own:
        renamed["input"] = own[0]
    return Form((), renamed, _LISTED.get(name, ()))


def arguments(form: Form, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments as the function itself takes them."""
    given = {form.renamed.get(key, key): value for key, value in kwargs.items()}
    if form.operands:
        for name in form.operands[len(args) :]:
            if name not in given:
                break
            args = (*args, given.pop(name))
    elif form.listed:
        for name in form.listed:
            if name in given:
                sizes = given.pop(name)
                before = (given.pop("input"),) if "input" in given else ()
                args = (*before, *args, tuple(sizes) if isinstance(sizes, (list, tuple)) else sizes)
    return args, given


def method(function: Function, name: str) -> Function:
    """Return a function as a method, which Python binds, with torch's names for its arguments."""
    form = form_of(function, name)
    if not form.operands and not form.listed and set(form.renamed) <= {"input"}:
        return function

    def bound(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = arguments(form, (self, *args), kwargs)
            return function(*args, **kwargs)
        return function(self, *args)

    bound.__name__ = bound.__qualname__ = name
    if not isinstance(function, Operation):
        bound.__wrapped__ = function  # type: ignore[attr-defined]  # what help shows of its arguments
    bound.__doc__ = function.__doc__
    return bound


def public(function: Function, name: str, out: str = "", module: str = "symgrad") -> Function:
    """Return a function as ``sg`` has it, with torch's names for its arguments.

    Parameters
    ----------
    function : callable
    name : str
    out : {"", "loose", "exact", "own"}
        Whether it takes ``out``: in any type that holds the result, in that type only, or in a type that decides that of
        the result.
    """
    form = form_of(function, name)
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    of_tensor = code is not None and code.co_varnames[:1] in (("input",), ("x",), ("A",)) and name not in _OF_NUMBERS
    short = unary_method(function) if isinstance(function, Operation) and len(form.operands) == 1 else None

    @functools.wraps(function)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        if short is not None and not kwargs and len(args) == 1 and type(args[0]) is Tensor:
            return short(args[0])
        if of_tensor and args and type(args[0]) in _NUMBERS:
            refuse_number(name, args[0])
        if not kwargs:
            return function(*args)
        target = kwargs.pop("out", None) if out else None
        args, kwargs = arguments(form, args, kwargs)
        if target is None:
            return function(*args, **kwargs)
        return _into(target, function, name, out, args, kwargs)

    chosen.__module__, chosen.__name__, chosen.__qualname__ = module, name, name  # where pickle finds it
    if isinstance(function, Operation):
        chosen.__signature__ = _signature(function, form, bool(out))  # type: ignore[attr-defined]
    return chosen


def _signature(function: Operation, form: Form, out: bool) -> inspect.Signature:
    """Return what help shows of an operation's arguments."""
    code = getattr(function.formula, "__code__", None)
    count = 0 if code is None else code.co_argcount
    static = () if code is None else code.co_varnames[count : count + code.co_kwonlyargcount]
    place, key = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [*[inspect.Parameter(n, place) for n in form.operands], *[inspect.Parameter(n, key) for n in static]]
    if out:
        parameters.append(inspect.Parameter("out", key, default=None))
    return inspect.Signature(parameters)


def _into(target: Any, function: Function, name: str, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Write what a function returns into one tensor, or into one for each result."""
    several = isinstance(target, (tuple, list))
    operands = [*args, *kwargs.values()]
    for one in target if several else (target,):
        check_out(name, one, operands)
    if kind == "own" and "dtype" not in kwargs:
        kwargs["dtype"] = target.dtype
    made = function(*args, **kwargs)
    if not isinstance(made, tuple):
        if several:
            raise TypeError(at_user_line(f"{name}(): argument 'out' must be Tensor, not {type(target).__name__}"))
        check_derivative(name, target, made)
        return deliver(target, made, exact=kind == "exact")
    if not several or len(target) != len(made):
        raise TypeError(at_user_line(f"{name}(): argument 'out' must be tuple of {len(made)} Tensors"))
    for o, m in zip(target, made, strict=True):
        check_derivative(name, o, m)
    written = [deliver(o, m, exact=True) for o, m in zip(target, made, strict=True)]
    return made._make(written) if hasattr(made, "_make") else tuple(written)
