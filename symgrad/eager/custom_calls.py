"""Functions inside traces: one call is one node, whose derivative and batched form are the user's code.

The node's ``call`` owns the forward pass as a graph. Its rules run the user's ``backward``, ``jvp`` and ``vmap`` on traced
Tensors; what they compute becomes part of the graph and is differentiated like anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from symgrad.eager.custom_context import Context, check_results, fitted
from symgrad.eager.grad_mode import mode
from symgrad.eager.hooks import call_hooks
from symgrad.eager.operation import apply_signature
from symgrad.eager.programs import tensor_inputs
from symgrad.eager.recording import Signature
from symgrad.eager.tape import Handle, extras_of
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.tensor_state import TensorState
from symgrad.eager.values import AnyArray, new_inner
from symgrad.interpret import interpret
from symgrad.ir.expr import Node, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform.partials import zeros_like
from symgrad.transform.vjp import pull_back
from symgrad.transform.vmap import batch

if TYPE_CHECKING:
    from symgrad.eager.custom import Function

__all__ = ["TWICE", "VmapInfo", "apply_in_trace", "refusing_in_trace"]

TWICE = "trying to differentiate twice a function that was marked with @once_differentiable"

Nodes = Sequence[Node]
Optional = Sequence[Node | None]


class VmapInfo(NamedTuple):
    """What a Function's ``vmap`` is told of the batch."""

    batch_size: Any
    randomness: str


class Call:
    """One call of a custom function: its forward pass as a graph, and its derivatives; see ``ops.custom``."""

    graph: Graph

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._pushed: tuple[Any, list[Node | None]] | None = None
        self._batched: tuple[Any, list[Node]] | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("pickle: a custom Function has derivatives in Python, which are not part of a graph")

    @property
    def key(self) -> str:
        """What tells graphs of values apart."""
        return self.graph.key

    def value(self, operands: Sequence[AnyArray], index: int) -> AnyArray:
        """Return one result."""
        return interpret(Graph(self.graph.inputs, [self.graph.outputs[index]]), operands)[0]

    def results(self, inputs: Nodes) -> list[Node]:
        """Return the nodes of all results."""
        return [ops.custom(*inputs, call=self, index=k) for k in range(len(self.graph.outputs))]

    def pull(self, inputs: Nodes, cotangents: Mapping[int, Node]) -> list[Node | None]:
        """Return the cotangent of each operand from those of the results, by number."""
        raise NotImplementedError

    def push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        """Return the tangent of each result; computed once for all."""
        key = tuple(inputs), tuple(tangents)
        if self._pushed is None or self._pushed[0] != key:
            self._pushed = key, self._push(inputs, tangents)
        return self._pushed[1]

    def _push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        """Return tangents as backward tells them: it is linear in its cotangents, and this is its transpose."""
        floating = {k: o.type for k, o in enumerate(self.graph.outputs) if o.dtype.is_floating}
        cotangents = {k: fresh_input("ct", t) for k, t in floating.items()}
        pairs = [(p, t) for p, t in zip(self.pull(inputs, cotangents), tangents, strict=True) if p is not None and t is not None]
        found = pull_back([p for p, _ in pairs], [t for _, t in pairs], list(cotangents.values()))
        by_number = dict(zip(cotangents, found, strict=True))
        return [by_number.get(k) for k in range(len(self.graph.outputs))]

    def batched(self, inputs: Nodes, flags: Sequence[bool]) -> list[Node]:
        """Return the results for operands of which some have a batch axis in front; computed once for all."""
        key = tuple(inputs), tuple(flags)
        if self._batched is None or self._batched[0] != key:
            self._batched = key, self._batch(inputs, flags)
        return self._batched[1]

    def _batch(self, inputs: Nodes, flags: Sequence[bool]) -> list[Node]:
        return BatchedCall(self, inputs, flags).results(inputs)


