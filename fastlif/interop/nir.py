"""Conversion from and to the nodes of NIR, the Neuromorphic Intermediate Representation."""

import os
import warnings
from dataclasses import fields
from typing import Any

import numpy as np

from fastlif.checks import Numbers, described, number
from fastlif.neurons.base import Neuron
from fastlif.neurons.lapicque import Lapicque
from fastlif.neurons.leaky import Leaky
from fastlif.neurons.lif import LIF
from fastlif.presets.nir import nir_cuba_lif, nir_if, nir_li, nir_lif

# Class names of the NIR nodes that are neurons.
_NEURONS: dict[str, Any] = {
    "LIF": nir_lif,
    "IF": nir_if,
    "LI": nir_li,
    "CubaLIF": nir_cuba_lif,
}


def from_nir(node: Any, dt: float) -> Any:
    r"""Return the neurons of a NIR node, integrated with Euler steps of ``dt``.

    NIR gives equations in continuous time, :math:`\tau \dot v = (v_{leak} - v) + R I`. The returned
    presets describe when a spike is tested and reset.

    Parameters
    ----------
    node : nir.LIF, nir.IF, nir.LI, nir.CubaLIF or nir.NIRGraph
        A node or a graph, as returned by ``nir.read``.
    dt : float
        Time step (second), positive. Tools that write NIR files assume different time steps;
        snnTorch assumes 1e-4.

    Returns
    -------
    Neuron or dict
        :class:`~fastlif.presets.nir_lif`, ``nir_if``, ``nir_li`` or ``nir_cuba_lif``. For a graph,
        a dict from the names of its nodes to their neurons. It does not contain the graph's other
        nodes, such as weights and convolutions, which the caller has to apply.

    Raises
    ------
    TypeError
        If fastlif has no neuron for the node.
    ValueError
        If ``dt`` or a parameter of the node is out of its range.

    Notes
    -----
    A node without ``v_reset`` (NIR up to 1.0.5) is reset by subtraction, as those versions specify.
    Since 1.0.6, every node has a ``v_reset``, which is 0 if a file does not contain it.

    References
    ----------
    Neuromorphic Intermediate Representation, https://neuroir.org.

    Examples
    --------
    >>> import numpy as np, fastlif, nir
    >>> node = nir.LIF(
    ...     tau=np.full(3, 0.01), r=np.ones(3), v_leak=np.zeros(3), v_threshold=np.ones(3),
    ...     v_reset=np.zeros(3),
    ... )
    >>> neuron = fastlif.from_nir(node, dt=1e-3)
    >>> neuron.run(np.full((100, 3), 1.5, np.float32), record="counts").counts
    array([9, 9, 9])
    """
    number("dt", dt, above=0)
    kind = type(node).__name__
    if kind == "NIRGraph":
        return {
            name: from_nir(inner, dt)
            for name, inner in node.nodes.items()
            if type(inner).__name__ in (*_NEURONS, "NIRGraph")
        }
    if kind not in _NEURONS:
        if isinstance(node, (str, os.PathLike)):
            raise TypeError(
                f"node must be a NIR node or graph, got a path; pass nir.read({node!r})"
            )
        raise TypeError(
            f"node must be a nir.{', nir.'.join(_NEURONS)} or a graph of such nodes, "
            f"got {described(node)}"
        )
    preset = _NEURONS[kind]
    names = (field.name for field in fields(preset) if field.name != "dt")
    given = {name: getattr(node, name, None) for name in names}
    parameters = {name: np.asarray(value) for name, value in given.items() if value is not None}
    return preset(**parameters, dt=dt)


