"""What Dask reads and writes: chunks of the current, and arrays that records are written into."""

import pickle
import threading
import weakref

import numpy as np
import pytest

import fastlif

pytest.importorskip("dask.array")
pytest.importorskip("h5py")
pytest.importorskip("zarr")

import dask
import dask.array as da
import h5py
import zarr

from fastlif.interop.dask import run

F4 = np.float32
STEPS, SIZE = 60, 96
NEURON = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
CURRENT = np.random.default_rng(0).uniform(0, 0.6, (STEPS, SIZE)).astype(F4)
DENSE = ("membrane", "spikes", "packed")
EXPECTED = NEURON.run(CURRENT, record=(*DENSE, "counts", "events"))


@pytest.fixture(autouse=True)
def _two_threads():
    with dask.config.set(scheduler="threads", num_workers=2):
        yield


class Alive:
    """How many arrays exist, and the most that did at a time."""

    def __init__(self):
        self.now, self.most, self.made, self._lock = 0, 0, 0, threading.Lock()

    def watch(self, array):
        with self._lock:
            self.now, self.made = self.now + 1, self.made + 1
            self.most = max(self.most, self.now)
        weakref.finalize(array, self._gone)
        return array

    def _gone(self):
        with self._lock:
            self.now -= 1


def lazy_current(alive, chunks=(5, 32)):
    """Return CURRENT as a dask array whose chunks are watched."""

    def chunk(block_id):
        rows, columns = (slice(n * k, n * k + n) for n, k in zip(chunks, block_id, strict=True))
        return alive.watch(CURRENT[rows, columns].copy())

    sizes = [(n,) * (length // n) for n, length in zip(chunks, CURRENT.shape, strict=True)]
    return da.map_blocks(chunk, chunks=sizes, dtype=F4)


def arrays(kind, folder, names=DENSE):
    """Return arrays to write the records of EXPECTED into."""
    made = {}
    for name in names:
        like = getattr(EXPECTED, name)
        if kind == "memory":
            made[name] = np.zeros_like(like)
        elif kind == "file":
            made[name] = np.memmap(folder / name, like.dtype, "w+", shape=like.shape)
        elif kind == "hdf5":
            file = h5py.File(folder / f"{name}.h5", "w")
            made[name] = file.create_dataset("it", like.shape, like.dtype, chunks=(7, 5))
        else:
            block = 16 if name != "packed" else 2
            made[name] = zarr.create_array(
                str(folder / name), shape=like.shape, dtype=like.dtype, chunks=(7, block)
            )
    return made


# --- currents -------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    lambda current: current,
    lambda current: (current * 2).astype(F4) / 2,
    lambda current: da.concatenate([current[:20], current[20:]]),
    lambda current: current * da.ones(SIZE, F4, chunks=32),
    lambda current: current.map_blocks(lambda x, y: x, dask.delayed(3), dtype=F4),
], ids=["chunks", "elementwise", "aliases", "vector", "delayed"])  # fmt: skip
def test_no_chunk_is_read_before_its_turn(change):
    """Dask would read a whole chunk of the population ahead of its integration."""
    alive = Alive()
    result = run(NEURON, change(lazy_current(alive)), record="counts")
    assert np.array_equal(result.counts.compute(), EXPECTED.counts)
    assert alive.made == 36
    assert alive.most <= 4  # one for each thread, and one that is being dropped


@pytest.mark.parametrize("change", [
    lambda current: current.rechunk((10, 48)),
    lambda current: current.rechunk((10, 48)).rechunk((4, 16)),
    lambda current: da.concatenate([current[:30], current[30:]]) + 0 * current,
    lambda current: current.persist(),
], ids=["merged", "divided", "used twice", "in memory"])  # fmt: skip
def test_chunks_that_depend_on_others(change):
    alive = Alive()
    result = run(NEURON, change(lazy_current(alive)), record=("spikes", "counts"))
    got = dask.compute(result)[0]
    assert np.array_equal(got.spikes, EXPECTED.spikes)
    assert np.array_equal(got.counts, EXPECTED.counts)
    assert alive.made == 36


