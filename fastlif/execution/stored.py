"""Arrays that are longer than memory: memory-mapped files, and arrays of Zarr and HDF5 (h5py).

They are read and written some rows at a time. A memory-mapped file is read and written through the
file instead of the mapping: a page that was touched would count as this process's memory, and a
write to the mapping of a full disk would kill the process instead of raising an exception.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.recycle import empty

_ADVISE = getattr(os, "posix_fadvise", None)


class Place(NamedTuple):
    """Where an array is stored."""

    file: Any  # what identifies the file, or the store
    part: Any  # the bytes (start, stop) of the file, or the name of the array in it

    def meets(self, other: Place | None) -> bool:
        """Tell whether what is written to one place may change what is read from another."""
        if other is None or self.file != other.file:
            return False
        if isinstance(self.part, tuple) and isinstance(other.part, tuple):
            return bool(self.part[0] < other.part[1] and other.part[0] < self.part[1])
        return isinstance(self.part, tuple) or isinstance(other.part, tuple) or (
            self.part == other.part
        )  # fmt: skip


class Stored(ABC):
    """An array that is read and written by rows.

    Attributes
    ----------
    array : array_like
        What the user gave.
    shape : tuple of int
    dtype : numpy.dtype
    block : int
        The number of rows that the storage reads or writes as a whole.
    place : Place
    fragile : str
        Why a process that is killed may damage rows which were written before; "" if it does not.
    """

    block: int = 1
    fragile: str = ""
    place: Place

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, tuple(array.shape), np.dtype(array.dtype)

    @property
    def row_bytes(self) -> int:
        """The number of bytes in a row."""
        return int(math.prod(self.shape[1:]) * self.dtype.itemsize)

    @abstractmethod
    def read(self, begin: int, end: int) -> Numbers:
        """Return the rows ``begin:end``."""

    @abstractmethod
    def write(self, begin: int, rows: Numbers) -> None:
        """Write the rows from ``begin`` on."""

    @abstractmethod
    def ensure_writeable(self, name: str) -> None:
        """Raise if the array cannot be written."""

    def write_all(self, values: Numbers) -> None:
        """Write the whole array, which may have no axis."""
        self.array[...] = values

    def flush(self, durably: bool) -> None:  # noqa: B027 - some write at once
        """Hand over to the operating system what was written; to the disk if ``durably``."""

    def allocate(self) -> None:  # noqa: B027 - most do when they are written
        """Reserve space such that later writes do not change what the file says about itself."""

    def close(self) -> None:  # noqa: B027 - most are the user's to close
        """Free what was opened here."""


def is_outside(array: Any) -> bool:
    """Tell whether ``array`` may be stored outside memory, without opening anything."""
    if isinstance(array, np.memmap):
        return getattr(array, "_mmap", None) is not None
    return _package_of(array) in ("zarr", "h5py") and hasattr(array, "dtype")  # no group


def stored(array: Any, least: int = 0) -> Stored | None:
    """Return the array that is stored outside memory, or None if ``array`` is another.

    Memory-mapped files of fewer than ``least`` bytes are taken for arrays in memory, which is
    faster.
    """
    if isinstance(array, np.memmap):
        return _mapped(array) if array.nbytes >= least else None
    package = _package_of(array)
    if package == "zarr" and hasattr(array, "chunks"):
        return ZarrArray(array)
    if package == "h5py" and hasattr(array, "read_direct"):
        return HDF5Dataset(array)
    return None


def _package_of(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def failed(what: str, error: Exception) -> OSError:
    """Return the error that tells what a storage could not do, with the system's number."""
    number = getattr(error, "errno", None)
    text = f"{what}: {error}"
    return OSError(text) if number is None else OSError(number, text)


# --- memory-mapped files --------------------------------------------------------------------------


