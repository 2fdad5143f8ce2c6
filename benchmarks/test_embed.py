"""The embedded forms of a neuron compared with ``neuron.run`` on one thread: the same records."""

import ctypes
import re
import shutil

import numba
import numpy as np
import pytest

import fastlif
from fastlif import embed

pytestmark = pytest.mark.benchmark(group="embedded forms")
NEURON = fastlif.LIF(tau=25e-3, time_step=1e-3, threshold=0.3, order="at_once")


def by_row():
    """Return a loop over time in which the whole population advances at once."""
    step = embed.row(NEURON)

    @numba.njit(nogil=True)
    def run(current, membrane, spikes):
        mem = np.zeros(current.shape[1], np.float32)
        for t in range(len(current)):
            step(current[t], mem, spikes[t])
            membrane[t] = mem

    return run


def by_scalar():
    """Return a loop over time and neurons."""
    advance = embed.scalar(NEURON)

    @numba.njit(nogil=True)
    def run(current, membrane, spikes):
        mem = np.zeros(current.shape[1], np.float32)
        for t in range(len(current)):
            cur, records, spk = current[t], membrane[t], spikes[t]
            for j in range(mem.size):
                spk[j], mem[j] = advance(cur[j], mem[j], j)
                records[j] = mem[j]

    return run


def by_gufunc_step():
    """Return a loop in Python over calls of a gufunc."""
    step = embed.gufunc(NEURON)

    def run(current, membrane, spikes):
        mem = np.zeros(current.shape[1], np.float32)
        for t in range(len(current)):
            step(current[t], mem, out=(spikes[t], membrane[t]))
            mem = membrane[t]

    return run


def by_gufunc_run():
    """Return one call of a gufunc."""
    over_time = embed.gufunc(NEURON, run=True)
    return lambda current, membrane, spikes: over_time(
        current, np.zeros(current.shape[1], np.float32), out=(spikes, membrane)
    )


def by_cfunc():
    """Return a loop in Python over calls of a C function."""
    step = embed.cfunc(NEURON).ctypes
    step.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_ssize_t]

    def run(current, membrane, spikes):
        mem = np.zeros(current.shape[1], np.float32)
        state, size = mem.ctypes.data, mem.size
        row, spike_row = current.strides[0], spikes.strides[0]
        for t in range(len(current)):
            step(current.ctypes.data + t * row, state, spikes.ctypes.data + t * spike_row, size)
            membrane[t] = mem

    return run


def by_library(folder):
    """Return one call of a shared library."""
    if not shutil.which("cc"):
        pytest.skip("missing: cc")
    library = ctypes.CDLL(str(embed.build({"cell": NEURON}, folder)))
    header = (folder / "include" / "fastlif.h").read_text()
    run_c, constants = (  # by the names with a version that the header defines
        library[re.search(rf"#define fastlif_cell_{name}_f32 (\w+)", header)[1]]
        for name in ("run", "constants")
    )
    run_c.argtypes = [ctypes.c_void_p] * 6 + [ctypes.c_ssize_t] * 2

    def run(current, membrane, spikes):
        mem = np.zeros(current.shape[1], np.float32)
        arrays = (array.ctypes.data for array in (current, mem, membrane, spikes))
        assert run_c(constants, *arrays, None, *current.shape) == 0

    return run


FORMS = [by_row, by_scalar, by_gufunc_step, by_gufunc_run, by_cfunc, by_library]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_form(beside, current, form, tmp_path):
    """Both write the same membranes and spikes into arrays whose pages are already there."""
    run = form(tmp_path) if form is by_library else form()
    membrane, spikes = np.full_like(current, 1), np.full(current.shape, True)
    out = {"membrane": np.full_like(current, 1), "spikes": np.full(current.shape, True)}
    own = lambda: NEURON.run(current, out=out, threads=1)  # noqa: E731
    embedded = lambda: run(current, membrane, spikes)  # noqa: E731
    own()
    embedded()
    assert spikes.any()
    assert np.array_equal(membrane, out["membrane"])
    assert np.array_equal(spikes, out["spikes"])
    beside(
        embedded, 9, own, current.size, "rate relative to neuron.run", by_steps=True, writes=True
    )
