"""What a package says of its functions, as plain data: what its Python reads, and manifest.json holds."""

from __future__ import annotations

from typing import Any

from symgrad.codegen.unit import Pattern, Unit
from symgrad.ir.dims import Size
from symgrad.ir.types import TensorType

__all__ = ["facts_of", "one_line", "size_data"]


def size_data(size: Size) -> Any:
    """Return a size as an int, or a list of ``[names, coefficient]``."""
    return size if isinstance(size, int) else [[list(names), k] for names, k in size.terms]


def one_line(prototype: str) -> str:
    """Return a C declaration on one line."""
    return " ".join(prototype.split()).replace("( ", "(")


def _array(name: str, c: str, kind: TensorType) -> dict[str, Any]:
    return {"name": name, "c": c, "dtype": kind.dtype.name, "shape": [size_data(s) for s in kind.shape]}


def _sparsity(pattern: Pattern) -> dict[str, Any]:
    """Return a pattern: its places are left out where it is dense."""
    if not pattern.rows and not pattern.columns:
        return {"pattern": "dense, of run-time size"}
    found: dict[str, Any] = {"rows": pattern.rows, "columns": pattern.columns, "count": pattern.count}
    if pattern.places is None:
        return {"pattern": "dense", **found}
    rows, columns = ([place[k] for place in pattern.places] for k in (0, 1))
    return {"pattern": "sparse", **found, "row": rows, "column": columns}


def facts_of(
    unit: Unit,
    library: str,
    finite: bool,
    inputs: list[str],
    outputs: list[str],
    parameters: list[str],
    arguments: list[Any],
    result: Any,
) -> dict[str, Any]:
    """Return what a package's Python has to know of one function.

    Parameters
    ----------
    unit : Unit
    library : str
    finite : bool
        Whether a result that is nan or inf is an error.
    inputs, outputs : list of str
        The user's names of the arrays.
    parameters : list of str
    arguments : list
        The nest of each parameter; ``result`` is that of the results.
    """
    return {
        "symbol": unit.symbol,
        "library": library,
        "prototype": one_line(unit.prototype),
        "parameters": parameters,
        "arguments": arguments,
        "result": result,
        "inputs": [_array(name, *pair) for name, pair in zip(inputs, unit.inputs, strict=True)],
        "outputs": [_array(name, *pair) for name, pair in zip(outputs, unit.outputs, strict=True)],
        "dims": [{"name": name, "c": c} for name, c in unit.dims],
        "conditions": [size_data(c) for c in unit.conditions],
        "work": size_data(unit.work),
        "flops": size_data(unit.flops),
        "bytes_moved": size_data(unit.bytes_moved),
        "failures": list(unit.failures),
        "finite": finite,
        "integrand": unit.scalar_inputs is not None,
        "renamed": dict(unit.renamed),
        "sparsity": [_sparsity(p) for p in unit.patterns],
        "graph": unit.key,
    }
