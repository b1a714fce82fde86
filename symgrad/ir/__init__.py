"""The graph: types, hash-consed expressions, and what primitives say of themselves."""
