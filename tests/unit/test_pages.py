"""Pages run as they are printed, in the environment of the tests; `make test-pages` runs them beside a wheel alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from run_pages import PageError, blocks, commands, requirements, run  # noqa: E402

PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if blocks(page)]
# A page that installs more is run in tests/integration.
ALONE = [page for page in PAGES if {name.partition("[")[0] for name in requirements(page)} <= {".", "safecodec"}]


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.stem)
def test_pages_run(page: Path, tmp_path: Path) -> None:
    """The blocks of a page do what they say, with nothing in scope that the page does not define."""
    run(page, Path(sys.executable), tmp_path)


def test_pages_are_found() -> None:
    """README.md, the tutorial and every how-to page have blocks, and several of them run here."""
    guides = {*(ROOT / "docs" / "tutorial").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")}
    assert {ROOT / "README.md", *guides} <= set(PAGES)
    assert len(ALONE) > 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```python\nx = 1\n```\nthen\n```python\nassert x == 2\n```\n", r'_page.py", line 6'),
        ("```python\nframes\n```\n", "NameError"),
        ("```console\n$ sh -c 'echo broken; exit 3'\nbroken\n```\n", "ended with 3:\nbroken"),
        ("```console\nmake nothing-of-the-sort\n```\n", "no target 'nothing-of-the-sort'"),
        ("```python\n# examples/caller_threads.py\nprint('other')\n```\n", "no part of examples/caller_threads.py"),
    ],
)
def test_a_block_that_does_not_run_is_found(tmp_path: Path, text: str, fault: str) -> None:
    """A failing line, a name from nowhere, an exit status, a missing target and a changed excerpt are each reported."""
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    (tmp_path / "run").mkdir()
    with pytest.raises(PageError, match=re.escape(fault)):
        run(page, Path(sys.executable), tmp_path / "run")


def test_what_a_page_shows_is_told_apart(tmp_path: Path) -> None:
    """Files are written and can be imported, output is no command, and requirements are those of pip install lines."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n# shop/stock.py\nnumber = 7\n```\n"
        "```python\nfrom shop.stock import number\n\nassert number == 7\n```\n"
        "```console\n$ pip install '.[fastavro]' redis  # both\n$ echo seven >out\nseven\n```\n",
        "utf-8",
    )
    (tmp_path / "run").mkdir()
    run(page, Path(sys.executable), tmp_path / "run")
    assert requirements(page) == [".[fastavro]", "redis"]
    assert commands(blocks(page)[2]) == ["pip install '.[fastavro]' redis  # both", "echo seven >out"]
    assert (tmp_path / "run" / "out").read_text("utf-8") == "seven\n"
