"""Every example runs and finds its known answer."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example(path, tmp_path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if inspect.signature(module.main).parameters:
        module.main(tmp_path)
        pictures = list(tmp_path.iterdir())
        assert pictures and all(p.stat().st_size > 10_000 for p in pictures)
    else:
        module.main()


def test_examples_are_short():
    assert len(EXAMPLES) >= 4
    for path in EXAMPLES:
        assert len(path.read_text().splitlines()) <= 80, path.name
