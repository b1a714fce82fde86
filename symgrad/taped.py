"""Gradients of functions of Tensors by the tape: ``func.grad`` where nothing but Tensors is looked at.

A function that is differentiated once, in no other transform, is run on leaves like any eager code; so a loop that calls it
finds its programs again, where a trace would be made anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.gradients import grad
from symgrad.eager.recording import known
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.trees import Tree, flatten, unflatten
from symgrad.errors import DTypeError, at_user_line

__all__ = ["taped_gradient"]


def taped_gradient(
    fn: Callable[..., Any], argnums: int | tuple[int, ...], has_aux: bool, args: tuple[Any, ...], kwargs: Any
) -> tuple[Any, Any, Any] | None:
    """Return the gradient of ``fn``, its value and its auxiliary output; None, with nothing run, where a trace is needed.

    ``fn`` makes its arguments leaves, and checks its result.

    Raises
    ------
    DTypeError
        When the value is not floating.
    """
    if mode.tracing or mode.transforms or mode.inference or mode.duals is not None or mode.mapping is not None:
        return None
    replaced, leaves, trees = list(args), list[Any](), list[Tree]()
    for k in argnums if isinstance(argnums, tuple) else (argnums,):
        found, tree = flatten(args[k])
        mine = [_fresh(one) for one in found]
        if any(one is None for one in mine):
            return None
        replaced[k] = unflatten(tree, mine)
        leaves += mine
        trees.append(tree)
    before = mode.grad
    mode.set_grad(True)
    try:
        result = fn(*replaced, **kwargs)
    finally:
        mode.set_grad(before)
    value, aux = result if has_aux else (result, None)
    edge = value.edge() if isinstance(value, Tensor) else None
    if isinstance(value, Tensor) and not value.dtype.is_floating:
        raise DTypeError(at_user_line(f"grad: the function must return a float, got {value.dtype.name}"))
    outer = before and _leads_elsewhere([edge, *_edges(aux)], {id(leaf._edge) for leaf in leaves})
    if edge is None:
        gradients: tuple[Any, ...] = tuple([leaf.new_zeros(leaf.shape) for leaf in leaves])
    else:
        gradients = grad(value, leaves, create_graph=outer, allow_unused=True, materialize_grads=True)
    parts, start = [], 0
    for tree in trees:
        parts.append(unflatten(tree, gradients[start : start + tree.leaves]))
        start += tree.leaves
    gradient = tuple(parts) if isinstance(argnums, tuple) else parts[0]
    return (gradient, value, aux) if outer else (gradient, _off_the_tape(value), _off_the_tape(aux))


def _fresh(value: Any) -> Tensor | None:
    """Return a Tensor of the same values, with nothing recorded about it; None where that would not do."""
    if type(value) is not Tensor or not value.dtype.is_floating or value.requires_grad or not value.is_plain:
        return None
    array = value.numpy_value()
    return None if value._value.exposed else Tensor.of(known(value._value.type, array))


def _edges(nest: Any) -> list[Any]:
    return [leaf.edge() for leaf in flatten(nest)[0] if isinstance(leaf, Tensor)]


def _leads_elsewhere(edges: list[Any], own: set[int]) -> bool:
    """Whether the tape leads from ``edges`` to a leaf that is none of the function's arguments."""
    stack = [e for e in edges if e is not None]
    seen: set[Any] = set()
    while stack:
        edge = stack.pop()
        if type(edge) is Leaf:
            if id(edge) not in own:
                return True
            continue
        seen.add(edge)
        stack.extend(e for e in edge.edges or () if e is not None and e not in seen)
    return False


def _off_the_tape(nest: Any) -> Any:
    leaves, tree = flatten(nest)
    return unflatten(tree, [leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves])
