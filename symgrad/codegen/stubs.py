"""What a package's stub says of its functions: exactly what their calls take, and what they return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FunctionStub", "Stub", "stub_of"]

_SCALARS = {"float64": "np.float64", "float32": "np.float32", "int64": "np.int64", "int32": "np.int32", "bool": "np.bool_"}
_SMALL = "np.int8 | np.int16 | np.uint8 | np.uint16 | np.bool_"
_TAKEN = {  # element types that are converted without loss
    "float64": "np.float64 | np.float32 | np.float16 | np.integer[Any] | np.bool_",
    "float32": f"np.float32 | np.float16 | {_SMALL}",
    "int64": f"np.int64 | np.int32 | np.uint32 | {_SMALL}",
    "int32": f"np.int32 | {_SMALL}",
    "bool": "np.bool_",
}
_PYTHON = {"float64": "float", "float32": "bool", "int64": "int", "int32": "bool", "bool": "bool"}  # numbers of Python's own


@dataclass(frozen=True, slots=True)
class FunctionStub:
    """One function: its parameters as a call takes them, and as ``bind`` does, and what these and other calls return."""

    name: str
    parameters: tuple[str, ...]
    exact: tuple[str, ...]
    returned: str
    specialized: str
    out: str
    bound: str


@dataclass(slots=True)
class Stub:
    """All functions, and the definitions that their types use.

    Attributes
    ----------
    aliases : dict
        Types by their names.
    tuples : dict
        Fields of named tuples, and their types, by the names of classes.
    functions : list of FunctionStub
    """

    aliases: dict[str, str] = field(default_factory=dict)
    tuples: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    functions: list[FunctionStub] = field(default_factory=list)

    def taken(self, array: Mapping[str, Any]) -> str:
        """Return the type of what is taken for an array."""
        kind = array["dtype"]
        name = f"_Array_{kind}"
        self.aliases[name] = f"NDArray[{_TAKEN[kind]}]"
        if array["shape"]:
            return name
        self.aliases[f"_Number_{kind}"] = f"{_PYTHON[kind]} | {_TAKEN[kind]} | {name}"
        return f"_Number_{kind}"

    def named(self, name: str, fields: Sequence[str], types: Sequence[str]) -> str:
        """Return the class of a named tuple."""
        wanted = name, tuple(zip(fields, types, strict=True))
        number, made = 1, f"_Tuple_{name}"
        while self.tuples.get(made, wanted) != wanted:
            number += 1
            made = f"_Tuple_{name}_{number}"
        self.tuples[made] = wanted
        return made


def stub_of(functions: Sequence[tuple[str, Mapping[str, Any]]]) -> Stub:
    """Return the stub of functions, given their names and what manifest.json says of them."""
    stub = Stub()
    for name, facts in functions:
        this = "this" if "self" in facts["parameters"] else "self"
        taken, exact = iter(facts["inputs"]), iter(facts["inputs"])
        results = facts["result"]
        returned = _made(stub, results, map(_returned, facts["outputs"]))
        bound = _made(stub, results, map(_exact, facts["outputs"]))
        stub.functions.append(
            FunctionStub(
                name=name,
                parameters=(this, *(f"{n}: {_given(nest, map(stub.taken, taken))}" for n, nest in _pairs(facts))),
                exact=(this, *(f"{n}: {_given(nest, map(_exact, exact))}" for n, nest in _pairs(facts))),
                returned=returned,
                specialized=returned if returned == bound else "Any",
                out=_given(results, map(_exact, facts["outputs"])),
                bound=bound,
            )
        )
    return stub


def _pairs(facts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return zip(facts["parameters"], facts["arguments"], strict=True)


def _exact(array: Mapping[str, Any]) -> str:
    return f"NDArray[{_SCALARS[array['dtype']]}]"


def _returned(array: Mapping[str, Any]) -> str:
    return _exact(array) if array["shape"] else _SCALARS[array["dtype"]]


def _given(nest: Any, types: Iterator[str]) -> str:
    """Return the type of an argument; any tuple is taken for a named one."""
    if nest == 0:
        return next(types)
    ((what, inside),) = nest.items()
    if what == "none":
        return "None"
    if what == "dict":
        keys = _any_of([type(key).__name__ for key, _ in inside])
        return f"Mapping[{keys}, {_any_of([_given(part, types) for _, part in inside])}]"
    members = [_given(part, types) for part in (inside[2] if what == "named" else inside)]
    return "list[Any]" if what == "list" else f"tuple[{', '.join(members) or '()'}]"  # lists of arrays are lists of nothing wider


def _made(stub: Stub, nest: Any, types: Iterator[str]) -> str:
    """Return the type of a result."""
    if nest == 0:
        return next(types)
    ((what, inside),) = nest.items()
    if what == "none":
        return "None"
    if what == "dict":
        keys = _any_of([type(key).__name__ for key, _ in inside])
        return f"dict[{keys}, {_any_of([_made(stub, part, types) for _, part in inside])}]"
    if what == "named":
        name, fields, parts = inside
        return stub.named(name, fields, [_made(stub, part, types) for part in parts])
    members = [_made(stub, part, types) for part in inside]
    return f"list[{_any_of(members)}]" if what == "list" else f"tuple[{', '.join(members) or '()'}]"


def _any_of(types: Sequence[str]) -> str:
    return " | ".join(dict.fromkeys(types)) or "Any"
