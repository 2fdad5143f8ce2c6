"""All cases by the name of their preset, and the code that runs the simulator."""

import warnings

import pytest

from peers import cases, cases_double

TABLES = {name: table for table in (cases, cases_double) for name in table.CASES}


def peer_of(name):
    """Import the module that runs a preset's simulator; skip if the simulator is missing."""
    module = TABLES[name].MODULES[name]
    with warnings.catch_warnings():  # warnings of the simulators themselves
        warnings.simplefilter("ignore")
        return pytest.importorskip(
            f"peers.{module}", reason=f"missing: {module}", exc_type=ImportError
        )
