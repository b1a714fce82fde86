import pytest

from symgrad.eager.execution import wait_for_compiler
from symgrad.native import cache


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """An empty cache of the test's own: the folder of its entries, not there yet."""
    wait_for_compiler()  # what other tests left to the background goes to the cache that is chosen when it is done
    folder = tmp_path / "cache"
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(folder))
    monkeypatch.setattr(cache, "_fallback", None)
    return folder / "symgrad-code"
