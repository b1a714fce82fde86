"""Every test verifies each stage's graph, and compiles into a cache of its own."""

from __future__ import annotations

import os
import tempfile

import pytest

os.environ["SYMGRAD_VERIFY"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory):
    """Keep the user's cache out of the tests: what they compile is compiled here, once for each run."""
    before = os.environ.get("SYMGRAD_CACHE_DIR")
    with tempfile.TemporaryDirectory(prefix="symgrad-tests-", ignore_cleanup_errors=True) as folder:
        os.environ["SYMGRAD_CACHE_DIR"] = folder
        yield
        if before is None:
            del os.environ["SYMGRAD_CACHE_DIR"]
        else:
            os.environ["SYMGRAD_CACHE_DIR"] = before
