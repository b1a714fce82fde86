"""What a compiled function is called with: arguments bound to names, taken apart, and brought to exact arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.dtypes import from_numpy
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face
from symgrad.eager.trees import Tree, flatten
from symgrad.eager.values import AnyArray, is_plain, value_of
from symgrad.errors import DTypeError, ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim, Size, evaluate
from symgrad.ir.types import TensorType, format_shape
from symgrad.tracing import TensorSpec

__all__ = ["Call", "Parameters", "bind_dims", "is_traced"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call's arguments.

    Attributes
    ----------
    trees : tuple of Tree
        The nest of each positional argument.
    leaves : list
    faces : tuple of type
        Array, or Tensor where the leaf is one.
    static : tuple of (str, object)
    """

    trees: tuple[Tree, ...]
    leaves: list[Any]
    faces: tuple[type[Face], ...]
    static: tuple[tuple[str, Any], ...]


class Parameters:
    """The parameters of a function: their names, which are static, and the specs of the others."""

    def __init__(self, fn: Callable[..., Any], static_argnames: Sequence[str], specs: Sequence[Any] | None, result: Any) -> None:
        try:
            self.signature: inspect.Signature | None = inspect.signature(fn)
        except (TypeError, ValueError):
            self.signature = None
        self.static_names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        known = () if self.signature is None else tuple(self.signature.parameters)
        for name in self.static_names:
            if known and name not in known:
                raise ValueError(f"compile: static_argnames names {name!r}, which is no parameter of {known}")
        self.specs = None if specs is None else tuple(specs)
        self.result = result
        if self.specs is not None:
            flat, tree = flatten(list(self.specs))
            bad = [s for s in flat if not isinstance(s, TensorSpec)]
            if bad:
                raise TypeError(f"compile: specs must be TensorSpecs or nests of them, got {bad[0]!r}")
            self.spec_leaves: tuple[TensorSpec, ...] = tuple(flat)
            self.spec_trees = tree.children

    def labels(self, count: int) -> tuple[str, ...]:
        """Return a name for each positional argument: the parameter's own where there is one."""
        names: list[str] = []
        if self.signature is not None:
            for p in self.signature.parameters.values():
                if p.name in self.static_names:
                    continue
                if p.kind is p.VAR_POSITIONAL:
                    names += [f"{p.name}_{k}" for k in range(count - len(names))]
                elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                    names.append(p.name)
        names += [f"arg{k}" for k in range(len(names), count)]
        return tuple(names[:count])

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Return the call's arguments, keywords put in their places.

        Raises
        ------
        TypeError
            As Python does for arguments that do not fit; for a static argument that cannot be hashed.
        """
        positional, static = self._arrange(args, kwargs)
        leaves, tree = flatten(positional)
        faces = tuple([leaf.face_type() if isinstance(leaf, Face) else Array for leaf in leaves])
        if self.specs is not None and tree.children != self.spec_trees:
            raise TypeError(at_user_line(f"call: expected arguments nested like the specs {list(self.specs)}, got another nest"))
        for name, value in static:
            try:
                hash(value)
            except TypeError:
                raise TypeError(at_user_line(f"static argument {name}: must be hashable, got {type(value).__name__}")) from None
        return Call(tree.children, leaves, faces, static)

    def _arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], tuple[tuple[str, Any], ...]]:
        if self.signature is None or (not kwargs and not self.static_names):
            if self.signature is not None:
                self.signature.bind(*args)
            return list(args), tuple(sorted(kwargs.items()))
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        positional: list[Any] = []
        static: list[tuple[str, Any]] = []
        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            if name in self.static_names:
                static.append((name, value))
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                positional.extend(value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                static.extend(sorted(value.items()))
            elif kind is inspect.Parameter.KEYWORD_ONLY:
                raise TypeError(at_user_line(f"call: the keyword-only parameter {name!r} must be among static_argnames"))
            else:
                positional.append(value)
        return positional, tuple(static)

    def spec_call(self) -> Call:
        """Return what a call with the specs alone would be.

        Raises
        ------
        TypeError
            When there are no specs: then arguments are needed.
        """
        if self.specs is None:
            raise TypeError(at_user_line("call: give arguments, or compile with specs=[...], so that shapes are known"))
        return Call(self.spec_trees, list(self.spec_leaves), (Array,) * len(self.spec_leaves), ())


def is_traced(leaves: Sequence[Any]) -> bool:
    """Whether any leaf is a traced value without data, or part of a transform that is under way."""
    return any(isinstance(leaf, Array) or (isinstance(leaf, Face) and not is_plain([leaf.node])) for leaf in leaves)


def leaf_array(leaf: Any, label: str) -> AnyArray:
    """Return a leaf as an array in C order and native byte order, copied only when it is not.

    Raises
    ------
    DTypeError
        For element types symgrad does not have.
    TraceError
        For objects that are no arrays.
    """
    if isinstance(leaf, Face):
        return value_of(leaf.node)
    if not isinstance(leaf, (np.ndarray, np.generic, bool, int, float)):
        kind = f"{type(leaf).__module__}.{type(leaf).__name__}"
        raise TraceError(at_user_line(f"argument {label}: expected an array, a number or a nest of them, got {kind}"))
    array = np.asarray(leaf)
    wanted = from_numpy(array.dtype).numpy
    if array.dtype == wanted and array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.require(array, wanted, ["C", "A"]).reshape(array.shape)


def fit_spec(array: AnyArray, spec: TensorSpec, label: str) -> AnyArray:
    """Return an array converted to its spec's element type, where that loses nothing, its fixed sizes checked."""
    wanted = spec.dtype.numpy
    if array.dtype != wanted:
        if not np.can_cast(array.dtype, wanted, "safe"):
            raise DTypeError(at_user_line(f"argument {label}: {array.dtype} cannot be converted to {wanted} without loss"))
        array = array.astype(wanted)
    fits = array.ndim == len(spec.shape) and all(
        isinstance(s, Dim) or s == got for s, got in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        got = format_shape(array.shape)
        raise ShapeError(at_user_line(f"argument {label}: expected shape {format_shape(spec.shape)}, got {got}"))
    return array


def leaf_type(array: AnyArray) -> TensorType:
    """Return the type of an exact array."""
    return TensorType(array.shape, from_numpy(array.dtype))


def bind_dims(types: Sequence[TensorType], arrays: Sequence[AnyArray], labels: Sequence[str]) -> dict[str, int]:
    """Return the sizes of named dims, read from the arrays.

    Raises
    ------
    ShapeError
        When two arrays disagree.
    """
    bound: dict[str, int] = {}
    origin: dict[str, str] = {}
    for kind, array, label in zip(types, arrays, labels, strict=True):
        for axis, (size, got) in enumerate(zip(kind.shape, array.shape, strict=True)):
            name = _plain(size)
            if name is None:
                continue
            where = f"axis {axis} of {label}"
            if bound.setdefault(name, got) != got:
                raise ShapeError(at_user_line(f"call: the dim {name} is {bound[name]} in {origin[name]} and {got} in {where}"))
            origin.setdefault(name, where)
    for kind, array, label in zip(types, arrays, labels, strict=True):
        for size, got in zip(kind.shape, array.shape, strict=True):
            if isinstance(size, Dim) and evaluate(size, bound) != got:
                got_shape = format_shape(array.shape)
                raise ShapeError(at_user_line(f"call: {label} must have shape {format_shape(kind.shape)}, got {got_shape}"))
    return bound


def _plain(size: Size) -> str | None:
    return size.names[0] if isinstance(size, Dim) and str(size) == size.names[0] else None