def to_nir(
    neuron: Neuron,
    *,
    dt: float | None = None,
    shape: tuple[int, ...] | None = None,
    strict: bool = True,
) -> Any:
    """Return the NIR node of a neuron.

    Parameters
    ----------
    neuron : LIF, Lapicque, Leaky, or a neuron returned by from_nir
        The neuron. A NIR neuron fires if its membrane is above the threshold, is reset immediately
        (to ``v_reset``; up to NIR 1.0.5 by the threshold), and has no refractory period.
    dt : float, optional
        Time step (second). Required for a Leaky, which has none: ``tau = dt/(1 - beta)``.
    shape : tuple of int, optional
        Shape of the population, which NIR's arrays must have. The default is the shape of the
        neuron's parameters, or ``(1,)`` if they are numbers.
    strict : bool
        If False, a neuron that NIR cannot represent is converted to the nearest node, with a
        warning.

    Returns
    -------
    nir.LIF, nir.IF, nir.LI or nir.CubaLIF
        The node.

    Raises
    ------
    TypeError
        If NIR has no node for the neuron.
    ValueError
        If NIR cannot represent the neuron; the message gives the reasons.
    ImportError
        If nir is not installed.

    Warns
    -----
    UserWarning
        If ``strict`` is False and NIR cannot represent the neuron.

    Examples
    --------
    >>> import fastlif
    >>> neuron = fastlif.LIF(order="at_once", reset_mechanism="zero")
    >>> float(fastlif.to_nir(neuron, shape=(4,)).tau[0])
    0.0255
    """
    try:
        import nir
    except ImportError as error:
        raise ImportError("to_nir requires nir: pip install 'fastlif[nir]'") from error
    if isinstance(neuron, tuple(_NEURONS.values())):
        kind = next(name for name, preset in _NEURONS.items() if type(neuron) is preset)
        own = (field.name for field in fields(neuron))  # type: ignore[arg-type]
        values = {name: getattr(neuron, name) for name in own if name != "dt"}
        misfits: list[str] = []
    elif isinstance(neuron, Leaky):
        kind, values, misfits = _leaky(neuron, dt)
    elif isinstance(neuron, Lapicque):
        kind, values, misfits = _lapicque(neuron)
    elif isinstance(neuron, LIF):
        kind, values, misfits = _lif(neuron)
    else:
        raise TypeError(
            "neuron must be a LIF, a Lapicque, a Leaky or one of fastlif.presets.nir_*, "
            f"got {described(neuron)}"
        )
    node = getattr(nir, kind)
    resets = "v_reset" in node.__dataclass_fields__
    v_reset = values.pop("v_reset", None)
    if resets:
        values["v_reset"] = 0.0 if v_reset is None else v_reset
        if v_reset is None:
            misfits.append(f"its reset is a subtraction, and that of nir.{kind} is to v_reset")
    elif v_reset is not None:
        misfits.append(f"its reset is to a value, and that of this nir.{kind} by the threshold")
    if misfits:
        message = f"nir.{kind} cannot represent {neuron!r}: {'; '.join(misfits)}"
        if strict:
            raise ValueError(f"{message} (strict=False returns the nearest node)")
        warnings.warn(message, stacklevel=2)
    return node(**_shaped(values, shape))


def _lif(neuron: LIF) -> tuple[str, dict[str, Any], list[str]]:
    misfits = {
        "its input is a voltage": neuron.input != "current",
        f"order={neuron.order!r}: its reset does not follow in the step that fires": neuron.order
        != "at_once",
        "it fires at the threshold, and not only above it": neuron.inclusive
        or neuron.max_spikes > 1,
        "it has a refractory period": "refractory" in neuron.rule.states,
        "its membrane has a floor": neuron.floor is not None,
        "it can fire several spikes per step": neuron.max_spikes > 1,
        "reset_by is not its threshold": neuron.reset_by is not None,
    }
    found = [reason for reason, holds in misfits.items() if holds]
    tau = _product(neuron.R, neuron.C) if neuron.tau is None else neuron.tau
    values = {"tau": tau, "r": neuron.R, "v_leak": neuron.rest}
    if neuron.reset_mechanism == "none":
        if np.any(np.isfinite(neuron.threshold)):
            found.append("it fires without a reset (nir.LI never fires; use threshold=inf)")
        return "LI", values, found
    to = neuron.rest if neuron.reset_to is None else neuron.reset_to
    reset = {"value": to, "zero": 0.0, "subtract": None}[neuron.reset_mechanism]
    return "LIF", {**values, "v_threshold": neuron.threshold, "v_reset": reset}, found


def _lapicque(neuron: Lapicque) -> tuple[str, dict[str, Any], list[str]]:
    constants = neuron.constants(np.dtype(np.float64))
    return _delayed(neuron, {"tau": 1 / constants["rate"], "r": constants["gain"], "v_leak": 0.0})


def _leaky(neuron: Leaky, dt: float | None) -> tuple[str, dict[str, Any], list[str]]:
    if dt is None:
        raise TypeError("dt must be a number for a Leaky, which has no time step, got None")
    step = number("dt", dt, above=0)
    leak = 1 - np.clip(np.asarray(neuron.beta, np.float64), 0, 1)
    if not np.all(leak > 0):
        raise ValueError(
            f"beta must be less than 1, because a nir.LIF leaks, got {np.max(neuron.beta)!s}"
        )
    return _delayed(neuron, {"tau": step / leak, "r": 1 / leak, "v_leak": 0.0})


def _delayed(
    neuron: Lapicque | Leaky, values: dict[str, Any]
) -> tuple[str, dict[str, Any], list[str]]:
    """Return the node of one of snnTorch's neurons."""
    late = getattr(neuron, "reset_delay", True)
    found = ["its reset follows one step late"] if late else []
    if neuron.reset_mechanism == "none":
        found = ["it fires without a reset"]
    reset = 0.0 if neuron.reset_mechanism == "zero" else None
    return "LIF", {**values, "v_threshold": neuron.threshold, "v_reset": reset}, found


def _product(a: Any, b: Any) -> Numbers:
    return np.asarray(a, np.float64) * np.asarray(b, np.float64)


def _shaped(values: dict[str, Any], shape: tuple[int, ...] | None) -> dict[str, Numbers]:
    """Return arrays of one common shape, which has at least one axis."""
    own = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    full_shape = own or (1,) if shape is None else shape
    return {name: np.array(np.broadcast_to(value, full_shape)) for name, value in values.items()}
