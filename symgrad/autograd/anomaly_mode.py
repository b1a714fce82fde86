"""torch.autograd.anomaly_mode: looking for nan after each operation of backward."""

from __future__ import annotations

import warnings
from types import TracebackType

from symgrad.eager.grad_mode import mode
from symgrad.eager.windows import begin_window

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]


class set_detect_anomaly:  # noqa: N801  # torch's name
    """Look for nan after each operation of backward: from the call on, or for a block.

    The error names the operation, and the line of the user's code that recorded it. Everything runs operation by
    operation then, which is slow.
    """

    def __init__(self, enabled: bool, check_nan: bool = True) -> None:
        self._before = mode.detecting, mode.anomaly
        _switch(enabled, check_nan)

    def __enter__(self) -> None:
        """Go on with it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _switch(*self._before)


class detect_anomaly:  # noqa: N801  # torch's name
    """Look for nan after each operation of backward inside a block; see ``set_detect_anomaly``."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before = mode.detecting, mode.anomaly
        _switch(True, self._check)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _switch(*self._before)


def _switch(enabled: bool, check_nan: bool) -> None:
    mode.detecting = enabled
    mode.anomaly = enabled and check_nan
    window = begin_window()
    window.slow = mode.anomaly or mode.saving is not None  # nothing is remembered, so every operation notes its line


def is_anomaly_enabled() -> bool:
    """Return whether anomaly detection is on."""
    return mode.detecting


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether anomaly detection looks for nan; it does unless it was switched on without."""
    return mode.anomaly or not mode.detecting
