"""symgrad shows what torch showed: every case of the cases_*.py files against expected.json.

``python -m tests.parity.record`` records anew, with the torch that is installed; nothing here needs it.
"""

from __future__ import annotations

import pytest

import symgrad as sg
from symgrad.eager.execution import HOT, wait_for_compiler

from .harness import NOTHING, differences, expected, load, observe, run

CASES = load()
RECORDS = expected()["cases"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_parity(name):
    case = CASES[name]
    want = RECORDS[name] if case.expected is NOTHING else observe(case.expected)
    found = list(differences(want, run(case, sg), case))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if n.startswith(("tutorial/", "optim/"))])
def test_parity_of_native_code(name):
    case = CASES[name]
    for _ in range(HOT):
        run(case, sg)
    wait_for_compiler()
    found = list(differences(RECORDS[name], run(case, sg), case))
    assert not found, "\n".join(found)


def test_every_case_is_recorded():
    assert sorted(RECORDS) == sorted(CASES), "record anew: python -m tests.parity.record"


def test_every_mechanic_has_cases():
    assert {row for case in CASES.values() for row in case.rows} == set(range(1, 81))
