"""The forms of import that users of torch type, and what tab completion finds."""

import inspect
import subprocess
import sys

import pytest

FORMS = """
from symgrad.autograd.functional import jacobian, hessian
import symgrad.autograd.functional as AF; AF.vjp
import symgrad.autograd.forward_ad as fwAD; fwAD.make_dual
from symgrad.autograd.function import Function, FunctionCtx, once_differentiable
from symgrad.autograd.gradcheck import gradcheck, gradgradcheck
from symgrad.autograd import gradcheck; gradcheck.__code__
import symgrad.autograd.gradcheck; symgrad.autograd.gradcheck.__code__
from symgrad.autograd.grad_mode import no_grad, enable_grad, set_grad_enabled, inference_mode
from symgrad.autograd.anomaly_mode import detect_anomaly
from symgrad.autograd.graph import save_on_cpu, saved_tensors_hooks
from symgrad.autograd.variable import Variable
from symgrad.autograd import Variable, Function, grad, backward
import symgrad.nn.functional as F; F.relu
from symgrad.nn.functional import relu, softmax, cross_entropy
from symgrad.nn import functional as F; F.relu
import symgrad.nn as nn; nn.functional.relu; nn.utils.clip_grad_norm_
from symgrad.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector
from symgrad.nn.utils.convert_parameters import vector_to_parameters
from symgrad.optim.lr_scheduler import StepLR, LambdaLR, CosineAnnealingLR
from symgrad.optim import lr_scheduler, RMSprop, Adagrad; lr_scheduler.ExponentialLR
from symgrad.nn.utils.clip_grad import clip_grad_norm_
import symgrad.nn.utils as U; U.clip_grad_norm_
from symgrad.optim import SGD, Adam, AdamW
import symgrad.optim as optim; optim.SGD
from symgrad.optim.optimizer import Optimizer
from symgrad.optim.sgd import SGD
from symgrad.optim.adam import Adam
from symgrad.optim.adamw import AdamW
import symgrad.linalg; symgrad.linalg.inv
from symgrad.linalg import inv, norm
from symgrad.special import expit
import symgrad.cuda; symgrad.cuda.is_available()
from symgrad.testing import assert_close
from symgrad.linalg import LinAlgError
from symgrad import FloatTensor, LongTensor, cuda, device, strided
from symgrad.func import grad, vmap, jacrev
from symgrad import nn, optim, autograd, linalg, special, func, testing, Tensor, tensor
import symgrad as sg; sg.autograd.functional.jacobian; sg.nn.functional.relu; sg.optim.SGD; sg.linalg.inv; sg.func.grad
""".strip().splitlines()


def test_forms_of_import():
    """One process each would take long: each runs with no module of symgrad left from the one before."""
    script = "import sys\nfor line in sys.stdin.read().splitlines():\n"
    script += "    for name in [n for n in sys.modules if n.partition('.')[0] == 'symgrad']:\n        del sys.modules[name]\n"
    script += "    try:\n        exec(line, {})\n    except Exception as error:\n        print(line, '->', repr(error))\n"
    done = subprocess.run([sys.executable, "-c", script], input="\n".join(FORMS), capture_output=True, text=True, check=True)
    assert not done.stdout


@pytest.mark.parametrize("name", ["autograd", "nn", "optim", "linalg"])
def test_parts_are_loaded_when_they_are_used(name):
    script = f"import sys, symgrad; print(any(m.startswith('symgrad.{name}') for m in sys.modules), '{name}' in dir(symgrad))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("place", "some"),
    [("linalg", "inv norm solve"), ("special", "expit entr"), ("nn.functional", "relu softmax cross_entropy linear")],
)
def test_functions_are_listed(place, some):
    import symgrad as sg

    module = sg
    for part in place.split("."):
        module = getattr(module, part)
    assert set(some.split()) <= set(dir(module)) and set(some.split()) <= set(module.__all__)
    assert all(callable(getattr(module, name)) for name in module.__all__)


def test_names_of_autograd_modules_stay():
    import symgrad as sg

    assert inspect.isfunction(sg.autograd.gradcheck) and inspect.isclass(sg.autograd.Function)
    assert sg.autograd.function.Function is sg.autograd.Function
    assert set(sg.autograd.__all__) <= set(dir(sg.autograd))