class BatchedCall(Call):
    """A call over a batch: the same code on one slice, batched."""

    def __init__(self, one: Call, inputs: Nodes, flags: Sequence[bool]) -> None:
        self._one = one
        self._flags = tuple(flags)
        self._size = next(i.shape[0] for i, flag in zip(inputs, flags, strict=True) if flag)
        own = [fresh_input("x", i.type) for i in inputs]
        slices = self._slices(own)
        outputs = batch(one.graph(*slices), {s: i for s, i, flag in zip(slices, own, flags, strict=True) if flag})
        super().__init__(Graph(own, [self._spread(node, flagged) for node, flagged in outputs]))

    def _slices(self, inputs: Nodes) -> list[Node]:
        """Return inputs for one slice in place of what has a batch axis."""
        types = [TensorType(i.shape[1:] if f else i.shape, i.dtype) for i, f in zip(inputs, self._flags, strict=True)]
        return [fresh_input("x", t) if f else i for i, f, t in zip(inputs, self._flags, types, strict=True)]

    def _spread(self, node: Node, flagged: bool) -> Node:
        return node if flagged else ops.broadcast_to(node, shape=(self._size, *node.shape))

    def pull(self, inputs: Nodes, cotangents: Mapping[int, Node]) -> list[Node | None]:
        """Return what the slice's backward gives, batched; of operands that all slices share the sum."""
        slices = self._slices(inputs)
        given = {k: fresh_input("ct", TensorType(c.shape[1:], c.dtype)) for k, c in cotangents.items()}
        replaced = {s: i for s, i, flag in zip(slices, inputs, self._flags, strict=True) if flag}
        replaced |= {given[k]: c for k, c in cotangents.items()}
        found: list[Node | None] = []
        for cotangent, flag in zip(self._one.pull(slices, given), self._flags, strict=True):
            if cotangent is None:
                found.append(None)
                continue
            whole = self._spread(*batch([cotangent], replaced)[0])
            found.append(whole if flag else ops.sum(whole, axes=(0,)))
        return found

    def _push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        slices = self._slices(inputs)
        moving = [None if t is None else fresh_input("t", s.type) for s, t in zip(slices, tangents, strict=True)]
        replaced = {s: i for s, i, flag in zip(slices, inputs, self._flags, strict=True) if flag}
        for one, whole, flag in zip(moving, tangents, self._flags, strict=True):
            if one is not None and whole is not None:
                replaced[one] = self._spread(whole, flag)
        found = self._one.push(slices, moving)
        return [None if t is None else self._spread(*batch([t], replaced)[0]) for t in found]


