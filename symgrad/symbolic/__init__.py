"""Graphs from SymPy expressions and back, and LaTeX. SymPy is imported when a function here is called, not before."""

from symgrad.symbolic.reading import Structure, Translated, from_expression
from symgrad.symbolic.typesetting import latex
from symgrad.symbolic.writing import to_expressions

__all__ = ["Structure", "Translated", "from_expression", "latex", "to_expressions"]