class MappedFile(Stored):
    """A C-contiguous memory-mapped array, through a descriptor of its file."""

    def __init__(self, array: np.memmap[Any, Any], path: str, place: Place) -> None:
        super().__init__(array)
        self.place, self._path = place, path
        self._descriptor = os.open(path, os.O_RDWR if array.flags.writeable else os.O_RDONLY)

    def read(self, begin: int, end: int) -> Numbers:
        """Return the rows ``begin:end``, and let the system read ahead."""
        rows = empty((end - begin, *self.shape[1:]), self.dtype)
        bytes_left = rows.reshape(-1).view(np.uint8).data
        offset = self.place.part[0] + begin * self.row_bytes
        if _ADVISE is not None:  # twice as many: the disk is busy while these rows are used
            _ADVISE(self._descriptor, offset, 2 * len(bytes_left), os.POSIX_FADV_WILLNEED)
        while bytes_left:
            count = os.preadv(self._descriptor, [bytes_left], offset)
            if not count:
                raise OSError(f"the file {self._path!r} ends before row {end}")
            bytes_left, offset = bytes_left[count:], offset + count
        return rows

    def write(self, begin: int, rows: Numbers) -> None:
        """Write the rows from ``begin`` on."""
        self._put(begin * self.row_bytes, rows)

    def write_block(self, region: tuple[slice, ...], values: Numbers) -> None:
        """Write a part of the array, which has a slice of each axis."""
        steps = np.array(self.array.strides)
        first = sum(
            part.start * step for part, step in zip(region, self.array.strides, strict=True)
        )
        if values.shape[1:] == self.shape[1:]:
            self._put(first, values)
            return
        for index in np.ndindex(values.shape[:-1]):
            self._put(int(first + steps[:-1] @ np.array(index)), values[index])

    def _put(self, position: int, values: Numbers) -> None:
        """Write values one after the other, ``position`` bytes after the first one of the array."""
        values = np.ascontiguousarray(values, self.dtype)
        bytes_left = values.reshape(-1).view(np.uint8).data
        offset = self.place.part[0] + position
        while bytes_left:
            count = os.pwrite(self._descriptor, bytes_left, offset)
            bytes_left, offset = bytes_left[count:], offset + count

    def ensure_writeable(self, name: str) -> None:
        """Raise if the array is read-only."""
        if not self.array.flags.writeable:
            raise ValueError(f"{name} must be writeable, got a read-only array")

    def write_all(self, values: Numbers) -> None:
        """Write the whole array."""
        self.write(0, values)

    def flush(self, durably: bool) -> None:
        """Wait until the disk has what was written, if ``durably``."""
        if durably:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _mapped(array: np.memmap[Any, Any]) -> MappedFile | None:
    """Return the file that holds ``array``; None if it has to be accessed through its mapping."""
    if not array.flags.c_contiguous or not array.ndim:
        return None
    with contextlib.suppress(OSError):
        found = _file_of(array)
        if found is not None:
            return MappedFile(array, *found)
    return None


def place_of(array: Numbers) -> Place | None:
    """Return the bytes of a file among which a mapped array lies; None for another array."""
    found = _file_of(array)
    return None if found is None else found[1]


def _file_of(array: Numbers) -> tuple[str, Place] | None:
    """Return the path of the file that an array is mapped to, and the place in it."""
    if not array.size:
        return None
    spans = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    before = sum(span for span in spans if span < 0)
    after = sum(span for span in spans if span > 0) + array.itemsize
    with contextlib.suppress(OSError, ValueError):
        found = _file_at(array.ctypes.data + before)
        if found is not None:
            path, offset = found
            status = Path(path).stat()
            return path, Place((status.st_dev, status.st_ino), (offset, offset + after - before))
    return None


def _file_at(address: int) -> tuple[str, int] | None:
    """Return the file that is mapped at an address and shared with it, and the place in it.

    The system is asked, because a file may have been moved or replaced since it was mapped, and a
    view of ``numpy.memmap`` does not know where it begins. Only Linux tells.
    """
    with open("/proc/self/maps", errors="surrogateescape") as table:
        for line in table:
            span, permissions, offset, _, inode, *path = line.rstrip("\n").split(maxsplit=5)
            begin, end = (int(bound, 16) for bound in span.split("-"))
            if begin <= address < end:
                known = path and "s" in permissions and Path(path[0]).stat().st_ino == int(inode)
                return (path[0], int(offset, 16) + address - begin) if known else None
    return None


