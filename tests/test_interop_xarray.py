"""Labelled arrays: the bits of ``neuron.run``, and the labels of the current."""

import subprocess
import sys

import numpy as np
import pytest
from cases import same_bits

import fastlif

pytest.importorskip("xarray")

import xarray as xr

from fastlif.interop.xarray import run

F4 = np.float32
ALL = ("membrane", "spikes", "packed", "counts", "events")
LAZY = pytest.mark.parametrize("lazy", [False, True], ids=["memory", "dask"])
NEURON = fastlif.LIF(R=np.linspace(4, 6, 6), refractory=2, order="at_once")


def labelled(dims=("time", "trial", "cell"), lazy=False):
    """Return a current with coordinates of every kind, and attributes."""
    current = xr.DataArray(
        np.random.default_rng(0).uniform(0, 0.6, (30, 4, 6)).astype(F4),
        dims=("time", "trial", "cell"),
        coords={
            "time": np.arange(30) * 1e-3,
            "cell": list("abcdef"),
            "layer": ("cell", [1, 1, 2, 2, 3, 3]),
            "depth": (("trial", "cell"), np.arange(24).reshape(4, 6)),
            "phase": (("time", "cell"), np.zeros((30, 6))),
            "session": 7,
        },
        attrs={"units": "nA"},
        name="current",
    ).transpose(*dims)
    if lazy:
        pytest.importorskip("dask.array")
        current = current.chunk({"time": 7, "trial": 3})
    return current


@LAZY
@pytest.mark.parametrize("dims", [("time", "trial", "cell"), ("trial", "time", "cell"),
                                  ("trial", "cell", "time")])  # fmt: skip
def test_the_bits_of_a_run_and_the_labels_of_the_current(dims, lazy):
    current = labelled(dims, lazy)
    expected = NEURON.run(current.transpose("time", ...).values, record=ALL)
    got = run(NEURON, current, record=ALL)
    for name in ("membrane", "spikes"):
        record = getattr(got, name)
        assert (record.chunks is not None) == lazy
        assert record.dims == current.dims
        assert record.name == name
        assert record.attrs == current.attrs
        assert set(record.coords) == set(current.coords)
        xr.testing.assert_identical(record.coords.to_dataset(), current.coords.to_dataset())
        assert same_bits(record.transpose("time", ...).values, getattr(expected, name))
    assert got.packed.dims == ("time", "byte")
    assert set(got.packed.coords) == {"time", "session"}
    assert same_bits(got.packed.values, expected.packed)
    for name, array in (("counts", got.counts), ("mem", got.final.mem)):
        assert array.dims == ("trial", "cell")
        assert set(array.coords) == {"cell", "layer", "depth", "session"}
        assert array.name == name
    assert same_bits(got.counts.values, expected.counts)
    for name in ("mem", "refractory"):
        assert same_bits(getattr(got.final, name).values, getattr(expected.final, name))
    assert got.final.steps == 30
    for name in ("step", "neuron"):
        assert same_bits(np.asarray(getattr(got.events, name)), getattr(expected.events, name))


@LAZY
def test_records_that_are_not_requested_are_none(lazy):
    got = run(NEURON, labelled(lazy=lazy), record="counts")
    assert got.membrane is got.spikes is got.packed is got.events is got.offsets is None


@LAZY
def test_a_multi_index_is_preserved(lazy):
    current = labelled(lazy=lazy).stack(unit=("trial", "cell"))
    counts = run(fastlif.LIF(), current, record="counts").counts
    assert counts.indexes["unit"].equals(current.indexes["unit"])
    expected = fastlif.LIF().run(current.values, record="counts").counts
    assert same_bits(counts.values, expected)
    assert int(counts.sel(trial=1, cell="c")) == expected[8]


@LAZY
def test_constant_currents_get_a_dimension_of_time(lazy):
    current = labelled(lazy=lazy).isel(time=3)
    expected = NEURON.run(current.values, steps=9)
    got = run(NEURON, current, steps=9, dim="step")
    assert got.spikes.dims == ("step", "trial", "cell")
    assert same_bits(got.spikes.values, expected.spikes)
    assert set(got.spikes.coords) == {"time", "cell", "layer", "depth", "phase", "session"}


