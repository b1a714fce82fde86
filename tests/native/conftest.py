import pytest

from symgrad.native import cache


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """An empty cache of the test's own: the folder of its entries, not there yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(folder))
    monkeypatch.setattr(cache, "_fallback", None)
    return folder / "symgrad-code"
