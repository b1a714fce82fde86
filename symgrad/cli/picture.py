"""Pictures of graphs: Graphviz draws them where it is installed, else this module does, as SVG."""

from __future__ import annotations

import html
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from symgrad.errors import CompileError
from symgrad.ir.expr import ArrayConstant, Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.text import format_attribute
from symgrad.shipped.building import run_limited

__all__ = ["FORMATS", "MOST", "draw"]

FORMATS = (".svg", ".html", ".dot", ".png", ".pdf")
MOST = 2_000  # nodes of a picture: nobody reads more
_SECONDS = 30.0
_OWN = {".svg", ".html"}
_COLOURS = {"input": "#d7e8f7", "output": "#d9f0d3", "": "#f4f4f4"}
_HIGH, _GAP_X, _GAP_Y, _LETTER, _MARGIN = 40, 18, 46, 7.3, 12
_SWEEPS = 6  # over the layers, to put nodes near those they are joined with


def draw(graph: Graph, output_names: Sequence[str], title: str, suffix: str) -> tuple[bytes, str]:
    """Return a picture of a graph as the content of a file, and who drew it: ``"graphviz"`` or ``"symgrad"``.

    Raises
    ------
    CompileError
        For a format that needs Graphviz, where it is not installed or fails.
    """
    boxes, edges = _boxes(graph, output_names)
    dot = _dot(boxes, edges, title)
    if suffix == ".dot":
        return dot.encode(), "symgrad"
    drawn = _graphviz(dot, "svg" if suffix in _OWN else suffix[1:], needed=suffix not in _OWN)
    who = "symgrad" if drawn is None else "graphviz"
    content = _svg(boxes, edges, title).encode() if drawn is None else drawn
    if suffix == ".html":
        content = _page(content.decode(), title).encode()
    return content, who


Boxes = Mapping[str, tuple[str, str, str]]  # by identifier: role, first line, second line
Edges = Sequence[tuple[str, str]]


def _boxes(graph: Graph, output_names: Sequence[str]) -> tuple[Boxes, Edges]:
    """Return what is drawn: operations with the numbers in them, inputs and outputs."""
    boxes: dict[str, tuple[str, str, str]] = {}
    edges: list[tuple[str, str]] = []
    names: dict[Node, str] = {}
    for node in graph.order:
        if node.primitive is ops.constant and not isinstance(node.attributes["value"], ArrayConstant):
            continue
        key = names[node] = f"n{len(names)}"
        if node.primitive is ops.input:
            boxes[key] = "input", str(node.attributes["label"]), str(node.type)
            continue
        words = [node.primitive.name]
        if any(i not in names for i in node.inputs):  # the numbers among the operands, in their places
            words += [repr(i.attributes["value"]) if i not in names else "·" for i in node.inputs]
        words += [f"{k}={format_attribute(v)}" for k, v in sorted(node.attributes.items())]
        boxes[key] = "", _short(" ".join(words)), str(node.type)
        edges += [(names[i], key) for i in node.inputs if i in names]
    for k, (name, node) in enumerate(zip(output_names, graph.outputs, strict=True)):
        if node in names:
            boxes[f"o{k}"] = "output", name, str(node.type)
            edges.append((names[node], f"o{k}"))
        else:
            boxes[f"o{k}"] = "output", f"{name} = {node.attributes['value']!r}", str(node.type)
    return boxes, edges