def test_chunks_that_depend_on_the_chunk_before_are_computed_once():
    made = []

    def after(rows, begin):
        made.append(begin)
        return CURRENT[begin : begin + 10]

    layer = {("chain", 0, 0): (after, None, 0)}
    layer |= {("chain", k, 0): (after, ("chain", k - 1, 0), 10 * k) for k in range(1, 6)}
    current = da.Array(layer, "chain", ((10,) * 6, (SIZE,)), F4)
    result = run(NEURON, current, record="counts")
    assert np.array_equal(result.counts.compute(), EXPECTED.counts)
    assert sorted(made) == [0, 10, 20, 30, 40, 50]


def test_chunks_that_are_used_several_times_are_read_once():
    alive = Alive()
    current = lazy_current(alive)
    expected = NEURON.run(np.concatenate([CURRENT, CURRENT]), record="counts")
    result = run(NEURON, da.concatenate([current, current]), record="counts")
    assert np.array_equal(result.counts.compute(), expected.counts)
    assert alive.made == 36


@pytest.mark.parametrize("fuse", [None, False])
def test_the_current_itself_can_be_computed_at_the_same_time(fuse):
    current = da.from_array(CURRENT, (10, 32)) + F4(0)
    with dask.config.set({"optimization.fuse.active": fuse}):
        stacked = da.stack([da.from_array(row, 32) for row in CURRENT])
        assert np.array_equal(run(NEURON, stacked).spikes.compute(), EXPECTED.spikes)
        got, mean = dask.compute(run(NEURON, current), current.mean())
    assert np.array_equal(got.spikes, EXPECTED.spikes)
    assert mean == pytest.approx(CURRENT.mean())


@pytest.mark.parametrize("kind", ["file", "hdf5", "zarr"])
@pytest.mark.parametrize("chunks", [None, (10, 32), (-1, (40, 0, 56))])
def test_stored_currents_are_read_in_chunks(kind, chunks, tmp_path):
    if kind == "file":
        current = np.memmap(tmp_path / "current", ">f4", "w+", shape=CURRENT.shape)
    elif kind == "hdf5":
        current = h5py.File(tmp_path / "current", "w").create_dataset("it", CURRENT.shape, "f4")
    else:
        current = zarr.create_array(
            str(tmp_path / "current"), shape=CURRENT.shape, dtype="f4", chunks=(9, 20)
        )
    result = run(NEURON, current, record=("membrane", "counts"), chunks=chunks)
    current[:] = CURRENT  # nothing was read before
    got = dask.compute(result)[0]
    assert np.array_equal(got.membrane, EXPECTED.membrane)
    assert np.array_equal(got.counts, EXPECTED.counts)
    assert not any("rechunk" in str(key) for key in result.counts.dask)
    if kind == "file":
        with pytest.raises(TypeError, match=r"must not be a numpy\.memmap if other processes"):
            pickle.dumps(result.counts)


def test_lazy_arrays_of_others_are_refused():
    lazy = pytest.importorskip("xarray").DataArray(da.from_array(CURRENT, 10))
    with pytest.raises(TypeError, match=r"current must be .* got a DataArray of Dask: use fastlif"):
        run(NEURON, lazy)
    assert np.array_equal(
        run(NEURON, lazy.compute(), record="counts").counts.compute(), EXPECTED.counts
    )


# --- out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "file", "hdf5", "zarr"])
@pytest.mark.parametrize("chunks", [(-1, -1), (9, 32), (60, 16), ((0, 25, 35), (64, 0, 32))])
def test_records_are_written_and_read_again(kind, chunks, tmp_path):
    out = arrays(kind, tmp_path)
    record = (*DENSE, "counts", "events")
    result = run(NEURON, da.from_array(CURRENT, chunks), record=record, out=out)
    for array in out.values():
        assert not np.any(array[:])  # nothing is computed yet
    got = dask.compute(result)[0]
    for name in (*DENSE, "counts"):
        assert np.array_equal(getattr(got, name), getattr(EXPECTED, name))
        assert getattr(result, name).dtype == getattr(EXPECTED, name).dtype
    for name, array in out.items():
        assert np.array_equal(array[:], getattr(EXPECTED, name))
    assert np.array_equal(got.events.step, EXPECTED.events.step)
    assert np.array_equal(got.events.neuron, EXPECTED.events.neuron)


