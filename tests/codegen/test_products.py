"""Products in tiles: whichever operand moves along which loop, and in whichever order they are given."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

SIZES = {"a": 3, "b": 22, "c": 23, "i": 21, "j": 26, "k": 25, "l": 27}
EQUATIONS = [
    "ibc,bc->ib", "bc,ibc->ib", "ibc,ibc->ib", "ijk,kj->ij", "aij,ajk->aik", "ajk,aij->aik", "kj,ikl->ijl", "ikl,kj->ijl",
    "ikj,ikj->ij", "ikl,ijkl->ijl", "ijkl,ikl->ijl", "jkl,kl->jl", "kl,jkl->jl", "jk,jkl->jl", "jkl,jk->jl", "jk,kl->jl",
    "kl,jk->jl", "kj,kl->lj", "ajk,kl->ajl", "kl,ajk->ajl", "ajk,jkl->ajl", "jkl,ajk->ajl", "ijk,akj->aij", "ijk,ajk->ia",
]  # fmt: skip


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("named", [False, True], ids=["fixed", "named"])
def test_equal_to_numpy(equation, named):
    random = np.random.default_rng(0)
    terms = equation.split("->")[0].split(",")
    x, y = (random.normal(size=[SIZES[label] for label in term]) for term in terms)
    specs = [sg.TensorSpec(tuple(term)) for term in terms] if named else None
    found = sg.compile(lambda x, y: sg.einsum(equation, x, y), specs=specs)(x, y)
    np.testing.assert_allclose(found, np.einsum(equation, x, y), rtol=1e-12, atol=1e-12)