class FunctionCall(Call):
    """A call of a user's Function, with the context its forward pass left.

    Parameters
    ----------
    function : type
    context : Context
    args : tuple
        The arguments of ``apply``.
    graph : Graph
        The forward pass in the Tensors among the arguments, then what else it uses of the trace.
    ran : _Ran
    """

    def __init__(self, function: type[Function], context: Context, args: tuple[Any, ...], graph: Graph, ran: _Ran) -> None:
        super().__init__(graph)
        self._function = function
        self._context = context
        self._args = tuple([None if isinstance(a, Tensor) else a for a in args])
        self._kinds = tuple([isinstance(a, Tensor) for a in args])
        self._ran = ran

    def _in_terms_of(self, inputs: Nodes, nodes: Nodes, inner: Nodes = (), outer: Nodes = ()) -> list[Node]:
        """Return nodes that the user's code made, in terms of the call's operands and results."""
        made = Graph([*self.graph.inputs, *self._ran.stand_ins, *inner], nodes)
        return list(made(*inputs, *self.results(inputs), *outer))

    def pull(self, inputs: Nodes, cotangents: Mapping[int, Node]) -> list[Node | None]:
        """Run the user's backward."""
        context = self._context
        inner = [new_inner(c, "ct") for c in cotangents.values()]
        given: list[Tensor | None] = [None] * len(self._ran.results)
        arrived = dict(zip(cotangents, inner, strict=True))
        for k, (place, stand_in) in enumerate(zip(self._ran.places, self._ran.stand_ins, strict=True)):
            node = arrived.get(k)
            if node is None and context._materialize:
                node = zeros_like(stand_in)
            given[place] = None if node is None else Tensor(node)
        count = sum(self._kinds)
        types = [i.type for i in inputs[:count]]
        before = mode.begin_trace()
        try:
            result = self._function.backward_of()(context, *given)
            found = fitted(self._function.__name__, result, self._kinds, types, [t.dtype.is_floating for t in types])
        finally:
            mode.end_trace(before)
        nodes = self._in_terms_of(inputs, [t.node for t in found if t is not None], inner, list(cotangents.values()))
        left = iter(nodes)
        return [None if t is None else next(left) for t in found] + [None] * (len(inputs) - count)

    def _push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        """Run the user's jvp; without one, transpose the user's backward."""
        if not self._function.overrides("jvp"):
            return super()._push(inputs, tangents)
        context = self._context
        known = [t for t in tangents if t is not None]
        inner = [new_inner(t, "t") for t in known]
        left = iter(inner)
        moving: list[Node | None] = [None if t is None else next(left) for t in tangents]
        given: list[Any] = []
        own = iter(zip(moving, self.graph.inputs, strict=True))
        for is_tensor in self._kinds:
            node, operand = next(own) if is_tensor else (None, None)
            if node is None and operand is not None and context._materialize and operand.dtype.is_floating:
                node = zeros_like(operand)
            given.append(None if node is None else Tensor(node))
        before = mode.begin_trace()
        context._forward = True
        try:
            result = self._function.jvp(context, *given)
        finally:
            context._forward = False
            mode.end_trace(before)
        several = result if isinstance(result, (tuple, list)) else (result,)
        found = [several[p] for p in self._ran.places]
        nodes = iter(self._in_terms_of(inputs, [t.node for t in found if t is not None], inner, known))
        return [None if t is None else next(nodes) for t in found]

    def _batch(self, inputs: Nodes, flags: Sequence[bool]) -> list[Node]:
        """Run the user's vmap; without one, batch the forward pass and the derivatives.

        Raises
        ------
        RuntimeError
            Under a vmap of the user's, where neither was provided for.
        """
        function = self._function
        own = sum(self._kinds)
        if not function.overrides("vmap") or any(flags[own:]):
            if mode.batching and not function.generate_vmap_rule and not function.overrides("vmap"):
                lacks = "but it does not have vmap support. Please override and implement the vmap staticmethod or set"
                raise RuntimeError(f"You tried to vmap over {function.__name__}, {lacks} generate_vmap_rule=True.")
            return super()._batch(inputs, flags)
        size = next(i.shape[0] for i, flag in zip(inputs, flags, strict=True) if flag)
        operands = iter(zip(inputs, flags, strict=False))
        args, dims = [], []
        for is_tensor, arg in zip(self._kinds, self._args, strict=True):
            node, flag = next(operands) if is_tensor else (None, False)
            args.append(arg if node is None else Tensor(node))
            dims.append(0 if flag else None)
        randomness = "error" if mode.mapping is None else mode.mapping.randomness
        before = mode.begin_trace()
        try:
            outputs, out_dims = function.vmap(VmapInfo(size, randomness), tuple(dims), *args)
        finally:
            mode.end_trace(before)
        several = isinstance(outputs, (tuple, list))
        places = out_dims if isinstance(out_dims, (tuple, list)) else [out_dims] * (len(outputs) if several else 1)
        whole = outputs if several else (outputs,)
        return [_to_front(whole[p].node, places[p], size) for p in self._ran.places]


def _to_front(node: Node, axis: int | None, size: Any) -> Node:
    if axis is None:
        return ops.broadcast_to(node, shape=(size, *node.shape))
    axis %= node.ndim
    order = (axis, *[k for k in range(node.ndim) if k != axis])
    return node if axis == 0 else ops.transpose(node, permutation=order)


class _Ran:
    """What a forward pass returned: its results, which of them are Tensors, and inputs that stand for those."""

    def __init__(self, results: list[Any]) -> None:
        self.results = results
        self.places = [k for k, r in enumerate(results) if isinstance(r, Tensor)]
        self.stand_ins = [new_inner(results[k].node, "out") for k in self.places]
        self.faces = {k: Tensor(node) for k, node in zip(self.places, self.stand_ins, strict=True)}


def _run_forward(function: type[Function], context: Context, args: tuple[Any, ...], separate: bool) -> tuple[_Ran, bool]:
    """Run forward; return what it gave, and whether that was a tuple. In the context the results' stand-ins are saved."""
    before = mode.grad
    mode.set_grad(False)
    try:
        output = function.forward(*args) if separate else function.forward(context, *args)
        several = isinstance(output, (tuple, list))
        ran = _Ran(list(output) if several else [output])
        check_results(function.__name__, ran.results)
        if separate:
            shown = [ran.faces.get(k, r) for k, r in enumerate(ran.results)]
            function.setup_context(context, args, tuple(shown) if several else shown[0])
        else:
            context.rename({id(ran.results[k]): face for k, face in ran.faces.items()})
    finally:
        mode.set_grad(before)
    return ran, several


