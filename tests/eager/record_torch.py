"""Records what torch answers to the cases: python -m tests.eager.record_torch, where torch is installed."""

import json
import warnings
from pathlib import Path

import torch

from .torch_cases import DTYPES, ERRORS, GROUPS, PROMOTED, PROMOTED_NUMBERS, inputs
from .torch_evaluation import Names, evaluate, explored, leaves_of

PATH = Path(__file__).parent / "torch_values.json"


def make(array, requires_grad):
    return torch.tensor(array, requires_grad=requires_grad)


def numpy(tensor):
    return tensor.detach().numpy(force=True)


LIBRARY = {
    "T": Names(torch, torch.Tensor, tensor_of=torch.tensor, zeros_of=torch.zeros),
    "F": torch.nn.functional, "L": torch.linalg, "S": torch.special, "DOUBLE": torch.float64, "FLOAT": torch.float32,
}  # fmt: skip


def plain(array):
    return None if array is None else [array.dtype.name, list(array.shape), array.ravel().tolist()]


def answered(text):
    try:
        found = explored(text, LIBRARY, torch.Tensor, make, torch.autograd.grad, numpy)
    except (RuntimeError, NotImplementedError) as error:  # what torch cannot differentiate, or not twice
        leaves = leaves_of(text, inputs(), lambda a, r: make(a, False))
        result = evaluate(text, LIBRARY, leaves)
        values = [result] if isinstance(result, torch.Tensor) else [o for o in result if isinstance(o, torch.Tensor)]
        found = {"values": [numpy(v) for v in values], "grad_fn": None, "first": None, "second": None}
        print(f"{text}: {str(error).splitlines()[0][:100]}")
    return {
        "values": [plain(v) for v in found["values"]],
        "grad_fn": found["grad_fn"],
        **{k: None if found[k] is None else [plain(g) for g in found[k]] for k in ("first", "second")},
    }


def _or_complain(text):
    try:
        return answered(text)
    except Exception as error:
        raise SystemExit(f"{text}: {error}") from error


def refused(text):
    try:
        evaluate(text, LIBRARY, leaves_of(text, inputs(), make))
    except Exception as error:
        return {"kinds": [c.__name__ for c in type(error).__mro__], "message": str(error).splitlines()[0]}
    return None


def promoted():
    table = {}
    makers = {"{}1": lambda d: torch.ones(2, dtype=d), "{}0": lambda d: torch.ones((), dtype=d)}
    operands = {mark.format(n): make_(getattr(torch, n)) for n in DTYPES for mark, make_ in makers.items()}
    key = {"KEY": torch.tensor([True, False])}
    for form in PROMOTED:
        for p in operands:
            for q in operands:
                table[form.format(p, q)] = _dtype(form.format(p, q), {**operands, **key})
    for form in PROMOTED_NUMBERS:
        for p in operands:
            for number in ("True", "2", "2.5"):
                table[form.format(p, number)] = _dtype(form.format(p, number), operands)
    return table


def _dtype(text, names):
    try:
        return str(evaluate(text, LIBRARY, names).dtype).removeprefix("torch.")
    except RuntimeError:
        return None


def main():
    warnings.simplefilter("ignore")
    recorded = {"torch": torch.__version__.partition("+")[0]}
    recorded["cases"] = {text: _or_complain(text) for group in GROUPS.values() for text in group}
    recorded["errors"] = {text: refused(text) for text, _ in ERRORS}
    recorded["promotion"] = promoted()
    lines = []
    for key, part in recorded.items():
        if isinstance(part, dict):
            body = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in part.items())
            lines.append(f"{json.dumps(key)}: {{\n{body}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(part)}")
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="ascii")


if __name__ == "__main__":
    main()
