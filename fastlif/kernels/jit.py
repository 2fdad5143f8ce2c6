"""How fastlif compiles: numba's options, its cache and its intrinsics, in one place."""

from pathlib import Path

from numba import njit, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, register_jitable

__all__ = ["compiled", "contiguous", "rule"]

# Bits are a promise: no fastmath, no contraction into FMA, so that every machine rounds alike.
_OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy", "boundscheck": False}

# A rule is a plain function that kernels inline; Python can call it on plain numbers too.
rule = register_jitable


def _sources_stamp() -> str:
    """Say which version of the kernels' sources this is: any edit gives another stamp."""
    try:
        stats = [source.stat() for source in Path(__file__).parent.glob("*.py")]
    except OSError:  # imported from a zip file: nobody edits the sources there
        return "0"
    return f"{max((s.st_mtime_ns for s in stats), default=0):x}_{sum(s.st_size for s in stats):x}"


_STAMP = _sources_stamp()


def compiled(function):
    """Compile ``function`` at its first call, and keep the machine code on disk.

    numba's cache looks for edits in the file of the outermost function only. The stamp of all
    the kernels' files in the function's name makes it notice an edit in any of them. Where no
    cache directory can be written, the code is compiled again in each process.
    """
    function.__qualname__ = f"{function.__qualname__}_{_STAMP}"
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # "cannot cache function ...: no locator available"
        return njit(**_OPTIONS)(function)


@intrinsic
def contiguous(typing_context, row):
    """Promise the compiler that the 1-D ``row`` has a stride of one item.

    A row of an array that is itself a slice has a stride known only at run time, and a loop over
    it does not vectorise. The caller has checked the stride.
    """
    result = types.Array(row.dtype, 1, "C", readonly=not row.mutable, aligned=row.aligned)

    def codegen(context, builder, signature, args):
        return impl_ret_borrowed(context, builder, signature.return_type, args[0])

    return result(row), codegen
