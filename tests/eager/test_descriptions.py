"""What ``help`` shows: both faces of shared functions, the arguments of torch's, and a sentence for every method."""

import inspect
import subprocess
import sys

import pytest

import symgrad as sg
from symgrad.eager.descriptions import MAKERS
from symgrad.naming import SHARED

sg.tensor(0)  # a Tensor is whole from its first appearance


@pytest.mark.parametrize("name", ["zeros", "ones", "full", "arange", "eye"])
def test_makers_describe_tensors_first(name):
    text = inspect.getdoc(getattr(sg, name))
    assert text.startswith("Return a Tensor of ") and "requires_grad" in text and "Array" in text
    assert {"out", "dtype", "device", "requires_grad"} <= set(inspect.signature(getattr(sg, name)).parameters)


def test_makers_are_described_before_there_is_a_tensor():
    script = (
        "import symgrad as sg, sys; print(sg.zeros.__doc__.splitlines()[0]); print('symgrad.eager.torch_names' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Return a Tensor of zeros; sizes one by one, as one sequence, or as ``size``.", "False"]


@pytest.mark.parametrize("name", [n for n in SHARED if n in sg.__all__ and n not in MAKERS])
def test_shared_functions_describe_both_faces(name):
    text = inspect.getdoc(getattr(sg, name))
    assert f"Of Tensors it is torch's ``{name}(" in text


@pytest.mark.parametrize("name", [n for n in dir(sg.Tensor) if not n.startswith("_")])
def test_every_method_has_a_description(name):
    found = inspect.getattr_static(sg.Tensor, name)
    if isinstance(found, property) or not callable(getattr(sg.Tensor, name)):
        return
    assert inspect.getdoc(getattr(sg.Tensor, name))


@pytest.mark.parametrize("place", ["linalg", "special", "nn.functional"])
def test_every_function_has_a_description(place):
    module = sg
    for part in place.split("."):
        module = getattr(module, part)
    assert not [n for n in module.__all__ if not inspect.getdoc(getattr(module, n))]


def test_arguments_have_the_names_of_torch():
    assert list(inspect.signature(sg.atan2).parameters) != ["a", "b"]
    assert list(inspect.signature(sg.nn.functional.relu).parameters) == ["input", "inplace"]
    assert list(inspect.signature(sg.bitwise_and).parameters) == ["input", "other", "out"]
    assert sg.Tensor.mul_.__name__ == "mul_" and "into this tensor" in sg.Tensor.mul_.__doc__
