"""Fail unless a directory holds exactly what a release publishes, and unless the tag is this version's.

An upload cannot be taken back: a wheel that is missing, or one that nobody meant to build, has to be seen before it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERPRETERS = ("cp311", "cp312", "cp313", "cp314", "cp314t", "cp315")
PLATFORMS = (
    "manylinux_2_17_x86_64",
    "manylinux_2_17_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_x86_64",
    "macosx_arm64",
    "win_amd64",
    "win_arm64",
)
"""One tag of each wheel; macOS without its version, which is another for each interpreter."""


def meant(name: str, version: str) -> tuple[str, str] | None:
    """The interpreter and the platform that a wheel of this name is for, or None where it is none of ours."""
    match = re.fullmatch(rf"safecodec-{re.escape(version)}-(cp\d+)-(cp\d+t?)-([\w.]+)\.whl", name)
    if match is None or match[2].rstrip("t") != match[1]:
        return None
    tags = {re.sub(r"^macosx_\d+_\d+_", "macosx_", tag) for tag in match[3].split(".")}
    platforms = [platform for platform in PLATFORMS if platform in tags]
    return (match[2], platforms[0]) if len(platforms) == 1 and match[2] in INTERPRETERS else None


def faults(names: Iterable[str], version: str) -> Iterator[str]:
    """One line for each file too many or too few."""
    sdist = f"safecodec-{version}.tar.gz"
    found = Counter[tuple[str, str]]()
    wheels = set(names) - {sdist}
    if sdist not in names:
        yield f"{sdist} is missing"
    for name in sorted(wheels):
        if wheel := meant(name, version):
            found[wheel] += 1
        else:
            yield f"{name} is no file of a release of {version}"
    for interpreter in INTERPRETERS:
        for platform in PLATFORMS:
            if (count := found[interpreter, platform]) != 1:
                yield f"there are {count} wheels for {interpreter} on {platform}"


def changes_faults(changes: str, version: str) -> Iterator[str]:
    """Where the changelog has no part for this version."""
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changes, re.MULTILINE):
        yield f"CHANGELOG.md has no part '## {version} (date)': towncrier build writes it"


def main() -> None:
    """Check the directory and the tag that the command line names."""
    parser = argparse.ArgumentParser(description="check what a release would publish")
    parser.add_argument("directory", type=Path, nargs="?", help="without it, only the tag and the changelog")
    parser.add_argument("--tag", required=True, help="the tag that is released, v1.2.3")
    options = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = [] if options.tag == f"v{version}" else [f"the tag {options.tag} is not that of version {version}"]
    found += changes_faults((ROOT / "CHANGELOG.md").read_text(), version)
    if options.directory:
        found += faults({file.name for file in options.directory.iterdir()}, version)
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
