"""Recycled memory: never two owners, within its bound, and released."""

import copy
import gc
import os
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import fastlif
from fastlif.execution import recycle
from fastlif.execution.recycle import ENVIRONMENT

NEURON = fastlif.LIF(threshold=0.5)
SHAPE = (200, 4000)
CURRENT = np.random.default_rng(1).random(SHAPE, np.float32)
EXPECTED = NEURON.run(
    CURRENT, out={"membrane": np.empty(SHAPE, np.float32), "spikes": np.empty(SHAPE, bool)}
)


@pytest.fixture(autouse=True)
def _nothing_kept():
    fastlif.release_memory()
    yield
    fastlif.release_memory()


def address(array):
    return array.__array_interface__["data"][0]


def assert_expected(run):
    assert np.array_equal(run.membrane, EXPECTED.membrane)
    assert np.array_equal(run.spikes, EXPECTED.spikes)


def exports():
    yield lambda array: array
    yield lambda array: array[3:, ::2]
    yield lambda array: array.reshape(-1).view(np.uint8)
    yield memoryview
    yield np.from_dlpack
    yield lambda array: np.asarray(memoryview(array))
    yield lambda array: np.ma.asarray(array)


def test_memory_is_used_again_once_nothing_refers_to_it():
    run = NEURON.run(CURRENT)
    before = address(run.membrane), address(run.spikes)
    del run
    run = NEURON.run(CURRENT)
    assert (address(run.membrane), address(run.spikes)) == before
    assert_expected(run)


def test_no_more_is_kept_than_is_available_to_other_processes(monkeypatch):
    current = np.zeros((1000, 20_000), np.float32)
    run = NEURON.run(current, record="membrane")  # 80 MB
    del run
    assert fastlif.release_memory() > 0
    monkeypatch.setattr(recycle, "available_memory", lambda: 10**7)
    run = NEURON.run(current, record="membrane")
    del run
    assert fastlif.release_memory() == 0


@pytest.mark.parametrize("export", list(exports()))
def test_what_refers_to_memory_keeps_it(export):
    run = NEURON.run(CURRENT)
    before, kept = address(run.membrane), export(run.membrane)
    contents = np.array(kept)
    del run
    again = NEURON.run(CURRENT + 1)
    assert address(again.membrane) != before
    assert np.array_equal(np.array(kept), contents)
    del kept, again
    assert address(NEURON.run(CURRENT).membrane)


def test_leftover_contents_do_not_matter():
    for record in ("membrane", "spikes", "packed", "counts", "events"):
        expected = getattr(NEURON.run(CURRENT, record=record), record)
        expected = np.array(expected)
        for _ in range(2):
            run = NEURON.run(np.full(SHAPE, np.inf, np.float32))
            run.membrane.fill(np.nan)
            run.spikes.view(np.uint8).fill(255)
            del run
            assert np.array_equal(
                np.array(getattr(NEURON.run(CURRENT, record=record), record)), expected
            )


def test_arrays_are_ordinary_and_aligned():
    run = NEURON.run(CURRENT)
    for array in run.membrane, run.spikes:
        assert type(array) is np.ndarray
        assert array.flags.carray
        assert address(array) % 64 == 0


def test_threads_never_share_memory():
    errors, barrier = [], threading.Barrier(8)

    def work(seed):
        rng = np.random.default_rng(seed)
        current = rng.random(SHAPE, np.float32)
        expected = NEURON.run(current, threads=1)
        expected = expected.membrane.copy(), expected.spikes.copy()
        barrier.wait()
        kept = []
        for _ in range(20):
            kept.append(NEURON.run(current, threads=2))
            if len(kept) == 3:
                run = kept.pop(0)
                for array, other in zip((run.membrane, run.spikes), expected, strict=True):
                    if not np.array_equal(array, other):
                        errors.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_memory_of_its_own():
    kept = NEURON.run(CURRENT)
    del_later = NEURON.run(CURRENT)
    before = address(del_later.membrane)
    del del_later
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run = NEURON.run(CURRENT + 1, threads=1)
            same = address(run.membrane) == before
            status = 0 if same and not np.array_equal(run.membrane, EXPECTED.membrane) else 2
        finally:
            os._exit(status)
    run = NEURON.run(CURRENT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert_expected(run)
    assert_expected(kept)


def test_an_array_in_a_reference_cycle_comes_back():
    run = NEURON.run(CURRENT)
    before, cycle = address(run.membrane), [run]
    cycle.append(cycle)
    del run, cycle
    gc.collect()
    assert address(NEURON.run(CURRENT).membrane) == before


def test_release_memory_returns_what_is_unused():
    run = NEURON.run(CURRENT)
    assert fastlif.release_memory() == 0
    del run
    assert fastlif.release_memory() == 5 * CURRENT.size
    assert fastlif.release_memory() == 0


@pytest.mark.parametrize(("most", "kept"), [(0, 0), (CURRENT.size, 1), (4 * CURRENT.size, 4)])
def test_no_more_is_kept_than_the_bound(monkeypatch, most, kept):
    monkeypatch.setenv(ENVIRONMENT, str(most))
    run = NEURON.run(CURRENT)
    assert_expected(run)
    del run
    assert fastlif.release_memory() == kept * CURRENT.size


def test_a_wrong_bound_is_an_error(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "1 GB")
    with pytest.raises(ValueError, match="FASTLIF_RECYCLED_BYTES must be a whole number of bytes"):
        NEURON.run(CURRENT)


def test_tracemalloc_sees_what_is_kept():
    tracemalloc.start()
    try:
        begin = tracemalloc.get_traced_memory()[0]
        run = NEURON.run(CURRENT)
        used = tracemalloc.get_traced_memory()[0] - begin
        del run
        kept = tracemalloc.get_traced_memory()[0] - begin
        fastlif.release_memory()
        end = tracemalloc.get_traced_memory()[0] - begin
    finally:
        tracemalloc.stop()
    records = 5 * CURRENT.size
    assert records <= kept <= used < 1.02 * records + 2**17
    assert end < 2**17


def test_steps_use_memory_again():
    cur, mem = np.full(200_000, 0.3, np.float32), np.zeros(200_000, np.float32)
    spk, new = NEURON(cur, mem)
    before = address(new)
    expected = new.copy()
    del spk, new
    spk, new = NEURON(cur, mem)
    assert address(new) == before
    assert np.array_equal(new, expected)


def test_the_owner_of_memory_cannot_be_copied():
    run = NEURON.run(CURRENT)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(run.membrane.base)
    assert_expected(copy.deepcopy(run))
    assert_expected(pickle.loads(pickle.dumps(run)))


def test_the_bound_is_read_at_every_call(monkeypatch):
    run = NEURON.run(CURRENT)
    del run
    monkeypatch.setenv(ENVIRONMENT, "0")
    run = NEURON.run(CURRENT)
    del run
    assert fastlif.release_memory() == 0
