"""What users call: ``backward``, ``autograd.backward`` and ``autograd.grad``, with torch's checks and messages."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.eager.deriving import watch
from symgrad.eager.engine import AccumulateLock, run
from symgrad.eager.flushing import also_wanted, ask_together
from symgrad.eager.grad_arguments import UNUSED, check_options, inputs_of, several
from symgrad.eager.grad_mode import mode
from symgrad.eager.pieces import Route
from symgrad.eager.programs import Job, evaluate, prepare
from symgrad.eager.recording import Record, leaf
from symgrad.eager.repeating import Learned, backward_again, key_of, remember, results_before, route_of, told
from symgrad.eager.storage import write
from symgrad.eager.tape import Leaf, is_adrift
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_basics import clone

__all__ = ["backward", "backward_method", "grad"]

Tensors = Tensor | Sequence[Tensor]
CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient which can "
    "cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you have to use this "
    "function, make sure to reset the .grad fields of your parameters to None after use to break the cycle and avoid the leak."
)
_LAYERS = ("AddmmBackward0", "ViewBackward0", "SqueezeBackward4")  # one entry here, several in torch: that of the bias is first
NO_GRAD = "element {} of tensors does not require grad and does not have a grad_fn"


def _seeds(tensors: Sequence[Tensor], given: Any, create_graph: bool) -> list[tuple[Any, Tensor]]:
    """Return each root's edge with its cotangent.

    Raises
    ------
    RuntimeError
        When one is missing, of another shape, or for a root without a tape.
    """
    cotangents = [None] * len(tensors) if given is None else several(given)
    if len(cotangents) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(cotangents)} gradients")
    roots = []
    for k, (tensor, cotangent) in enumerate(zip(tensors, cotangents, strict=True)):
        edge = tensor.edge()
        if cotangent is None and edge is not None:
            cotangent = _implicit(tensor)  # noqa: PLW2901  # torch's default
        if edge is None or is_adrift(edge):
            raise RuntimeError(NO_GRAD.format(k))
        assert cotangent is not None
        _check_seed(k, tensor, cotangent)
        if cotangent.dtype is not tensor.dtype:
            cotangent = cotangent.to(tensor.dtype)  # noqa: PLW2901
        roots.append((edge, cotangent if create_graph else _plain(cotangent)))
    return roots


def _plain(cotangent: Tensor) -> Tensor:
    return cotangent if cotangent._edge is None else Tensor.of(cotangent.current())


_ones: dict[Any, Any] = {}  # arrays, which nobody writes


def _implicit(tensor: Tensor) -> Tensor:
    value = tensor._value
    found = _ones.get(value.type)
    if found is None:
        count: Any = 1
        for size in value.type.shape:
            count *= size
        if count != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        found = np.ones(value.type.shape, value.type.dtype.numpy)
        _ones[value.type] = found
    return Tensor.of(leaf(found))


def _check_seed(k: int, tensor: Tensor, cotangent: Any) -> None:
    if not isinstance(cotangent, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(cotangent).__name__}")
    if tuple(cotangent.shape) != tuple(tensor.shape):
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{k}] has a shape of {cotangent.shape} and output[{k}] has a shape of {tensor.shape}."
        )


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` to the ``grad`` of every leaf they depend on, or of ``inputs``.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
    grad_tensors : Tensor or sequence of Tensor, optional
        The cotangent of each; needed unless it has one element.
    retain_graph : bool, optional
        Keep what backward needs, so that it can run again. Default: ``create_graph``.
    create_graph : bool
        Record the gradients, so that they can be differentiated.
    inputs : Tensor or sequence of Tensor, optional
        Only these receive gradients.

    Raises
    ------
    RuntimeError
        As torch does; nothing has been added then.
    """
    outs, given = several(tensors), [None] if grad_tensors is None else several(grad_tensors)
    if len(outs) == len(given) == 1 and isinstance(outs[0], Tensor) and not create_graph:
        backward_method(outs[0], given[0], retain_graph, create_graph, inputs)
        return
    try:
        _backward(outs, grad_tensors, retain_graph, create_graph, inputs)
    except BaseException:
        _begin_anew()
        raise


