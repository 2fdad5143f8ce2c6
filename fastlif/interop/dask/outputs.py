"""The arrays that the tasks of a run write its records into."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dask
import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.outputs import Outputs
from fastlif.execution.records import given_arrays
from fastlif.execution.stored import MappedFile, blocks_of, failed, root_of, stored
from fastlif.interop.dask.arguments import Arguments, Chunks
from fastlif.interop.dask.layout import Cell

# Stores of Zarr, version 2 and 3 of the library.
_FOLDERS = ("LocalStore", "DirectoryStore", "NestedDirectoryStore")
_REMOTE = ("FsspecStore", "FSStore", "ObjectStore", "RemoteStore")


class Output:
    """An array that several tasks write one record into."""

    def __init__(self, name: str, array: Any) -> None:
        self._name, self._array = name, array
        store = getattr(array, "store", None)
        self._kind = type(store).__name__
        self._folder = str(Path(root_of(store)).absolute()) if self._kind in _FOLDERS else ""

    def ensure_sendable(self) -> None:
        """Raise if another process would write into a copy of the array."""
        remote = self._kind in _REMOTE and "memory" not in str(self._array.store).lower()
        if not self._folder and not remote:
            raise TypeError(
                f"out[{self._name!r}] must be an array of Zarr in a folder if other processes "
                "compute the run (dask.distributed, or scheduler='processes'), which would write "
                f"into copies of {described(self._array)}"
            )

    def __reduce__(self) -> Any:
        """Refuse to be sent to another process if what that writes would be lost."""
        self.ensure_sendable()
        if self._folder:  # its name, because other processes may work in another folder
            return _opened, (self._name, self._folder, self._array.path)
        return type(self), (self._name, self._array)

    def write(self, span: slice, cell: Cell, record: Numbers) -> None:
        """Write the steps of ``span`` of the neurons of a cell."""
        region = self._region(span, cell)
        try:
            file = stored(self._array) if isinstance(self._array, np.memmap) else None
            if isinstance(file, MappedFile):
                with contextlib.closing(file):
                    file.write_block(region, record)
            else:
                self._array[region] = record
        except Exception as error:
            where = f"steps {span.start} to {span.stop - 1} of neurons {cell.block}"
            raise failed(f"out[{self._name!r}] could not be written for {where}", error) from error

    def read(self, span: slice, cell: Cell) -> Numbers:
        """Return the steps of ``span`` of the neurons of a cell."""
        record = self._array[self._region(span, cell)]
        return np.array(record, record.dtype.newbyteorder("="))

    def _region(self, span: slice, cell: Cell) -> tuple[slice, ...]:
        if self._name != "packed":
            return span, *cell.block
        return span, slice(cell.first // 8, cell.first // 8 + -(-cell.size // 8))


def _opened(name: str, folder: str, path: str) -> Output:
    import zarr

    return Output(name, zarr.open_array(folder, path=path, mode="r+"))


def outputs_of(
    out: Mapping[str, Any] | None, arguments: Arguments, chunks: Chunks
) -> dict[str, Output]:
    """Return the outputs by the name of the record. Raises if one cannot be written by tasks."""
    specs = {spec.name: spec for spec in arguments.plan.records.specs}
    given = given_arrays(out, arguments.names)
    if not given:
        return {}
    if "counts" in given:
        raise ValueError("out must not hold 'counts', which are returned: add them to record")
    for name in given:
        if math.prod(specs[name].shape) == 0:
            raise ValueError(f"out[{name!r}] must not be empty, got shape {specs[name].shape}")
    with contextlib.ExitStack() as stack:
        checked = stack.enter_context(contextlib.closing(Outputs()))
        checked.take(given, {name: specs[name] for name in given}, 1, False)
        arrays, outside = arguments.inputs()
        stores = [store for store in map(stored, outside) if store is not None]
        for store in stores:
            stack.callback(store.close)
        checked.ensure_apart(arrays, stores)
    for name, array in given.items():
        _ensure_aligned(name, array, chunks)
    outputs = {name: Output(name, array) for name, array in given.items()}
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    if type(client).__module__.startswith("distributed."):  # it would hide the error later
        for output in outputs.values():
            output.ensure_sendable()
    return outputs


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
    for axis, (block, sizes) in enumerate(zip(blocks_of(array)[1:], axes, strict=True), 1):
        if not _begin_at_multiples(block, sizes):
            raise ValueError(
                f"out[{name!r}] is stored in blocks of {block} along axis {axis}, which only one "
                f"task may write: chunks must begin at multiples of {block} there, got {sizes}"
            )


def _begin_at_multiples(block: int, sizes: Sequence[int]) -> bool:
    return not any(first % block for first in itertools.accumulate(sizes[:-1]))