def test_the_state_is_computed_after_all_is_written(tmp_path):
    out = arrays("zarr", tmp_path, ["packed"])
    result = run(NEURON, da.from_array(CURRENT, (9, 32)), out=out)  # records what out holds
    assert result.spikes is result.membrane is None
    assert np.array_equal(result.final.mem.compute(), EXPECTED.final.mem)
    assert np.array_equal(out["packed"][:], EXPECTED.packed)


def test_only_chunks_of_the_population_that_are_needed_are_computed(tmp_path):
    out = arrays("memory", tmp_path, ["spikes"])
    result = run(NEURON, da.from_array(CURRENT, (20, 32)), out=out)
    assert np.array_equal(result.spikes[:20, 32:64].compute(), EXPECTED.spikes[:20, 32:64])
    assert out["spikes"].sum() == EXPECTED.spikes[:, 32:64].sum()


def test_no_block_is_read_while_it_is_written(tmp_path):
    """A shard of Zarr is rewritten for every chunk in it."""
    for number in range(5):
        out = zarr.create_array(
            str(tmp_path / str(number)), shape=(STEPS, SIZE), dtype=F4, chunks=(5, 8),
            shards=(20, 32),
        )  # fmt: skip
        result = run(NEURON, da.from_array(CURRENT, (10, 32)), out={"membrane": out})
        assert np.array_equal(result.membrane.compute(), EXPECTED.membrane)


def test_what_is_read_is_not_written(tmp_path):
    out = arrays("zarr", tmp_path, ["membrane"])
    for current in (out["membrane"], da.from_zarr(out["membrane"])[:, ::-1]):
        with pytest.raises(ValueError, match="must not be stored in the same place as current"):
            run(NEURON, current, out=out)
    both = np.zeros((STEPS, SIZE), F4)
    for current, initial in ((CURRENT, both[0]), (da.from_array(CURRENT, 32), both[0, :1])):
        with pytest.raises(ValueError, match="must not overlap current in memory"):
            run(NEURON, current, initial, out={"membrane": both})


def test_the_bytes_of_numbers_in_out_may_be_swapped():
    out = np.zeros((STEPS, SIZE), ">f4")
    result = run(NEURON, da.from_array(CURRENT, (20, 32)), out={"membrane": out})
    got = result.membrane.compute()
    assert got.dtype == result.membrane.dtype == F4
    assert np.array_equal(got, EXPECTED.membrane)
    assert np.array_equal(out, EXPECTED.membrane)


def test_a_folder_is_found_from_another_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = zarr.create_array("spikes", shape=(STEPS, SIZE), dtype=bool, chunks=(60, 32))
    result = run(NEURON, da.from_array(CURRENT, (20, 32)), out={"spikes": out})
    sent = pickle.dumps(result.final.mem)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    pickle.loads(sent).compute()
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(out[:], EXPECTED.spikes)


def test_names_of_the_users_tasks_are_not_mixed_up_with_arguments():
    for name in ("membrane", 0, 10, 20):
        whole = dask.delayed(lambda: CURRENT)(dask_key_name=name)
        rows = [
            da.from_delayed(dask.delayed(lambda a, i: a[i : i + 10])(whole, i), (10, SIZE), F4)
            for i in range(0, STEPS, 10)
        ]
        out = np.zeros((STEPS, SIZE), F4)
        run(NEURON, da.concatenate(rows), out={"membrane": out}).final.mem.compute()
        assert np.array_equal(out, EXPECTED.membrane)


def test_populations_of_two_axes(tmp_path):
    current = CURRENT.reshape(STEPS, 6, 16)
    out = {
        "membrane": np.empty(current.shape, F4),
        "spikes": zarr.create_array(
            str(tmp_path / "spikes"), shape=current.shape, dtype=bool, chunks=(8, 3, 4)
        ),
    }
    run(NEURON, da.from_array(current, (10, 3, 8)), out=out).final.mem.compute()
    assert np.array_equal(out["membrane"].reshape(STEPS, SIZE), EXPECTED.membrane)
    assert np.array_equal(out["spikes"][:].reshape(STEPS, SIZE), EXPECTED.spikes)


