"""Random Tensors: torch's names, and a sequence of symgrad's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import as_dtype, int64
from symgrad.eager.creation import kind_of, like, new_tensor, shape_of
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import AnyArray
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line

__all__ = [
    "Generator",
    "bernoulli",
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
    requires_grad: bool,
) -> Tensor:
    """Return random numbers; under vmap, if asked for, others in each slice."""
    if mode.mapping is not None and mode.mapping.randomness == "different":
        source = (generator or _default).source
        return Tensor(mode.mapping.different(lambda whole: draw(source, whole), shape))
    return new_tensor(draw(random_generator(generator), shape), requires_grad)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return numbers drawn evenly from [0, 1)."""
    kind = kind_of(dtype)
    return _drawn(lambda g, s: np.asarray(g.random(s, dtype=kind.numpy.type)), shape_of(size), generator, requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return numbers drawn from the normal distribution with mean 0 and variance 1."""
    kind = kind_of(dtype)
    return _drawn(lambda g, s: np.asarray(g.standard_normal(s, dtype=kind.numpy.type)), shape_of(size), generator, requires_grad)


def randint(*args: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return integers drawn from ``low`` (default 0) up to but without ``high``: ``randint([low,] high, size)``."""
    low, high, size = (0, *args) if len(args) == 2 else args
    kind = int64 if dtype is None else as_dtype(dtype)
    if high <= low:
        raise RuntimeError(at_user_line(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"))
    return _drawn(lambda g, s: g.integers(low, high, s).astype(kind.numpy), shape_of((size,)), generator, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Return 0 .. n - 1 in random order."""
    return new_tensor(
        random_generator(generator).permutation(n).astype((int64 if dtype is None else as_dtype(dtype)).numpy), False
    )


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Return numbers drawn from normal distributions with these means and standard deviations."""
    shape = size if size is not None else np.broadcast_shapes(np.shape(mean), np.shape(std))
    made: Tensor = randn(tuple(shape), generator=generator) * std + mean
    return made.detach()


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Return ones with the probabilities that ``input`` gives, else zeros."""
    p = input.numpy_value()
    return new_tensor((random_generator(generator).random(p.shape) < p).astype(p.dtype), False)


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


rand_like, randn_like = like(rand), like(randn)


def randint_like(input: Tensor, *bounds: int, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return integers drawn from [low, high) in a Tensor's shape and element type."""
    return randint(*bounds, tuple(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad)
