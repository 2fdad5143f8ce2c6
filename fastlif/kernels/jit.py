"""How fastlif compiles: Numba's options, its cache and its intrinsics, in one place."""

import functools
import hashlib
from pathlib import Path

from numba import config, njit, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, register_jitable

__all__ = ["compiled", "contiguous", "inlined", "reinterpreted", "select", "separate"]

# Reproducible bits: no fastmath and no contraction into FMA, so that every machine rounds alike.
_OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy", "boundscheck": False}

# A plain function that kernels inline; Python can also call it with plain numbers.
inlined = register_jitable


@functools.cache
def _sources_digest() -> str:
    """Return a digest of the contents of all kernel files."""
    digest = hashlib.sha256()
    try:
        for source in sorted(Path(__file__).parent.rglob("*.py")):
            digest.update(source.read_bytes())
    except OSError:  # imported from a zip file, whose sources nobody edits
        return "0"
    return digest.hexdigest()[:16]


def compiled(function):
    """Compile ``function`` at its first call and cache the machine code on disk.

    Numba's cache notices edits only in the file of the outermost function. A digest of all kernel
    files in the function's name makes it notice an edit in any of them. Without a writable cache
    directory, each process compiles the code again.
    """
    if config.DISABLE_JIT:
        raise RuntimeError(
            "fastlif cannot run with NUMBA_DISABLE_JIT=1, because its kernels have no pure-Python "
            "form; the functions in fastlif.kernels.rules can be called from Python as they are"
        )
    function.__qualname__ = f"{function.__qualname__}_{_sources_digest()}"
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # "cannot cache function ...: no locator available"
        return njit(**_OPTIONS)(function)


@intrinsic
def contiguous(typing_context, row):
    """Tell the compiler that the 1-D ``row`` has a stride of one item.

    A row of an array that is itself a slice has a stride known only at run time, and a loop over
    it does not vectorise. The caller has checked the stride.
    """
    result = types.Array(row.dtype, 1, "C", readonly=not row.mutable, aligned=row.aligned)

    def codegen(context, builder, signature, args):
        return impl_ret_borrowed(context, builder, signature.return_type, args[0])

    return result(row), codegen


@intrinsic
def select(typing_context, condition, yes, no):
    """Return ``yes`` or ``no``, both of which are computed: never a branch."""
    result = typing_context.unify_types(yes, no)

    def codegen(context, builder, signature, args):
        kinds = signature.args
        chosen = [context.cast(builder, args[k], kinds[k], result) for k in (1, 2)]
        return builder.select(context.cast(builder, args[0], kinds[0], types.boolean), *chosen)

    return result(condition, yes, no), codegen


@intrinsic
def reinterpreted(typing_context, value, kind):
    """Return the bits of ``value`` as a number of the type ``kind``, which is as wide."""
    result = kind.dtype if isinstance(kind, types.NumberClass) else kind

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(result))

    return result(value, kind), codegen


@intrinsic
def separate(typing_context):
    """Keep the function that calls this out of its callers, so that branches around it remain.

    LLVM would otherwise vectorise a loop with a rare, long branch, and compute it for every item.
    """

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen
