"""Generated input, compared with random numbers of NumPy, JAX, Brian2 and NEST.

All draw new numbers in each step, and count spikes. Before timing, the mean counts are compared.
"""

import math
import os
import warnings

import numpy as np
import pytest
from limits import median_time

import fastlif

F4 = np.float32
TAU, DT = 20.0, 1.0
NEURON = fastlif.LIF(
    tau=TAU, time_step=DT, threshold=1.0, reset_mechanism="zero", order="at_once"
)  # fmt: skip
RATE, WEIGHT = 0.1, 12.0  # spikes per step, current
MEAN, STD = 0.9, 3.0
SOURCES = {
    "spikes": fastlif.PoissonSpikes(RATE, WEIGHT, seed=1),
    "normal": fastlif.GaussianCurrent(MEAN, STD, seed=1),
}
PIECE = 2**15  # random numbers that NumPy draws at once, which stay in the cache


def difference(counts, others):
    """Return the difference of two mean counts in standard errors."""
    error = math.sqrt(np.var(counts) / len(counts) + np.var(others) / len(others))
    return (np.mean(counts) - np.mean(others)) / error


def fastest(candidates):
    """Return the fastest of several functions."""
    return min(candidates, key=lambda function: median_time(function, rounds=3))


def of_numpy(kind, steps, size, threads):
    """Return the function that draws an array with NumPy and runs it, as fast as is known."""
    rng = np.random.default_rng(1)
    drawn = np.zeros((steps, size), np.bool_ if kind == "spikes" else F4)
    initial, buffer = NEURON.initial_state(size, F4), np.empty(PIECE, F4)
    neuron = fastlif.LIF(
        tau=TAU, time_step=DT, R=WEIGHT, threshold=1.0, reset_mechanism="zero", order="at_once"
    )  # fmt: skip
    neuron = neuron if kind == "spikes" else NEURON

    def draw(flat):
        if kind == "normal":
            rng.standard_normal(dtype=F4, out=flat)
            np.multiply(flat, F4(STD), out=flat)
            np.add(flat, F4(MEAN), out=flat)
            return
        numbers = buffer[: len(flat)]
        rng.random(dtype=F4, out=numbers)
        np.less(numbers, F4(RATE), out=flat)

    def whole():
        if kind == "spikes":
            np.less(rng.random((steps, size), F4), F4(RATE), out=drawn)
        else:
            draw(drawn.reshape(-1))
        return neuron.run(drawn, initial=initial, record="counts", threads=threads).counts

    def in_pieces():
        flat = drawn.reshape(-1)
        for start in range(0, flat.size, PIECE):
            draw(flat[start : start + PIECE])
        return neuron.run(drawn, initial=initial, record="counts", threads=threads).counts

    def row_by_row():
        counts, state = np.zeros(size, np.int64), initial
        for row in drawn:
            for start in range(0, size, PIECE):
                draw(row[start : start + PIECE])
            run = neuron.run(row[None], initial=state, record="counts", threads=threads)
            counts += run.counts
            state = run.final
        return counts

    return fastest([whole, in_pieces, row_by_row])


def of_jax(kind, steps, size, threads):
    """Return the function that draws and integrates in one lax.scan, compiled by jit."""
    jax = pytest.importorskip("jax", reason="missing: jax")
    jnp = jax.numpy
    rate = F4(DT / TAU)

    def scan(keys, unroll):
        def step(carry, key):
            u, counts = carry
            if kind == "spikes":
                x = jnp.where(jax.random.bernoulli(key, F4(RATE), (size,)), F4(WEIGHT), F4(0))
            else:
                x = F4(MEAN) + F4(STD) * jax.random.normal(key, (size,), F4)
            u = u + rate * (x - u)
            spikes = u > 1
            return (jnp.where(spikes, F4(0), u), counts + spikes), None

        start = jnp.zeros(size, F4), jnp.zeros(size, jnp.int32)
        return jax.lax.scan(step, start, keys, unroll=unroll)[0][1]

    compiled = jax.jit(scan, static_argnums=1)

    def run(generator, unroll):
        keys = jax.random.split(jax.random.key(1, impl=generator), steps)
        return np.asarray(compiled(keys, unroll))

    candidates = [
        lambda generator=generator, unroll=unroll: run(generator, unroll)
        for generator in ("threefry2x32", "rbg")
        for unroll in (1, 4)
    ]
    return fastest(candidates)


REFERENCES = {"NumPy": of_numpy, "JAX": of_jax}


