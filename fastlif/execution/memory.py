"""How much memory there is, so that a run that needs more says so instead of being killed."""

import contextlib
import os
from collections.abc import Collection


def ensure_memory(needed: int, names: Collection[str]) -> None:
    """Raise MemoryError if ``needed`` bytes are more than the machine has to give.

    The system would often grant them, and end the process when it comes to use them.
    """
    if needed < SURELY_THERE or needed <= (available := _available_memory()):
        return
    advice = (
        "record less ('spikes' needs a byte a neuron and step, 'packed' a bit, 'counts' 8 bytes a "
        "neuron, 'events' 16 a spike; neurons= and every= thin), run fewer steps at a time with "
        "initial=run.final, or give out= a memory-mapped array"
        if {"membrane", "spikes", "packed"} & set(names)
        else "use a smaller population"
    )
    raise MemoryError(
        f"this run with record={sorted(names)} needs {needed:,} bytes, and {available:,} are "
        f"available: {advice}"
    )


SURELY_THERE = 2**26  # bytes: less than this is not worth a look at the machine


def _available_memory() -> int:
    """Return how many bytes this process can still get, as far as the system tells."""
    limits = [2**63 - 1]  # where nothing tells, the allocation itself will
    try:
        with open("/proc/meminfo") as file:
            table = dict(line.split(":", 1) for line in file)
        kilobytes = (int(table[key].split()[0]) for key in ("MemAvailable", "SwapFree"))
        limits.append(1024 * sum(kilobytes))
    except (OSError, KeyError, ValueError):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:  # "max" is no number
            limits.append(int(file.read()))
    return min(limits)
