"""The inner loops are vectorized, and a run allocates little more than its records."""

import platform
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from cases import currents

import fastlif
from fastlif.kernels.layout import ROW, ROWS

F4 = np.float32

# float32 arithmetic on full vector registers.
PACKED = {
    "x86_64": r"v?(add|sub|mul)ps\s",
    "AMD64": r"v?(add|sub|mul)ps\s",
    "aarch64": r"f(add|sub|mul)\s+v\d+\.4s|f(add|sub|mul)\s+z\d+\.s",
    "arm64": r"f(add|sub|mul)\.4s",
}

CODE = """
import sys
import numpy as np, fastlif

# Code loaded from the cache cannot be inspected.
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []

def loops(neuron):
    # The kernels that the neuron's only plan calls.
    (plan,) = neuron._integrator._plans.values()
    return [kernel for kernel, _ in plan.loops]

model, each, record = sys.argv[1], sys.argv[2] == "each", tuple(sys.argv[4].split(","))
size = 300
value = lambda v: np.full(size, v, np.float32) if each else v
if model == "Leaky":
    neuron = fastlif.Leaky(beta=value(0.9), threshold=value(1.0))
else:
    cls = getattr(fastlif, model)
    neuron = cls(R=value(5.1), C=value(5e-3), time_step=1e-3, threshold=value(1.0))
current, steps = {
    "full": (np.ones((8, 2 * size), np.float32)[:, :size], None),
    "bytes": (np.ones((8, size), np.uint8), None),
    "constant": (np.ones(size, np.float32), 8),
}[sys.argv[3]]
neuron.run(current, steps=steps, record=record, threads=1)
for kernel in loops(neuron):
    print(*kernel.inspect_asm().values())
"""


@pytest.mark.skipif(platform.machine() not in PACKED, reason="known for x86-64 and aarch64")
@pytest.mark.parametrize("model", ["Lapicque", "LIF", "Leaky"])
@pytest.mark.parametrize(
    ("each", "current", "record"),
    [
        ("same", "full", "membrane,spikes"),
        ("each", "full", "membrane,spikes"),
        ("same", "full", "counts"),
        ("each", "full", "counts"),
        ("same", "bytes", "counts"),
        ("same", "constant", "counts"),
        ("each", "constant", "counts"),
        ("same", "full", "packed"),
        ("same", "full", "events"),
    ],
)
def test_the_inner_loop_is_vectorized(model, each, current, record):
    arguments = [sys.executable, "-c", CODE, model, each, current, record]
    code = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    packed = re.findall(PACKED[platform.machine()], code)
    # A step of the leanest neuron is a multiplication, an addition and a subtraction. If nothing
    # dense is recorded, the loop takes four steps at a time.
    assert len(packed) >= (3 if record == "membrane,spikes" else 4 * 3)


@pytest.mark.skipif(platform.machine() not in PACKED, reason="known for x86-64 and aarch64")
@pytest.mark.parametrize(
    "neuron",
    [
        "LIF(refractory=3, integration='exact', order='at_once')",
        "presets.norse_lif()",
        "presets.nest_iaf_psc_delta()",
        "presets.rockpool_lif()",
    ],
)
def test_the_inner_loop_of_a_complex_neuron_is_vectorized(neuron):
    setup = CODE[: CODE.index("model, each")]
    ask = f"""
neuron = fastlif.{neuron}
neuron.run(np.ones((8, 600), np.float32)[:, :300], threads=1)
for kernel in loops(neuron):
    print(*kernel.inspect_asm().values())
"""
    arguments = [sys.executable, "-c", setup + ask]
    code = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert len(re.findall(PACKED[platform.machine()], code)) >= 3
    assert "maskmovps" not in code  # masked stores are several times slower


@pytest.mark.parametrize(
    ("current", "steps"),
    [
        (np.broadcast_to(F4(0.3), (400, 20_000)), None),
        (np.asfortranarray(currents(np.random.default_rng(0), (400, 20_000))), None),
        ((np.random.default_rng(0).random((400, 20_000)) < 0.1), None),
        (np.linspace(0, 0.5, 20_000, dtype=F4), 400),
        (currents(np.random.default_rng(0), (400, 20_000)).astype(np.float16), None),
    ],
    ids=["broadcast", "fortran", "bools", "constant", "float16"],
)
@pytest.mark.parametrize("record", ["counts", "packed", ("membrane", "spikes"), ()])
def test_a_run_allocates_its_records_and_a_few_tiles(current, steps, record):
    neuron = fastlif.LIF(R=5.1, C=5e-3)
    neuron.run(current, steps=steps, record=record)  # compiles
    tracemalloc.start()
    try:
        run = neuron.run(current, steps=steps, record=record, threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    outputs = sum(
        a.nbytes for a in (run.membrane, run.spikes, run.packed, run.counts) if a is not None
    )
    scratch = 2 * ROWS * ROW * 4  # the rows of two threads
    assert peak < outputs + scratch + 1_500_000
    assert scratch + 1_500_000 < 400 * 20_000  # less than one byte per neuron-step


def test_events_need_memory_in_proportion_to_the_spikes():
    neuron = fastlif.LIF(threshold=1.0)
    current = np.zeros((1000, 20_000), np.uint8)
    current[::100, ::100] = 30  # few neurons fire
    neuron.run(current, record="events")
    tracemalloc.start()
    try:
        run = neuron.run(current, record="events", threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < len(run.events.step) < 20_000
    assert peak < 1000 * 20_000 / 2  # half a byte per neuron-step


def test_runs_of_one_rule_share_their_kernels():
    current = np.zeros((8, 300), F4)
    plans = []
    for neuron in (fastlif.LIF(), fastlif.LIF(R=2.0)):
        neuron.run(current, record="counts")
        plans += neuron._integrator._plans.values()
    (one, _), (two, _) = plans[0].loops[0], plans[1].loops[0]
    assert one is two
