"""Functions of neural networks under torch's names; there are no modules."""

from symgrad.nn import functional

__all__ = ["functional"]