def _backward(
    tensors: list[Tensor],
    grad_tensors: Any,
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Any,
    also: Sequence[Record] | None = None,
    route: Route | None = None,
) -> Learned | None:
    """Run backward, and compute ``also`` with it, where that is known; return what can be repeated.

    A pass that cannot be repeated as a whole, for the user's code looks on, is recorded in the window.
    """
    if mode.transforms:
        raise RuntimeError(
            "backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp "
            "instead or call backward() outside of functorch transforms."
        )
    if inputs is not None and not several(inputs):
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = _seeds(tensors, grad_tensors, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    for tensor in several(inputs) if inputs is not None else ():
        if isinstance(tensor, Tensor) and not tensor.is_leaf:
            tensor.retain_grad()
    receivers = None if inputs is None else [_receiver(k, t) for k, t in enumerate(inputs_of(inputs))]
    if create_graph:
        warnings.warn(CYCLE, UserWarning, stacklevel=3)
    inside = also is None and not create_graph
    done = run(roots, receivers, keep, create_graph, inside, route)
    with AccumulateLock:
        # other inputs than leaves keep theirs by themselves
        ours = {e: c for e, c in done.found.items() if isinstance(e, Leaf) and not e.off}
        job, totals = _accumulate(ours, create_graph, also, inside, exact=also is not None and not keep)
    if job is not None and done.repeatable:
        return Learned(job, totals, done.spent, done.read)
    if not create_graph and mode.window is not None:
        mode.window.begin()  # what is recorded from here on comes after this pass
    _call_post_hooks(done.found, done.nodes[0])
    return None


def _call_post_hooks(found: dict[Any, Tensor], order: Sequence[Record]) -> None:
    """Call what looks on when a leaf has its gradient, in the order in which backward completes them."""
    hooked = [e for e in found if isinstance(e, Leaf) and (e.extras is not None or e.posthooks)]
    if len(hooked) > 1:
        last: dict[Any, tuple[int, int]] = {}  # the entry from which the last part comes, and its operand
        for k, record in enumerate(order):
            for n, operand in enumerate(record.edges or ()):
                if type(operand) is Leaf:
                    biased = getattr(record.signature, "name", "") in _LAYERS and len(operand.type.shape) == 1
                    last[operand] = k, -1 if biased else n
        hooked.sort(key=lambda e: last.get(e, (-1, 0)))
    for edge in hooked:
        cotangent = found[edge]
        if edge.extras is not None:
            for after in list(edge.extras.posthooks.values()):
                after((), (cotangent,))
        if edge.posthooks and not edge.off:
            tensor = edge.tensor()
            for hook in list(edge.posthooks.values()):
                hook(tensor)


def _receiver(k: int, tensor: Any) -> Any:
    edge = tensor.edge()
    if edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return Leaf(edge.type, tensor) if is_adrift(edge) else edge  # a leaf that nothing leads to


def _accumulate(
    found: dict[Leaf, Tensor], create_graph: bool, also: Sequence[Record] | None, inside: bool, exact: bool
) -> tuple[Job | None, dict[Any, Record]]:
    """Add gradients where they belong, all or none: what can fail is computed before the first is touched."""
    job = None
    before = mode.grad
    mode.set_grad(create_graph)
    try:
        steps = []
        shared: dict[Record, Tensor] = {}  # what two leaves have as their gradient collects from both
        overlapping: list[tuple[Any, Tensor]] = []  # views of memory that is another leaf's gradient, too
        cells: set[Any] = set()
        for edge, cotangent in found.items():
            old = edge.grad
            if old is None:
                total = cotangent
            elif old._cell is not None and old._cell in cells and old.current() not in shared and not create_graph:
                overlapping.append((old, cotangent))
                continue
            else:
                cells.add(old._cell)
                total = shared[old.current()] = shared.get(old.current(), old) + cotangent
            steps.append((edge, old, total))
        if not create_graph:
            last = [c.current() for _, c in overlapping]
            wanted = [*[t.current() for _, _, t in steps], *last, *(also or ())]
            if inside:
                ask_together(wanted)
            else:
                job = prepare(wanted, exact)
                job.run()
    finally:
        mode.set_grad(before)
    given: set[Any] = set()
    for edge, old, total in steps:
        if old is not None and not create_graph:
            write(old, total.current(), None)
        else:
            edge.grad = _of_its_own(total, given)
    for old, cotangent in overlapping:  # each adds to what the others left
        write(old, (old.detach() + cotangent).current(), None)
    return job, {edge: total._value for edge, _, total in steps}


def _of_its_own(total: Tensor, given: set[Any]) -> Tensor:
    """Return a gradient as a Tensor that shares its record with nothing: what was handed to backward may be passed on."""
    value = total.current()
    if value.signature is not None and value not in given and total._cell is None:
        given.add(value)
        return total if total._edge is not None else Tensor.of(value)
    if total._edge is not None:
        made: Tensor = clone(total)
        return made
    evaluate([value])
    return Tensor.of(leaf(value.data))


def backward_method(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of this to the ``grad`` of every leaf it depends on; see ``autograd.backward``."""
    window = mode.window
    key = route = None
    try:
        if window is not None and not create_graph and not mode.transforms:
            with AccumulateLock:
                if (gradient is None and inputs is None) or told(window, self, gradient, inputs):
                    follow = window.moves[None].backward
                    if follow is not None and follow(window, self, retain_graph):
                        return
                    key = key_of(window, self, bool(retain_graph))
                    if key is not None and backward_again(window, key):
                        return
                    route = None if key is not None else route_of(window, self)
        also = None if key is None else also_wanted(window, results_before(key))
        given = None if gradient is None else [gradient]
        learned = _backward([self], given, retain_graph, create_graph, inputs, also, route)
    except BaseException:
        _begin_anew()
        raise
    if learned is not None:
        remember(window, key, learned)
        window.begin()


def _begin_anew() -> None:
    """Forget what a pass that failed has numbered: what is recorded next would be taken for something else."""
    if mode.window is not None:
        mode.window.begin()


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of ``outputs`` with respect to ``inputs``; no ``grad`` attribute changes.

    Parameters
    ----------
    outputs, inputs : Tensor, GradientEdge or sequence of them
    grad_outputs : Tensor or sequence of Tensor, optional
        The cotangent of each output; needed unless it has one element.
    retain_graph : bool, optional
        Default: ``create_graph``.
    create_graph : bool
        Record the gradients, so that they can be differentiated.
    only_inputs : bool
        Accepted for torch's sake.
    allow_unused : bool, optional
        Return None for inputs that the outputs do not depend on, in place of an error. Default: ``materialize_grads``.
    is_grads_batched : bool
        ``grad_outputs`` have a leading axis of cotangents, and so have the results.
    materialize_grads : bool
        Return zeros in place of None.

    Raises
    ------
    RuntimeError, ValueError
        As torch does.
    """
    check_options(only_inputs, materialize_grads, allow_unused, inputs)
    outs, ins = several(outputs), inputs_of(inputs)
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if is_grads_batched:
        return _batched(outs, ins, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    keep = create_graph if retain_graph is None else bool(retain_graph)
    cotangents = [None] * len(outs) if grad_outputs is None else several(grad_outputs)
    seen = watch(outs, ins, cotangents, keep, create_graph) if len(cotangents) == len(outs) else None
    if seen is not None and (known := seen.follow_again()) is not None:
        return tuple(known)
    try:
        roots = _seeds(outs, grad_outputs, create_graph)
        receivers = [_receiver(k, t) for k, t in enumerate(ins)]
        done = run(roots, receivers, keep, create_graph, inside=True)
    except BaseException:
        _begin_anew()
        raise
    results = _results(done.found, receivers, ins, bool(allow_unused), materialize_grads)
    if seen is not None and done.repeatable:
        seen.note(results, done.read, done.spent, keep)
    if mode.window is not None and not keep:
        mode.window.spent = True
    return tuple(results)


def _results(
    found: dict[Any, Tensor], receivers: Sequence[Any], inputs: Sequence[Tensor], allow_unused: bool, materialize: bool
) -> list[Tensor | None]:
    """Return what arrived for each input, as a Tensor of its own."""
    results: list[Tensor | None] = []
    given: set[Any] = set()
    for k, (edge, tensor) in enumerate(zip(receivers, inputs, strict=True)):
        total = found.get(edge)
        result = None if total is None else _of_its_own(total, given)
        if result is None and materialize:
            result = Tensor.of(leaf(np.zeros(tuple(tensor.shape), tensor.dtype.numpy)))
        elif result is None and not allow_unused:
            raise RuntimeError(UNUSED.format(k))
        results.append(result)
    return results


def _batched(outs: Any, ins: Any, grad_outputs: Any, retain: Any, create: bool, *rest: Any) -> tuple[Tensor | None, ...]:
    """Return gradients for each of a batch of cotangents, stacked."""
    cotangents = several(grad_outputs)
    for k, (out, cotangent) in enumerate(zip(outs, cotangents, strict=True)):
        if tuple(cotangent.shape[1:]) != tuple(out.shape):
            raise RuntimeError(
                f"If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
                f"sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
                f"detected: grad_output[{k}] has a shape of {cotangent.shape} and output[{k}] has a shape of {out.shape}."
            )
    count = cotangents[0].shape[0]
    rows = []
    for k in range(count):
        last = k == count - 1
        keep = (create if retain is None else retain) or not last
        allow, materialize = rest
        rows.append(grad(outs, ins, [c[k] for c in cotangents], keep, create, True, allow, False, materialize))
    return tuple([None if column[0] is None else column[0].stack_rows(column) for column in zip(*rows, strict=True)])
