"""What a compiled function is called with: arguments bound to names, taken apart, and brought to exact arrays."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.dtypes import from_numpy
from symgrad.eager.array_face import Array
from symgrad.eager.faces import Face
from symgrad.eager.trees import Tree, flatten, flatten_as, mismatch
from symgrad.eager.values import AnyArray
from symgrad.errors import DTypeError, ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim, Size, evaluate
from symgrad.ir.expr import ops, typed_key
from symgrad.ir.types import TensorType, format_shape
from symgrad.tracing import TensorSpec

__all__ = ["Call", "Parameters", "bind_dims", "is_traced"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument's place in the call: passed by position or by keyword, traced or static."""

    label: str
    keyword: bool
    static: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call's arguments.

    Attributes
    ----------
    slots : tuple of Slot
        All arguments, in the function's own order.
    trees : tuple of Tree
        The nest of each traced argument.
    leaves : list
    faces : tuple of type
        Array, or Tensor where the leaf is one.
    static : tuple of (str, object)
    """

    slots: tuple[Slot, ...]
    trees: tuple[Tree, ...]
    leaves: list[Any]
    faces: tuple[type[Face], ...]
    static: tuple[tuple[str, Any], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each traced argument."""
        return tuple([s.label for s in self.slots if not s.static])

    @property
    def key(self) -> Any:
        """What tells apart programs of equal argument types; static values count by type and bits."""
        return self.slots, self.trees, self.faces, tuple([(n, typed_key(v)) for n, v in self.static])

    def adapted(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``fn`` as a function of the traced arguments alone."""
        static = dict(self.static)

        def call(*traced: Any) -> Any:
            given = iter(traced)
            args: list[Any] = []
            kwargs: dict[str, Any] = {}
            for slot in self.slots:
                value = static[slot.label] if slot.static else next(given)
                if slot.keyword:
                    kwargs[slot.label] = value
                else:
                    args.append(value)
            return fn(*args, **kwargs)

        return call


class Parameters:
    """The parameters of a function: their names, which are static, and the specs of the others."""

    def __init__(self, fn: Callable[..., Any], static_argnames: Sequence[str], specs: Sequence[Any] | None, result: Any) -> None:
        try:
            self.signature = inspect.signature(fn)
        except (TypeError, ValueError):  # some functions written in C have none
            self.signature = inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
        self.static_names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        known = self.signature.parameters.values()
        for name in self.static_names:
            if name not in self.signature.parameters and not any(p.kind is p.VAR_KEYWORD for p in known):
                raise ValueError(
                    f"compile: static_argnames names {name!r}, which is no parameter of {tuple(p.name for p in known)}"
                )
        self.specs = None if specs is None else tuple(specs)
        self.result = result
        if self.specs is not None:
            flat, tree = flatten(list(self.specs))
            bad = [s for s in flat if not isinstance(s, TensorSpec)]
            if bad:
                raise TypeError(f"compile: specs must be TensorSpecs or nests of them, got {bad[0]!r}")
            self.spec_leaves: tuple[TensorSpec, ...] = tuple(flat)
            self.spec_tree = tree

    @property
    def first_traced(self) -> int:
        """Position of the first argument that is not static."""
        names = list(self.signature.parameters)
        return next((k for k, name in enumerate(names) if name not in self.static_names), 0)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Return the call's arguments in their places.

        Raises
        ------
        TypeError
            As Python does for arguments that do not fit; for a static argument that cannot be hashed.
        """
        slots: list[Slot] = []
        traced: list[Any] = []
        static: list[tuple[str, Any]] = []
        for slot, value in self._arrange(args, kwargs):
            slots.append(slot)
            if slot.static:
                _require_hashable(slot.label, value)
                static.append((slot.label, value))
            else:
                traced.append(value)
        leaves, tree = flatten(traced)
        if self.specs is not None and tree != self.spec_tree:
            reordered = flatten_as(self.spec_tree, traced)
            if reordered is None:
                labels = [s.label for s in slots if not s.static]
                pairs = zip(labels, self.spec_tree.children, tree.children, strict=False)
                where = next((m for m in (mismatch(*pair) for pair in pairs) if m is not None), None)
                different = f"argument {where}" if where else f"call: takes {len(self.specs)} arguments, got {len(traced)}"
                raise TypeError(at_user_line(f"{different}; the specs are {list(self.specs)}"))
            leaves, tree = reordered, self.spec_tree
        faces = tuple([leaf.face_type() if isinstance(leaf, Face) else Array for leaf in leaves])
        return Call(tuple(slots), tree.children, leaves, faces, tuple(static))

    def _arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[Slot, Any]]:
        """Yield every argument that was given, in the order of the parameters; defaults stay the function's own."""
        by_name = {n: v for n, v in kwargs.items() if n in self.static_names and n in self.signature.parameters}
        rest = [p for n, p in self.signature.parameters.items() if n not in by_name]
        given = inspect.Signature(rest).bind(*args, **{n: v for n, v in kwargs.items() if n not in by_name}).arguments | by_name
        gap = False
        for name, p in self.signature.parameters.items():
            if p.kind is p.VAR_POSITIONAL:
                for k, value in enumerate(given.get(name, ())):
                    yield Slot(f"{name}_{k}", False, False), value
            elif p.kind is p.VAR_KEYWORD:
                for key, value in sorted(given.get(name, {}).items()):
                    yield Slot(key, True, key in self.static_names), value
            elif name in given:
                yield Slot(name, gap or p.kind is p.KEYWORD_ONLY, name in self.static_names), given[name]
            else:
                gap = True

    def spec_call(self, kwargs: dict[str, Any] | None = None) -> Call:
        """Return what a call with the specs for arguments would be; ``kwargs`` are static.

        Raises
        ------
        TypeError
            When there are no specs: then arguments are needed.
        """
        if self.specs is None:
            raise TypeError(at_user_line("call: give arguments, or compile with specs=[...], so that shapes are known"))
        return self.bind(self.specs, kwargs or {})


