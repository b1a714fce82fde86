"""Random Tensors: torch's names, and a sequence of symgrad's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import DType, int64
from symgrad.eager.creation import kind_of, new_tensor, sizes_of
from symgrad.eager.factories import factory, like, whole
from symgrad.eager.grad_mode import mode
from symgrad.eager.out_argument import deliver
from symgrad.eager.recording import AnyArray
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES
from symgrad.errors import at_user_line

__all__ = [
    "Generator",
    "bernoulli",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random_generator",
    "randperm",
    "seed",
    "set_rng_state",
]


class Generator:
    """A sequence of random numbers of its own; ``manual_seed`` begins it anew."""

    def __init__(self, device: Any = None) -> None:
        self.lock = threading.Lock()
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the sequence that ``seed`` stands for."""
        self._initial = int(seed)
        self.source = np.random.Generator(np.random.PCG64(self._initial % (1 << 64)))
        return self

    def initial_seed(self) -> int:
        """Return the seed the sequence began with."""
        return self._initial

    def get_state(self) -> Tensor:
        """Return where the sequence is, as int64 numbers that only ``set_state`` reads."""
        state: Any = self.source.bit_generator.state
        numbers = [state["state"]["state"], state["state"]["inc"]]
        words = [(n >> (32 * k)) & 0xFFFFFFFF for n in numbers for k in range(4)]
        words += [state["has_uint32"], state["uinteger"], self._initial % (1 << 32), (self._initial >> 32) % (1 << 32)]
        return new_tensor(np.array(words, np.int64), False)

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on where the sequence was when ``get_state`` returned this.

        Raises
        ------
        TypeError
            For what is no such state.
        """
        words = [int(w) for w in new_state.tolist()] if isinstance(new_state, Tensor) else []
        if len(words) != 12:
            raise TypeError(at_user_line("RNG state must be what get_state returned"))
        low, high = (sum(w << (32 * k) for k, w in enumerate(words[p : p + 4])) for p in (0, 4))
        bits = np.random.PCG64()
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": low, "inc": high},
            "has_uint32": words[8],
            "uinteger": words[9],
        }
        self.source = np.random.Generator(bits)
        self._initial = words[10] + (words[11] << 32)
        return self

    def seed(self) -> int:
        """Begin a sequence that nobody can foresee, and return its seed."""
        fresh = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self.manual_seed(fresh)
        return fresh


_default = Generator()
_default.seed()


def manual_seed(seed: int) -> Generator:
    """Begin the sequence of random numbers that ``seed`` stands for: the same on every machine, not torch's."""
    return _default.manual_seed(seed)


def seed() -> int:
    """Begin a sequence that nobody can foresee, and return its seed."""
    return _default.seed()


