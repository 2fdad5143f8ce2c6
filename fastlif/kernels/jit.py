"""How fastlif compiles: Numba's options, its cache and its intrinsics, in one place."""

import contextlib
import functools
import hashlib
import signal
import threading
import warnings
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_name
from numba import cfunc, config, njit, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, register_jitable

__all__ = [
    "OPTIONS", "as_computed", "compiled", "compiled_for_c", "compiled_here", "contiguous",
    "inlined", "inlined_early", "interrupts_deferred", "reinterpreted", "require_jit", "select",
    "separate", "some_overlap", "variant_of", "wide_vectors",
]  # fmt: skip

# Reproducible bits: no fastmath and no contraction into FMA, so that every machine rounds alike.
OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy", "boundscheck": False}

_SLOWER_WITH_512_BITS = ("skylake-avx512", "cascadelake", "cooperlake", "cannonlake")

# A plain function that kernels inline; Python can also call it with plain numbers.
inlined = register_jitable


def inlined_early(function):
    """Mark a function that takes or returns a boolean as ``inlined``, before LLVM sees it.

    Between functions, Numba widens a boolean to a byte. LLVM then evaluates a comparison twice,
    once inverted, if its result leaves the step and also resets the membrane.
    """
    return register_jitable(inline="always")(function)


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
    require_jit()
    function.__qualname__ = f"{function.__qualname__}_{_sources_digest()}"
    try:
        dispatcher = njit(cache=True, **OPTIONS)(function)
        _make_robust(dispatcher._cache)
    except RuntimeError:  # "cannot cache function ...: no locator available"
        dispatcher = njit(**OPTIONS)(function)
    return _compiled_whole(dispatcher)


def compiled_here(function):
    """Compile ``function`` at its first call in this process: it refers to its memory."""
    require_jit()
    return _compiled_whole(njit(**OPTIONS)(function))


def _compiled_whole(dispatcher):
    """Let Ctrl-C wait while ``dispatcher`` compiles."""
    compile_now = dispatcher.compile  # which also loads what the cache holds

    def compile_whole(signature):
        with interrupts_deferred():
            return compile_now(signature)

    dispatcher.compile = compile_whole
    return dispatcher


def compiled_for_c(signature, function):
    """Compile ``function`` to a C function, and cache the machine code on disk as ``compiled``."""
    require_jit()
    function.__qualname__ = f"{function.__qualname__}_{_sources_digest()}"
    with interrupts_deferred():
        try:
            return cfunc(signature, cache=True, **OPTIONS)(function)
        except Exception:  # no directory is writable, the disk is full, or a file is damaged
            return cfunc(signature, **OPTIONS)(function)


def require_jit():
    """Raise RuntimeError if Numba's compiler is disabled."""
    if config.DISABLE_JIT:
        raise RuntimeError(
            "fastlif cannot run with NUMBA_DISABLE_JIT=1, because its kernels have no pure-Python "
            "form; the functions in fastlif.kernels.rules can be called from Python as they are"
        )


def _make_robust(cache):
    """Continue without the cache if its disk is full or a file in it is damaged."""
    save, load = cache.save_overload, cache.load_overload

    def save_overload(*arguments):
        try:
            save(*arguments)
        except OSError as error:
            warnings.warn(
                f"compiled code could not be stored in {cache.cache_path} ({error}); each process "
                "compiles it again",
                RuntimeWarning,
                stacklevel=2,
            )

    def load_overload(*arguments):
        try:
            return load(*arguments)
        except OSError:  # unreadable
            return None
        except Exception:  # partly written, or damaged: what unpickling then raises has no limits
            with contextlib.suppress(OSError):
                cache._cache_file.flush()
            return None

    cache.save_overload, cache.load_overload = save_overload, load_overload


@contextlib.contextmanager
def interrupts_deferred():
    """Let Ctrl-C take effect afterwards.

    LLVM calls back into Python while it compiles and loads code. An exception there is lost, or
    leaves code that is half loaded, which ends in a crash.
    """
    previous = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(previous):
        yield
        return
    received = []
    signal.signal(signal.SIGINT, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if received:
        previous(*received[-1])


def variant_of(function: Any, arguments: tuple[Any, ...]) -> Any:
    """Return what Numba compiled ``function`` to for arguments of these types.

    It may be called with such arguments only, because it does not look at their types, which saves
    half of the time that a call from Python takes. Returns ``function`` if it is not compiled for
    them yet, or is such a variant itself.
    """
    if isinstance(function, BuiltinFunctionType):
        return function
    types = tuple(map(function.typeof_pyval, arguments))
    return function.get_overload(types) if types in function.overloads else function


@intrinsic
def contiguous(typing_context, row):
    """Tell the compiler that the 1-D ``row`` has a stride of one item.

    A row of an array that is itself a slice has a stride known only at run time, and a loop over
    it does not vectorise. The caller has checked the stride.
    """
    if not isinstance(row, types.Array) or row.ndim != 1:
        return None  # Numba then raises TypingError
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
def as_computed(typing_context, value):
    """Return ``value``, which the compiler then does not take for one that is still in memory.

    LLVM would otherwise turn the store of a selected or an unchanged value into a masked store,
    which takes several times as long on processors without AVX-512.
    """

    def codegen(context, builder, signature, args):
        frozen = ir.Instruction(builder.block, args[0].type, "freeze", args)
        builder._insert(frozen)  # llvmlite has no method for this instruction
        return frozen

    return value(value), codegen


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


@intrinsic
def wide_vectors(typing_context):
    """Let the function that calls this use 512-bit vectors if the processor has them.

    LLVM prefers 256 bits on Intel's processors, of which the first ones lowered their clock
    for wider vectors.
    """

    def codegen(context, builder, signature, args):
        if (config.CPU_NAME or get_host_cpu_name()) not in _SLOWER_WITH_512_BITS:
            attributes = builder.function.attributes
            set.add(attributes, '"prefer-vector-width"="512"')  # unknown to llvmlite's own add
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def some_overlap(typing_context, arrays, others):
    """Tell whether one of the contiguous ``arrays`` overlaps another one, or one of ``others``.

    As an intrinsic, because Numba takes a quarter of a second to compile loops over such tuples.
    """

    def codegen(context, builder, signature, args):
        intp, spans = context.get_value_type(types.intp), []
        for kind, group in zip(signature.args, args, strict=True):
            for k, array_type in enumerate(kind):
                array = context.make_array(array_type)(
                    context, builder, builder.extract_value(group, k)
                )
                start = builder.ptrtoint(array.data, intp)
                nbytes = builder.mul(array.nitems, array.itemsize)
                spans.append((start, builder.add(start, nbytes)))
        found = context.get_constant(types.boolean, False)
        for k, (start, stop) in enumerate(spans[: len(signature.args[0])]):
            for other_start, other_stop in spans[k + 1 :]:
                before = builder.icmp_unsigned("<", start, other_stop)
                after = builder.icmp_unsigned("<", other_start, stop)
                found = builder.or_(found, builder.and_(before, after))
        return found

    return types.boolean(arrays, others), codegen