def _require_hashable(name: str, value: Any) -> None:
    try:
        hash(value)
    except TypeError:
        raise TypeError(at_user_line(f"static argument {name}: must be hashable, got {type(value).__name__}")) from None


def is_traced(leaves: Sequence[Any]) -> bool:
    """Whether any leaf is a traced value without data, or part of a transform that is under way."""
    return any(isinstance(leaf, Array) or (isinstance(leaf, Face) and not leaf.is_plain) for leaf in leaves)


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
        return leaf.array_value()
    if not isinstance(leaf, (np.ndarray, np.generic, bool, int, float)):
        kind = f"{type(leaf).__module__}.{type(leaf).__name__}"
        raise TraceError(at_user_line(f"argument {label}: expected an array, a number or a nest of them, got {kind}"))
    if isinstance(leaf, np.ndarray) and type(leaf) is not np.ndarray and isinstance(leaf, _meaningful()):
        kind = f"{type(leaf).__module__}.{type(leaf).__name__}"
        raise TraceError(at_user_line(f"argument {label}: {kind} means more than its elements; pass numpy.asarray(x)"))
    array = np.asarray(leaf)
    try:
        wanted = from_numpy(array.dtype).numpy
    except DTypeError as error:
        raise DTypeError(at_user_line(f"argument {label}: {str(error).removeprefix('dtype: ')}")) from None
    if array.dtype == wanted and array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.require(array, wanted, ["C", "A"]).reshape(array.shape)


def _meaningful() -> tuple[type, ...]:
    """Return the subclasses of ndarray whose elements alone would be a misreading: matrices, and arrays with masks."""
    masked = sys.modules.get("numpy.ma")
    return (np.matrix,) if masked is None else (np.matrix, masked.MaskedArray)


def fit_traced(face: Face, spec: TensorSpec, label: str) -> Face:
    """Return a traced argument in its spec's element type, its shape checked.

    Raises
    ------
    ShapeError, DTypeError
        As for arrays.
    """
    node = face.node
    fits = node.ndim == len(spec.shape) and all(
        isinstance(s, Dim) or s == got for s, got in zip(spec.shape, node.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            at_user_line(f"argument {label}: expected shape {format_shape(spec.shape)}, got {format_shape(node.shape)}")
        )
    if node.dtype is spec.dtype:
        return face
    if not np.can_cast(node.dtype.numpy, spec.dtype.numpy, "safe"):
        raise DTypeError(
            at_user_line(f"argument {label}: {node.dtype.name} cannot be converted to {spec.dtype.name} without loss")
        )
    return face.face_type()(ops.cast(node, dtype=spec.dtype))


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
