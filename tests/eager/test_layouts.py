"""Layouts of chains of views: what they cost, what traces make of them, and what is refused."""

import pytest

import symgrad as sg
from symgrad.eager import layouts


@pytest.fixture
def measured(monkeypatch):
    """Return a list that grows by one at each layout that is measured."""
    found = []
    measure = layouts._measured

    def counting(model, offset):
        found.append(offset)
        return measure(model, offset)

    monkeypatch.setattr(layouts, "_measured", counting)
    layouts._layouts.clear()
    return found


def test_reshapes_of_what_lies_in_order_measure_nothing(measured):
    x = sg.ones(2, 4)
    for _ in range(10):
        x = x.reshape(8).reshape(2, 4)
    assert x.is_contiguous() and not measured


def test_a_chain_is_measured_once_for_each_view(measured):
    y = sg.ones(6, 6)
    for _ in range(2):
        x = y
        for _ in range(10):
            x = x.t()
            assert x.stride() in ((1, 6), (6, 1))
    assert len(measured) == 10


def test_a_deep_chain_that_was_never_asked_for_is_measured_from_its_start(measured):
    x = sg.ones(3, 4)
    for _ in range(2000):
        x = x.t()
    assert x.stride() == (4, 1) and x.t().stride() == (1, 4)


def test_views_in_a_trace_copy_where_memory_does_not_allow_them():
    def f(x):
        y = x * 1
        y.t().flatten().zero_()
        y[:2].flatten().add_(1)
        return y

    x = sg.arange(12.0).reshape(3, 4)
    want = (x + sg.tensor([[1.0], [1.0], [0.0]])).tolist()
    assert f(x).tolist() == sg.compile(f)(x).tolist() == want


def test_bits_are_refused_in_a_trace():
    with pytest.raises(sg.TraceError, match="no memory to read as another element type"):
        sg.compile(lambda x: x.view(sg.int32))(sg.ones(3))


def test_windows_are_not_computed_in_place_where_they_overlap():
    x = sg.arange(4.0)
    for write in (lambda w: w.mul_(2), lambda w: w.__iadd__(1), lambda w: w.clamp_(0, 1)):
        with pytest.raises(RuntimeError, match="its windows overlap"):
            write(x.unfold(0, 2, 1))
    x.unfold(0, 2, 1)[1].mul_(2)
    x.unfold(0, 2, 2).mul_(2)
    assert x.tolist() == [0, 4, 8, 6]


def test_a_part_of_a_detached_expansion_of_a_view_is_refused_on_the_tape():
    w = sg.ones(3, requires_grad=True)
    e = sg.ones(3, 3).t().detach().expand(2, 3, 3)
    e[0, 0].mul_(2)
    with pytest.raises(RuntimeError, match="detach first, then take the view and expand it"):
        e[0, 0].mul_(w)


def test_strided_views_of_bits_are_refused():
    bits = sg.ones(4).view(sg.int32)
    with pytest.raises(RuntimeError, match="needs? a tensor of its storage's own element type"):
        bits.as_strided((2,), (2,))
    assert "View" in repr(bits._chain[-1])