def test_memory_does_not_grow_with_time(monkeypatch, tmp_path):
    """Dask integrates all stretches of time before it uses the first record without ``out``."""
    from fastlif.execution.integrator import Integrator

    alive, original = Alive(), Integrator.run

    def watched(self, *arguments):
        result = original(self, *arguments)
        alive.watch(result.membrane)
        return result

    monkeypatch.setattr(Integrator, "run", watched)
    out = arrays("zarr", tmp_path, ["membrane", "packed"])
    result = run(NEURON, lazy_current(Alive()), out=out)
    result.final.mem.compute()
    assert (alive.made, alive.now) == (36, 0)
    assert alive.most <= 4


def zarr_array(shape, dtype, chunks, **options):
    return zarr.create_array(
        zarr.storage.MemoryStore(), shape=shape, dtype=dtype, chunks=chunks, **options
    )


@pytest.mark.parametrize(("out", "error", "message"), [
    (np.zeros(3), TypeError, "out must map record names to arrays, got an array of shape"),
    ({"mem": 0}, ValueError, "out must be one of 'membrane', .*, got 'mem'"),
    ({"counts": np.zeros(SIZE, np.int64)}, ValueError, "out must not hold 'counts'"),
    ({"events": 0}, ValueError, "out cannot hold 'events'"),
    ({"membrane": [0.0]}, TypeError, "must be a numpy.ndarray of shape .60, 96"),
    ({"membrane": np.zeros((60, 95), F4)}, ValueError, r"must have shape \(60, 96\), got"),
    ({"membrane": np.zeros((60, 96))}, TypeError, "must have dtype float32, got float64"),
    ({"spikes": np.broadcast_to(np.zeros(96, bool), (60, 96))}, ValueError, "must be writeable"),
    ({"packed": np.zeros((60, 12), np.uint8)}, ValueError,
     "must begin at multiples of 8 neurons for out.'packed'., got"),
    ({"membrane": zarr_array((60, 96), "f4", (60, 16))}, ValueError,
     r"out\['membrane'\] is stored in blocks of 16 along axis 1, .* got \(36, 36, 24\)"),
    ({"membrane": zarr_array((60, 96), "f4", (6, 4), shards=(60, 48))}, ValueError,
     "is stored in blocks of 48 along axis 1"),
], ids=range(11))  # fmt: skip
def test_errors_come_before_anything_is_computed(out, error, message):
    with pytest.raises(error, match=message):
        run(NEURON, da.from_array(CURRENT, (10, 36)), out=out)


def test_records_that_are_not_recorded_or_overlap():
    spikes = np.zeros((2 * STEPS, SIZE), np.uint8)
    shifted = {"packed": spikes[:STEPS, :12], "spikes": spikes[:STEPS].view(bool)}
    with pytest.raises(ValueError, match="must not overlap"):
        run(NEURON, CURRENT, out=shifted)
    with pytest.raises(ValueError, match=r"out holds 'spikes', but record=\['counts'\] does not"):
        run(NEURON, CURRENT, record="counts", out={"spikes": spikes[:STEPS].view(bool)})
    with pytest.raises(ValueError, match=r"out\['membrane'\] must not be empty"):
        run(NEURON, CURRENT[:0], out={"membrane": np.zeros((0, SIZE), F4)})


@pytest.mark.parametrize("kind", ["memory", "file", "hdf5", "zarr in memory"])
def test_what_other_processes_cannot_write_is_not_sent(kind, tmp_path):
    if kind == "zarr in memory":
        out = {"spikes": zarr_array((STEPS, SIZE), bool, (60, 96))}
    else:
        out = arrays(kind, tmp_path, ["spikes"])
    result = run(NEURON, CURRENT, out=out)
    with pytest.raises(TypeError, match=r"out\['spikes'\] must be an array of Zarr in a folder"):
        pickle.dumps(result.final.mem)


def test_a_client_refuses_them_at_once():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
        dask.config.set(scheduler=None),
    ):
        run(NEURON, CURRENT)
        with pytest.raises(
            TypeError, match=r"out\['spikes'\] must be an array of Zarr in a folder"
        ):
            run(NEURON, CURRENT, out={"spikes": np.zeros((STEPS, SIZE), bool)})


def test_a_failure_names_the_record_and_the_steps():
    out = np.zeros((STEPS, SIZE), bool)
    result = run(NEURON, da.from_array(CURRENT, (10, 48)), out={"spikes": out})
    out.flags.writeable = False
    with pytest.raises(OSError, match=r"out\['spikes'\] could not be written for steps 0 to 9 of"):
        result.final.mem.compute()
