"""What torch's messages call element types: as kinds of Tensors, and as types of C."""

from __future__ import annotations

__all__ = ["TITLES", "WORDS"]

TITLES = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "bool": "Bool"}
WORDS = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "bool": "bool"}