def get_rng_state() -> Tensor:
    """Return where the sequence of random numbers is, for ``set_rng_state``."""
    return _default.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Go on with the sequence of random numbers where it was when ``get_rng_state`` returned this."""
    _default.set_state(new_state)


def random_generator(generator: Generator | None = None) -> np.random.Generator:
    """Return the source of random numbers.

    Raises
    ------
    RuntimeError
        Under vmap, unless every slice may see the same ones.
    """
    if mode.mapping is not None and mode.mapping.randomness != "same":
        refused = "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
        if mode.mapping.randomness == "different":
            refused = "vmap: this random operation has no batched form; only rand, randn and randint do. Please use the 'same' "
        raise RuntimeError(at_user_line(refused + "randomness flags on vmap or perform the randomness operation out of vmap"))
    return (generator or _default).source


def _drawn(
    draw: Callable[[np.random.Generator, tuple[int, ...]], AnyArray],
    shape: tuple[int, ...],
    generator: Generator | None,
) -> Any:
    """Return random numbers; under vmap, if asked for, others in each slice."""
    if mode.mapping is not None and mode.mapping.randomness == "different":
        source = (generator or _default).source
        return Tensor(mode.mapping.different(lambda whole: draw(source, whole), shape))
    return draw(random_generator(generator), shape)


def _rand(*sizes: Any, size: Any = None, generator: Generator | None = None, dtype: DType | None) -> Any:
    """Return numbers drawn evenly from [0, 1); sizes one by one, as one sequence, or as ``size``."""
    kind = kind_of(dtype)
    return _drawn(lambda g, s: np.asarray(g.random(s, dtype=kind.numpy.type)), sizes_of("rand", sizes, size), generator)


def _randn(*sizes: Any, size: Any = None, generator: Generator | None = None, dtype: DType | None) -> Any:
    """Return numbers drawn from the normal distribution with mean 0 and variance 1; sizes as in ``rand``."""
    kind = kind_of(dtype)
    shape = sizes_of("randn", sizes, size)
    return _drawn(lambda g, s: np.asarray(g.standard_normal(s, dtype=kind.numpy.type)), shape, generator)


def _bounds(name: str, given: tuple[Any, ...], low: Any, high: Any) -> tuple[int, int]:
    """Return the bounds meant by ``(high,)`` or ``(low, high)`` and the keywords."""
    found = {"low": low, "high": high}
    for key, value in zip(("low", "high")[2 - len(given) :], given, strict=True):
        if found[key] is not None:
            raise TypeError(at_user_line(f"{name}() got multiple values for argument {key!r}"))
        found[key] = value
    if found["high"] is None:
        raise TypeError(at_user_line(f'{name}() missing 1 required positional arguments: "high"'))
    least, most = int(found["low"] or 0), int(found["high"])
    if most <= least:
        raise RuntimeError(at_user_line(f"random_ expects 'from' to be less than 'to', but got from={least} >= to={most}"))
    return least, most


def _randint(
    *given: Any, low: Any = None, high: Any = None, size: Any = None, generator: Generator | None = None, dtype: DType | None
) -> Any:
    """Return integers drawn from ``low``, by default 0, up to but without ``high``: ``randint([low,] high, size)``."""
    if size is None and given:
        *given, size = given  # type: ignore[assignment]
    if not isinstance(size, (tuple, list)):
        kind = "nothing" if size is None else type(size).__name__
        raise TypeError(at_user_line(f"randint(): argument 'size' must be tuple of ints, not {kind}"))
    if len(given) > 2:
        raise TypeError(at_user_line("randint() takes low, high and size, but more were given"))
    least, most = _bounds("randint", tuple(given), low, high)
    chosen = int64 if dtype is None else dtype
    return _drawn(lambda g, s: g.integers(least, most, s).astype(chosen.numpy), sizes_of("randint", (size,)), generator)


def _randperm(n: int, *, generator: Generator | None = None, dtype: DType | None) -> Any:
    """Return 0 .. n - 1 in random order."""
    count = whole(n, f"randperm(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    if count < 0:
        raise RuntimeError(at_user_line(f"Trying to create tensor with negative dimension {count}: [{count}]"))
    return random_generator(generator).permutation(count).astype((int64 if dtype is None else dtype).numpy)


def _normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: DType | None) -> Any:
    """Return numbers drawn from normal distributions with these means and standard deviations, numbers or Tensors."""
    if isinstance(std, Tensor):
        if mode.mapping is None and not (std.numpy_value() >= 0).all():
            raise RuntimeError(at_user_line("normal expects all elements of std >= 0.0"))
    elif not std >= 0:
        raise RuntimeError(at_user_line(f"normal expects std >= 0.0, but found std {std:g}"))
    tensors = [v for v in (mean, std) if isinstance(v, Tensor)]
    shape = tuple(size) if size is not None else np.broadcast_shapes(*[tuple(t.shape) for t in tensors])
    kind = dtype if dtype is not None or not tensors else tensors[0].dtype
    made: Tensor = randn(shape, generator=generator, dtype=kind) * std + mean
    return made.detach()


_MAKES = (_rand, _randn, _randint, _randperm, _normal)
for _make in _MAKES:
    _make.__name__ = _make.__qualname__ = _make.__name__[1:]  # what messages call it

rand, randn, normal = factory(_rand), factory(_randn), factory(_normal)
randint, randperm = factory(_randint, "by default int64"), factory(_randperm, "by default int64")


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Return ones with the probabilities that ``input`` gives, or with probability ``p`` in its shape, else zeros."""
    chances = input.numpy_value()
    if p is None and not input.dtype.is_floating:
        title = TITLES[input.dtype.name]
        raise NotImplementedError(at_user_line(f"\"bernoulli_tensor_cpu_p_\" not implemented for '{title}'"))
    if p is None and not ((chances >= 0) & (chances <= 1)).all():
        raise RuntimeError(at_user_line("Expected p_in >= 0 && p_in <= 1 to be true, but got false."))
    if p is not None and not 0 <= p <= 1:
        raise RuntimeError(at_user_line(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}"))
    drawn = np.less(random_generator(generator).random(chances.shape), chances if p is None else p)
    made = new_tensor(drawn.astype(chances.dtype), False)
    return made if out is None else deliver(out, made)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Return indices drawn with the weights that ``input`` gives, for each row."""
    weights = np.atleast_2d(input.numpy_value().astype(np.float64))
    source = random_generator(generator)
    rows = [source.choice(w.size, num_samples, replacement, w / w.sum()) for w in weights]
    drawn = np.stack(rows).astype(np.int64)
    return new_tensor(drawn if input.ndim > 1 else drawn[0], False)


def initial_seed() -> int:
    """Return the seed that the sequence of random numbers began with."""
    return _default.initial_seed()


rand_like, randn_like = like(_rand), like(_randn)


def _of_bounds(size: Any, *given: Any, low: Any = None, high: Any = None, generator: Any = None, dtype: DType | None) -> Any:
    return _randint(size=size, **dict(zip(("low", "high"), _bounds("randint_like", given, low, high), strict=True)),
                    generator=generator, dtype=dtype)  # fmt: skip


_of_bounds.__name__ = "randint"
randint_like = like(_of_bounds)
