"""Recycled memory for the arrays that runs return: fresh pages take longer than the integration.

The memory of an array is used again when the array and all that was made of it without a copy
(views, memoryviews, exports to other libraries) are gone. There are no locks: every change of the
list of unused blocks is one atomic operation, so that threads, signals, garbage collection and a
fork can come between any two of them.
"""

import math
import operator
import os
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.memory import SURELY_THERE, available_memory, ensure_memory, total_memory

ENVIRONMENT = "FASTLIF_RECYCLED_BYTES"

_SMALL = 2**18  # bytes: the C library itself recycles less than this
_LINE = 64  # bytes: the alignment of every block
_SHARE = 4  # of the machine's memory, one part in four may be kept
_SLACK = 4  # a block serves requests down to its size less one part in four


_nbytes = operator.attrgetter("nbytes")


class _Block:
    """Memory that at most one array owns. Two blocks are equal only if they are the same."""

    __slots__ = ("address", "memory", "nbytes")

    def __init__(self, nbytes: int) -> None:
        self.memory = np.empty(nbytes + _LINE, np.uint8)
        self.address = -(-self.memory.ctypes.data // _LINE) * _LINE
        self.nbytes = nbytes


class _Lease:
    """The base of an array: it lives as long as anything refers to the array's memory."""

    __slots__ = ("__array_interface__", "_block", "_give_back")

    def __init__(
        self,
        block: _Block,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        give_back: Callable[[_Block], None],
    ) -> None:
        self._block, self._give_back = block, give_back
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (block.address, False),
        }

    def __reduce_ex__(self, protocol: object) -> Any:
        """Refuse to be copied: two leases would give the memory back twice."""
        raise TypeError("the base of an array that fastlif returned cannot be copied")

    def __del__(self) -> None:
        self._give_back(self._block)


class _Recycler:
    """Blocks that no array owns, up to a number of bytes."""

    def __init__(self) -> None:
        self._unused: list[_Block] = []
        self._most = 0
        self._available = total_memory()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
        """Return an uninitialised array that nothing else refers to."""
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > SURELY_THERE:  # the system is asked only if that takes no time in comparison
            self._available = available_memory()  # others may need it
        self._most = min(most_bytes(), self._available)
        block = (self._unused and self._take(nbytes)) or self._new(nbytes)
        return np.asarray(_Lease(block, shape, dtype, self._give_back))

    def _new(self, nbytes: int) -> _Block:
        try:
            return _Block(nbytes)
        except MemoryError:
            if not self.release():
                raise
            return _Block(nbytes)

    def _take(self, nbytes: int) -> _Block | None:
        """Return the smallest unused block that suits an array of this size."""
        most = nbytes + nbytes // (_SLACK - 1)
        suitable = [block for block in tuple(self._unused) if nbytes <= block.nbytes <= most]
        if len(suitable) > 1:
            suitable.sort(key=_nbytes)
        for block in suitable:
            try:
                self._unused.remove(block)
            except ValueError:  # another thread has taken it
                continue
            return block
        return None

    def _give_back(self, block: _Block) -> None:
        if block.nbytes > self._most:
            return
        self._unused.append(block)
        while sum(map(_nbytes, tuple(self._unused))) > self._most:
            self._drop(0)  # unused for the longest time

    def release(self) -> int:
        """Forget all unused blocks; return their number of bytes."""
        released = 0
        while self._unused:
            released += self._drop(-1)
        return released

    def _drop(self, k: int) -> int:
        try:
            return self._unused.pop(k).nbytes
        except IndexError:  # another thread was faster
            return 0


_RECYCLER = _Recycler()


def most_bytes() -> int:
    """Return how many bytes may be kept: FASTLIF_RECYCLED_BYTES, or a quarter of the memory."""
    text = os.environ.get(ENVIRONMENT, "").strip()
    if not text:
        return total_memory() // _SHARE
    if not text.isdecimal():
        raise ValueError(f"{ENVIRONMENT} must be a whole number of bytes, got {text!r}")
    return int(text)


def allocator(nbytes: int) -> Callable[..., Numbers]:
    """Return what allocates uninitialised arrays of this size, given a shape and a dtype."""
    return np.empty if nbytes < _SMALL else _RECYCLER.empty


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
    """Return an uninitialised array."""
    return allocator(math.prod(shape) * dtype.itemsize)(shape, dtype)


def ensure_room(needed: int, names: Collection[str]) -> None:
    """Raise MemoryError if ``needed`` bytes exceed the available and the unused memory."""
    try:
        ensure_memory(needed, names)
    except MemoryError:
        if not _RECYCLER.release():
            raise
        ensure_memory(needed, names)


def release_memory() -> int:
    """Return the memory that fastlif keeps for later runs to the operating system.

    The memory of large records is used again by later runs once no array refers to it, because
    getting fresh memory takes longer than the integration. At most ``FASTLIF_RECYCLED_BYTES`` bytes
    are kept, an environment variable whose default is a quarter of the machine's memory; 0 keeps
    nothing. Less is kept if less than that is available to other processes. Arrays that are in use
    are not affected.

    Returns
    -------
    int
        Number of bytes that were returned.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> run = fastlif.LIF().run(np.zeros((1000, 1000), np.float32), record="membrane")
    >>> _ = fastlif.release_memory()
    >>> del run  # now its memory can be used again
    >>> fastlif.release_memory()
    4000000
    """
    return _RECYCLER.release()
