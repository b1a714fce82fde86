"""Where Tensors live: this machine's memory, whatever torch's keywords allow to say about it."""

from __future__ import annotations

from typing import Any

from symgrad.errors import DeviceError, at_user_line

__all__ = ["Device", "Layout", "MemoryFormat", "check_place", "contiguous_format", "device", "preserve_format", "strided"]


_KINDS = ("cpu", "cuda", "xpu", "mkldnn", "hip", "fpga", "maia", "xla", "vulkan", "mps", "meta", "hpu", "mtia")  # torch's


class Device:
    """A place where tensors live; Tensors live in this machine's memory, ``cpu``.

    Raises
    ------
    DeviceError
        For a kind that torch does not know.
    """

    def __init__(self, type: Any, index: int | None = None) -> None:
        kind, _, number = str(type).partition(":")
        if kind not in _KINDS:
            some = ", ".join(_KINDS)
            raise DeviceError(at_user_line(f"Expected one of {some} device type at start of device string: {kind}"))
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))


class Layout:
    """How elements lie in memory, as torch names it; there is one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"


class MemoryFormat(Layout):
    """An order of axes in memory, as torch names it; copies are always in order."""


device = Device
strided = Layout("strided")
contiguous_format = MemoryFormat("contiguous_format")
preserve_format = MemoryFormat("preserve_format")


def check_place(name: str, layout: Any = None, device: Any = None, pin_memory: Any = False) -> None:
    """Raise DeviceError unless what is asked for is this machine's memory.

    Parameters
    ----------
    name : str
        The function that was called.
    layout, device, pin_memory
        What it was given; None and False say nothing.
    """
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise DeviceError(at_user_line(f"{name}: there is no device {str(device)!r}, only 'cpu', this machine's memory"))
    if layout is not None and layout is not strided:
        raise DeviceError(at_user_line(f"{name}: there is no layout {layout}; Tensors are torch.strided"))
    if pin_memory:
        raise DeviceError(at_user_line(f"{name}: pin_memory=True requires an accelerator, and there is none"))