@pytest.mark.benchmark(group="generated input")
@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("kind", SOURCES)
def test_generated_input(beside, shape, threads, kind, reference):
    """Nothing is read: the time is that of the generator and of the sweep."""
    steps, size = shape
    few = max(1, steps // 5)  # of the reference, whose time is proportional to them
    theirs = REFERENCES[reference](kind, few, size, threads)
    source, initial = SOURCES[kind], NEURON.initial_state(size, F4)
    out = {"counts": np.zeros(size, np.int64)}

    def run(steps=steps, out=out):
        return NEURON.run(
            source, steps=steps, initial=initial, record="counts", out=out, threads=threads
        ).counts  # fmt: skip

    assert abs(difference(run(few, None), theirs())) < 5
    name = f"rate relative to {reference}"
    beside(run, 0, theirs, few * size, name, by_steps=True)
    assert out["counts"].any()


# --- simulators -----------------------------------------------------------------------------------

# Milliseconds, and volts of the membrane. Few steps have two spikes of a Poisson process.
STEP, EACH, JUMP = 0.1, 0.01, 0.6
DRIVEN = fastlif.LIF(
    tau=TAU, time_step=STEP, threshold=1.0, reset_mechanism="zero", input="voltage",
    integration="exact", order="at_once",
)  # fmt: skip


def of_brian2(steps, size):
    """Return the function that runs Brian2 with PoissonInput, and returns spike counts."""
    try:
        import brian2 as b2
    except ImportError as error:
        pytest.skip(f"missing: brian2 ({error})")
    b2.device.reinit()
    b2.set_device("runtime")
    b2.prefs.codegen.target = "cython"
    group = b2.NeuronGroup(
        size, "dv/dt = -v/tau : 1\nfired : integer", method="exact", dt=STEP * b2.ms,
        threshold="v > 1", reset="v = 0; fired += 1", namespace={"tau": TAU * b2.ms},
    )  # fmt: skip
    spikes = b2.PoissonInput(group, "v", 1, EACH / (STEP * b2.ms), JUMP)
    net = b2.Network(group, spikes)
    net.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]

    def run():
        group.v, group.fired = 0, 0
        net.run(steps * STEP * b2.ms)
        return np.array(group.fired[:])

    return run


def of_nest(steps, size):
    """Return the function that runs NEST with a Poisson generator, and returns spike counts."""
    try:
        import nest
    except ImportError as error:
        pytest.skip(f"missing: nest-simulator ({error})")
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = STEP
    nest.local_num_threads = len(os.sched_getaffinity(0))
    neurons = nest.Create(
        "iaf_psc_delta", size,
        {"tau_m": TAU, "t_ref": 0.0, "E_L": 0.0, "V_reset": 0.0, "V_th": 1.0, "V_m": 0.0},
    )  # fmt: skip
    generator = nest.Create("poisson_generator", params={"rate": 1000 * EACH / STEP})
    nest.Connect(generator, neurons, syn_spec={"weight": JUMP, "delay": STEP})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    first = neurons.tolist()[0]
    nest.Prepare()
    nest.Run(2 * STEP)  # a spike that is emitted in the first step arrives in the third

    def run():
        nest.Cleanup()
        recorder.n_events = 0
        neurons.V_m = 0.0
        nest.Prepare()
        nest.Run(steps * STEP)
        return np.bincount(recorder.events["senders"] - first, minlength=size)

    return run


SIMULATORS = {"Brian2": of_brian2, "NEST": of_nest}


@pytest.mark.benchmark(group="generated input, simulators")
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.filterwarnings("ignore")
def test_population_driven_by_random_spikes(benchmark, noted, request, threads, simulator):
    """Each neuron has its own train of spikes."""
    size, steps = (request.config.getoption(f"--peer-{name}") for name in ("neurons", "steps"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = SIMULATORS[simulator](steps, size)
    source = fastlif.PoissonSpikes(EACH, JUMP, seed=1)
    initial = DRIVEN.initial_state(size)

    def run():
        return DRIVEN.run(
            source, steps=steps, initial=initial, record="counts", threads=threads
        ).counts  # fmt: skip

    assert abs(difference(run(), theirs())) < 5
    took = median_time(theirs, rounds=3)
    benchmark.pedantic(run, rounds=9, warmup_rounds=1)
    rate, slower = noted(steps * size, 0, writes=False), steps * size / took
    benchmark.extra_info[f"rate relative to {simulator}"] = rate / slower
    print(f"\n{rate / 1e9:.3f} G neuron-steps/s, {simulator}: {slower / 1e9:.5f}")
