"""What all sources of random numbers have: a seed, and independent copies."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import numpy as np

from fastlif.checks import described, whole
from fastlif.execution.sources import Source
from fastlif.model import Block

_Random = TypeVar("_Random", bound="RandomSource")


class RandomSource(Source):
    """A source of random numbers.

    Attributes
    ----------
    seed_sequence : numpy.random.SeedSequence
        What the numbers are made from.
    """

    _origin = 0  # which neuron of the whole population the first one is

    def __init__(self, seed: Any) -> None:
        if not isinstance(seed, np.random.SeedSequence):
            try:
                seed = np.random.SeedSequence(seed)
            except (TypeError, ValueError) as error:
                raise type(error)(
                    "seed must be None, a whole number that is not negative, several of them, or "
                    f"a numpy.random.SeedSequence, got {described(seed)}"
                ) from None
        self.seed_sequence = seed
        self._key = int(seed.generate_state(1, np.uint64)[0])

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population: the same numbers, for these neurons."""
        source = super().of_block(block, origin)
        assert isinstance(source, RandomSource)
        source._origin = self._origin + origin
        return source

    @property
    def _identity(self) -> list[int]:
        """The first parameters of its kernel."""
        return [self._key, self._origin]

    def spawn(self: _Random, count: int) -> list[_Random]:
        """Return ``count`` sources with the same parameters and independent numbers.

        Parameters
        ----------
        count : int
            Number of sources.

        Returns
        -------
        list
            The sources; their seeds are those that ``SeedSequence.spawn`` returns.
        """
        spawned = []
        for child in self.seed_sequence.spawn(whole("count", count, 0)):
            spawned.append(copy.copy(self))
            RandomSource.__init__(spawned[-1], child)
        return spawned

    def _seed(self) -> str:
        entropy, key = self.seed_sequence.entropy, self.seed_sequence.spawn_key
        if not key:
            return f"seed={entropy!r}"
        return f"seed=SeedSequence({entropy!r}, spawn_key={key!r})"
