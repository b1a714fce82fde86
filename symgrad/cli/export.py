"""``symgrad export``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from symgrad.cli.output import console, print_json, print_table, working
from symgrad.cli.running import Command
from symgrad.cli.subjects import (
    Subject,
    compile_options,
    options_from,
    range_option,
    read_kinds,
    read_subjects,
    subject_options,
)
from symgrad.exporting import export
from symgrad.native.publish import manifest_of
from symgrad.planning import DERIVATIVES

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  symgrad export model.py:loss --spec 'x: float64[n]' --derivatives grad,hessian
  symgrad export model.py:loss,penalty --spec 'x: float64[n], k: int64' --name rosen
  symgrad export --expr 'energy = m*v**2/2 + m*9.81*h' --derivatives grad --name fall

FILE.py is your own Python file: it is run, as `python FILE.py` would run it."""


@click.command("export", cls=Command, epilog=_EXAMPLES)
@subject_options
@click.option("--derivatives", metavar="LIST", help=f"Of value, {', '.join(DERIVATIVES)}, d1, d2, ...")
@click.option("--name", help="Of the package and the C library; by default that of the function.")
@click.option("--out", default="build", show_default=True, type=click.Path(file_okay=False), help="Folder the package is put in.")
@click.option("--wheel", is_flag=True, help="Write a wheel beside it as well.")
@click.option("--force", is_flag=True, help="Replace another module; anything else that is there is kept beside it.")
@range_option
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(
    models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str], derivatives: str | None,
    name: str | None, out: str, wheel: bool, force: bool, ranges: dict[str, Any], precise: bool, fast_math: bool,
    march: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write functions and their derivatives as a package of plain C.

    The package is imported where NumPy and cffi are, without symgrad; its C is C99 that needs nothing but libm. The
    derivatives are compared with differences, and the report is written beside the code.
    """
    kinds = read_kinds(derivatives)
    subjects = read_subjects(models, expressions, args, specs)
    options = options_from(precise, fast_math, march)
    if name is None:
        if len(subjects) > 1:
            raise click.UsageError("several functions need a name for the package: add --name")
        name = subjects[0].name
    before = _stamp(Path(out) / name)
    with working(f"Compiling {name}", quiet=as_json):
        folder = export(
            {s.name: s.function for s in subjects},
            specs={s.name: s.specs for s in subjects},
            name=name,
            directory=out,
            derivatives=kinds,
            ranges=ranges or None,
            wheel=wheel,
            force=force,
            options=options,
        )
    written = _written(folder, name, wheel, before != _stamp(folder))
    if as_json:
        print_json(written)
    else:
        _show(written, subjects)


def _stamp(folder: Path) -> Any:
    """Return what changes when a module is put in its place."""
    try:
        status = (folder / "manifest.json").stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _written(folder: Path, name: str, wheel: bool, is_new: bool) -> dict[str, Any]:
    manifest: Any = manifest_of(folder)
    report = json.loads((folder / "check.json").read_bytes())["points"]
    wheels = sorted(folder.parent.glob(f"{name}-{manifest['version']}-*.whl")) if wheel else []
    functions = {n: {"prototype": facts["prototype"], "check": report[n]} for n, facts in manifest["functions"].items()}
    return {
        "name": name,
        "folder": str(folder),
        "written": is_new,
        "version": manifest["version"],
        "key": manifest["key"],
        "wheel": str(wheels[-1]) if wheels else None,
        "functions": functions,
    }


def _show(written: dict[str, Any], subjects: Sequence[Subject]) -> None:
    name, folder = written["name"], Path(written["folder"])
    said = "wrote" if written["written"] else "nothing to do: the same module stands in"
    click.echo(f"{said} {folder}{'/' if not str(folder).endswith('/') else ''}")
    if written["wheel"]:
        click.echo(f"wrote {written['wheel']}")
    rows = []
    for function, facts in written["functions"].items():
        check = facts["check"]
        for output in check["outputs"]:
            ulp = "no point" if not check["points"] else "not checked"
            if output["worst_ulp"] is not None:
                ulp = output["worst_ulp"] if isinstance(output["worst_ulp"], str) else f"{output['worst_ulp']:.3g}"
            apart = "" if output["differences"] is None else f"{output['differences']:.1e}"
            rows.append((function if len(check["outputs"]) == 1 else f"{function}.{output['name']}", ulp, apart))
    click.echo()
    print_table(["output", "worst ulp", "differences"], rows, right=["worst ulp", "differences"])
    click.echo()
    out = console()
    first = subjects[0]
    place = folder.parent
    for line in (
        f"Use it:      PYTHONPATH={place} python -c 'import {name}; print({name}.{first.name}.__doc__)'",
        f"In C:        {folder / name}.h, {folder / name}.c; `make -C {folder}` builds a library",
        f"Checked:     {folder / 'check.txt'} says how, at random points",
    ):
        out.print(line, markup=False, soft_wrap=True)
