"""Progress reports of long runs."""

import threading
from collections.abc import Callable
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int], object]


class Progress:
    """Counter of the completed neuron-steps of all threads; reports from its creator's thread."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0
        self._lock, self._owner = threading.Lock(), threading.get_ident()

    def add(self, amount: int) -> None:
        """Add ``amount`` completed neuron-steps."""
        with self._lock:
            self._done += amount
            done = self._done
        if threading.get_ident() == self._owner:
            self._report(done, self._total)

    def close(self) -> None:
        """Report completion."""
        self._report(self._total, self._total)


def progress_of(progress: bool | Report, total: int) -> Progress | None:
    """Return a counter for the argument ``progress``: None, a tqdm bar (True) or a function."""
    if progress is False or progress is None:
        return None
    if callable(progress):
        return Progress(progress, total)
    if progress is not True:
        raise TypeError(
            f"progress must be True, False or a function of (completed, total), got {progress!r}"
        )
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "progress=True requires tqdm (pip install 'fastlif[progress]'); "
            "alternatively, pass a function of (completed, total)"
        ) from None
    bar = tqdm(total=total, unit="neuron-step", unit_scale=True)

    def report(done: int, total: int) -> None:
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return Progress(report, total)
