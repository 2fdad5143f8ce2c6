"""What is kept of a run: from record names to the arrays that the kernels fill."""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, choice, described, numbers, output, overlap, whole
from fastlif.memory import ensure_memory
from fastlif.state import State

RECORDS = ("membrane", "spikes", "packed", "counts", "events")
BOOL, UINT8 = np.dtype(np.bool_), np.dtype(np.uint8)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)


class Events(NamedTuple):
    """Spikes as a list, sorted by step and then by neuron.

    Attributes
    ----------
    step : numpy.ndarray
        int64: the step that reports the spike.
    neuron : numpy.ndarray
        int64: the neuron, as an index into the flattened population.
    """

    step: Numbers
    neuron: Numbers


class Run(NamedTuple):
    """The records of a run. Records that were not requested are None.

    Attributes
    ----------
    membrane : numpy.ndarray or None
        Membranes of shape ``(T, *population)`` in the dtype of the run: ``membrane[t]`` is the
        membrane after step ``t``. With ``every``, the shape is ``(ceil(T/every), *population)``,
        and row ``k`` is the membrane after step ``k*every``. With ``neurons``, the shape is
        ``(..., len(neurons))``.
    spikes : numpy.ndarray or None
        Spikes of shape ``(T, *population)``: ``spikes[t]`` are the spikes that step ``t`` reports.
        The dtype is bool, or int32 (the number of spikes) for neurons that can fire several times
        per step. With ``neurons``, the shape is ``(T, len(neurons))``.
    packed : numpy.ndarray or None
        Spikes of the flattened population as bits, uint8 of shape ``(T, ceil(N/8))``, as
        ``np.packbits(..., axis=1, bitorder="little")`` returns them.
    counts : numpy.ndarray or None
        Number of spikes of each neuron, int64, with the population's shape.
    events : Events or None
        Spikes as a list.
    final : State
        State after the last step. Pass it to the next run as ``initial``.
    """

    membrane: Numbers | None
    spikes: Numbers | None
    packed: Numbers | None
    counts: Numbers | None
    events: Events | None
    final: State


class Wanted(NamedTuple):
    """What a run is to keep: checked, but not yet held against a population."""

    names: frozenset[str]
    neurons: slice | Numbers | None
    every: int

    def columns(self, size: int) -> Numbers | None:
        """Return the chosen neurons of a flattened population of this size; None for all."""
        if self.neurons is None:
            return None
        if isinstance(self.neurons, slice):
            return np.arange(*self.neurons.indices(size))
        if self.neurons.dtype == np.bool_:
            if len(self.neurons) != size:
                raise ValueError(
                    f"neurons must mark each of the {size} neurons of the flattened population, "
                    f"got {described(self.neurons)}"
                )
            return np.flatnonzero(self.neurons)
        columns = self.neurons.astype(np.int64)
        wrong = (columns < -size) | (columns >= size)
        if wrong.any():
            raise IndexError(
                f"neurons must be indices into the flattened population of {size}, "
                f"got {columns[wrong][0]}"
            )
        return np.where(columns < 0, columns + size, columns)


def wanted(record: object, neurons: object, every: object) -> Wanted:
    """Check what is to be recorded."""
    names = _names(record) if isinstance(record, (str, tuple)) else _names_of(record)
    kept = every if every == 1 and type(every) is int else whole("every", every, 1)
    if kept > 1 and "membrane" not in names:
        raise ValueError(f"every thins the membrane, which record={record!r} does not hold")
    if neurons is None:
        return Wanted(names, None, kept)
    if not names & {"membrane", "spikes"}:
        raise ValueError(f"neurons thins membrane and spikes, and record={record!r} holds neither")
    if isinstance(neurons, slice):
        return Wanted(names, neurons, kept)
    chosen = numbers("neurons", neurons)
    if chosen.ndim != 1 or (chosen.dtype.kind not in "biu" and chosen.size):
        raise TypeError(
            f"neurons must be a slice or a list of indices into the flattened population, "
            f"got {described(neurons)}"
        )
    return Wanted(names, chosen, kept)


@functools.lru_cache
def _names(record: str | tuple[object, ...]) -> frozenset[str]:
    return _names_of((record,) if isinstance(record, str) else record)


def _names_of(record: object) -> frozenset[str]:
    if not isinstance(record, Iterable):
        raise TypeError(f"record must be a name or several of {RECORDS}, got {described(record)}")
    return frozenset(choice("record", name, RECORDS) for name in record)


def outputs(
    wanted: Wanted,
    columns: Numbers | None,
    out: object,
    steps: int,
    population: tuple[int, ...],
    dtype: np.dtype[Any],
    spike_dtype: np.dtype[Any],
    current: Numbers,
) -> dict[str, Numbers]:
    """Return the array of each wanted name but events: the user's, checked, or a new one.

    Raises before it allocates anything.
    """
    size = math.prod(population)
    dense = population if columns is None else columns.shape
    forms: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        "membrane": ((-(-steps // wanted.every), *dense), dtype),
        "spikes": ((steps, *dense), spike_dtype),
        "packed": ((steps, -(-size // 8)), UINT8),
        "counts": (population, INT64),
    }
    if "packed" in wanted.names and spike_dtype != BOOL:
        raise ValueError(
            "record='packed' has one bit a neuron and step, and this neuron may fire several "
            "spikes in a step; record 'spikes', 'counts' or 'events'"
        )
    arrays: dict[str, Numbers] = {}
    if out is not None:
        for name, array in _given(out, wanted).items():
            arrays[name] = output(f"out[{name!r}]", array, *forms[name])
            for other, taken in [("current", current), *arrays.items()]:
                if other != name and overlap(array, taken):
                    raise ValueError(f"out[{name!r}] must not overlap {other} in memory")
    fresh = {name: forms[name] for name in forms if name in wanted.names and name not in arrays}
    needed = sum(math.prod(shape) * d.itemsize for shape, d in fresh.values())
    ensure_memory(needed + size * dtype.itemsize, wanted.names)
    for name, (shape, d) in fresh.items():
        arrays[name] = np.empty(shape, d)
    if not steps and "counts" in arrays:
        arrays["counts"][...] = 0
    return arrays


def _given(out: object, wanted: Wanted) -> Mapping[str, Numbers]:
    if not isinstance(out, Mapping):
        raise TypeError(f"out must map record names to arrays, got {described(out)}")
    for name in out:
        choice("out", name, RECORDS)
        if name == "events":
            raise ValueError("out cannot hold 'events': how many there are shows in the run only")
        if name not in wanted.names:
            raise ValueError(f"out holds {name!r}, but record={sorted(wanted.names)} does not")
    return out
