"""Threads: their number, and how they share the work."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from fastlif.checks import whole
from fastlif.execution.affinity import Placement

ENVIRONMENT = "FASTLIF_NUM_THREADS"

Item = TypeVar("Item")


def thread_count(threads: int | None) -> int:
    """Return the number of threads to use.

    This is ``threads`` if given, otherwise the environment variable FASTLIF_NUM_THREADS if set,
    otherwise the number of processors that this process may use.
    """
    if threads is not None:
        return whole("threads", threads, 1)
    text = os.environ.get(ENVIRONMENT, "").strip()
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{ENVIRONMENT} must be a whole number of at least 1, got {text!r}")
        return int(text)
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        available = os.cpu_count() or 1
    return max(1, min(available, _quota()))


@functools.cache
def _quota() -> int:
    """Return the number of processors that the container's CPU quota allows (Linux cgroups)."""
    for quota_path, period_path in (
        ("/sys/fs/cgroup/cpu.max", None),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ):
        try:
            with open(quota_path) as file:
                words = file.read().split()
            if period_path is not None:
                with open(period_path) as file:
                    words += file.read().split()
            quota, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            return -(-quota // period)
    return 2**31


def for_each(
    worker: Callable[[Callable[[], bool]], Callable[[Item], None]],
    items: Iterable[Item],
    threads: int,
    apart: bool = True,
) -> None:
    """Call ``worker(stopped)(item)`` for each item, in this thread and ``threads - 1`` others.

    Each thread creates its own worker once. ``stopped()`` returns True after an exception in any
    thread or Ctrl-C; a worker should then return early. All threads end before the call returns.
    There is therefore no thread pool that a fork could break, and concurrent calls do not wait for
    one another.

    With ``apart``, threads begin on processors of their own. Whatever a worker starts meanwhile
    would inherit this.
    """
    if threads == 1:
        work = worker(lambda: False)
        for item in items:
            work(item)
        return
    stop = threading.Event()
    queue, lock = iter(items), threading.Lock()
    errors: list[BaseException] = []
    placement = Placement(apart)

    def serve(caller: bool) -> None:
        release_in_time = placement.hold(caller)

        def stopped() -> bool:
            release_in_time()
            return stop.is_set()

        work = worker(stopped)
        while not stop.is_set():
            with lock:
                item = next(queue, None)
            if item is None:
                return
            work(item)

    # Locks that helpers at work hold. ``Thread.join`` alone would not do: interrupted, it takes a
    # thread that goes on for one that has ended.
    at_work: list[threading.Lock] = []
    helpers: list[threading.Thread] = []
    closed = threading.Event()

    def help_out() -> None:
        mine = threading.Lock()
        with mine:
            at_work.append(mine)
            if closed.is_set():  # nobody waits for a helper that begins only now
                return
            try:
                serve(caller=False)
            except BaseException as error:
                errors.append(error)
                stop.set()

    try:
        with contextlib.suppress(RuntimeError):  # the system allows no more threads
            for _ in range(threads - 1):
                helper = threading.Thread(target=help_out, daemon=True)
                helper.start()
                helpers.append(helper)
        serve(caller=True)
        _wait(at_work, helpers, closed)
        placement.release()
    except BaseException:
        stop.set()
        placement.release()
        _wait(at_work, helpers, closed)
        raise
    if errors:
        raise errors[0]


def _wait(
    at_work: list[threading.Lock], helpers: list[threading.Thread], closed: threading.Event
) -> None:
    """Wait until no helper is at work, and let none begin."""
    closed.set()
    for work in at_work:
        with work:
            pass
    for helper in helpers:
        helper.join()
