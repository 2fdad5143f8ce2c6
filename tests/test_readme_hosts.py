"""The README's examples that need another tool: they print what they say."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("host", ["torch", "nengo", "brian2", "dask", "xarray"])
def test_example(host, capsys, monkeypatch, tmp_path):
    pytest.importorskip(host)
    monkeypatch.chdir(tmp_path)  # some write files
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    codes = [block for block in blocks if f"fastlif.interop.{host}" in block]
    assert codes
    for code in codes:
        exec(compile(code, str(README), "exec"), {})
        said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
        assert said
        assert capsys.readouterr().out.splitlines() == said
