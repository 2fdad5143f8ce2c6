"""Currents and records in files: every path has the bits of a run in memory."""

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from cases import currents, same_bits
from streams import Files

import fastlif
from fastlif.execution import currents as cut
from fastlif.execution import integrator, stored

F4 = np.float32
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
STEPS, SIZE = 100, 70
NAMES = ("membrane", "spikes", "packed", "counts")
linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")


@pytest.fixture
def neuron():
    return fastlif.LIF(**RC)


@pytest.fixture
def current():
    return currents(np.random.default_rng(0), (STEPS, SIZE))


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Cut runs of this size, too."""
    monkeypatch.setattr(integrator, "_LARGE", 0)
    monkeypatch.setattr(cut, "_STRETCH", 13 * 4 * SIZE)


KINDS = ("memmap", "npy", "zarr", "hdf5", "hdf5 chunks")


@pytest.fixture(params=KINDS)
def files(request, tmp_path):
    made = Files(request.param, tmp_path)
    yield made
    if hasattr(made, "file"):
        made.file.close()


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.float64, np.bool_, ">f4", np.float16])
def test_a_run_of_a_stored_current_into_stored_records(neuron, files, dtype):
    current = (currents(np.random.default_rng(0), (STEPS, SIZE)) * 4).astype(dtype)
    one = neuron.run(current, record=(*NAMES, "events"), every=3)
    out = {name: files.new(name, getattr(one, name).shape, getattr(one, name).dtype)
           for name in NAMES}  # fmt: skip
    run = neuron.run(files.holding("current", current), record=(*NAMES, "events"), every=3, out=out)
    for name in NAMES:
        assert getattr(run, name) is out[name]
        assert same_bits(np.asarray(out[name][...]), getattr(one, name)), name
    assert all(map(same_bits, run.events, one.events))
    assert same_bits(run.final.mem, one.final.mem)
    assert run.final.steps == STEPS


@pytest.mark.parametrize("which", ["current", "membrane", "spikes", "packed", "counts"])
def test_what_is_not_stored_is_in_memory(neuron, files, current, which):
    one = neuron.run(current, record=NAMES)
    if which == "current":
        run = neuron.run(files.holding("current", current), record=NAMES)
    else:
        array = files.new(which, getattr(one, which).shape, getattr(one, which).dtype)
        run = neuron.run(current, record=NAMES, out={which: array})
        assert getattr(run, which) is array
    for name in NAMES:
        assert same_bits(np.asarray(getattr(run, name)[...]), getattr(one, name)), name


def test_a_stream_of_stored_arrays(neuron, files, current):
    one = neuron.run(current, record=NAMES)
    packed, counts = files.new("p", one.packed.shape, "u1"), files.new("c", (SIZE,), "i8")
    seen = []
    stored_current = files.holding("current", current)
    out = {"packed": packed, "counts": counts}
    with neuron.stream(stored_current, chunk=17, record=NAMES, out=out) as stream:
        for run in stream:
            seen.append(run)
            assert isinstance(run.packed, np.ndarray)
    for name in NAMES[:3]:
        joined = np.concatenate([getattr(run, name) for run in seen])
        assert same_bits(joined, getattr(one, name)), name
    assert same_bits(packed[...] if files.kind[0] != "m" else np.asarray(packed), one.packed)
    assert same_bits(np.asarray(counts[...]), one.counts)


def test_populations_of_any_shape(neuron, files):
    current = currents(np.random.default_rng(0), (STEPS, 7, 10))
    one = neuron.run(current)
    out = {"membrane": files.new("m", current.shape, "f4")}
    neuron.run(files.holding("current", current), out=out)
    assert same_bits(np.asarray(out["membrane"][...]), one.membrane)
    alone = neuron.run(current[:, 0, 0])
    out = {"membrane": files.new("n", (STEPS,), "f4")}
    out |= {"counts": files.new("k", (), "i8")} if files.kind[0] not in "mn" else {}
    neuron.run(files.holding("series", current[:, 0, 0].copy()), out=out)
    assert same_bits(np.asarray(out["membrane"][...]), alone.membrane)


def test_runs_without_steps_or_neurons(neuron, files):
    for shape in ((0, 5), (5, 0)):
        if files.kind in ("memmap", "npy", "zarr"):
            continue  # files cannot be empty
        array = files.new(f"c{shape[0]}", shape, "f4") if files.kind == "hdf5" else None
        if array is not None:
            run = neuron.run(array, record=("membrane", "counts"))
            assert run.membrane.shape == shape
            assert run.counts.shape == shape[1:]


@pytest.mark.parametrize("kind", ["zarr", "hdf5"])
def test_a_list_of_stored_arrays_is_a_list_of_chunks(neuron, current, kind, tmp_path):
    files = Files(kind, tmp_path)
    parts = [files.holding(f"part {k}", part) for k, part in enumerate(np.split(current, 4))]
    spikes = np.concatenate([run.spikes for run in neuron.stream(parts)])
    assert same_bits(spikes, neuron.run(current).spikes)


# --- memory-mapped files --------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("offset", [0, 64, 4096 + 128])
def test_views_of_mapped_files_are_found_in_their_file(neuron, current, tmp_path, offset):
    whole = np.memmap(tmp_path / "all", F4, "w+", offset=offset, shape=(3 * STEPS, SIZE))
    whole[:STEPS] = current
    view = whole[2 * STEPS :]
    neuron.run(whole[:STEPS], record="membrane", out={"membrane": view})
    assert not whole[STEPS : 2 * STEPS].any()
    assert same_bits(np.asarray(view), neuron.run(current).membrane)
    path, place = stored._file_at(view.ctypes.data)
    assert path == str(tmp_path / "all")
    assert place == offset + 2 * STEPS * SIZE * 4


@pytest.mark.parametrize("change", [lambda a: a[:, ::2], lambda a: a[::2], np.transpose])
def test_views_that_are_not_contiguous_are_accessed_through_the_mapping(
    neuron, current, tmp_path, change
):
    square = np.concatenate((current, current[:, :30]), axis=1)
    file = np.memmap(tmp_path / "in", F4, "w+", shape=square.shape)
    file[:] = square
    one = neuron.run(change(square))
    into = np.memmap(tmp_path / "out", F4, "w+", shape=square.shape)
    run = neuron.run(change(file), out={"membrane": change(into)})
    assert same_bits(np.asarray(run.membrane), one.membrane)


@linux
def test_a_file_that_was_moved_or_replaced_since(neuron, current, tmp_path):
    file = np.memmap(tmp_path / "in", F4, "w+", shape=current.shape)
    file[:] = current
    (tmp_path / "in").rename(tmp_path / "moved")
    (tmp_path / "in").write_bytes(bytes(file.nbytes))
    expected = neuron.run(current, record="counts").counts
    assert same_bits(neuron.run(file, record="counts").counts, expected)
    (tmp_path / "in").replace(tmp_path / "moved")  # the mapping is all that is left
    assert stored.stored(file) is None
    assert same_bits(neuron.run(file, record="counts").counts, expected)


def test_a_private_mapping_is_not_its_file(neuron, current, tmp_path):
    np.full(current.shape, 9, F4).tofile(tmp_path / "in")
    private = np.memmap(tmp_path / "in", F4, "c", shape=current.shape)
    private[:] = current
    assert same_bits(neuron.run(private).spikes, neuron.run(current).spikes)
    neuron.run(current, out={"membrane": private})
    assert (np.fromfile(tmp_path / "in", F4) == 9).all()


@linux
def test_mapped_files_do_not_stay_in_memory(neuron, tmp_path):
    shape = (4000, 2000)
    np.zeros(shape, np.uint8).tofile(tmp_path / "in")
    file = np.memmap(tmp_path / "in", np.uint8, "r", shape=shape)
    out = np.memmap(tmp_path / "out", np.uint8, "w+", shape=(4000, 250))
    neuron.run(file, out={"packed": out})

    def resident(path):
        table = Path("/proc/self/smaps").read_text().split(str(path))[1]
        return int(table.split("Rss:")[1].split()[0])

    assert resident(tmp_path / "in") == resident(tmp_path / "out") == 0
    assert file[0, 0] == 0
    assert resident(tmp_path / "in") > 0


# --- what is refused ------------------------------------------------------------------------------


def test_a_wrong_shape_or_dtype(neuron, files, current):
    with pytest.raises(
        ValueError, match=r"out\['packed'\] must have shape \(100, 9\), got \(100, 8"
    ):
        neuron.run(current, out={"packed": files.new("a", (100, 8), "u1")})
    with pytest.raises(TypeError, match=r"out\['packed'\] must have dtype uint8, got int8"):
        neuron.stream(current, out={"packed": files.new("b", (100, 9), "i1")})
    with pytest.raises(TypeError, match="current must hold real numbers"):
        neuron.run(files.new("c", (100, 9), "c8"), out={"spikes": files.new("d", (100, 9), "?")})


def test_read_only_arrays(neuron, files, current):
    array = files.new("packed", (STEPS, 9), "u1")
    if files.kind == "zarr":
        import zarr

        array = zarr.open_array(files.folder / "packed", mode="r")
    elif files.kind.startswith("hdf5"):
        import h5py

        files.file.close()
        files.file = h5py.File(files.folder / "arrays.h5", "r")
        array = files.file["packed"]
    else:
        offset = array.offset
        array.flush()
        array = np.memmap(files.folder / "packed", "u1", "r", offset, (STEPS, 9))
    for call in (neuron.run, neuron.stream):
        with pytest.raises(ValueError, match=r"out\['packed'\] must be writeable, got a read-only"):
            call(current, out={"packed": array})


def test_the_current_may_not_be_stored_where_records_are(neuron, files, current):
    array = files.holding("both", current)
    again = array
    if files.kind in ("memmap", "npy"):
        again = np.memmap(files.folder / "both", F4, "r+", array.offset, current.shape)
    elif files.kind == "zarr":
        import zarr

        again = zarr.open_array(files.folder / "both")
    for call in (neuron.run, neuron.stream):
        with pytest.raises(ValueError, match=r"out\['membrane'\] must not be stored in the same"):
            call(array, out={"membrane": again})
    assert same_bits(np.asarray(array[...]), current)


@linux
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("read", ["source", "constant", "strided"])
def test_no_other_current_may_be_mapped_to_where_records_are(
    neuron, tmp_path, current, again, read
):
    records = Files("memmap", tmp_path).holding("both", current)
    mapped = np.memmap(tmp_path / "both", F4, "r", shape=current.shape) if again else records
    given, steps = {
        "source": (fastlif.sources.WeightedInput(mapped) + 0.1, None),
        "constant": (mapped[5], STEPS),
        "strided": (mapped.reshape(STEPS // 2, 2 * SIZE)[:, ::2], None),
    }[read]
    shape = (STEPS if read != "strided" else STEPS // 2, SIZE)
    out = {"membrane": records.reshape(-1)[: shape[0] * SIZE].reshape(shape)}
    for call in (neuron.run, neuron.stream):
        with pytest.raises(ValueError, match=r"out\['membrane'\] must not be stored in the same"):
            call(given, steps=steps, out=out)
    assert same_bits(np.asarray(records), current)


@linux
def test_no_record_may_be_written_through_a_mapping_to_where_the_current_is(
    neuron, tmp_path, current
):
    array = Files("memmap", tmp_path).holding("both", current)
    strided = np.memmap(tmp_path / "both", np.bool_, "r+", shape=(STEPS, 4 * SIZE))[:, ::4]
    with pytest.raises(ValueError, match=r"out\['spikes'\] must not be .* place as current"):
        neuron.run(array, out={"spikes": strided})


def test_parts_of_one_file_that_do_not_meet(neuron, tmp_path, current):
    array = np.memmap(tmp_path / "both", F4, "w+", shape=(2, STEPS, SIZE))
    array[0] = current
    source = fastlif.sources.WeightedInput(array[0])
    neuron.run(source, out={"membrane": array[1]})
    assert same_bits(np.asarray(array[1]), neuron.run(source).membrane)
    list(neuron.stream(current[0], steps=STEPS, out={"membrane": array[1]}))


def test_records_that_a_thread_writes_cannot_be_changed_meanwhile(neuron, files, current):
    membrane = files.new("membrane", current.shape, F4)
    if stored.stored(membrane) is None:
        pytest.skip("only Linux tells where an array is mapped: it is filled in memory")
    for run in neuron.stream(current, out={"membrane": membrane}, record=("membrane", "spikes")):
        with pytest.raises(ValueError, match="read-only"):
            run.membrane[:] = 0
        run.spikes[:] = False  # not written
    assert same_bits(np.asarray(membrane[...]), neuron.run(current).membrane)


@pytest.mark.parametrize("kind", ["zarr", "h5py"])
def test_folders_and_datasets_without_an_array(neuron, tmp_path, kind):
    package = pytest.importorskip(kind)
    if kind == "zarr":
        folders = [package.open_group(tmp_path / "folder", mode="w")]
    else:
        file = package.File(tmp_path / "folder.h5", "w")
        empty = file.create_dataset("empty", data=package.Empty("f4"))
        folders = [file, empty, file.create_group("folder")]
        with pytest.raises(TypeError, match="the HDF5 dataset must hold an array, got"):
            neuron.stream(empty)
        del folders[1]
    for call in (neuron.run, neuron.stream):
        for folder in folders[::-1]:
            with pytest.raises(TypeError, match="current must hold real numbers"):
                call(folder)


def test_two_records_may_not_be_stored_in_one_place(neuron, tmp_path, current):
    membrane = np.memmap(tmp_path / "out", F4, "w+", shape=(STEPS, 10))
    spikes = np.memmap(tmp_path / "out", np.bool_, "r+", shape=(STEPS, 10), offset=4 * STEPS * 9)
    with pytest.raises(ValueError, match=r"out\['spikes'\] must not .* place as out\['membrane'\]"):
        neuron.run(current, neurons=slice(10), out={"membrane": membrane, "spikes": spikes})


def test_a_closed_hdf5_file(neuron, tmp_path):
    files = Files("hdf5", tmp_path)
    array = files.new("a", (STEPS, SIZE), "f4")
    files.file.close()
    with pytest.raises(ValueError, match="HDF5 dataset must be open, got <Closed HDF5 dataset>"):
        neuron.stream(array)


@linux
def test_a_file_that_is_too_short(neuron, tmp_path, current):
    file = np.memmap(tmp_path / "in", F4, "w+", shape=current.shape)
    os.truncate(tmp_path / "in", current.nbytes // 2)
    stream = neuron.stream(file, chunk=20)
    with pytest.raises(OSError, match=r"the steps 40 to 59 of current could not be read: .* ends"):
        list(stream)
    assert stream.steps == 40


def test_a_store_that_fails_to_read_names_the_steps(neuron, tmp_path, current):
    array = Files("zarr", tmp_path).holding("in", current)
    (block,) = [*(tmp_path / "in").glob("c/5/0"), *(tmp_path / "in").glob("5.0")]  # formats 3, 2
    block.write_bytes(b"damaged")
    stream = neuron.stream(array, chunk=9)
    with pytest.raises(OSError, match="the steps 45 to 53 of current could not be read"):
        list(stream)
    assert stream.steps == 45


# --- threads and files ----------------------------------------------------------------------------


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@linux
@pytest.mark.parametrize("end", ["close", "drop", "error", "interrupt"])
def test_what_was_opened_is_closed_and_what_was_computed_is_written(neuron, files, current, end):
    array, packed = files.holding("in", current), files.new("packed", (STEPS, 9), "u1")
    next(neuron.stream(array, chunk=20))  # zarr keeps threads of its own
    gc.collect()
    names, opened = {thread.name for thread in threading.enumerate()}, open_files()

    def progress(done, total):
        if done > 45 * SIZE and end in ("error", "interrupt"):
            raise {"error": RuntimeError, "interrupt": KeyboardInterrupt}[end]

    stream = neuron.stream(array, chunk=20, out={"packed": packed}, progress=progress)
    next(stream)
    next(stream)
    assert any(thread.name.startswith("fastlif") for thread in threading.enumerate())
    if end == "close":
        stream.close()
    elif end == "drop":
        del stream
    else:
        with pytest.raises({"error": RuntimeError, "interrupt": KeyboardInterrupt}[end]):
            next(stream)
    assert {thread.name for thread in threading.enumerate()} <= names
    assert open_files() == opened
    expected = neuron.run(current, record="packed").packed
    assert same_bits(np.asarray(packed[:40]), expected[:40])
    assert not np.asarray(packed[60:]).any()


@linux
def test_ctrl_c_leaves_complete_stretches(neuron, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    try:
        interrupted(neuron, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(neuron, tmp_path):
    steps = 10**6
    source = fastlif.PoissonSpikes(np.full(SIZE, 100.0), seed=1, time_step=1e-3)
    packed = np.memmap(tmp_path / "packed", np.uint8, "w+", shape=(steps, 9))
    stream = neuron.stream(source, steps=steps, chunk=100, out={"packed": packed})
    next(stream)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    timer.join()
    assert not [t for t in threading.enumerate() if t.name.startswith("fastlif")]
    assert 100 <= stream.steps < steps
    one = neuron.run(source, steps=stream.steps, record="packed").packed
    assert same_bits(np.asarray(packed[: stream.steps]), one)


@linux
def test_the_peak_of_memory_does_not_depend_on_the_number_of_steps(tmp_path):
    code = f"""
import re, numpy as np, fastlif
from pathlib import Path
folder, steps, size = Path({str(tmp_path)!r}), 4000, 100_000
neuron = fastlif.LIF()
neuron.run(np.zeros((300, size), np.uint8), record="packed")
# Not ru_maxrss, which a process inherits from the one that started it.
status = Path("/proc/self/status")
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) // 1024
before = peak()
current = np.memmap(folder / "in", np.uint8, "w+", shape=(steps, size))  # 400 MB, without blocks
out = {{"packed": np.memmap(folder / "out", np.uint8, "w+", shape=(steps, size // 8))}}
neuron.run(current, out=out)
for run in neuron.stream(current, out=out, checkpoint=folder / "checkpoint"):
    pass
print(peak() - before, peak())
"""
    root = Path(fastlif.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    more, peak = map(int, result.stdout.split())
    assert more < 160  # MB: two stretches of 32 MB, three of the records, and some slack
    assert peak < 500
