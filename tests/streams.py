"""Streams, and arrays in files, that several test files share."""

import numpy as np
import pytest
from cases import same_bits, variables

import fastlif

ALL = ("membrane", "spikes", "packed", "counts", "events")


def joined(runs):
    """Return the runs of consecutive stretches as one."""

    def of(name):
        parts = [getattr(run, name) for run in runs]
        return None if parts[0] is None else np.concatenate(parts)

    events = None
    if runs[0].events is not None:
        parts = zip(*(run.events for run in runs), strict=True)
        events = fastlif.Events(*map(np.concatenate, parts))
    counts = None if runs[0].counts is None else sum(run.counts for run in runs)
    return fastlif.Run(
        of("membrane"), of("spikes"), of("packed"), counts, events, runs[-1].final, of("offsets")
    )


def assert_same_runs(run, other):
    for name in (*ALL[:4], "offsets"):
        a, b = getattr(run, name), getattr(other, name)
        assert (a is None) == (b is None), name
        assert a is None or same_bits(a, b), name
    assert (run.events is None) == (other.events is None)
    assert run.events is None or all(map(same_bits, run.events, other.events))
    for a, b in zip(variables(run.final), variables(other.final), strict=True):
        assert same_bits(a, b)
    assert (run.final.noise is None) == (other.final.noise is None)
    assert run.final.noise is None or same_bits(run.final.noise, other.final.noise)
    assert run.final.steps == other.final.steps


class Files:
    """New arrays in files of one kind."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        if kind.startswith("hdf5"):
            h5py = pytest.importorskip("h5py")
            self.file = h5py.File(folder / "arrays.h5", "w")

    def new(self, name, shape, dtype):
        chunks = tuple(min(9, size) for size in shape)
        if self.kind == "memmap":
            return np.memmap(self.folder / name, dtype, "w+", shape=shape)
        if self.kind == "npy":  # begins after a header
            return np.lib.format.open_memmap(self.folder / name, "w+", dtype, shape)
        if self.kind == "zarr":
            zarr = pytest.importorskip("zarr")
            return zarr.open_array(
                self.folder / name, mode="w", shape=shape, dtype=dtype, chunks=chunks
            )
        options = (
            {"chunks": chunks, "compression": "gzip"} if "chunks" in self.kind and shape else {}
        )
        return self.file.create_dataset(name, shape, dtype, **options)

    def holding(self, name, values):
        array = self.new(name, values.shape, values.dtype)
        array[...] = values
        return array
