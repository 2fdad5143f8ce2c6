"""Argument validation. Messages name the argument, the value received and accepted values."""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Numbers: TypeAlias = NDArray[Any]
Parameter: TypeAlias = float | Numbers
_MOST_STEPS = 2**24
_PLAIN = frozenset({float, int, bool, np.ndarray, np.float32, np.float64})


def described(value: object) -> str:
    """Describe ``value`` briefly for an error message."""
    if isinstance(value, np.ndarray) and value.ndim:
        kind = "an array" if is_plain(value) else f"a {type(value).__name__}"
        return f"{kind} of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def numbers(name: str, value: object) -> Numbers:
    """Return ``value`` as an array of real numbers that float64 can represent, without a copy."""
    if _has_mask(value):
        raise TypeError(
            f"{name} must be an array without a mask, got a masked array; fill it first"
        )
    if value is None:
        raise TypeError(f"{name} must be a number or an array of real numbers, got None")
    if _has_units(value):
        raise TypeError(
            f"{name} must be a number or an array without units, got {described(value)}; convert "
            "it to the units of the other parameters, and give its value"
        )
    if isinstance(value, tuple) and type(value).__module__.startswith("fastlif."):
        fields: tuple[str, ...] = value._fields  # type: ignore[attr-defined]
        raise TypeError(
            f"{name} must be a number or an array of real numbers, got {type(value).__name__}; "
            f"give one of its arrays: {', '.join(fields)}"
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise type(error)(
            f"{name} must be a number or an array of real numbers, got {described(value)}: {error}"
        ) from error
    # A folder of arrays (of Zarr, of HDF5) without any is an empty sequence to NumPy.
    folder = not array.size and hasattr(value, "keys") and not hasattr(value, "__array__")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or folder:
        raise TypeError(
            f"{name} must hold real numbers (bool, integers, float16, float32 or float64), "
            f"got {described(value)}{'' if array is value else f' with dtype {array.dtype}'}"
            f"{'; its sample(steps, shape) returns an array' if hasattr(value, 'noises') else ''}"
        )
    return array


def _has_mask(value: object) -> bool:
    """Tell whether ``value`` is or contains a masked array, without importing numpy.ma."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, (list, tuple)):
        return any(map(_has_mask, value))
    return any(base.__name__ == "MaskedArray" for base in type(value).__mro__)


def _has_units(value: object) -> bool:
    """Tell whether ``value`` is a quantity of astropy, brian2, pint, quantities or unyt."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, (list, tuple)):
        return any(map(_has_units, value))
    return any(hasattr(type(value), name) for name in ("unit", "units", "has_same_dimensions"))


def is_weak(value: object, array: Numbers) -> bool:
    """Return whether ``value`` consists of Python numbers, which never widen an array."""
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    if isinstance(value, (bool, int, float)):
        return True
    return isinstance(value, (list, tuple)) and array.dtype in (np.bool_, np.int64, np.float64)


def parameter(
    name: str,
    value: object,
    *,
    above: float | None = None,
    below: float | None = None,
    finite: bool = True,
) -> Parameter:
    """Return a neuron's parameter: a Python float, or a read-only array with one value per neuron.

    A Python number remains one: combined with an array, it takes the array's dtype, as in NumPy.
    """
    if (
        type(value) is float
        and (math.isfinite(value) if finite else not math.isnan(value))
        and (above is None or value > above)
        and (below is None or value < below)
    ):
        return value  # the common case, ten times as fast as the general path below
    if type(value) is int:  # also one that no integer dtype can hold
        try:
            value = float(value)
        except OverflowError:
            raise ValueError(f"{name} must be a float64 number, got {described(value)}") from None
    array = numbers(name, value)
    if array.dtype.kind == "b":
        raise TypeError(f"{name} must be a number or an array of numbers, got {described(value)}")
    if np.isnan(array).any():
        raise ValueError(f"{name} must not be NaN, got {described(value)}")
    bounds = [f"greater than {above:g}"] if above is not None else []
    bounds += [f"less than {below:g}"] if below is not None else []
    bounds += ["finite"] if finite else []
    wrong = np.zeros(array.shape, np.bool_)
    if above is not None:
        wrong |= ~(array > above)
    if below is not None:
        wrong |= ~(array < below)
    if finite:
        wrong |= ~np.isfinite(array)
    if wrong.any():
        first = array[wrong].flat[0]
        where = f" at {tuple(int(k[0]) for k in np.nonzero(wrong))}" if array.ndim else ""
        raise ValueError(f"{name} must be {' and '.join(bounds)}, got {first!s}{where}")
    if array.ndim == 0 and is_weak(value, array):
        return float(array)
    copied = np.array(array, array.dtype.newbyteorder("="), order="C")
    copied.setflags(write=False)
    return copied


def optional(name: str, value: object, **bounds: Any) -> Parameter | None:
    """Return a validated parameter, or None if ``value`` is None."""
    return None if value is None else parameter(name, value, **bounds)


def number(name: str, value: object, *, above: float) -> float:
    """Return a parameter that all neurons share, as a Python float."""
    checked = parameter(name, value, above=above)
    if np.ndim(checked):
        raise TypeError(f"{name} must be a single number, got {described(value)}")
    return float(checked)


def duration(name: str, value: object) -> Parameter:
    """Return a time that is not negative: a number, or one value per neuron."""
    time = parameter(name, value)
    if np.any(np.asarray(time) < 0):
        raise ValueError(f"{name} must not be negative, got {np.min(time)!s}")
    return time


def steps_of(name: str, value: object) -> Parameter:
    """Return numbers of steps, which float32 can count exactly: a number, or one per neuron."""
    steps = parameter(name, value)
    values = np.asarray(steps, np.float64)  # float16 cannot hold the largest number
    wrong = (values != np.floor(values)) | (values < 0) | (values > _MOST_STEPS)
    if np.any(wrong):
        advice = "; a duration is refractory_time" if name == "refractory" else ""
        raise ValueError(
            f"{name} must hold whole numbers from 0 to {_MOST_STEPS}, "
            f"got {values[wrong].flat[0]!s}{advice}"
        )
    return steps


def choice(name: str, value: object, options: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``options``; otherwise, raise with a suggestion."""
    if isinstance(value, str) and value in options:
        return value
    accepted = ", ".join(repr(option) for option in options)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {accepted}, got {described(value)}")
    import difflib  # here, for a fast import of fastlif

    near = [option for option in options if value and value.lower() in option.lower()]
    near += difflib.get_close_matches(value.lower(), options, 1, 0.75)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name} must be one of {accepted}, got {value!r}{hint}")


def real_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64, in native byte order; the argument is called ``dtype``."""
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64, got {kind}")
    # Not newbyteorder("="), which returns another object: single steps compare dtypes with ``is``.
    return np.dtype(kind.type)


def flag(name: str, value: object) -> bool:
    """Return ``value`` as a bool if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {described(value)}")
    return bool(value)


def whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """Return ``value`` as a Python int, at least ``least`` and at most ``most``."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {described(value)}") from None
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
    if most is not None and count > most:
        raise ValueError(f"{name} must be at most {most}, got {count}")
    return count


def common_shape(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[int, ...]:
    """Return the broadcast of the named shapes."""
    named = list(shapes)
    try:
        return np.broadcast_shapes(*(shape for _, shape in named))
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in named if shape)
        raise ValueError(f"the shapes do not broadcast to one population: {listed}") from None


def is_plain(array: Any) -> bool:
    """Tell whether ``array`` behaves as an array does; matrices and masked arrays do not."""
    return type(array) is np.ndarray or isinstance(array, np.memmap)


def output(name: str, array: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise if results of this shape and dtype cannot be written into ``array``."""
    if not is_plain(array):
        raise TypeError(
            f"{name} must be a numpy.ndarray of shape {shape} and dtype {dtype}, "
            f"got {described(array)}"
        )
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if array.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"{name} must have dtype {dtype}, got {array.dtype}")
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writeable, got a read-only array")
    if _repeats_memory(array):
        raise ValueError(f"{name} must not repeat memory locations, got strides {array.strides}")


def _repeats_memory(array: Numbers) -> bool:
    """Tell whether items of ``array`` may share memory with one another.

    Slices and transposes of an array that does not repeat itself never do: each of their strides
    is at least the extent of all smaller ones.
    """
    if not array.size:
        return False
    extent = array.itemsize
    axes = zip(array.strides, array.shape, strict=True)
    for stride, size in sorted((abs(stride), size) for stride, size in axes if size > 1):
        if stride < extent:
            return True
        extent += stride * (size - 1)
    return False


def overlap(a: Numbers, b: Numbers) -> bool:
    """Return whether two arrays share memory; if this takes too long to determine, True."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=100_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
