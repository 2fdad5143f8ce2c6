"""The arrays that the tasks of a run write its records into."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.outputs import Outputs
from fastlif.execution.records import Spec, given_arrays
from fastlif.execution.stored import failed
from fastlif.interop.dask.arguments import Chunks
from fastlif.interop.dask.layout import Cell

_MEMORY = ("MemoryStore", "ManagedMemoryStore", "KVStore", "dict")  # stores of Zarr


class Output:
    """An array that several tasks write one record into."""

    def __init__(self, name: str, array: Any) -> None:
        self._name, self._array = name, array

    def ensure_sendable(self) -> None:
        """Raise if another process would write into a copy of the array."""
        store = getattr(self._array, "store", None)
        if store is None or type(store).__name__ in _MEMORY:
            raise TypeError(
                f"out[{self._name!r}] must be an array of Zarr in files for dask.distributed: its "
                f"workers would write into copies of {described(self._array)}"
            )

    def __reduce__(self) -> Any:
        """Refuse to be sent to another process if what that writes would be lost."""
        self.ensure_sendable()
        return type(self), (self._name, self._array)

    def write(self, begin: int, end: int, cell: Cell, record: Numbers) -> None:
        """Write the steps ``begin:end`` of the neurons of a cell."""
        try:
            self._array[self._region(begin, end, cell)] = record
        except Exception as error:
            where = f"steps {begin} to {end - 1} of neurons {cell.block}"
            raise failed(f"out[{self._name!r}] could not be written for {where}", error) from error

    def read(self, begin: int, end: int, cell: Cell) -> Numbers:
        """Return the steps ``begin:end`` of the neurons of a cell."""
        return np.array(self._array[self._region(begin, end, cell)])

    def _region(self, begin: int, end: int, cell: Cell) -> tuple[slice, ...]:
        if self._name != "packed":
            return slice(begin, end), *cell.block
        return slice(begin, end), slice(cell.first // 8, cell.first // 8 + -(-cell.size // 8))


def outputs_of(
    out: Mapping[str, Any] | None, names: frozenset[str], records: Sequence[Spec], chunks: Chunks
) -> dict[str, Output]:
    """Return the outputs by the name of the record. Raises if one cannot be written by tasks."""
    specs = {spec.name: spec for spec in records}
    given = given_arrays(out, names)
    if "counts" in given:
        raise ValueError(
            "out must not hold 'counts': they have 8 bytes per neuron, and are returned"
        )
    for name in given:
        if math.prod(specs[name].shape) == 0:
            raise ValueError(f"out[{name!r}] must not be empty, got shape {specs[name].shape}")
    checked = Outputs()
    try:
        checked.take(given, specs, 1, False)
        checked.ensure_apart()
    finally:
        checked.close()
    for name, array in given.items():
        _ensure_aligned(name, array, chunks)
    return {name: Output(name, array) for name, array in given.items()}


def _ensure_aligned(name: str, array: Any, chunks: Chunks) -> None:
    """Raise if two chunks of the population would write the same byte or block of a storage."""
    axes = chunks[1:]
    if name == "packed":
        neurons = [math.prod(sizes) for sizes in itertools.product(*axes)]
        if not _begin_at_multiples(8, neurons):
            raise ValueError(
                "chunks of the population must begin at multiples of 8 neurons for "
                f"out['packed'], got {axes}: give chunks=, for example of "
                f"{-(-max(neurons) // 8) * 8} neurons"
            )
        axes = (tuple(-(-size // 8) for size in neurons),)
    if not hasattr(array, "store"):  # only Zarr rewrites a block without a lock
        return
    blocks = getattr(array, "shards", None) or array.chunks
    for axis, (block, sizes) in enumerate(zip(blocks[1:], axes, strict=True), 1):
        if not _begin_at_multiples(block, sizes):
            raise ValueError(
                f"out[{name!r}] is stored in blocks of {block} along axis {axis}, which only one "
                f"task may write: chunks must begin at multiples of {block} there, got {sizes}"
            )


def _begin_at_multiples(block: int, sizes: Sequence[int]) -> bool:
    return not any(first % block for first in itertools.accumulate(sizes[:-1]))
