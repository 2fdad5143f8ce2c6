"""Skip tests that require a tool that is not installed."""

import importlib.util

import pytest

from fastlif.execution import plan

# Modules whose examples need more than the tool in their name.
MORE = {"fastlif.interop.torch.convert": "snntorch"}


def pytest_collection_modifyitems(items):
    """Skip the examples of ``fastlif.interop.x`` if x cannot be imported."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.name.startswith("fastlif.interop."):
            tools = [item.name.split(".")[2]]
            tools += [tool for module, tool in MORE.items() if item.name.startswith(module)]
            for tool in tools:
                if importlib.util.find_spec(tool) is None:
                    item.add_marker(pytest.mark.skip(reason=f"{tool} is not installed"))


@pytest.fixture(autouse=True, scope="session")
def threads_as_requested():
    """Let small runs, too, use as many threads as a test asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_LEAST_SHARE", 1)
        patch.setattr(plan, "_SURELY_WORTH", 0)
        yield
