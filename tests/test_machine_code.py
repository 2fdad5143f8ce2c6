"""The inner loops are vectorized, and a run allocates little more than its records."""

import json
import os
import platform
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from cases import currents, full
from llvmlite.binding import get_host_cpu_features

import fastlif
from fastlif.kernels.layout import ROW, ROWS

F4 = np.float32

# float32 arithmetic on full vector registers, and on single numbers.
PACKED, SCALAR = {
    "x86_64": (r"v?(add|sub|mul|div)ps\s", r"v?(add|sub|mul|div)ss\s"),
    "aarch64": (
        r"f(add|sub|mul|div)\s+(v\d+\.4s|z\d+\.s)|f(add|sub|mul|div)\.4s",
        r"f(add|sub|mul|div)\s+s\d+",
    ),
}.get({"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine()), ("", ""))

CODE = """
import json, sys
import numpy as np, fastlif
from fastlif import presets
from fastlif.kernels import sweep

# Code loaded from the cache cannot be inspected.
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
size = 300
CURRENTS = {
    "full": (np.ones((8, 2 * size), np.float32)[:, :size], None),
    "bytes": (np.ones((8, size), np.uint8), None),
    "constant": (np.ones(size, np.float32), 8),
}
codes = []
for neuron, each, current, record in json.loads(sys.stdin.read()):
    value = lambda v: np.full(size, v, np.float32) if each == "each" else v
    neuron = eval(neuron)
    current, steps = CURRENTS[current]
    kernels = [
        sweep.sweep_kernel(neuron.rule, loop)
        for loop in (sweep.four_steps, sweep.step_by_step, sweep.one_neuron)
    ]
    before = [set(kernel.overloads) for kernel in kernels]
    neuron.run(current, steps=steps, record=record, threads=1)
    codes.append("".join(
        kernel.inspect_asm(signature)
        for kernel, known in zip(kernels, before)
        for signature in kernel.overloads
        if signature not in known
    ))
print(json.dumps(codes))
"""

MODELS = {
    "Lapicque": "fastlif.Lapicque(R=value(5.1), C=value(5e-3), time_step=1e-3, threshold=value(1))",
    "LIF": "fastlif.LIF(R=value(5.1), C=value(5e-3), time_step=1e-3, threshold=value(1))",
    "Leaky": "fastlif.Leaky(beta=value(0.9), threshold=value(1))",
}
BOTH = ["membrane", "spikes"]
KINDS = [
    ("same", "full", BOTH),
    ("each", "full", BOTH),
    ("same", "full", ["counts"]),
    ("each", "full", ["counts"]),
    ("same", "bytes", ["counts"]),
    ("same", "constant", ["counts"]),
    ("each", "constant", ["counts"]),
    ("same", "full", ["packed"]),
    ("same", "full", ["events"]),
]
CASES = [(model, *kind) for model in MODELS.values() for kind in KINDS]
CASES += [
    (neuron, "same", "full", BOTH)
    for neuron in (
        "fastlif.LIF(refractory=3)",
        "fastlif.LIF(refractory=3, integration='exact', order='at_once')",
        "presets.norse_lif()",
        "presets.nest_iaf_psc_delta()",
        "presets.rockpool_lif()",
    )
]


HOST_FEATURES = get_host_cpu_features()


def machine_codes_of(cases, **environment):
    """Compile the cases in one process, and return the machine code of each."""
    result = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, **environment},
        input=json.dumps(cases), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(result.stdout)


@pytest.fixture(scope="module", params=["this", "without AVX-512"])
def machine_codes(request):
    """Return the machine code of all cases."""
    if request.param == "this":
        return machine_codes_of(CASES)
    if not HOST_FEATURES.get("avx512f"):
        return None
    kept = {name: on and not name.startswith("avx512") for name, on in HOST_FEATURES.items()}
    return machine_codes_of(CASES, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=listed(kept))


def listed(features):
    """Return processor features as LLVM takes them."""
    return ",".join(f"{'+' if on else '-'}{name}" for name, on in features.items())


def innermost_loops(code):
    """Return the text of each loop that contains no other loop.

    A loop ends with a jump to a label before it.
    """
    loops, labels, lines = [], {}, code.splitlines()
    for number, line in enumerate(lines):
        if found := re.match(r"(\.?\w+):", line):
            labels[found[1]] = number
        elif found := re.match(r"\s+(?:j\w+|b(?:\.\w+)?|cbn?z\s.*,|tbn?z\s.*,)\s+(\.?\w+)$", line):
            begin = labels.get(found[1])
            if begin is not None and not any(start >= begin for start, _ in loops):
                loops.append((begin, number))
    return ["\n".join(lines[start : end + 1]) for start, end in loops]


@pytest.mark.full
@pytest.mark.skipif("avx2" not in HOST_FEATURES, reason="known for x86-64")
@pytest.mark.parametrize(
    ("processor", "wide"), [("sapphirerapids", True), ("znver4", True), ("cascadelake", False)]
)
def test_vectors_have_512_bits_where_that_is_faster(processor, wide):
    features = listed(HOST_FEATURES)
    cases = [case for case in CASES if case[0] == MODELS["LIF"] and case[1] == "same"]
    codes = machine_codes_of(cases, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES=features)
    for code in codes:
        loops = [loop for loop in innermost_loops(code) if re.search(PACKED, loop)]
        assert any("%zmm" in loop for loop in loops) == (wide and HOST_FEATURES["avx512f"])


@pytest.mark.full
@pytest.mark.skipif(not PACKED, reason="known for x86-64 and aarch64")
@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda k: "-".join(map(str, CASES[k])))
def test_the_inner_loop_is_vectorized(machine_codes, case):
    if machine_codes is None:
        return  # this processor has no AVX-512
    _, _, _, record = CASES[case]
    loops = [loop for loop in innermost_loops(machine_codes[case]) if re.search(PACKED, loop)]
    assert loops
    # A step of the leanest neuron is a multiplication, an addition and a subtraction. If nothing
    # dense is recorded, the loop takes four steps at a time.
    at_least = 3 if record == BOTH else 4 * 3
    assert max(len(re.findall(PACKED, loop)) for loop in loops) >= at_least
    for loop in loops:
        assert not re.search(SCALAR, loop)
        assert "maskmovps" not in loop  # masked stores are several times slower


