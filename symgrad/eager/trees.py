"""Nested tuples, lists and dicts of values, taken apart into leaves and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.errors import TraceError

__all__ = ["LEAF", "Tree", "flatten", "flatten_as", "mismatch", "names", "paths", "unflatten"]


@dataclass(frozen=True, slots=True)
class Tree:
    """The shape of a nest: ``kind`` is None for a leaf, else the container's type; dicts keep their keys.

    Subclasses of dict (OrderedDict, ...) keep their type and the order of their keys; a defaultdict comes out without
    its factory, so a missing key is an error.
    """

    kind: type | None
    children: tuple[Tree, ...] = ()
    keys: tuple[Any, ...] = ()

    @property
    def leaves(self) -> int:
        """How many leaves there are."""
        count, stack = 0, [self]
        while stack:
            tree = stack.pop()
            count += tree.kind is None
            stack.extend(tree.children)
        return count


LEAF = Tree(None)
_NONE = Tree(type(None))


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """Return the leaves of a nest, left to right, and its shape. None has no leaves."""
    leaves: list[Any] = []
    return leaves, _flatten(value, leaves)


def _flatten(value: Any, leaves: list[Any]) -> Tree:
    kind = type(value)
    if value is None:
        return _NONE
    if isinstance(value, dict):
        return Tree(kind, tuple([_flatten(v, leaves) for v in value.values()]), tuple(value))
    if kind in (tuple, list) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        return Tree(kind, tuple([_flatten(v, leaves) for v in value]))
    leaves.append(value)
    return LEAF


def flatten_as(tree: Tree, value: Any, either: bool = False) -> list[Any] | None:
    """Return the leaves of a nest in the order of ``tree``, whose dicts may list their keys otherwise; None if it differs.

    ``either`` says whether lists may stand for tuples, and tuples for lists.
    """
    leaves, found = flatten(value)
    if found == tree:
        return leaves
    if tree.kind is dict and found.kind is dict and set(tree.keys) == set(found.keys):
        parts = [flatten_as(child, value[key], either) for key, child in zip(tree.keys, tree.children, strict=True)]
    elif _as_members(tree, found, either) and len(tree.children) == len(found.children):
        parts = [flatten_as(child, member, either) for child, member in zip(tree.children, value, strict=True)]
    else:
        return None
    return None if any(part is None for part in parts) else [leaf for part in parts if part is not None for leaf in part]


def _as_members(tree: Tree, found: Tree, either: bool) -> bool:
    """Whether both have members in an order, in containers of one type or, where ``either`` will do, of any."""
    kinds = tree.kind, found.kind
    if not either:
        return tree.kind is found.kind and tree.kind in (tuple, list)
    return all(kind is not None and issubclass(kind, (tuple, list)) for kind in kinds)


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """Return the nest of shape ``tree`` over ``leaves``; the inverse of ``flatten``."""
    if len(leaves) != tree.leaves:
        raise TraceError(f"nest: expected {tree.leaves} leaves, got {len(leaves)}")
    return _unflatten(tree, iter(leaves))


def _unflatten(tree: Tree, leaves: Iterator[Any]) -> Any:
    if tree.kind is None:
        return next(leaves)
    if tree.kind is type(None):
        return None
    children = [_unflatten(child, leaves) for child in tree.children]
    if issubclass(tree.kind, dict):
        made = tree.kind.__new__(tree.kind)  # a subclass may ask its constructor for other things than items
        for key, child in zip(tree.keys, children, strict=True):
            made[key] = child
        return made
    if tree.kind in (tuple, list):
        return tree.kind(children)
    return tree.kind(*children)  # a named tuple


def names(prefix: str, tree: Tree) -> list[str]:
    """Return one name for each leaf: ``p``, ``p_0``, ``p_weights_1``, on one line whatever the keys are."""
    if tree.kind is None:
        return [prefix]
    fields = getattr(tree.kind, "_fields", None)
    labels = tree.keys or fields or range(len(tree.children))
    found: list[str] = []
    for label, child in zip(labels, tree.children, strict=True):
        text = "".join(c if c.isprintable() else "_" for c in str(label))
        found += names(f"{prefix}_{text}" if prefix else text, child)
    return found


def paths(prefix: str, tree: Tree) -> list[str]:
    """Return how each leaf is written in Python: ``p``, ``p[0]``, ``p['weights'][1]``, ``p.field``."""
    if tree.kind is None:
        return [prefix]
    fields = getattr(tree.kind, "_fields", None)
    if fields is not None and not tree.keys:
        steps = [f".{field}" for field in fields]
    else:
        steps = [f"[{key!r}]" for key in tree.keys or range(len(tree.children))]
    return [path for step, child in zip(steps, tree.children, strict=True) for path in paths(prefix + step, child)]


def mismatch(path: str, wanted: Tree, found: Tree) -> str | None:
    """Return where a nest first differs from the one wanted, and how; None where it does not."""
    same_keys = set(wanted.keys) == set(found.keys) and len(wanted.children) == len(found.children)
    if wanted.kind is not found.kind or not same_keys:
        return f"{path}: expected {_described(wanted)}, got {_described(found)}"
    if not wanted.children:
        return None
    places = [found.keys.index(key) for key in wanted.keys] or range(len(found.children))
    steps = [step.removeprefix("*") for step in paths("*", Tree(wanted.kind, (LEAF,) * len(wanted.children), wanted.keys))]
    parts = [mismatch(path + s, w, found.children[k]) for s, w, k in zip(steps, wanted.children, places, strict=True)]
    return next((part for part in parts if part is not None), None)


def _described(tree: Tree) -> str:
    if tree.kind is None:
        return "an array or number"
    if tree.kind is type(None):
        return "None"
    if issubclass(tree.kind, dict):
        return f"a {tree.kind.__name__} with the keys {', '.join(map(repr, tree.keys))}" if tree.keys else "an empty dict"
    return f"a {tree.kind.__name__} of {len(tree.children)}"
