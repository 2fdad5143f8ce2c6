"""Threads: their number, exceptions in a thread, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cases import same_bits

import fastlif
from fastlif.execution import affinity, parallel, plan


def test_every_item_is_processed_once():
    before = threading.active_count()
    done, threads = [], set()

    def worker(stopped):
        def work(item):
            time.sleep(0.001)
            threads.add(threading.get_ident())
            done.append(item)

        return work

    parallel.for_each(worker, range(50), 4)
    assert sorted(done) == list(range(50))
    assert len(threads) == 4
    assert threading.active_count() == before


@pytest.mark.parametrize("fails_in_caller", [True, False])
def test_an_exception_in_any_thread_stops_all_threads_and_is_raised(fails_in_caller):
    before = threading.active_count()
    caller = threading.get_ident()
    begun = threading.Barrier(2)

    def worker(stopped):
        def work(item):
            begun.wait(10)
            if (threading.get_ident() == caller) == fails_in_caller:
                raise RuntimeError("broken")
            while not stopped():
                time.sleep(0.001)

        return work

    with pytest.raises(RuntimeError, match="broken"):
        parallel.for_each(worker, range(2), 2)
    assert threading.active_count() == before


def test_thread_count(monkeypatch):
    monkeypatch.delenv(parallel.ENVIRONMENT, raising=False)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert parallel.thread_count(None) == min(available, parallel._quota())
    assert parallel.thread_count(7) == 7
    monkeypatch.setenv(parallel.ENVIRONMENT, "3")
    assert parallel.thread_count(None) == 3
    assert parallel.thread_count(7) == 7
    for wrong in ("0", "two", "-1"):
        monkeypatch.setenv(parallel.ENVIRONMENT, wrong)
        with pytest.raises(ValueError, match=f"FASTLIF_NUM_THREADS must be .* got '{wrong}'"):
            parallel.thread_count(None)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_affinity_limits_the_number_of_threads():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert parallel.thread_count(None) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_runs_from_many_threads_at_once_do_not_disturb_one_another():
    rng = np.random.default_rng(0)
    neuron = fastlif.LIF(R=rng.uniform(4, 6, 700))
    currents = [rng.uniform(0, 0.6, (90, 700)).astype(np.float32) for _ in range(8)]
    expected = [neuron.run(c, threads=1).membrane for c in currents]
    results = [None] * 8

    def work(k):
        for _ in range(5):
            results[k] = neuron.run(currents[k], threads=2).membrane

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    for result, membrane in zip(results, expected, strict=True):
        assert same_bits(result, membrane)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_a_long_run():
    """The delay is not asserted here."""
    code = """
import numpy as np, fastlif, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
neuron = fastlif.LIF()
current = np.broadcast_to(np.float32(0.3), (1000, 300_000))
spikes = np.zeros(current.shape, bool)
neuron.run(current[:2], record="spikes", threads=2)
print("ready", flush=True)
try:
    while True:
        neuron.run(current, record="spikes", out={"spikes": spikes}, threads=2)
except KeyboardInterrupt:
    print("interrupted", threading.active_count(), spikes.any(), flush=True)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "ready"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        try:
            assert process.communicate(timeout=30)[0].strip() == "interrupted 1 True"
        finally:
            process.kill()
    assert process.returncode == 0


def tiles_of(neurons, steps, threads):
    model = fastlif.LIF()._model
    current = np.broadcast_to(np.float32(0), (steps, neurons))
    names = frozenset({"membrane", "spikes"})
    return plan.RunPlan(
        model, (current, False), None, [None], names, None, 1, None, threads
    ).tiles  # fmt: skip


def test_tiles_divide_evenly_among_threads():
    for neurons in (160_000, 200_000, 1_000_003):
        for threads in (1, 2, 3, 7):
            used, tiles = tiles_of(neurons, 100, threads)
            widths = [stop - start for start, stop in tiles]
            assert used == threads
            assert sum(widths) == neurons
            assert len(widths) % threads == 0
            assert max(widths) - min(widths) <= 64 * len(widths)


def test_small_runs_use_few_threads(monkeypatch):
    monkeypatch.setattr(plan, "_LEAST_SHARE", 1000)
    assert tiles_of(100, 19, 8)[0] == 1
    assert tiles_of(1000, 3, 8)[0] == 3
    assert tiles_of(1000, 300, 8)[0] == 8