# --- Zarr and HDF5 --------------------------------------------------------------------------------


class ZarrArray(Stored):
    """An array of Zarr, version 2 or 3 of the library or of the format."""

    def __init__(self, array: Any) -> None:
        super().__init__(array)
        blocks = blocks_of(array)
        self.block = blocks[0] if blocks else 1
        store = array.store
        root = root_of(store)
        key = os.path.realpath(root) if isinstance(root, (str, os.PathLike)) else id(store)
        self.place = Place(("zarr", key), str(array.path))

    def read(self, begin: int, end: int) -> Numbers:
        """Return the rows ``begin:end``."""
        return np.asarray(self.array[begin:end])

    def write(self, begin: int, rows: Numbers) -> None:
        """Write the rows from ``begin`` on."""
        self.array[begin : begin + len(rows)] = rows

    def ensure_writeable(self, name: str) -> None:
        """Raise if the array is read-only."""
        if self.array.read_only:
            raise ValueError(f"{name} must be writeable, got a read-only Zarr array")


def blocks_of(array: Any) -> tuple[int, ...]:
    """Return the shape of what an array of Zarr reads and writes as a whole."""
    blocks: tuple[int, ...] = getattr(array, "shards", None) or array.chunks
    return blocks


def root_of(store: Any) -> Any:
    """Return the folder or file that a store of Zarr names; None if it names none."""
    names = ("root", "path", "dir_path")
    return next((getattr(store, name) for name in names if hasattr(store, name)), None)


class HDF5Dataset(Stored):
    """A dataset of h5py."""

    # h5py holds Python's lock while it reads or writes: other threads run in between.
    _BYTES = 2**22

    def __init__(self, array: Any) -> None:
        if not array:
            raise ValueError(f"the HDF5 dataset must be open, got {described(array)}")
        if array.shape is None:
            raise TypeError(f"the HDF5 dataset must hold an array, got {described(array)}")
        super().__init__(array)
        self.block = array.chunks[0] if array.chunks else 1
        if array.chunks:
            self.fragile = (
                "a process that is killed may damage the index of chunks of an HDF5 file: create "
                "the dataset without chunks and compression, or use Zarr"
            )
        import h5py

        key: Any = "h5py", array.file.filename
        with contextlib.suppress(OSError):  # no file: it is in memory, or on a server
            status = Path(array.file.filename).stat()
            key = status.st_dev, status.st_ino
        self.place = Place(key, h5py.h5o.get_info(array.id).addr)

    def read(self, begin: int, end: int) -> Numbers:
        """Return the rows ``begin:end``."""
        rows = empty((end - begin, *self.shape[1:]), self.dtype)
        if rows.size:
            for start, stop in self._parts(begin, end):
                into = np.s_[start - begin : stop - begin]
                self.array.read_direct(rows, np.s_[start:stop], into)
        return rows

    def write(self, begin: int, rows: Numbers) -> None:
        """Write the rows from ``begin`` on."""
        if rows.size:
            for start, stop in self._parts(begin, begin + len(rows)):
                self.array[start:stop] = rows[start - begin : stop - begin]

    def _parts(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Cut rows into parts, each of whole blocks and some megabytes."""
        step = max(1, self._BYTES // max(1, self.row_bytes) // self.block) * self.block
        cuts = [begin, *range(begin - begin % step + step, end, step), end]
        return list(itertools.pairwise(cuts))

    def ensure_writeable(self, name: str) -> None:
        """Raise if the file is read-only."""
        if self.array.file.mode == "r":
            raise ValueError(f"{name} must be writeable, got a read-only HDF5 dataset")

    def allocate(self) -> None:
        """Let HDF5 reserve the space of a dataset, which it does at the first write."""
        if self.array.chunks is None and self.array.id.get_offset() is None and self.array.size:
            self.array[:1] = 0
        self.array.file.flush()

    def flush(self, durably: bool) -> None:
        """Hand over to the operating system what was written."""
        self.array.file.flush()
