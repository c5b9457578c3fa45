"""What the documentation shows runs."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["tutorial/first-frame.md", "how-to/decode-off-the-loop.md"])
def test_pages_run(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page, one after the other, do what they say."""
    path = DOCS / page
    text = path.read_text()
    module = types.ModuleType("page")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "page", module)
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) > 3
    for block in blocks:
        code = "\n" * text.count("\n", 0, block.start(1)) + block[1]
        exec(compile(code, str(path), "exec"), vars(module))


def test_pages_show_what_the_example_does() -> None:
    """A page that shows part of an example shows it as it is."""
    example = (DOCS.parent / "examples" / "caller_threads.py").read_text()
    page = (DOCS / "how-to" / "caller-threads.md").read_text()
    for block in BLOCK.finditer(page):
        lines = [line.strip() for line in block[1].splitlines()]
        shown = [line.strip() for line in example.splitlines() if '"""' not in line]
        start = shown.index(lines[0])
        assert shown[start : start + len(lines)] == lines
