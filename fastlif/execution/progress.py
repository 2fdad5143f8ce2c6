"""Telling a user how far a long run is."""

import threading
from collections.abc import Callable
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int], object]


class Progress:
    """Counts the neuron-steps done in all threads, and reports from the thread that made it."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0
        self._lock, self._owner = threading.Lock(), threading.get_ident()

    def add(self, amount: int) -> None:
        """Count ``amount`` more as done."""
        with self._lock:
            self._done += amount
            done = self._done
        if threading.get_ident() == self._owner:
            self._report(done, self._total)

    def close(self) -> None:
        """Report the end."""
        self._report(self._total, self._total)


def progress_of(progress: bool | Report, total: int) -> Progress | None:
    """Return what counts a run's progress: nothing, a tqdm bar (True), or the user's function."""
    if progress is False or progress is None:
        return None
    if callable(progress):
        return Progress(progress, total)
    if progress is not True:
        raise TypeError(
            f"progress must be True, False or a function of (done, total), got {progress!r}"
        )
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "progress=True needs tqdm (pip install 'fastlif[progress]'); "
            "or give a function of (done, total)"
        ) from None
    bar = tqdm(total=total, unit="neuron-step", unit_scale=True)

    def report(done: int, total: int) -> None:
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return Progress(report, total)
