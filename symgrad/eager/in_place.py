"""Operations in place: the result of a function is written into its first argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.eager.call_forms import arguments, form_of
from symgrad.eager.grad_mode import mode
from symgrad.eager.overlaps import refuse_overlap, refuse_windows
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES
from symgrad.eager.torch_basics import cast
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.types import format_shape

__all__ = ["finish_in_place", "in_place", "of_tensors", "reshaped_in_place", "where_asked"]

Function = Callable[..., Any]


def finish_in_place(target: Tensor, result: Tensor) -> Tensor:
    """Write a result into ``target``, in its own element type and shape.

    Raises
    ------
    RuntimeError
        When the result does not fit, as torch says it.
    """
    if result._value.type is target._value.type:
        return target.write_in_place(result._value, result._edge)
    if result.dtype is not target.dtype:
        if result.dtype.category > target.dtype.category:
            given, own = TITLES[result.dtype.name], TITLES[target.dtype.name]
            raise DTypeError(at_user_line(f"result type {given} can't be cast to the desired output type {own}"))
        result = cast(result, dtype=target.dtype)
    if tuple(result.shape) != tuple(target.shape):
        own_shape, given_shape = format_shape(target.shape), format_shape(result.shape)
        message = f"output with shape {own_shape} doesn't match the broadcast shape {given_shape}"
        raise RuntimeError(at_user_line(message))
    return target.write_in_place(result._value, result._edge)


def in_place(function: Function, name: str) -> Function:
    """Return the form of a function that writes its result into its first argument."""
    scattered, careless = name in _SCATTERED, name in _CARELESS
    form = form_of(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if (self._cell is not None and not careless) or scattered:
            refuse_overlap(self, (*args, *kwargs.values()), whole=scattered)
        if self._chain:
            refuse_windows(self)
        if kwargs:
            (_, *args), kwargs = arguments(form, (self, *args), kwargs)  # type: ignore[assignment]
        return finish_in_place(self, function(self, *args, **kwargs))

    return _described(method, name)


def _described(method: Function, name: str) -> Function:
    """Return the method that writes, with a name and what help shows of it."""
    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = (
        f"Write what ``{name}`` with these arguments returns into this tensor, and return this tensor.\n\n"
        "    The result takes this tensor's shape and element type, or RuntimeError is raised; so it is for a leaf that\n"
        "    requires a gradient, unless under ``no_grad``."
    )
    return method


# what writes at indices must read nothing of what it writes; and what may read anything, as it computes elsewhere first
_SCATTERED = {"index_add", "index_copy", "index_put", "put", "scatter", "scatter_add", "scatter_reduce"}
_CARELESS = {"addbmm", "addmm", "addmv", "baddbmm", "index_fill", "masked_fill", "masked_scatter"}


def reshaped_in_place(function: Function, name: str) -> Function:
    """Return ``x.squeeze_()`` and the like: the tensor becomes the view of itself."""
    form = form_of(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if mode.grad:
            self.check_writeable(None)
        (_, *args), kwargs = arguments(form, (self, *args), kwargs)  # type: ignore[assignment]
        made = function(self, *args, **kwargs)
        self.counter[0] += 1
        self._value, self._cell, self._chain = made.current(), made._cell, made._chain
        if made._cell is not None:
            self._stamp = made._stamp
        if isinstance(self._edge, Leaf):  # under no_grad
            self._edge.keep(self)
        else:
            self._edge = made._edge
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"Turn this tensor into what ``{name}`` with these arguments returns: a view of its own memory."
    return method


def where_asked(function: Function, name: str) -> Function:
    """Return an activation that writes into its operand where its argument ``inplace`` says so."""
    code = getattr(function, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    if "inplace" not in names:
        return function
    place = names.index("inplace")

    def chosen(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and len(args) <= place:
            return function(*args)
        made = function(*args, **kwargs)
        if not (args[place] if len(args) > place else kwargs.get("inplace", False)):
            return made
        target = args[0] if args else kwargs["input"]
        return target if made is target else finish_in_place(target, made)

    chosen.__name__ = chosen.__qualname__ = name
    chosen.__doc__ = f"{function.__doc__}\n\n    With ``inplace`` it is written into ``input``."
    chosen.__wrapped__ = function  # type: ignore[attr-defined]  # what help shows of its arguments
    return chosen


def of_tensors(method: Function, name: str, module: str = "symgrad") -> Function:
    """Return a method that writes as a function of a module: ``exp_(x)`` for ``x.exp_()``."""

    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            kind = type(input).__name__
            raise TypeError(at_user_line(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}"))
        return method(input, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = module  # where pickle finds it
    function.__doc__ = method.__doc__
    return function
