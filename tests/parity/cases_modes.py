"""Grad modes: no_grad, enable_grad, set_grad_enabled; nested, decorating and per thread."""

from __future__ import annotations

import threading

from .harness import case, leaf, raises


def state(torch):
    return torch.is_grad_enabled()


@case(36)
def no_grad_as_context(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.no_grad():
        inside = [state(torch), (x * 2).requires_grad, x.requires_grad, (x * 2).grad_fn is None, (x * 2).is_leaf]
    return [inside, state(torch), (x * 2).requires_grad]


@case(36)
def no_grad_as_decorator(torch):
    x = leaf(torch, 2.0)

    @torch.no_grad()
    def with_parentheses(x, k=3):
        """Say something."""
        return x * k

    @torch.no_grad
    def without(x):
        return x * 2

    return [with_parentheses(x), with_parentheses(x, k=4), without(x), with_parentheses.__name__, with_parentheses.__doc__, state(torch)]


@case(36)
def enable_grad(torch):
    x = leaf(torch, 2.0)
    with torch.no_grad():
        with torch.enable_grad():
            y = x * 2
        z = x * 3
    return [y.requires_grad, z.requires_grad]


@case(36)
def enable_grad_as_decorator(torch):
    @torch.enable_grad()
    def f(x):
        return x * 2

    @torch.enable_grad
    def g(x):
        return x * 2

    x = leaf(torch, 2.0)
    with torch.no_grad():
        return [f(x).requires_grad, g(x).requires_grad, state(torch)]


@case(36)
def nesting(torch):
    seen = [state(torch)]
    with torch.no_grad():
        seen.append(state(torch))
        with torch.no_grad():
            seen.append(state(torch))
        seen.append(state(torch))
        with torch.enable_grad(), torch.no_grad():
            seen.append(state(torch))
        seen.append(state(torch))
    return [*seen, state(torch)]


@case(36)
def left_by_an_exception(torch):
    def fail():
        with torch.no_grad():
            raise ValueError("stop")

    return [raises(fail, "^stop$"), state(torch)]


@case(36)
def decorated_function_that_raises(torch):
    @torch.no_grad()
    def fail():
        raise ValueError("stop")

    return [raises(fail, "^stop$"), state(torch)]


@case(36)
def one_object_used_twice(torch):
    mode, seen = torch.no_grad(), []
    for _ in range(2):
        with mode:
            seen.append(state(torch))
        seen.append(state(torch))
    return seen


@case(36)
def decorated_method_and_recursion(torch):
    class Counter:
        @torch.no_grad()
        def down(self, x, n):
            return x.requires_grad if n == 0 else self.down(x * 2, n - 1)

    return [Counter().down(leaf(torch, 1.0), 0), Counter().down(leaf(torch, 1.0), 3), state(torch)]


@case(36)
def backward_inside_no_grad(torch):
    x = leaf(torch, 2.0)
    y = x**2
    with torch.no_grad():
        y.backward()
        grad_flag = x.grad.requires_grad
    return [x.grad, grad_flag]


@case(36)
def leaves_made_inside_no_grad(torch):
    with torch.no_grad():
        x = leaf(torch, 2.0)
        y = x * 2
    (x * 3).backward()
    return [x.requires_grad, y.requires_grad, x.grad]


@case(37)
def set_grad_enabled_as_call(torch):
    x = leaf(torch, 2.0)
    torch.set_grad_enabled(False)
    off = [state(torch), (x * 2).requires_grad]
    torch.set_grad_enabled(True)
    return [off, state(torch), (x * 2).requires_grad]


@case(37)
def set_grad_enabled_as_context(torch):
    with torch.set_grad_enabled(False):
        inside = state(torch)
        with torch.set_grad_enabled(True):
            deeper = state(torch)
        again = state(torch)
    return [inside, deeper, again, state(torch)]


@case(37)
def set_grad_enabled_takes_effect_at_once(torch):
    mode = torch.set_grad_enabled(False)
    before = state(torch)
    with mode:
        inside = state(torch)
    return [before, inside, state(torch)]


@case(37)
def set_grad_enabled_as_decorator(torch):
    @torch.set_grad_enabled(False)
    def f():
        return state(torch)

    return [f(), state(torch)]


@case(37)
def set_grad_enabled_on_a_condition(torch):
    x = leaf(torch, 2.0)
    results = []
    for train in (True, False):
        with torch.set_grad_enabled(train):
            results.append((x * 2).requires_grad)
    return results


@case(37)
def set_grad_enabled_left_by_an_exception(torch):
    def fail():
        with torch.set_grad_enabled(False):
            raise KeyError("stop")

    return [raises(fail, "stop"), state(torch)]


@case(38)
def generator_function(torch):
    @torch.no_grad()
    def steps(x):
        for k in range(3):
            yield (x * k).requires_grad, state(torch)

    seen = []
    for inside in steps(leaf(torch, 1.0)):
        seen.append([list(inside), state(torch)])
    return seen


@case(38)
def generator_function_with_send_and_return(torch):
    @torch.no_grad()
    def steps():
        got = yield state(torch)
        got = yield [got, state(torch)]
        return got

    made = steps()
    seen = [next(made), made.send("a"), state(torch)]
    try:
        made.send("b")
    except StopIteration as stop:
        seen.append(stop.value)
    return [*seen, state(torch)]


@case(38)
def generator_function_closed_or_thrown_into(torch):
    seen = []

    @torch.no_grad()
    def steps():
        try:
            yield 1
        except ValueError:
            seen.append(["thrown", state(torch)])
            yield 2
        finally:
            seen.append(["finally", state(torch)])

    made = steps()
    next(made)
    value = made.throw(ValueError("x"))
    made.close()
    return [value, seen, state(torch)]


@case(39)
def new_threads_start_with_grad(torch):
    seen = []
    with torch.no_grad():
        worker = threading.Thread(target=lambda: seen.append(state(torch)))
        worker.start()
        worker.join()
        seen.append(state(torch))
    return seen


@case(39)
def a_thread_does_not_switch_another(torch):
    worker = threading.Thread(target=lambda: torch.set_grad_enabled(False))
    worker.start()
    worker.join()
    return state(torch)


@case(40)
def create_graph_records_under_no_grad(torch):
    x = leaf(torch, 2.0)
    y = x**3
    with torch.no_grad():
        (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g, x)
    return [g.requires_grad, g.detach(), h]


@case(40)
def plain_backward_never_records(torch):
    x = leaf(torch, 2.0)
    y = x**3
    (g,) = torch.autograd.grad(y, x, retain_graph=True)
    with torch.enable_grad():
        (h,) = torch.autograd.grad(y, x)
    return [g, h]
