"""Functions of neural networks under torch's names; there are no modules."""

from symgrad.nn import clipping as utils  # torch's name for it
from symgrad.nn import functional

__all__ = ["functional", "utils"]
