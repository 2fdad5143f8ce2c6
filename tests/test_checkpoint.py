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
from cases import currents, full, same_bits
from streams import ALL, Files, assert_same_runs, joined

import fastlif
from fastlif.execution import checkpoint as files

F4 = np.float32
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
STEPS, SIZE = 60, 70
KILLS = int(os.environ.get("FASTLIF_TEST_KILLS", "2"))  # per kind of file


@pytest.fixture
def neuron():
    return fastlif.LIF(**RC, refractory=2, order="at_once")


@pytest.fixture
def current():
    return currents(np.random.default_rng(0), (STEPS, SIZE))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint"


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
@pytest.mark.parametrize(
    "kind", ["memmap", pytest.param("zarr", marks=full), pytest.param("hdf5", marks=full)]
)
def test_a_process_that_is_killed_at_random_continues(kind, tmp_path):
    pytest.importorskip({"hdf5": "h5py", "zarr": "zarr", "memmap": "numpy"}[kind])
    rng, kills, seconds = random.Random(kind), 0, None
    while kills < KILLS:
        folder = tmp_path / "run"
        folder.mkdir()
        ended = False
        while not ended:
            with start(folder, kind, 20) as process:
                assert process.stdout.readline() == "begins\n"
                began = time.monotonic()
                if seconds is not None:  # the first process only measures the time
                    time.sleep(rng.uniform(0, seconds))
                    process.kill()
                ended = "ends" in process.stdout.read()
                kills += not ended
            seconds = seconds or time.monotonic() - began
        assert_complete(folder, kind)
        shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_that_dies_before_any_file_operation_continues(tmp_path):
    operation, step = 0, max(1, 30 // KILLS)
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


# --- continuing in this process -------------------------------------------------------------------


def broken_off(neuron, current, path, runs=3, **options):
    """Return the first runs of a stream; the last of them is not completed when it is closed."""
    options = {"chunk": 9} | options
    with neuron.stream(current, checkpoint=path, record=ALL, **options) as stream:
        return [next(stream) for _ in range(runs)]


def test_a_stream_goes_on_after_the_last_completed_stretch(neuron, current, path):
    one = neuron.run(current, record=ALL)
    first = broken_off(neuron, current, path)
    stream = neuron.stream(current, checkpoint=path, chunk=20, record=ALL)  # another length
    assert stream.steps == 18
    assert same_bits(stream.state.mem, first[1].final.mem)
    assert_same_runs(joined([*first[:2], *stream]), one)
    # All is done: only the state is left.
    again = neuron.stream(current, checkpoint=path, record=ALL)
    assert again.steps == STEPS
    assert same_bits(again.state.mem, one.final.mem)
    assert list(again) == []


@pytest.mark.parametrize("second", [[9, 18, 27], [10, 25], [18], [18, 18, 40], []])
def test_an_iterable_begins_anew_and_its_completed_steps_are_left_out(
    neuron, current, path, second
):
    chunks = np.split(current, [9, 18, 27])
    first = broken_off(neuron, iter(chunks), path, chunk=None)
    runs = [*neuron.stream(iter(np.split(current, second)), checkpoint=path, record=ALL)]
    assert_same_runs(joined([*first[:2], *runs]), neuron.run(current, record=ALL))


def test_an_iterable_that_is_too_short_now(neuron, current, path):
    broken_off(neuron, np.split(current, [9, 18, 27]), path, chunk=None)
    with pytest.raises(ValueError, match="the chunks must have 18 steps in all, got 10"):
        list(neuron.stream([current[:10]], checkpoint=path, record=ALL))


def test_progress_begins_where_the_stream_does(neuron, current, path, capsys):
    broken_off(neuron, current, path)
    told = []
    options = {"checkpoint": path, "record": ALL, "chunk": 20}
    with neuron.stream(current, progress=lambda *report: told.append(report), **options) as stream:
        next(stream)
    assert told[0][0] >= 18 * SIZE
    assert told[-1] == (38 * SIZE, STEPS * SIZE)
    list(neuron.stream(current, progress=True, **options))
    assert "100%" in capsys.readouterr().err


# --- what is refused ------------------------------------------------------------------------------


def test_any_byte_that_is_damaged_is_found(neuron, current, path):
    broken_off(neuron, current, path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    places = {*range(70), *rng.integers(0, len(content), 200).tolist(), len(content) - 1}
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint '.*' (is damaged|must be a file that)"):
            neuron.stream(current, checkpoint=path, record=ALL)
    for length in (0, 1, 21, 53, 60, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"checkpoint '.*' (is damaged|must be a file that)"):
            neuron.stream(current, checkpoint=path, record=ALL)
    path.write_bytes(content)
    assert neuron.stream(current, checkpoint=path, record=ALL).steps == 18


OTHERS = {
    r"neuron is LIF\(threshold=1.5": {"neuron": fastlif.LIF(**RC, threshold=1.5)},
    "neuron is Lapicque": {"neuron": fastlif.Lapicque(**RC)},
    "dtype is float64": {"current": np.zeros((STEPS, SIZE))},
    "current is an array of shape .*61": {"current": np.zeros((STEPS + 1, SIZE), F4)},
    "current is GaussianCurrent": {
        "current": fastlif.GaussianCurrent(np.zeros(SIZE, F4), 0.1, seed=1), "steps": STEPS
    },
    "current is constant in time, an array": {"current": np.zeros(SIZE, F4), "steps": STEPS},
    "current is an array of .*uint8": {"current": np.zeros((STEPS, SIZE), "u1")},
    "initial state is": {"initial": 0.5},
    "choice of records is membrane": {"record": "membrane"},
    "choice of rows is every=2": {"every": 2},
    "choice of neurons is": {"neurons": [1, 2]},
    "choice of out is packed": {"out": {"packed": np.zeros((STEPS, 9), np.uint8)}, "record": ALL},
}  # fmt: skip


@pytest.mark.parametrize("message", OTHERS)
def test_the_checkpoint_of_another_run_is_refused(neuron, current, path, message):
    neuron = fastlif.LIF(**RC)
    broken_off(neuron, current, path)
    options = {"record": ALL, "current": current} | OTHERS[message]
    other = options.pop("neuron", neuron)
    key, _, value = message.partition(" is")
    expected = rf"belongs to another run: its {key} is .*, and the {key} of this run is "
    before = path.read_bytes()
    with pytest.raises(ValueError, match=expected + value.strip()):
        other.stream(options.pop("current"), checkpoint=path, **options)
    assert path.read_bytes() == before


def test_other_parameters_that_look_the_same_are_refused(current, path):
    thresholds = np.linspace(0.5, 1, 5000)[:, None] * np.ones(2)
    broken_off(fastlif.LIF(**RC, threshold=thresholds[:, 0]), current[:, :1], path)
    thresholds[2500] += 1e-3
    with pytest.raises(ValueError, match="its neuron is"):
        fastlif.LIF(**RC, threshold=thresholds[:, 0]).stream(
            current[:, :1], checkpoint=path, record=ALL
        )


def test_another_version_is_refused(neuron, current, path, monkeypatch):
    broken_off(neuron, current, path)
    monkeypatch.setattr(fastlif, "__version__", "0.0.1")
    with pytest.raises(
        ValueError, match=r"version of fastlif is .*, and .* of this run is 0\.0\.1"
    ):
        neuron.stream(current, checkpoint=path, record=ALL)


@pytest.mark.parametrize("iterable", [False, True])
def test_another_current_of_the_same_form_is_refused(neuron, current, path, iterable):
    chunks = np.split(current, [9, 18, 27])
    options = {"chunk": None} if iterable else {}
    broken_off(neuron, chunks if iterable else current, path, **options)
    other = current.copy()
    other[17, 3] += 1
    with pytest.raises(ValueError, match="step 17 of its current is not that of this run"):
        list(neuron.stream([other] if iterable else other, checkpoint=path, record=ALL))


SOURCES = {
    "seed": lambda k: fastlif.PoissonSpikes(np.full(SIZE, 50.0), seed=k, time_step=1e-3),
    "rate": lambda k: fastlif.PoissonSpikes(np.full(SIZE, 50.0 + k), seed=0, time_step=1e-3),
    "array": lambda k: fastlif.GaussianCurrent(np.eye(SIZE)[k], 0.1, seed=0),
    "sum": lambda k: fastlif.GaussianCurrent(np.zeros(SIZE), 0.1, seed=0) + 0.1 * k,
    "pulse": lambda k: fastlif.sources.PulseCurrent(np.ones(SIZE), start=3 + k, length=5),
    "digits": lambda k: fastlif.encoding.rate_source(np.full(SIZE, 0.5), seed=k),
    "weighted": lambda k: fastlif.sources.WeightedInput(np.full((STEPS, SIZE), k)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_known_by_its_parameters(neuron, path, name):
    options = {"steps": STEPS, "chunk": 9, "checkpoint": path, "record": "counts"}
    with neuron.stream(SOURCES[name](0), **options) as stream:
        next(stream)
        next(stream)
    assert neuron.stream(SOURCES[name](0), **options).steps == 9
    with pytest.raises(ValueError, match=r"its current is .*, and the current of this run is"):
        neuron.stream(SOURCES[name](1), **options)


def test_arrays_that_were_created_anew_are_refused(neuron, current, path, tmp_path):
    def stream(mode):
        file = np.memmap(tmp_path / "packed", np.uint8, mode, shape=(STEPS, 9))
        return neuron.stream(current, chunk=20, checkpoint=path, out={"packed": file})

    with stream("w+") as first:
        next(first)
        next(first)
    assert stream("r+").steps == 20
    with pytest.raises(ValueError, match=r"the steps 0 to 19 that were written .*mode='w\+'\?"):
        stream("w+")


def test_chunks_of_hdf5_are_refused_because_a_kill_may_damage_them(neuron, current, path, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("a", (STEPS, 9), "u1", chunks=(10, 9))
        with pytest.raises(
            ValueError, match=r"out\['packed'\] must not be combined with checkpoint"
        ):
            neuron.stream(current, checkpoint=path, out={"packed": array})


# --- disks that are full --------------------------------------------------------------------------


def limited(code, folder):
    """Run a process whose files cannot become longer than 4 kB, or its memory-mapped ones."""
    setup = f"""
import resource, signal, numpy as np, fastlif
from pathlib import Path
folder = Path({str(folder)!r})
rng = np.random.default_rng(0)
current = rng.normal(0.25, 0.3, (200, 1000)).astype(np.float32)
neuron = fastlif.LIF()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""
    root = Path(fastlif.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(root)}, timeout=200,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path):
    result = limited(
        """
packed = np.memmap(folder / "packed", np.uint8, "w+", shape=(200, 125))
list(neuron.stream(current[:1], record="packed"))
options = {"chunk": 30, "out": {"packed": packed}, "checkpoint": folder / "checkpoint"}
stream = neuron.stream(current, **options)
limit(125*136 + 7)  # in the middle of the fifth stretch
try:
    list(stream)
except OSError as error:
    print(error.errno, error)
limit(resource.RLIM_INFINITY)
one = neuron.run(current, record="packed").packed
print(np.array_equal(packed[:120], one[:120]))
stream = neuron.stream(current, **options)
print(stream.steps, len(list(stream)), np.array_equal(packed, one))
""",
        tmp_path,
    )
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{errno.EFBIG} [Errno {errno.EFBIG}] out['packed'] could not be ")
    assert "written, and the last completed step is 119: " in lines[0]
    assert lines[1:] == ["True", "120 3 True"], result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path):
    result = limited(
        """
stream = neuron.stream(current, chunk=8, checkpoint=folder / "checkpoint", record="counts")
next(stream), next(stream), next(stream)
stream._outputs._wait()
limit(4096)
try:
    list(stream)
except OSError as error:
    print(error.errno, error)
limit(resource.RLIM_INFINITY)
print([path.name for path in folder.iterdir()])
print(neuron.stream(current, checkpoint=folder / "checkpoint", record="counts").steps)
""",
        tmp_path,
    )
    lines = result.stdout.splitlines()
    assert "checkpoint" in lines[0]
    assert "could not be written, and the last completed step is 15: " in lines[0]
    assert lines[1:] == ["['checkpoint']", "16"], result.stderr


@pytest.mark.parametrize("kind", ["zarr", "hdf5", "memmap"])
def test_any_store_that_fails_names_the_last_completed_step(
    neuron, current, kind, tmp_path, monkeypatch
):
    from fastlif.execution import stored

    cls = {"zarr": stored.ZarrArray, "hdf5": stored.HDF5Dataset, "memmap": stored.MappedFile}[kind]
    write = cls.write

    def full(self, begin, rows):
        if begin >= 36:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, begin, rows)

    monkeypatch.setattr(cls, "write", full)
    array = Files(kind, tmp_path).new("packed", (STEPS, 9), "u1")
    for call in (neuron.run, lambda *a, **o: list(neuron.stream(*a, chunk=18, **o))):
        monkeypatch.setattr("fastlif.execution.currents._STRETCH", 18 * (4 * SIZE + 9))
        with pytest.raises(OSError, match="the last completed step is 35: ") as caught:
            call(current, out={"packed": array})
        assert caught.value.errno == errno.ENOSPC
        expected = neuron.run(current, record="packed").packed
        assert same_bits(np.asarray(array[:36]), expected[:36])
