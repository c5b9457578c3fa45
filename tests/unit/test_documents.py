"""The documents lead where they say."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

import safecodec
from safecodec import avro, errors, frame, offload

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("changelog.d/README.md")})
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:)([^)\s]*)\)")
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)

# The sdist has not all that the pages of a checkout lead to.
pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the pages are those of a checkout")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as the forge makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of ours leads to one that is there, and to a heading that it has."""
    for link in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_has_its_place() -> None:
    """Each page is once in the table of contents, which has no other."""
    index = DOCS / "index.md"
    tables = re.findall(r"^```{toctree}\n(.*?)^```$", index.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    named = [line for table in tables for line in table.splitlines() if line and not line.startswith(":")]
    assert sorted((DOCS / f"{name}.md").resolve() for name in named) == [page for page in PAGES if page != index]


def test_every_limit_is_in_the_table() -> None:
    """The page about hostile input has each limit, in the order of `Limits`, with its default."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,]+) \|", (DOCS / "explanation" / "hostile-input.md").read_text("utf-8"), re.M
    )
    limits = [(one.name, f"{one.default:,}") for one in dataclasses.fields(avro.Limits)]
    assert rows == limits


def test_every_public_name_is_explained() -> None:
    """The API page documents every name that a public module exports, under a module that has it."""
    text = (DOCS / "reference" / "api.md").read_text("utf-8")
    assert ".. automodule:: safecodec.errors\n   :members:\n" in text
    documented = {(errors.__name__, name) for name in errors.__all__}
    module = ""
    for directive, name in re.findall(r"^\.\. (\w+):: ([\w.]+)", text, re.MULTILINE):
        module = name if directive == "currentmodule" else module
        documented.add((module, name))
    for exporter in (safecodec, avro, errors, frame, offload):
        for name in exporter.__all__:
            homes = {home for home, other in documented if other == name}
            assert any(getattr(sys.modules[home], name) is getattr(exporter, name) for home in homes), name
