"""How many threads take a run of medium size: one or all, whichever was measured to be faster.

A thread takes time to start, one alone may already use most of the memory's bandwidth, and two
processors may be parts of one core. The bits of the results do not depend on the choice.
"""

import collections

_TRIES = 2  # runs of each kind are compared
_AGAIN = 32  # every so many runs, what was slower is measured again


class Crew:
    """What was measured for the runs of one plan, with one thread and with all."""

    def __init__(self) -> None:
        self._times: dict[int, collections.deque[float]] = {}
        self._runs = 0

    def size(self, most: int) -> int:
        """Return the number of threads for the next run: 1 or ``most``."""
        self._runs += 1
        for count in (most, 1):
            if len(self._times.get(count, ())) < _TRIES:
                return count
        slower, faster = sorted((1, most), key=lambda count: -min(self._times[count]))
        return slower if self._runs % _AGAIN == 0 else faster

    def add(self, count: int, seconds: float) -> None:
        """Note how long a run took with ``count`` threads."""
        self._times.setdefault(count, collections.deque(maxlen=_TRIES)).append(seconds)