def test_a_loop_of_which_half_is_scalar_is_found():
    code = ".LBB0_1:\n\tvmulps %ymm0\n.LBB0_2:\n\tvaddps %ymm0\n\tvaddss %xmm0\n\tjne\t.LBB0_2\n"
    code += "\tjb\t.LBB0_1\n"
    assert innermost_loops(code) == [code[code.index(".LBB0_2") : code.index("\tjb") - 1]]
    assert innermost_loops("\tjne\t.LBB0_3\n.LBB0_3:\n") == []


@pytest.mark.parametrize(
    ("current", "steps"),
    [
        (np.broadcast_to(F4(0.3), (400, 40_000)), None),
        (np.asfortranarray(currents(np.random.default_rng(0), (400, 40_000))), None),
        ((np.random.default_rng(0).random((400, 40_000)) < 0.1), None),
        (np.linspace(0, 0.5, 40_000, dtype=F4), 400),
        (currents(np.random.default_rng(0), (400, 40_000)).astype(np.float16), None),
    ],
    ids=["broadcast", "fortran", "bools", "constant", "float16"],
)
@pytest.mark.parametrize(
    "record",
    [
        "counts",
        ("membrane", "spikes"),
        pytest.param("packed", marks=full),
        pytest.param((), marks=full),
    ],
)
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
    assert scratch + 1_500_000 < 400 * 40_000  # less than one byte per neuron-step


def test_events_need_memory_in_proportion_to_the_spikes():
    neuron = fastlif.LIF(threshold=1.0)
    current = np.zeros((1000, 40_000), np.uint8)
    current[::100, ::100] = 30  # few neurons fire
    neuron.run(current, record="events")
    tracemalloc.start()
    try:
        run = neuron.run(current, record="events", threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < len(run.events.step) < 40_000
    assert peak < 1000 * 40_000 / 2  # half a byte per neuron-step


def test_runs_of_one_rule_share_their_kernels():
    current = np.zeros((8, 300), F4)
    plans = []
    for neuron in (fastlif.LIF(), fastlif.LIF(R=2.0)):
        neuron.run(current, record="counts")
        plans += neuron._integrator._plans.values()
    (one, _), (two, _) = plans[0].loops[0], plans[1].loops[0]
    assert one is two
