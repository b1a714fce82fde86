"""Run every case with torch and write expected.json: ``python -m tests.parity.record [name ...]``.

Names (or their beginnings) limit what is run and printed, and then nothing is written.
"""

from __future__ import annotations

import json
import sys

from .harness import EXPECTED, differences, flaws, load, observe, run, without_messages


def show(case, torch):
    """Return what a case shows with torch, or raise AssertionError where the case itself is wrong."""
    record = run(case, torch)
    found = list(flaws(record))
    assert not found, found
    if case.differs:
        assert list(differences(observe(case.expected), record, case)), "torch does as the case expects: no difference left"
    return without_messages(record)


def write(records, version):
    """Write one sorted line for each case."""
    lines = [f"  {json.dumps(name)}: {json.dumps(records[name], ensure_ascii=False)}" for name in sorted(records)]
    body = ",\n".join(lines)
    EXPECTED.write_text(f'{{"torch": {json.dumps(version)},\n "cases": {{\n{body}\n}}}}\n', encoding="utf-8")


def main(names):
    """Record all cases, or print those named; return how many are wrong."""
    import torch

    torch.set_warn_always(True)
    torch.set_num_threads(1)
    chosen = [case for case in load().values() if not names or case.name.startswith(tuple(names))]
    records, wrong = {}, 0
    for case in chosen:
        try:
            records[case.name] = show(case, torch)
        except Exception as error:
            wrong += 1
            print(f"{case.name}: {type(error).__name__}: {error}", file=sys.stderr)
    if names:
        print(json.dumps(records, indent=1, ensure_ascii=False))
    elif not wrong:
        write(records, torch.__version__.partition("+")[0])
        print(f"{len(records)} cases recorded")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
