"""Where threads run: for some milliseconds, helpers are kept off the caller's processor.

Some systems, above all virtual machines, run a new thread on the processor of the thread that
starts it, and move it to an idle one only after several milliseconds. A medium-sized run has ended
by then.
"""

import contextlib
import ctypes
import functools
import os
import time
from collections.abc import Callable

_APART = 0.02  # seconds: later, the system knows better, because it sees the other processes


class Placement:
    """The processors of a run's threads. Does nothing where the system does not let it."""

    def __init__(self, apart: bool) -> None:
        self._allowed: set[int] = set()
        if not apart:
            return
        with contextlib.suppress(AttributeError, OSError):  # AttributeError: macOS, Windows
            allowed = os.sched_getaffinity(0)
            own = _current_processor()()
            if own in allowed and len(allowed) > 1:
                self._own, self._allowed = {own}, allowed

    def hold(self, caller: bool) -> Callable[[], None]:
        """Keep this thread on the caller's processor, or off it.

        Returns a function to call from time to time, which ends this when it is time.
        """
        if not self._allowed:
            return lambda: None
        held_on = self._own if caller else self._allowed - self._own
        _move_to(held_on)
        end, held = time.monotonic() + _APART, True

        def release_in_time() -> None:
            nonlocal held
            if held and time.monotonic() > end:
                held = False
                self._free(held_on)

        return release_in_time

    def release(self) -> None:
        """Let the caller run everywhere again."""
        if self._allowed:
            self._free(self._own)

    def _free(self, held_on: set[int]) -> None:
        """Let this thread run everywhere again, unless somebody has moved it meanwhile."""
        if os.sched_getaffinity(0) == held_on:
            _move_to(self._allowed)


def _move_to(processors: set[int]) -> None:
    """Restrict this thread to some processors."""
    with contextlib.suppress(OSError):  # they may be gone since
        os.sched_setaffinity(0, processors)


@functools.cache
def _current_processor() -> Callable[[], int]:
    """Return the system's function that tells where this thread runs."""
    function: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
    return function
