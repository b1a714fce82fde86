"""Where the templates are; apart from what renders them, so that asking does not load it."""

from __future__ import annotations

from pathlib import Path

from symgrad.errors import CompileError

__all__ = ["template_folder"]


def template_folder() -> Path:
    """Return the folder of the templates: beside the package when installed, else in the checkout's root."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "templates", package.parent / "templates"):
        if (folder / "module.c.jinja").is_file():
            return folder
    raise CompileError(f"templates: not found beside {package} nor in {package.parent}; reinstall symgrad")
