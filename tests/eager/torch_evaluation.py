"""The namespaces T, F, L and S of the cases, and their evaluation, for either library."""

import numpy as np

from .torch_cases import INF, NAN, inputs

WEIGHT = 7.0  # weights of outputs and gradients are cos(7 k), k counting elements


class Names:
    """Attributes looked up in several places, one after another."""

    def __init__(self, *places, **own):
        self._places = places
        self.__dict__.update(own)

    def __getattr__(self, name):
        for place in self._places:
            found = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
            if found is not None:
                return found
        raise AttributeError(name)


def weights(shape, dtype=np.float64):
    size = int(np.prod(shape, dtype=int))
    return np.cos(WEIGHT * np.arange(1, size + 1)).reshape(shape).astype(dtype)


def leaves_of(text, arrays, make):
    """Return the inputs that an expression names, floating ones as leaves that require gradients."""
    words = set(compile(text, "case", "eval").co_names)
    return {name: make(array, array.dtype.kind == "f") for name, array in arrays.items() if name in words}


def evaluate(text, library, leaves):
    return eval(text, {**library, **leaves, "INF": INF, "NAN": NAN})


def outputs_of(result, kind):
    """Return the tensors of a result, in order."""
    if isinstance(result, kind):
        return [result]
    return [o for o in result if isinstance(o, kind)] if isinstance(result, (tuple, list)) else []


def explored(text, library, kind, make, grad, numpy):
    """Return values, the name of the tape's entry, gradients and gradients of gradients of a case, as arrays."""
    leaves = leaves_of(text, inputs(), make)
    outs = outputs_of(evaluate(text, library, leaves), kind)
    found = {"values": [numpy(o) for o in outs], "grad_fn": None, "first": None, "second": None}
    tracked = [o for o in outs if o.requires_grad and o.grad_fn is not None]
    wrt = [leaf for leaf in leaves.values() if leaf.requires_grad]
    if not tracked:
        return found
    found["grad_fn"] = tracked[0].grad_fn.name()

    def total(tensors):
        terms = [(t * make(weights(tuple(t.shape), numpy(t).dtype), False)).sum() for t in tensors]
        result = terms[0]
        for term in terms[1:]:
            result = result + term
        return result

    first = grad(total(tracked), wrt, create_graph=True, allow_unused=True)
    found["first"] = [None if g is None else numpy(g) for g in first]
    again = [g for g in first if g is not None and g.requires_grad]
    if again:
        second = grad(total(again), wrt, allow_unused=True)
        found["second"] = [None if g is None else numpy(g) for g in second]
    return found
