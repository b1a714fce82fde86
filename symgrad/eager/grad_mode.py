"""Whether operations are recorded for differentiation: a property of each thread."""

from __future__ import annotations

import bisect
import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "mode",
    "next_serial",
    "no_grad",
    "set_grad_enabled",
]

next_serial = itertools.count().__next__


class Mode(threading.local):
    """The modes of one thread. New threads begin with gradients on."""

    grad: bool = True
    inference: bool = False
    anomaly: bool = False
    transforms: int = 0  # how many transforms of torch.func's are under way
    duals: Any = None  # the level of dual numbers under way; see forward_ad.py
    saving: Any = None  # hooks for what backward reads; see saving.py
    backward: Any = None  # the backward pass under way
    detecting: bool = False  # whether anomaly detection was asked for, be it without a look for nan
    mapping: Any = None  # the innermost vmap under way; see mapping.py
    batching: bool = False  # whether it is a vmap of the user's that batches a graph
    window: Any = None  # see windows.py
    arrays: int = 0  # how many functions of Arrays are being traced: what makes arrays makes Arrays then
    tracing: int = 0  # how many functions are being traced
    switches: Any = None  # while tracing: when recording for differentiation was switched, and to what

    def set(self, grad: bool, inference: bool) -> None:
        """Change the modes; the window has them too, for it is what recording looks at."""
        if self.tracing and grad != self.grad and self.switches is not None:
            self.switches.append((next_serial(), grad))
        self.grad, self.inference = grad, inference
        window = self.window
        if window is not None:
            window.grad, window.inference = grad, inference

    def set_grad(self, grad: bool) -> None:
        """Record for differentiation, or not."""
        self.set(grad, self.inference)

    def begin_trace(self) -> tuple[bool, bool]:
        """Note that a function is being traced: its derivative is its own affair, so recording for it is on inside.

        Return the modes outside, for ``end_trace``.
        """
        before = self.grad, self.inference
        if not self.tracing or self.switches is None:
            self.switches = []
        self.tracing += 1
        self.set(True, False)
        return before

    def end_trace(self, before: tuple[bool, bool]) -> None:
        """Go back to the modes outside."""
        self.set(*before)
        self.tracing -= 1

    def was_off(self, serial: float) -> bool:
        """Whether something of the trace under way was recorded where recording for differentiation was off."""
        if not self.switches:
            return False
        last = bisect.bisect_left(self.switches, serial, key=_when) - 1
        return last >= 0 and not self.switches[last][1]


def _when(switch: tuple[float, bool]) -> float:
    return switch[0]


mode = Mode()


def is_grad_enabled() -> bool:
    """Return whether this thread records operations for differentiation."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Return whether this thread is in inference mode."""
    return mode.inference


_new = object.__new__


class _ModeContext:
    """A mode that lasts for a block, or for each call of a decorated function or generator."""

    _before: Any = None  # the modes outside; pairs, when it is entered again inside itself

    def __init__(self) -> None:
        pass

    def _modes(self) -> tuple[bool, bool]:
        raise NotImplementedError

    def _again(self) -> _ModeContext:
        return type(self)()

    def __enter__(self) -> Self:
        self._before = mode.grad, mode.inference, self._before
        mode.set(*self._modes())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        grad, inference, self._before = self._before
        mode.set(grad, inference)

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``fn`` so that each call runs in this mode; a generator function runs in it whenever it is resumed."""
        if inspect.isgeneratorfunction(fn):
            return self._generator(fn)

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return fn(*args, **kwargs)

        return wrapped

    def _generator(self, fn: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            source = fn(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, source)
            try:
                while True:
                    with self._again():
                        value = step()
                    try:
                        sent = yield value
                    except GeneratorExit:
                        raise
                    except BaseException as error:  # thrown in: it belongs to the generator
                        step = functools.partial(source.throw, error)
                    else:
                        step = functools.partial(source.send, sent)
            except StopIteration as end:
                return end.value
            finally:
                with self._again():
                    source.close()

        return wrapped


class no_grad(_ModeContext):  # noqa: N801  # torch's name
    """Operations are not recorded: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``."""

    def __new__(cls, fn: Callable[..., Any] | None = None) -> Any:
        """Return the context, or ``fn`` decorated."""
        return _new(cls) if fn is None else cls()(fn)

    __init__ = object.__init__  # the class has what an instance begins with

    def _modes(self) -> tuple[bool, bool]:
        return False, mode.inference

    def __enter__(self) -> Self:
        window = mode.window
        if window is None or mode.tracing or type(self) is not no_grad:
            return super().__enter__()
        grad = window.grad
        self._before = grad, window.inference, self._before
        if grad:
            mode.grad = window.grad = False
        return self

    def __exit__(self, *error: Any) -> None:
        grad, inference, self._before = self._before
        window = mode.window
        if window is None or mode.tracing or window.inference is not inference:
            mode.set(grad, inference)
        elif window.grad is not grad:
            mode.grad = window.grad = grad


class enable_grad(no_grad):  # noqa: N801  # torch's name
    """Operations are recorded, also inside ``no_grad``."""

    def _modes(self) -> tuple[bool, bool]:
        return True, mode.inference


class set_grad_enabled(_ModeContext):  # noqa: N801  # torch's name
    """Operations are recorded or not: from the call on, or for a block, or as a decorator."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._enabled = bool(mode)
        self._begin()

    def _begin(self) -> None:
        self._called = mode.grad
        mode.set_grad(self._enabled)

    def _modes(self) -> tuple[bool, bool]:
        return self._enabled, mode.inference

    def _again(self) -> _ModeContext:
        before = mode.grad
        context = type(self)(self._enabled)
        mode.set_grad(before)
        context._called = before
        return context

    def __enter__(self) -> Self:
        mode.set_grad(self._called)
        return super().__enter__()

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``fn`` so that each call runs in this mode; the mode itself is put back."""
        mode.set_grad(self._called)
        return super().__call__(fn)


class inference_mode(_ModeContext):  # noqa: N801  # torch's name
    """Operations are not recorded, and their results can never be: ``inference_mode(False)`` leaves the mode."""

    def __new__(cls, enabled: Any = True) -> Any:
        """Return the context, or a function decorated."""
        return super().__new__(cls) if isinstance(enabled, bool) else cls()(enabled)

    def __init__(self, enabled: Any = True) -> None:
        super().__init__()
        self._enabled = enabled

    def _modes(self) -> tuple[bool, bool]:
        return (False, True) if self._enabled else (True, False)

    def _again(self) -> _ModeContext:
        return type(self)(self._enabled)
