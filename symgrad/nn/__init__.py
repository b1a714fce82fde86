"""Functions of neural networks under torch's names; there are no modules."""

from symgrad.nn import functional, utils

__all__ = ["functional", "utils"]
