"""Progress reports of long runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

# Called with the number of completed neuron-steps and their total.
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


class Overall:
    """Reports of a run whose stretches report separately.

    Attributes
    ----------
    done : int
        The number of neuron-steps of the completed stretches.
    total : int or None
        The number of all neuron-steps, if it is known.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self.done = 0
        self.total: int | None = None

    def begin(self, done: int, total: int | None) -> None:
        """Start from ``done`` neuron-steps, which an earlier run has completed."""
        self.done, self.total = done, total
        if isinstance(self._report, _Bar):
            self._report.initial = done

    def __call__(self, done: int, total: int) -> None:
        """Report ``done`` neuron-steps of the present stretch."""
        self._report(self.done + done, self.total)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the bar, if it is one."""
        if isinstance(self._report, _Bar):
            self._report.close()


class _Bar:
    """A tqdm bar, which begins at ``initial``."""

    initial = 0

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise ImportError(
                "progress=True requires tqdm (pip install 'fastlif[progress]'); "
                "alternatively, pass a function of (completed, total)"
            ) from None
        self._tqdm = tqdm
        self._bar: Any = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._bar is None:
            self._bar = self._tqdm(
                total=total, initial=self.initial, unit="neuron-step", unit_scale=True
            )
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def progress_of(progress: Any, total: int) -> Progress | None:
    """Return a counter for the argument ``progress``: None, a tqdm bar (True) or a function."""
    report = report_of(progress)
    return None if report is None else Progress(report, total)


def report_of(progress: Any) -> Report | None:
    """Return what the argument ``progress`` asks to call."""
    if progress is False or progress is None:
        return None
    if callable(progress):
        return progress  # type: ignore[no-any-return]
    if progress is not True:
        raise TypeError(
            f"progress must be True, False or a function of (completed, total), got {progress!r}"
        )
    return _Bar()
