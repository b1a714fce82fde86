"""Hooks: what users put between the entries of the tape, and the search for nan of anomaly detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.eager.recording import Record
from symgrad.eager.tape import owner
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES

__all__ = ["call_hooks", "look_for_nan", "run_after", "run_before"]

Place = tuple[Any, int]


def call_hooks(hooks: dict[int, Callable[..., Any]], cotangent: Tensor) -> Tensor:
    """Return a cotangent after the hooks of its tensor, each of which may replace it.

    Raises
    ------
    TypeError
        When a hook returns something else than a Tensor or None.
    RuntimeError
        When what it returns has another shape or element type.
    """
    for hook in list(hooks.values()):
        result = hook(cotangent)
        if result is not None:
            cotangent = _replacement(hook, cotangent, result)
    return cotangent


def _replacement(hook: Callable[..., Any], given: Tensor | None, result: Any) -> Any:
    """Return what a hook puts in a cotangent's place, which must be like it."""
    if result is None:
        return None
    if not isinstance(result, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    if given is not None and given._value.type is not result._value.type:
        change = "size of value"
        if result.dtype is not given.dtype:
            before, after = (f"torch.{TITLES[t.dtype.name]}Tensor" for t in (given, result))
            change = f"type of value (was {before} got {after})"
        elif result.shape == given.shape:
            return result
        raise RuntimeError(f"hook '{getattr(hook, '__name__', 'hook')}' has changed the {change}")
    return result


def _replacements(hook: Callable[..., Any], given: Sequence[Tensor | None], result: Any) -> tuple[Any, ...]:
    """Return what a hook of an entry puts in several cotangents' places."""
    several = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if len(several) != len(given):
        name = getattr(hook, "__name__", "hook")
        counts = f"got {len(several)}, but expected {len(given)}"
        raise RuntimeError(f"hook '{name}' has returned an incorrect number of values ({counts})")
    return tuple([_replacement(hook, g, r) for g, r in zip(given, several, strict=True)])


def run_before(extras: Any, cotangents: list[Tensor | None]) -> list[Tensor | None]:
    """Return the cotangents that arrive at an entry after its tensors' hooks and its own; tensors keep theirs."""
    for k, hooks in sorted(extras.hooks.items()):
        cotangent = cotangents[k]
        if cotangent is not None:
            cotangents[k] = call_hooks(hooks, cotangent)
    for k, holder in extras.retaining.items():
        tensor, cotangent = holder(), cotangents[k]
        if tensor is not None and cotangent is not None:
            tensor.keep_grad(cotangent)
    for hook in list(extras.prehooks.values()):
        result = hook(tuple(cotangents))
        if result is not None:
            cotangents = list(_replacements(hook, cotangents, result))
    return cotangents


def run_after(record: Record, extras: Any, arrivals: list[tuple[Place, Tensor]], given: list[Tensor | None]) -> list[Any]:
    """Run the hooks of an entry that ran; they see one cotangent for each operand."""
    places = [None if e is None else owner(e) for e in record.edges or ()]
    found = dict(arrivals)
    passed = tuple([None if p is None else found.get(p) for p in places])
    for hook in list(extras.posthooks.values()):
        result = hook(passed, tuple(given))
        if result is not None:
            passed = _replacements(hook, passed, result)
    return [(p, c) for p, c in zip(places, passed, strict=True) if p is not None and c is not None]


def look_for_nan(record: Record, cotangents: list[Tensor]) -> None:
    """Raise RuntimeError when an entry passed on nan."""
    for k, cotangent in enumerate(cotangents):
        if np.isnan(cotangent.numpy_value()).any():
            name = record.signature.name if record.signature is not None else type(record).__name__
            where = f" It was recorded at {record.line}." if record.line else ""
            raise RuntimeError(f"Function '{name}' returned nan values in its {k}th output.{where}")
