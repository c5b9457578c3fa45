"""The sizes of the wheels in dist and of their compiled modules, as tables between the markers of a page.

A marked part begins with ``<!-- sizes:NAME -->`` and ends with ``<!-- /sizes -->``; what is in between is replaced.
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "packages.md"
MARKED = re.compile(r"(<!-- sizes:(?P<name>\w+) -->\n).*?(<!-- /sizes -->)", re.DOTALL)


def kib(size: int) -> str:
    """A number of bytes in KiB."""
    return f"{size / 1024:,.0f} KiB"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown whose first column has names and whose others have numbers."""
    head = list(head)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows))


def module_sizes(wheel: Path) -> dict[str, int]:
    """The bytes of each compiled module of a wheel, by its dotted name."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            re.sub(r"\..*", "", entry.filename).replace("/", "."): entry.file_size
            for entry in archive.infolist()
            if entry.filename.endswith((".so", ".pyd"))
        }


def place(wheel: Path) -> str:
    """The interpreter and the platform that a wheel's name says."""
    _, _, _, interpreter, platform = wheel.stem.split("-")
    return f"{interpreter}, {platform.split('.')[-1]}"


def tables(directory: Path) -> dict[str, str]:
    """The tables by their name in the page."""
    wheels = sorted(directory.glob("*.whl"))
    modules = {wheel: module_sizes(wheel) for wheel in wheels}
    files = [
        *((place(wheel), kib(wheel.stat().st_size), kib(sum(modules[wheel].values()))) for wheel in wheels),
        *(("sdist", kib(sdist.stat().st_size), "") for sdist in directory.glob("*.tar.gz")),
    ]
    first = [wheel for wheel in wheels if "-cp311-" in wheel.name]
    names = sorted({name for wheel in first for name in modules[wheel]})
    return {
        "files": table(("file", "size", "compiled modules, unpacked"), files),
        "modules": table(
            ("module", *map(place, first)),
            ((f"`{name}`", *(kib(modules[wheel].get(name, 0)) for wheel in first)) for name in names),
        ),
    }


def main() -> None:
    """Write the tables of a directory into the page, or print them."""
    parser = argparse.ArgumentParser(description="tabulate the sizes of wheels")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    found = tables(options.directory)
    if options.write:
        PAGE.write_text(MARKED.sub(lambda match: match[1] + found[match["name"]] + match[3], PAGE.read_text()))
    else:
        print("\n".join(found.values()))


if __name__ == "__main__":
    main()
