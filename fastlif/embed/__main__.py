"""Build a shared library of neurons for C and C++: ``python -m fastlif.embed --output DIR``."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Sequence
from typing import Any

import fastlif
from fastlif import presets
from fastlif.embed.library import build
from fastlif.neurons.base import Neuron

_HELP = """\
a neuron, as "LIF(order='at_once', refractory=2)", "presets.nengo_lif()" or, with a name in C,
"cell=Leaky(beta=0.9)"; may be repeated; by default, fastlif's own neurons and all presets with
their default settings"""


def neuron_of(text: str) -> tuple[str, Neuron]:
    """Return the name in C and the neuron that ``text`` describes.

    Raises
    ------
    ValueError
        If it is not the call of a neuron with literal arguments.
    """
    wanted = f"a neuron must be given as NAME=CLASS(argument=value, ...), got {text!r}"
    name, equals, call = text.partition("=")
    if not (equals and name.strip().isidentifier()):
        name, call = "", text
    try:
        node = ast.parse(call.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{wanted}: {error.msg}") from None
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute) and ast.unparse(function.value) in (
        "fastlif", "presets", "fastlif.presets",
    ):  # fmt: skip
        attribute = function.attr
    elif isinstance(function, ast.Name):
        attribute = function.id
    else:
        raise ValueError(wanted)
    available = {"Lapicque": fastlif.Lapicque, "Leaky": fastlif.Leaky, "LIF": fastlif.LIF}
    available |= {preset: getattr(presets, preset) for preset in presets.__all__}
    if attribute not in available:
        raise ValueError(f"{wanted}: the neurons are {', '.join(available)}")
    positional, named = [], {}
    if isinstance(node, ast.Call):
        try:
            positional = [ast.literal_eval(argument) for argument in node.args]
            if any(each.arg is None for each in node.keywords):  # **keywords
                raise ValueError
            named = {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}
        except (ValueError, TypeError):
            raise ValueError(f"{wanted}: arguments must be literals") from None
    create: Any = available[attribute]
    return name.strip() or attribute.lower(), create(*positional, **named)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a library as the command line says, and print where it is."""
    parser = argparse.ArgumentParser("python -m fastlif.embed", description=build.__doc__)
    parser.description = (build.__doc__ or "").partition("\n")[0]
    parser.add_argument("--output", metavar="DIR", required=True, help="folder of the library")
    parser.add_argument("--neuron", action="append", default=[], metavar="NEURON", help=_HELP)
    options = parser.parse_args(arguments)
    if not options.output:
        parser.error("--output must be a folder")
    neurons: dict[str, Neuron] = {}
    try:
        for text in options.neuron:
            name, neuron = neuron_of(text)
            if name in neurons:
                raise ValueError(f"two neurons have the name {name!r}; write NAME={text}")
            neurons[name] = neuron
        library = build(neurons or None, options.output)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    print(library)


if __name__ == "__main__":
    main()