def apply_in_trace(function: type[Function], args: tuple[Any, ...], separate: bool) -> Any:
    """Return the results of a Function on traced Tensors, as one operation with the user's derivative."""
    tensors = [a for a in args if isinstance(a, Tensor)]
    inner = [new_inner(t.node, "x") for t in tensors]
    faces = [Tensor(i) for i in inner]
    left = iter(faces)
    context = Context(tuple([isinstance(a, Tensor) and a.dtype.is_floating for a in args]))
    ran, several = _run_forward(function, context, tuple([next(left) if isinstance(a, Tensor) else a for a in args]), separate)
    forward = [ran.results[k].node for k in ran.places]
    held = Graph([*inner, *ran.stand_ins], [*forward, *[t.node for t in context.held()]])
    call = FunctionCall(function, context, args, Graph([*inner, *held.free_inputs], forward), ran)
    inputs = [fresh_input("x", i.type) for i in call.graph.inputs]
    constant = [ran.results[k] in context or ran.faces[k] in context for k in ran.places]
    made = [ops.stop_gradient(n) if c and n.dtype.is_floating else n for n, c in zip(call.results(inputs), constant, strict=True)]
    new: dict[int, Any] = {}
    if made:
        captured = [Tensor.of(*tensor_inputs[n]) if n in tensor_inputs else Tensor(n) for n in held.free_inputs]
        signature = Signature(f"{function.__name__}Backward", Graph(inputs, made))
        found = apply_signature(signature, [*tensors, *captured])
        new = dict(zip(ran.places, found if isinstance(found, tuple) else (found,), strict=True))
    for place in new:
        for face, tensor in zip(faces, tensors, strict=True):
            if face is ran.results[place] and any(face is d for d in context._dirty):
                new[place] = tensor.write_in_place(new[place].current(), new[place].edge())
    finished = [new.get(k, r) for k, r in enumerate(ran.results)]
    return tuple(finished) if several else finished[0]


class _Hooked(Call):
    """A value whose cotangent goes through the user's hooks."""

    def __init__(self, graph: Graph, hooks: dict[int, Any]) -> None:
        super().__init__(graph)
        self.hooks = hooks

    def pull(self, inputs: Nodes, cotangents: Mapping[int, Node]) -> list[Node | None]:
        """Run the hooks."""
        inner = new_inner(cotangents[0], "ct")
        before = mode.begin_trace()
        try:
            found = call_hooks(self.hooks, Tensor(inner)).node
        finally:
            mode.end_trace(before)
        return list(Graph([inner], [found])(cotangents[0]))

    def _push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        return list(tangents)

    def _batch(self, inputs: Nodes, flags: Sequence[bool]) -> list[Node]:
        return list(inputs) if not self.hooks else super()._batch(inputs, flags)


def hook_in_trace(tensor: Any, hook: Any) -> Handle:
    """Register a hook on a traced Tensor: all that is recorded of it, and has no node yet, passes its cotangents through.

    Raises
    ------
    RuntimeError
        For what cannot have a gradient.
    """
    if not tensor.dtype.is_floating:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    record, node = tensor.current(), tensor.node
    call = node.attributes.get("call")
    if not isinstance(call, _Hooked):
        own = fresh_input("x", node.type)
        call = _Hooked(Graph([own], [own]), {})
        record.node = call.results([node])[0]
        if tensor.edge() is not None:  # autograd.grad inside the trace looks there
            extras, index = extras_of(tensor.edge())
            call.hooks = extras.hooks.setdefault(index, call.hooks)
    return Handle(call.hooks, hook)


TensorState.hook_in_trace = staticmethod(hook_in_trace)


class _Refusal(Call):
    """A value that has no derivative, and says so when one is asked for."""

    def pull(self, inputs: Nodes, cotangents: Mapping[int, Node]) -> list[Node | None]:
        """Refuse."""
        raise RuntimeError(TWICE)

    def _push(self, inputs: Nodes, tangents: Optional) -> list[Node | None]:
        raise RuntimeError(TWICE)


def refusing_in_trace(tensor: Tensor) -> Tensor:
    """Return a traced Tensor that cannot be differentiated."""
    node = tensor.node
    own = fresh_input("x", node.type)
    return Tensor(_Refusal(Graph([own], [own])).results([node])[0])