def _short(text: str, length: int = 36) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _dot(boxes: Boxes, edges: Edges, title: str) -> str:
    """Return the graph in Graphviz's language."""
    lines = [f"digraph {_quoted(title)} {{", '    node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];']
    for key, (role, first, second) in boxes.items():
        lines.append(f"    {key} [label={_quoted(f'{first}{chr(10)}{second}')}, fillcolor={_quoted(_COLOURS[role])}];")
    lines += [f"    {a} -> {b};" for a, b in edges]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _graphviz(dot: str, form: str, needed: bool) -> bytes | None:
    """Return what Graphviz draws; None where it is not there, unless it is needed."""
    program = shutil.which("dot")
    if program is None:
        if needed:
            raise CompileError(f"show: .{form} is drawn by Graphviz; install it (apt install graphviz), or write .svg or .html")
        return None
    with tempfile.TemporaryDirectory(prefix="symgrad-") as folder:
        source, target = Path(folder) / "graph.dot", Path(folder) / f"graph.{form}"
        source.write_text(dot, encoding="utf-8")
        try:
            command = [program, f"-T{form}", "-o", str(target), str(source)]
            status, said = run_limited(command, folder, time.monotonic() + _SECONDS)
        except (TimeoutError, OSError) as error:
            status, said = 1, str(error)
        if status == 0 and target.is_file():
            return target.read_bytes()
    if needed:
        raise CompileError(f"show: Graphviz failed: {said[:200]}; write .svg or .html")
    return None


# Drawing without Graphviz


def _layers(boxes: Boxes, edges: Edges) -> list[list[str]]:
    """Return the boxes in layers, each below all it depends on, ordered so that few edges cross."""
    above: dict[str, list[str]] = {key: [] for key in boxes}
    below: dict[str, list[str]] = {key: [] for key in boxes}
    for a, b in edges:
        above[b].append(a)
        below[a].append(b)
    level: dict[str, int] = {}
    for key in boxes:  # what a box depends on stands before it
        level[key] = max((level[a] + 1 for a in above[key]), default=0)
    for key in reversed(list(boxes)):  # inputs go down to where they are used
        if not above[key] and below[key]:
            level[key] = min(level[b] for b in below[key]) - 1
    layers: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for key in boxes:
        layers[level[key]].append(key)
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        place = {key: k / max(len(layer) - 1, 1) for layer in layers for k, key in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = {k: sum(place[n] for n in near[k]) / len(near[k]) if near[k] else place[k] for k in layer}
            layer.sort(key=wanted.__getitem__)
            place.update({key: k / max(len(layer) - 1, 1) for k, key in enumerate(layer)})
    return layers


def _svg(boxes: Boxes, edges: Edges, title: str) -> str:
    """Return the picture: boxes in layers, edges as curves between them."""
    layers = _layers(boxes, edges)
    wide = {key: max(len(first), len(second)) * _LETTER + 16 for key, (_, first, second) in boxes.items()}
    widths = [sum(wide[k] for k in layer) + _GAP_X * (len(layer) - 1) for layer in layers]
    width, height = max(widths, default=0) + 2 * _MARGIN, len(layers) * (_HIGH + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    middle: dict[str, tuple[float, float]] = {}
    for row, (layer, total) in enumerate(zip(layers, widths, strict=True)):
        x = (width - total) / 2
        for key in layer:
            middle[key] = x + wide[key] / 2, _MARGIN + row * (_HIGH + _GAP_Y)
            x += wide[key] + _GAP_X
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        ' font-family="Helvetica, Arial, sans-serif" font-size="12" text-anchor="middle">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    for a, b in edges:
        (x0, y0), (x1, y1) = middle[a], middle[b]
        bend = (y1 - y0 - _HIGH) / 2
        curve = f"M{x0:.1f} {y0 + _HIGH:.1f}C{x0:.1f} {y0 + _HIGH + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"
        lines.append(f'<path d="{curve}" fill="none" stroke="#888"/>')
    for key, (role, first, second) in boxes.items():
        x, y = middle[key]
        shape = f'x="{x - wide[key] / 2:.1f}" y="{y:.1f}" width="{wide[key]:.1f}" height="{_HIGH}" rx="6"'
        lines.append(f'<rect {shape} fill="{_COLOURS[role]}" stroke="#555"/>')
        lines.append(f'<text x="{x:.1f}" y="{y + 17:.1f}">{html.escape(first)}</text>')
        lines.append(f'<text x="{x:.1f}" y="{y + 33:.1f}" fill="#666" font-size="10">{html.escape(second)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _page(svg: str, title: str) -> str:
    body = svg[svg.index("<svg") :]
    head = f'<head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n<body>\n{body}</body></html>\n'
