"""The choice between ordinary and streaming stores: what this machine was measured to do faster.

The bits of the results do not depend on it.
"""

import os
import statistics
import time
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

ENVIRONMENT = "FASTLIF_STREAMING_STORES"
LARGE = 2**26  # bytes: smaller records may stay in a cache, from which they are read again

_TURNS = (False, True, True, False)  # whether to stream: a drift of the clock cancels out
_PAIRS = 24  # of measurements are compared before the choice
_PATIENCE = 0.25  # seconds that ordinary stores take before streaming ones are compiled
_GAIN = 0.97  # streaming stores must take less than this share of the time


class Choice:
    """What was measured in this process."""

    def __init__(self) -> None:
        self.streams: bool | None = None  # None until there are enough measurements
        self.spent = 0.0  # seconds in stretches of large runs
        self._ratios: list[float] = []

    def add(self, ratio: float) -> None:
        """Take into account how much time streaming stores took, relative to ordinary ones."""
        self._ratios.append(ratio)
        if len(self._ratios) >= _PAIRS:
            self.streams = statistics.median(self._ratios) < _GAIN


CHOICE = Choice()


class Trial:
    """Ordinary and streaming stores in turns, as long as ``CHOICE`` is not made.

    One thread uses it, for one tile. Streaming stores need kernels of their own, which take a
    second to compile: nothing is tried before ordinary ones have taken some time. Stretches in
    which the system had to provide pages do not count, because this takes longer than the stores.
    """

    def __init__(self) -> None:
        self._forced = _forced()
        self._turn = 0
        self._times: list[float] = []

    def begin(self) -> bool:
        """Return whether the next stretch uses streaming stores."""
        choice = CHOICE.streams if self._forced is None else self._forced
        if choice is not None:
            return choice
        self._faults, self._began = _page_faults(), time.perf_counter()
        return CHOICE.spent > _PATIENCE and _TURNS[self._turn % 4]

    def end(self, amount: int) -> None:
        """Note the time of a stretch of ``amount`` neuron-steps."""
        if self._forced is not None or CHOICE.streams is not None:
            return
        elapsed = time.perf_counter() - self._began
        if CHOICE.spent <= _PATIENCE:
            CHOICE.spent += elapsed
            return
        fresh = _page_faults() != self._faults
        self._times.append(0.0 if fresh else elapsed / amount)
        self._turn += 1
        if len(self._times) == 2:
            first, second = self._times
            self._times = []
            if first and second:
                CHOICE.add(second / first if _TURNS[(self._turn - 1) % 4] else first / second)


def _forced() -> bool | None:
    text = os.environ.get(ENVIRONMENT, "").strip()
    if text not in ("", "0", "1"):
        raise ValueError(f"{ENVIRONMENT} must be 0 (never), 1 (always) or not set, got {text!r}")
    return bool(int(text)) if text else None


def _page_faults() -> Any:
    """Return the number of page faults of this thread; of the process where that is not known."""
    if resource is None:
        return 0
    who = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    return resource.getrusage(who).ru_minflt
