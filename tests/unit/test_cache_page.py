"""The pages about the guarded cache say what its code does.

``PYTHONPATH=src python tests/unit/test_cache_page.py`` writes the tables of docs/reference/cache.md.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import safecodec.cache
from safecodec import Codec
from safecodec.cache import RULES, BreakerPolicy, GuardedCache, GuardPolicy, Verdict
from safecodec.cache.answers import VERDICTS, verdict_of
from safecodec.cache.stores.memory import MemoryStore
from safecodec.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = DOCS / "reference" / "cache.md"
EXPLANATION: Final = DOCS / "explanation" / "guard.md"
FOUND: Final = {
    Verdict.OK: "a value that is fresh",
    Verdict.STALE: "a value whose time is over",
    Verdict.MISSING: "nothing",
    Verdict.DELETED: "a tombstone: the value was deleted",
}
"""What is found where no decode fails."""


@dataclass
class Value:
    """A value."""

    number: int


def verdicts(kind: type[DecodeError]) -> Iterator[tuple[str, Verdict]]:
    """The verdicts of a class, each with the frames that it is about."""
    found = {}
    for age, version in (("older", 1), ("newer", 3)):
        error = kind.__new__(kind)
        vars(error).update(header=SimpleNamespace(version=version), start=b"{}")
        found[age] = verdict_of(error, 2)
    if found["older"] is found["newer"]:
        yield "", found["older"]
    else:
        yield " of a version that this reader knows, or an older one", found["older"]
        yield " of a newer version", found["newer"]


def rule(verdict: Verdict) -> str:
    """The last columns of a verdict's line."""
    repair, quarantine, cause = RULES[verdict]
    return f"| `{verdict.name}` | {'yes' if repair else 'no'} | {'yes' if quarantine else 'no'} | {cause} |\n"


def tables() -> dict[str, str]:
    """The page's tables by their marks."""
    columns = "verdict | repaired | quarantined | cause |\n|---|---|---|---|---|\n"
    errors = (f"| `{kind.__name__}`{about} {rule(one)}" for kind in VERDICTS for about, one in verdicts(kind))
    return {
        "verdicts": f"| error | {columns}{''.join(errors)}",
        "found": f"| found | {columns}" + "".join(f"| {about} {rule(one)}" for one, about in FOUND.items()),
    }


def written(page: str) -> str:
    """The page with its tables as they are."""
    for mark, table in tables().items():
        marked = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        assert marked.search(page), mark
        page = marked.sub(lambda found, table=table: f"{found[1]}{table}{found[2]}", page)  # type: ignore[misc]
    return page


def test_the_page_has_every_verdict() -> None:
    """The tables of the page are made from the code."""
    page = PAGE.read_text("utf-8")
    assert written(page) == page


def public(kind: type[DecodeError]) -> Iterator[type[DecodeError]]:
    """The public classes below a class."""
    for below in kind.__subclasses__():
        if below.__module__ == DecodeError.__module__:
            if not below.__name__.startswith("_"):
                yield below
            yield from public(below)


def test_every_error_has_a_verdict_and_every_verdict_a_rule() -> None:
    """Each class of DecodeError is mapped by itself, each verdict has a rule, and each comes from a line."""
    assert set(public(DecodeError)) == set(VERDICTS)
    assert set(RULES) == set(Verdict)
    assert {one for kind in VERDICTS for _, one in verdicts(kind)} | set(FOUND) == set(Verdict)


def test_what_is_kept_aside_is_replaced() -> None:
    """Only what a loaded value replaces is quarantined, and only verdicts that need nobody's attention are not bad."""
    for verdict, (repair, quarantine, cause) in RULES.items():
        assert repair or not quarantine, verdict
        assert (cause == "none") == (verdict in FOUND), verdict


def test_the_page_has_every_counter() -> None:
    """Each counter of a cache is on the page; those of verdicts as one."""
    codec = Codec(Value, subject="value", version=1, environment="production")
    policy = GuardPolicy(load_rate=1, load_concurrency=1, processes=1)
    cache = GuardedCache(MemoryStore(), codec, load=lambda _: None, policy=policy)
    counted = {re.sub("verdict_.*", "verdict_…", name) for name in cache.stats()}
    section = PAGE.read_text("utf-8").partition("## Counters\n")[2].partition("\n## ")[0]
    first = "".join(re.findall(r"^\| (`.*?`) \| ", section, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", first)) == counted


def test_every_number_of_a_policy_is_explained() -> None:
    """The explanation's tables have each number of both policies, in order, with its default."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", EXPLANATION.read_text("utf-8"), re.MULTILINE)
    assert rows == [(one.name, shown(one)) for kind in (GuardPolicy, BreakerPolicy) for one in fields(kind)]


def shown(field: Any) -> str:
    """A default as the page has it."""
    if field.default_factory is not MISSING:
        return "none"
    if field.default is MISSING:
        return "*required*"
    if isinstance(field.default, BreakerPolicy):
        return "below"
    if isinstance(field.default, float):
        return f"{field.default:,g}"
    return f"`{field.default}`" if isinstance(field.default, (str, bool)) else f"{field.default:,}"


def test_every_name_is_on_the_page() -> None:
    """Each public name of the package is documented on the page, or is an error and on the page of the API."""
    page = PAGE.read_text("utf-8")
    named = set(re.findall(r"^\.\. (?:autoclass|data):: (\w+)", page, re.MULTILINE))
    errors = {name for name in safecodec.cache.__all__ if name.endswith("Error")}
    assert set(safecodec.cache.__all__) - errors <= named
    assert all(f"`{name}`" in page for name in errors)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
