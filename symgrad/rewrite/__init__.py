"""Rewriting: laws as data, applied in named passes, each linear in the nodes of the graph."""
