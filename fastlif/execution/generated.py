"""How a run receives the input that a source generates; the counterpart of inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, numbers
from fastlif.execution.bound_source import Bound
from fastlif.execution.scratch import Scratch
from fastlif.execution.sources import Source
from fastlif.kernels.sources.calls import Generated


class Start(NamedTuple):
    """A source, and the state from which a run with it begins."""

    source: Source
    first: int  # the absolute step
    noise: Any

    def check(self, steps: int, population: tuple[int, ...]) -> None:
        """Raise if the source cannot generate the input of the run."""
        self.source._check_steps(self.first, steps)
        if self.noise is None or not self.source.noises:
            return
        numbers("initial.noise", self.noise)
        shape = (self.source.noises, *population)
        if np.shape(self.noise) != shape:
            raise ValueError(
                f"initial.noise must have shape {shape} for this source, got {np.shape(self.noise)}"
            )

    @property
    def arrays(self) -> list[Numbers]:
        """The arrays of the user that the source reads."""
        return list(self.source.arrays)


class GeneratedInput:
    """How kernels receive the input of a source; the counterpart of inputs.Input."""

    kind = "generated"

    def __init__(self, population: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._population, self._dtype = population, dtype

    def as_it_is(self, start: Any) -> bool:
        """Tell whether ``bind`` returns the source as it is: never."""
        return False

    def bind(self, start: Start) -> Bound:
        """Return what ``read`` takes."""
        noise = start.noise if start.source.noises else None
        return Bound(start.source, self._dtype, self._population, start.first, noise)

    def prepare(self, bound: Bound, scratch: Scratch, start: int, stop: int) -> None:
        """Put nothing into a tile's scratch."""

    def read(
        self, bound: Bound, begin: int, end: int, start: int, stop: int, scratch: Scratch
    ) -> Generated:
        """Return what a kernel receives for the steps ``begin:end`` of the neurons."""
        rows, words = scratch.generated()
        return Generated(
            bound.function, bound.numbers, rows[:, : stop - start], words, bound.first + begin,
            begin, start,
        )  # fmt: skip
