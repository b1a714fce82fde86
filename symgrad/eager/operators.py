"""Python's operators on faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager.faces import Face, Number, apply, apply_primitive, as_float, face_of, lift, lift_one
from symgrad.eager.values import value_of
from symgrad.errors import DTypeError, TraceError, at_user_line
from symgrad.ir.expr import constant, ops

__all__ = ["Operators", "binary", "bitwise", "power", "truth"]


def binary(name: str, left: Any, right: Any, face: type[Face]) -> Any:
    """Return a binary operator's result; NotImplemented for operands that are not numbers or arrays."""
    if isinstance(left, Face) and isinstance(right, Face):
        a, b = left.node, right.node
        if a.dtype is b.dtype and not (name == "div" and not a.dtype.is_floating):
            return face(apply_primitive(name, a, b))
    for value in (left, right):
        if not isinstance(value, (Face, *Number, np.ndarray, np.generic, list, tuple)):
            return NotImplemented
    nodes = lift((left, right), face.default_float, floating=name == "div")
    return face(apply_primitive(name, *nodes))


def power(left: Any, right: Any, face: type[Face]) -> Any:
    """Return ``left ** right``; an integer Python exponent is exact multiplication, not ``pow``.

    Raises
    ------
    TraceError
        For an integer base with an integer exponent that is no Python number: its result would be an integer, which
        only repeated multiplication gives exactly.
    """
    exponent = _integer_exponent(right)
    if exponent is not None and isinstance(left, Face):
        node = left.node
        if not node.dtype.is_floating and isinstance(right, float):
            node = as_float(node, face.default_float)
        if node.dtype.is_bool:
            node = ops.cast(node, dtype=int64)
        if exponent < 0 and not node.dtype.is_floating:
            raise DTypeError(at_user_line("power: integers to negative integer powers are not allowed; make the base a float"))
        return face(ops.integer_pow(node, exponent=exponent))
    if isinstance(right, float) and right == 0.5 and isinstance(left, Face):
        return face(ops.sqrt(as_float(left.node, face.default_float)))
    common = lift((left, right), face.default_float)
    if not common[0].dtype.is_floating:
        whole = "power: an integer base needs a Python int as its exponent, for the result is an integer"
        raise TraceError(at_user_line(f"{whole}; make the base a float, as in x.astype(float) ** k or 2.0 ** k"))
    return face(ops.pow(*common))


def _integer_exponent(value: Any) -> int | None:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 64:  # beyond, products lose more than pow
        return int(value)
    return None


def bitwise(name: str, left: Any, right: Any, face: type[Face]) -> Any:
    """Return ``&``, ``|`` or ``^`` of booleans."""
    nodes = [lift_one(v, face.default_float) for v in (left, right)]
    for node in nodes:
        if node.dtype is not bool_:
            raise DTypeError(at_user_line(f"{name}: works on bool, got {', '.join(str(n.type) for n in nodes)}"))
    return face(getattr(ops, name)(*nodes))


def truth(face: Face) -> bool:
    """Return the truth value of a single number whose value is known."""
    value = value_of(face.node, "if, while, and, or, not on a traced value")
    if value.size != 1:
        raise TraceError(at_user_line("truth value: an array of more than one element is ambiguous; use .any() or .all()"))
    return bool(value.reshape(()))


class Operators(Face):
    """Python's operators, the same for both faces."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # a Tensor has none: it would make all its attributes slow
        if name == "_node":
            whole, k = self.postponed
            self._node = whole.nodes[k]
            return self._node
        return object.__getattribute__(self, name)  # raises

    if TYPE_CHECKING:  # set below, one line each

        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __rfloordiv__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...
        def __rmod__(self, other: Any) -> Any: ...

    def __bool__(self) -> bool:
        return truth(self)

    def __neg__(self) -> Any:
        return self.face_type()(ops.neg(self.node))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.face_type()(apply_primitive("abs", self.node))

    def __round__(self, ndigits: int | None = None) -> Any:
        """Return halves rounded to even; a number without ``ndigits`` becomes an integer, as Python's do."""
        node = self.node
        if not node.dtype.is_floating:
            return self
        scale = constant(10.0 ** (ndigits or 0), node.dtype)
        rounded = ops.div(ops.round(ops.mul(node, scale)), scale) if ndigits else ops.round(node)
        return self.face_type()(ops.cast(rounded, dtype=int64) if ndigits is None and not node.ndim else rounded)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __invert__(self) -> Any:
        node = self.node
        if node.dtype is not bool_:
            raise DTypeError(at_user_line(f"~: works on bool, got {node.type}; use 1 - x or sg.logical_not"))
        return self.face_type()(ops.logical_not(node))

    def __pow__(self, other: Any) -> Any:
        return power(self, other, self.face_type())

    def __rpow__(self, other: Any) -> Any:
        return power(other, self, self.face_type())

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", self, other, face=face_of((self, other), self.face_type()))

    def __rmatmul__(self, other: Any) -> Any:
        return apply("matmul", other, self, face=self.face_type())


def _operator(name: str, reverse: bool = False) -> Callable[[Any, Any], Any]:
    floats_only = name == "div"
    unit = 1 if name == "mul" or (name == "div" and not reverse) else None

    def operator(self: Face, other: Any) -> Any:
        kind = type(other)
        if (kind is int or kind is float) and other == unit and self.node.dtype.is_floating:
            return self.face_type()(self.node)  # rewriting would find that too, and build again all that follows
        if kind is type(self) or kind is float:  # the common cases, without the general rule of promotion
            a = self.node
            b = constant(other, a.type.dtype) if kind is float else other.node
            if a.type.dtype is b.type.dtype and (a.type.dtype.is_floating or (kind is not float and not floats_only)):
                if a.type.dtype is bool_:
                    return self.face_type()(apply_primitive(name, b, a) if reverse else apply_primitive(name, a, b))
                primitive = getattr(ops, name)
                return self.face_type()(primitive(b, a) if reverse else primitive(a, b))
        face = face_of((self, other), self.face_type())
        return binary(name, other, self, face) if reverse else binary(name, self, other, face)

    return operator


for _python, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
}.items():  # fmt: skip
    setattr(Operators, f"__{_python}__", _operator(_name))
    setattr(Operators, f"__r{_python}__", _operator(_name, reverse=True))
for _python in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Operators, f"__{_python}__", _operator(_python))
for _python, _name in {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}.items():
    setattr(Operators, f"__{_python}__", lambda s, o, n=_name: bitwise(n, s, o, s.face_type()))
    setattr(Operators, f"__r{_python}__", lambda s, o, n=_name: bitwise(n, o, s, s.face_type()))
Operators.__hash__ = Face.__hash__  # type: ignore[method-assign]  # defining == on a class drops it