@LAZY
def test_runs_continue(lazy):
    current = labelled(lazy=lazy)
    whole = NEURON.run(current.values)
    state = run(NEURON, current.isel(time=slice(None, 11))).final
    state = state._replace(mem=state.mem.transpose(), refractory=state.refractory.transpose())
    second = run(NEURON, current.isel(time=slice(11, None)), state)
    assert same_bits(second.membrane.values, whole.membrane[11:])
    assert same_bits(second.final.refractory.values, whole.final.refractory)
    assert second.final.steps == 30


@pytest.mark.parametrize("dims", [(), ("cell",), ("trial",), ("cell", "trial")])
def test_initial_membranes_broadcast_by_name(dims):
    membrane = labelled().isel(time=0, drop=True)
    membrane = membrane.isel({dim: 0 for dim in ("trial", "cell") if dim not in dims}, drop=True)
    membrane = membrane.transpose(*dims)
    full = membrane.broadcast_like(labelled().isel(time=0)).transpose("trial", "cell").values
    got = run(NEURON, labelled(), membrane)
    assert same_bits(got.membrane.values, NEURON.run(labelled().values, full).membrane)


def test_a_lazy_initial_membrane_makes_the_run_lazy():
    pytest.importorskip("dask.array")
    membrane = labelled(lazy=True).isel(time=0)
    got = run(NEURON, labelled(), membrane)
    assert got.membrane.chunks is not None
    expected = NEURON.run(labelled().values, membrane.values)
    assert same_bits(got.membrane.values, expected.membrane)


def test_zero_steps_and_a_single_neuron():
    assert run(NEURON, labelled().isel(time=slice(0, 0))).spikes.sizes["time"] == 0
    one = labelled().isel(trial=0, cell=0)
    got = run(fastlif.LIF(), one, record=ALL)
    assert got.spikes.dims == ("time",)
    assert got.counts.dims == ()
    assert same_bits(got.spikes.values, fastlif.LIF().run(one.values).spikes)


@pytest.mark.parametrize(
    ("neuron", "current", "options", "error", "message"),
    [
        (NEURON, np.ones((3, 6)), {}, TypeError, "current must be an xarray.DataArray, got an arr"),
        (NEURON, labelled(), {"dim": "t"}, ValueError, "current must have the dimension 't', got"),
        (NEURON, labelled(), {"steps": 3}, ValueError,
         "current must not have, with steps=, the dimension 'time', got"),
        (NEURON, labelled().isel(cell=0), {}, ValueError, "the shapes do not broadcast"),
        (NEURON, labelled().isel(trial=0, cell=0), {}, ValueError,
         r"parameters must broadcast to the dimensions \[\] of current, \(\), got {'R': \(6,\)}"),
        (NEURON, labelled(), {"initial": labelled()}, ValueError,
         r"initial must have dimensions of the population, \['trial', 'cell'\], got \('time',"),
        (NEURON, labelled(), {"initial": labelled().isel(time=0).assign_coords(cell=range(6))},
         ValueError, "initial must have the coordinates of current: "),
        (NEURON, labelled(), {"record": "spike"}, ValueError, "did you mean 'spikes'"),
    ],
)  # fmt: skip
def test_errors(neuron, current, options, error, message):
    with pytest.raises(error, match=message):
        run(neuron, current, **options)


@pytest.mark.parametrize(("module", "missing"), [("dask", "dask.array"), ("xarray", "xarray")])
def test_an_absent_package_is_named(module, missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import fastlif.interop.{module}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1
    assert f"fastlif.interop.{module} requires {missing}: pip install 'fastlif[" in done.stderr


def test_arrays_in_memory_do_not_import_dask():
    code = """
import sys, numpy as np, xarray as xr, fastlif
before = "dask" in sys.modules
from fastlif.interop.xarray import run
run(fastlif.LIF(), xr.DataArray(np.ones((3, 2)), dims=("time", "cell")))
assert before or "fastlif.interop.dask" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
