"""What backward says when a value that it reads was modified in place since."""

from __future__ import annotations

import re
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import Record
from symgrad.eager.tape import Leaf, owner
from symgrad.eager.titles import TITLES

__all__ = ["counts", "modified", "place_of", "present_place"]


Place = tuple[str, int]

# entries for which torch keeps no operand, but the result or only indices: their operands may be written afterwards
_WITHOUT_OPERANDS = {
    "SoftmaxBackward0", "LogSoftmaxBackward0", "NllLossBackward0", "NllLoss2DBackward0", "AddBackward0", "NegBackward0",
    "DivBackward1", "ReciprocalBackward0", "RsqrtBackward0", "Expm1Backward0", "SqueezeBackward0", "SqueezeBackward4",
    "KthvalueBackward0", "MedianBackward1", "NanmedianBackward1", "SubBackward0",
}  # fmt: skip
_WITHOUT_RESULT = {"ErfinvBackward0", "SubBackward0"}


def counts(reader: Record, value: Record) -> bool:
    """Whether torch keeps a value for an entry that reads it here: then it must not be written before backward."""
    own = value.edges is not None and owner(value)[0] is reader
    return reader.signature.name not in (_WITHOUT_RESULT if own else _WITHOUT_OPERANDS)  # type: ignore[union-attr]  # an entry


def place_of(edge: Any) -> Place | None:
    """Return the name of the entry that made a tensor, and which of its results it is; None for a leaf."""
    if edge is None or isinstance(edge, Leaf):
        return None
    entry, index = owner(edge)
    return entry.signature.name, index


def present_place(record: Record) -> Place | None:
    """Return the same of the tensor that held a record, after the writes to it that are on the tape."""
    while record.overwritten is not None and record.overwritten[2].edges is not None:
        written = record.overwritten[2]
        if written.type is not record.type:
            return "CopySlices", 0
        record = written
    return place_of(record) if record.edges is not None else None


def modified(record: Record, place: Place | None, now: int, then: int) -> RuntimeError:
    """Return the error for a saved value, with the place of its tensor on the tape, and its versions now and then."""
    made = "" if place is None else f", which is output {place[1]} of {re.sub('Backward[0-9]*$', '', place[0])},"
    hint = (
        "the backtrace further above shows the operation that failed to compute its gradient. The variable in question was "
        "changed in there or anywhere later. Good luck!"
        if mode.anomaly
        else "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{TITLES[record.type.dtype.name]}Tensor {list(record.type.shape)}]{made} is at version {now}; expected version "
        f"{then} instead. Hint: {hint}"
    )
