"""``symgrad show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from symgrad.cli.output import print_code, print_json, working
from symgrad.cli.picture import FORMATS, MOST, draw
from symgrad.cli.running import Command
from symgrad.cli.subjects import compile_options, one_subject, options_from, planned, read_kinds, subject_options
from symgrad.compiler import Compiled, deferred
from symgrad.lower.listing import format_program
from symgrad.native.publish import publish_file
from symgrad.planning import Planned

__all__ = ["command"]

_LANGUAGES = {"graph": "text", "loops": "text", "c": "c", "latex": "latex"}
_EXAMPLES = """\b
Examples:
  symgrad show model.py:loss --spec 'x: float64[n]' --derivative value_and_grad
  symgrad show --expr 'sin(x*y) + x**2' --derivative hessian --stage latex
  symgrad show --expr 'sin(x*y) + x**2' --picture graph.svg

FILE.py is your own Python file: it is run, as `python FILE.py` would run it."""


@click.command("show", cls=Command, epilog=_EXAMPLES)
@subject_options
@click.option(
    "--stage",
    default="c",
    show_default=True,
    type=click.Choice(list(_LANGUAGES)),
    help="The rewritten graph, the loops it is lowered to, the C, or the formula as LaTeX.",
)
@click.option(
    "--derivative",
    default="value",
    metavar="NAME",
    help="Of value, grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp, d1, d2, ... [default: value]",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the graph: .svg or .html (drawn without Graphviz where that is missing), .dot, .png, .pdf.",
)
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Print text and figures as JSON.")
def command(
    models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str], stage: str, derivative: str,
    picture: Path | None, precise: bool, fast_math: bool, march: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what a function or its derivative becomes: graph, loops, C or LaTeX, or a picture of the graph.

    No compiler is needed.
    """
    kinds = read_kinds(derivative)
    if len(kinds) != 1:
        raise click.UsageError("--derivative: one at a time")
    if picture is not None and picture.suffix not in FORMATS:
        raise click.UsageError(f"--picture {picture}: its name must end with one of {', '.join(FORMATS)}")
    subject = one_subject(models, expressions, args, specs)
    with working("Compiling", quiet=as_json):
        one = planned([subject], kinds, options_from(precise, fast_math, march))[-1]
        made = deferred(
            one.graph,
            name=one.name,
            options=options_from(precise, fast_math, march),
            input_names=one.input_names,
            output_names=one.trace.output_names,
        )
        text = "" if picture else _text(one, made, stage)
    if picture is not None:
        _draw(one, made, picture, as_json)
    elif as_json:
        print_json({"function": one.name, "stage": stage, "text": text, **_figures(one, made)})
    else:
        print_code(text, _LANGUAGES[stage])


def _text(one: Planned, made: Compiled, stage: str) -> str:
    if stage == "graph":
        return str(made.graph)
    if stage == "loops":
        return format_program(made.loops, one.input_names, one.trace.output_names)
    if stage == "c":
        return made.rendered().text
    from symgrad.symbolic import latex

    return latex(made.graph, one.input_names)


def _figures(one: Planned, made: Compiled) -> dict[str, Any]:
    loops = made.loops
    return {
        "inputs": {n: str(i.type) for n, i in zip(one.input_names, one.graph.inputs, strict=True)},
        "outputs": {n: str(o.type) for n, o in zip(one.trace.output_names, one.graph.outputs, strict=True)},
        "nodes": len(made.graph),
        "flops": str(loops.flops),
        "bytes_moved": str(loops.bytes_moved),
        "kernels": loops.kernels,
    }


def _draw(one: Planned, made: Compiled, file: Path, as_json: bool) -> None:
    if len(made.graph) > MOST:
        raise click.UsageError(f"--picture: the graph has {len(made.graph)} nodes, more than {MOST}; --stage graph prints it")
    if not file.absolute().parent.is_dir():
        raise click.UsageError(f"--picture {file}: there is no folder '{file.parent}'")
    content, who = draw(made.graph, one.trace.output_names, one.title, file.suffix)
    publish_file(content, file.absolute())
    if as_json:
        print_json({"function": one.name, "picture": str(file), "drawn_by": who, "nodes": len(made.graph)})
        return
    hint = "" if who == "graphviz" or file.suffix == ".dot" else "; with Graphviz (apt install graphviz) its layout is better"
    click.echo(f"wrote {file}: {len(made.graph)} nodes{hint}")
