"""What is kept of a run: from record names to the arrays that the kernels fill."""

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fastlif.blocks import copy_out, flattened
from fastlif.checks import Numbers, choice, described, output, overlap

RECORDS = ("membrane", "spikes")


class State(NamedTuple):
    """What a population carries from one step to the next.

    Attributes
    ----------
    mem : numpy.ndarray
        The membrane potentials, of the population's shape, in the run's dtype.
    """

    mem: Numbers


class Run(NamedTuple):
    """What a run recorded. What was not asked for is None.

    Attributes
    ----------
    membrane : numpy.ndarray or None
        ``(T, *population)``, the run's dtype: ``membrane[t]`` is the membrane after step ``t``.
    spikes : numpy.ndarray or None
        ``(T, *population)``, bool: ``spikes[t]`` is what step ``t`` reports.
    final : State
        The state after the last step; give it to the next run as ``initial``.
    """

    membrane: Numbers | None
    spikes: Numbers | None
    final: State


def names(record: object) -> tuple[str, ...]:
    """Return the names in ``record``: one name, or an iterable of them."""
    if isinstance(record, str):
        return (choice("record", record, RECORDS),)
    if not isinstance(record, Iterable):
        raise TypeError(f"record must be a name or several of {RECORDS}, got {described(record)}")
    return tuple(dict.fromkeys(choice("record", name, RECORDS) for name in record))


def outputs(
    wanted: tuple[str, ...],
    out: object,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    current: Numbers,
) -> dict[str, Numbers]:
    """Return the array of each wanted name: the user's, checked, or a new one.

    Raises before it allocates anything.
    """
    given = _given(out, wanted)
    dtypes = {"membrane": dtype, "spikes": np.dtype(np.bool_)}
    arrays: dict[str, Numbers] = {}
    for name, array in given.items():
        arrays[name] = output(f"out[{name!r}]", array, shape, dtypes[name])
        for other, taken in [("current", current), *arrays.items()]:
            if other != name and overlap(array, taken):
                raise ValueError(f"out[{name!r}] must not overlap {other} in memory")
    fresh = {name: dtypes[name] for name in wanted if name not in arrays}
    state = math.prod(shape[1:]) * dtype.itemsize
    ensure_memory(sum(math.prod(shape) * d.itemsize for d in fresh.values()) + state, wanted)
    arrays |= {name: np.empty(shape, d) for name, d in fresh.items()}
    return arrays


def _given(out: object, wanted: tuple[str, ...]) -> Mapping[str, Numbers]:
    if out is None:
        return {}
    if not isinstance(out, Mapping):
        raise TypeError(f"out must map record names to arrays, got {described(out)}")
    for name in out:
        choice("out", name, RECORDS)
        if name not in wanted:
            raise ValueError(f"out holds {name!r}, but record={wanted!r} does not")
    return out


def ensure_memory(needed: int, wanted: tuple[str, ...]) -> None:
    """Raise MemoryError if ``needed`` bytes are more than the machine has to give.

    The system would often grant them, and end the process when it comes to use them.
    """
    if needed < _SURELY_THERE or needed <= (available := _available_memory()):
        return
    dense = [name for name in wanted if name in ("membrane", "spikes")]
    advice = (
        "record less (record='spikes' needs a byte a neuron and step, record=() only the final "
        "state), run fewer steps at a time with initial=run.final, or give out= a memory-mapped "
        "array"
        if dense
        else "use a smaller population"
    )
    raise MemoryError(
        f"this run with record={wanted!r} needs {needed:,} bytes, and {available:,} are available: "
        f"{advice}"
    )


_SURELY_THERE = 2**26  # bytes: less than this is not worth a look at the machine


def _available_memory() -> int:
    """Return how many bytes this process can still get, as far as the system tells."""
    limits = [2**63 - 1]  # where nothing tells, the allocation itself will
    try:
        with open("/proc/meminfo") as file:
            table = dict(line.split(":", 1) for line in file)
        kilobytes = (int(table[key].split()[0]) for key in ("MemAvailable", "SwapFree"))
        limits.append(1024 * sum(kilobytes))
    except (OSError, KeyError, ValueError):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:  # "max" is no number
            limits.append(int(file.read()))
    return min(limits)


class Sink(NamedTuple):
    """Where one record goes: ``view`` (steps, N) if a kernel can write there, else ``array``."""

    view: Numbers | None
    array: Numbers


def sink(array: Numbers | None, dtype: np.dtype[Any]) -> Sink | None:
    """Choose how the kernels fill ``array`` (steps, *population)."""
    return None if array is None else Sink(flattened(array, dtype), array)


def target(sink: Sink | None, steps: slice, start: int, stop: int) -> Numbers | None:
    """Return what the kernel fills for these steps of the neurons ``start:stop``."""
    if sink is None:
        return None
    if sink.view is not None:
        return sink.view[steps, start:stop]
    dtype = sink.array.dtype.newbyteorder("=")
    return np.empty((len(sink.array[steps]), stop - start), dtype)


def settle(sink: Sink | None, steps: slice, start: int, block: Numbers | None) -> None:
    """Bring home what the kernel wrote, if it did not write into the array itself."""
    if sink is not None and sink.view is None and block is not None:
        copy_out(sink.array[steps], block, start)
