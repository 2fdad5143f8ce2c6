"""Available memory: a run that needs more raises an error instead of being killed."""

import contextlib
import functools
import math
import os
from collections.abc import Collection


def ensure_memory(needed: int, names: Collection[str]) -> None:
    """Raise MemoryError if ``needed`` bytes exceed the available memory.

    The operating system often grants such an allocation and kills the process when it uses the
    memory.
    """
    if needed < SURELY_THERE or needed <= (available := available_memory()):
        return
    advice = (
        "record less ('spikes' needs 1 byte per neuron and step, 'packed' 1 bit, 'counts' 8 bytes "
        "per neuron, 'events' 16 bytes per spike; neurons= and every= select a part), use "
        "neuron.stream, or pass arrays in files as out= (numpy.memmap, Zarr or HDF5)"
        if {"membrane", "spikes", "packed"} & set(names)
        else "use a smaller population"
    )
    raise MemoryError(
        f"this run with record={sorted(names)} needs {needed:,} bytes, and {available:,} are "
        f"available: {advice}"
    )


def ensure_readable(name: str, array: object, *, in_parts: bool = False) -> None:
    """Raise MemoryError if ``array``, which is to be read whole, does not fit into memory.

    For arrays that are not in memory yet, such as those of dask, zarr and h5py. NumPy's arrays are,
    or are mapped into it. ``in_parts`` tells whether other calls read such an array in parts.
    """
    if hasattr(array, "__array_interface__"):
        return
    shape, dtype = getattr(array, "shape", ()), getattr(array, "dtype", None)
    try:
        needed = math.prod(shape) * int(getattr(dtype, "itemsize", 0))
    except TypeError:  # not an array
        return
    if needed < SURELY_THERE or needed <= (available := available_memory()):
        return
    advice = "only a current is read in parts: give a part of the array"
    if in_parts:
        advice = (
            "take a part of its steps at a time (neuron.stream does, from files or an iterable, "
            "and fastlif.interop.dask.run from arrays of Dask)"
        )
    raise MemoryError(
        f"{name} ({type(array).__name__} of shape {shape}) needs {needed:,} bytes in memory, and "
        f"{available:,} are available: {advice}"
    )


SURELY_THERE = 2**26  # bytes: smaller requests are not checked
_UNLIMITED = 2**63 - 1


def available_memory() -> int:
    """Return the number of bytes this process can still allocate, as far as is known."""
    limits = [_UNLIMITED]  # if no limit is known, the allocation itself fails
    try:
        with open("/proc/meminfo") as file:
            table = dict(line.split(":", 1) for line in file)
        kilobytes = (int(table[key].split()[0]) for key in ("MemAvailable", "SwapFree"))
        limits.append(1024 * sum(kilobytes))
    except (OSError, KeyError, ValueError):
        limits.append(total_memory())
    return min(*limits, _container_memory())


@functools.cache
def total_memory() -> int:
    """Return the number of bytes of the machine, or of its container, as far as is known."""
    limits = [_container_memory()]
    with contextlib.suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits)


def _container_memory() -> int:
    """Return the number of bytes that the container allows (Linux cgroups)."""
    limits = [_UNLIMITED]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:  # "max": no limit
            limits.append(int(file.read()))
    return min(limits)
