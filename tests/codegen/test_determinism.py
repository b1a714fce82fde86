"""The same graph gives the same bytes, whatever the seed of Python's hashes and the order of construction."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from random_graphs import random_graph
from symgrad.codegen.render import render_c
from symgrad.lower.lower import lower
from symgrad.options import Options
text = ""
for seed in range(25):
    graph = random_graph(seed)
    names = [f"y{{k}}" for k in range(len(graph.outputs))]
    source = render_c(lower(graph, Options()), "f", ["a", "b", "c"], names, Options())
    text += source.text + source.header + graph.key
print(hashlib.sha256(text.encode()).hexdigest())
"""


def digest(seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    program = PROGRAM.format(tests=str(ROOT / "tests" / "lower"))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_same_bytes_under_every_hash_seed():
    assert len({digest("0"), digest("1"), digest("12345")}) == 1
