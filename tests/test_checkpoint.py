"""Streams that were killed continue from a checkpoint; what does not belong to it is refused.

The number of processes that are killed at random is FASTLIF_TEST_KILLS.
"""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import streams_to_kill as killed
from cases import currents, same_bits
from test_stream import ALL, assert_same_runs, joined

import fastlif
from fastlif.execution import checkpoint as files

F4 = np.float32
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
STEPS, SIZE = 60, 70
KILLS = int(os.environ.get("FASTLIF_TEST_KILLS", "3"))  # per kind of file


@pytest.fixture
def neuron():
    return fastlif.LIF(**RC, refractory=2, order="at_once")


@pytest.fixture
def current():
    return currents(np.random.default_rng(0), (STEPS, SIZE))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint"


def begin(stream, runs):
    """Return some runs of a stream that then ends as if killed: the last one is not completed."""
    return [next(stream) for _ in range(runs)]


# --- processes that are killed --------------------------------------------------------------------


def start(folder, kind, chunk, *operation):
    command = [sys.executable, killed.__file__, folder, kind, chunk, *operation]
    root = Path(fastlif.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment
    )


def assert_complete(folder, kind):
    options = {"steps": killed.STEPS, "every": 7, "record": ("packed", "counts", "membrane")}
    one = killed.neuron().run(killed.current(), **options)
    for name, array in killed.arrays(folder, kind, "r+").items():
        assert same_bits(np.asarray(array[...]), getattr(one, name)), name
    last = files.load(folder / "checkpoint")
    assert last.steps == killed.STEPS
    assert same_bits(last.state.noise, one.final.noise)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kind", ["memmap", "zarr", "hdf5"])
def test_a_process_that_is_killed_at_random_continues(kind, tmp_path):
    rng, finished, seconds = random.Random(kind), 0, 1.0
    for k in range(KILLS):
        folder = tmp_path / str(k)
        folder.mkdir()
        for attempt in range(100):
            with start(folder, kind, 5) as process:
                assert process.stdout.readline() == "begins\n"
                began = time.monotonic()
                # The first attempt is killed for certain, the others as it happens.
                time.sleep(rng.uniform(0, seconds if attempt else seconds / 2))
                process.kill()
                ended = "ends" in process.stdout.read()
            if ended:
                seconds = 0.9 * (time.monotonic() - began) if not attempt else seconds
                break
        assert ended
        finished += attempt
        assert_complete(folder, kind)
        shutil.rmtree(folder)
    assert finished  # some were killed


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_that_dies_before_any_file_operation_continues(tmp_path):
    operation, step = 0, max(1, 60 // KILLS)
    while True:
        folder = tmp_path / str(operation)
        folder.mkdir()
        with start(folder, "memmap", 60, operation) as process:
            ended = "ends" in process.stdout.read()
        if ended:
            break
        assert process.returncode == -signal.SIGKILL
        with start(folder, "memmap", 60) as process:
            assert "ends" in process.stdout.read()
        assert_complete(folder, "memmap")
        operation += step
    # Two writes, three files and a checkpoint to synchronise and its folder, and the replacement.
    assert operation >= 7 * (2 + 3 + 2 + 1)
