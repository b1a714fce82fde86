"""The faces of an exported module kept as files, to be read: its header, its Python and its stub.

After an intended change: SYMGRAD_UPDATE_GOLDEN=1 python -m pytest tests/exporting/test_golden.py, and read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import symgrad as sg

from .models import State, loss, springs

HERE = Path(__file__).parent / "golden"
S = sg.TensorSpec


@pytest.fixture(scope="module")
def valley(tmp_path_factory):
    functions = {"loss": loss, "springs": springs}
    specs = {"loss": [S((4,))], "springs": [State(S(("n",)), S(("n",))), S()]}
    return sg.export(
        functions, specs=specs, name="valley", directory=tmp_path_factory.mktemp("golden"), derivatives={"loss": ["hessian"]}
    )


@pytest.mark.parametrize("file", ["valley.h", "__init__.py", "__init__.pyi", "Makefile", "valley.cmake", "valley.pc"])
def test_text_is_the_kept_file(valley, file):
    text = re.sub(r"[0-9a-f]{16,}|(?<=\+)[0-9a-f]{8}", "DIGEST", (valley / file).read_text())
    kept = HERE / f"{file}.txt"
    if os.environ.get("SYMGRAD_UPDATE_GOLDEN"):
        kept.write_text(text)
    assert kept.read_text() == text


def test_patterns_are_in_the_c(valley):
    text = (valley / "valley.c").read_text()
    rows = re.search(r"valley_loss_hessian_row0\[10\] = \{\s*(.*?),?\s*\};", text, re.S).group(1)
    columns = re.search(r"valley_loss_hessian_column0\[10\] = \{\s*(.*?),?\s*\};", text, re.S).group(1)
    band = [(i, j) for i in range(4) for j in range(4) if abs(i - j) <= 1]
    assert list(zip(map(int, rows.split(",")), map(int, columns.split(",")), strict=True)) == band
    module = sg.load(valley)
    ((found_rows, found_columns),) = module.loss_hessian.sparsity
    assert list(zip(found_rows, found_columns, strict=True)) == band and module.loss.sparsity == (None,)
    assert module.loss_hessian.facts["sparsity"][0]["count"] == 10
