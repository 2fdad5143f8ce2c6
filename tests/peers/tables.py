"""All cases by their preset's name, and what runs a preset's peer."""

import warnings

import pytest

from peers import cases, cases_double

TABLES = {name: table for table in (cases, cases_double) for name in table.CASES}


def peer_of(name):
    """Import what runs a preset's peer; skip where the peer is missing."""
    module = TABLES[name].MODULES[name]
    with warnings.catch_warnings():  # the peers' own, at their import
        warnings.simplefilter("ignore")
        return pytest.importorskip(
            f"peers.{module}", reason=f"missing: {module}", exc_type=ImportError
        )