LINUX = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux only")


@LINUX
def test_threads_begin_on_processors_of_their_own():
    allowed = os.sched_getaffinity(0)
    seen, both = [], threading.Barrier(2, timeout=30)

    def worker(stopped):
        def work(item):
            both.wait()  # so that each thread takes one item
            seen.append(os.sched_getaffinity(0))
            time.sleep(2 * affinity._APART)
            stopped()
            assert os.sched_getaffinity(0) == allowed

        return work

    parallel.for_each(worker, range(2), 2)
    assert os.sched_getaffinity(0) == allowed
    assert not seen[0] & seen[1] or len(allowed) == 1


@LINUX
def test_a_thread_may_run_everywhere_again_after_a_run():
    allowed = os.sched_getaffinity(0)

    def fail(stopped):
        raise KeyError

    with pytest.raises(KeyError):
        parallel.for_each(fail, range(2), 2)
    assert os.sched_getaffinity(0) == allowed
    # What a callback starts would inherit it.
    seen = []
    fastlif.LIF().run(
        np.zeros((8, 6000), np.float32), threads=2,
        progress=lambda done, total: seen.append(os.sched_getaffinity(0)),
    )  # fmt: skip
    assert seen
    assert all(processors == allowed for processors in seen)


@LINUX
@pytest.mark.parametrize("missing", ["sched_getaffinity", "sched_setaffinity"])
def test_threads_run_where_the_system_lets_them(monkeypatch, missing):
    def denied(*arguments):
        raise OSError

    monkeypatch.setattr(os, missing, denied)
    items = []
    parallel.for_each(lambda stopped: items.append, range(9), 3)
    assert sorted(items) == list(range(9))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_helpers_end_before_an_interrupt_is_raised():
    """Also if Ctrl-C comes while the caller waits for them."""
    begun, ended = [], []

    def worker(stopped):
        def work(item):
            if threading.current_thread() is not threading.main_thread():
                begun.append(item)
                time.sleep(0.5)
                ended.append(item)
            while not begun:
                time.sleep(1e-3)

        return work

    def interrupt(*arguments):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            parallel.for_each(worker, range(2), 2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert begun
    assert begun == ended


def test_work_goes_on_without_threads_that_cannot_be_started(monkeypatch):
    def denied(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", denied)
    items = []
    parallel.for_each(lambda stopped: items.append, range(9), 3)
    assert items == list(range(9))


@LINUX
def test_processors_that_somebody_sets_during_a_run_are_kept(monkeypatch):
    allowed = {0, 1, 2}
    now = [allowed]
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: now[0])
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, chosen: now.__setitem__(0, chosen))
    monkeypatch.setattr(affinity, "_current_processor", lambda: lambda: 0)
    for chosen, left in ((None, allowed), ({2}, {2})):
        now[0] = allowed
        placement = affinity.Placement(apart=True)
        placement.hold(caller=True)
        assert now[0] == {0}
        now[0] = chosen or now[0]
        placement.release()
        assert now[0] == left


def test_a_medium_run_takes_as_many_threads_as_are_faster(monkeypatch):
    monkeypatch.setattr(plan, "_LEAST_SHARE", 100)
    monkeypatch.setattr(plan, "_SURELY_WORTH", 10**9)
    current = np.zeros((10, 1000), np.float32)
    arguments = ((current, False), None, [None], frozenset({"spikes"}), None, 1, None, 4)
    for seconds, faster in (({1: 2.0, 4: 1.0}, 4), ({1: 1.0, 4: 2.0}, 1)):
        made = plan.RunPlan(fastlif.LIF()._model, *arguments)
        assert made.tiles is None
        taken = []
        for _ in range(200):
            threads, tiles = made.tiles_now()
            assert sum(stop - start for start, stop in tiles) == 1000
            made.crew.add(threads, seconds[threads])
            taken.append(threads)
        assert taken[:4] == [4, 4, 1, 1]
        assert set(taken) == {1, 4}  # what was slower is measured again
        assert taken[4:].count(faster) >= 188
    for _ in range(7):
        run = fastlif.LIF().run(current, record="counts", threads=4)
        assert not run.counts.any()
