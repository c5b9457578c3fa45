"""Fail unless the files in dist are what a user should get.

* A wheel has every module, its stubs and its metadata, and nothing else: no sources of compiled modules.
* Compiled modules are stripped.
* The sdist has every file that git has in the parts that are meant for it, and nothing else.
* The metadata say what pyproject.toml says.
"""

from __future__ import annotations

import argparse
import email
import struct
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "safecodec"
SHIPPED_DATA = {".py", ".pyi", ".typed", ".html"}
DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"}
IN_SDIST = ("src", "tests", "docs", "scripts", "examples")
"""The directories of the sdist; of the top directory it has `TOP`."""
TOP = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "Makefile", "README.md", "SECURITY.md", "pyproject.toml", "setup.py"}
WRITTEN = {"PKG-INFO", "setup.cfg"}
"""What setuptools adds to an sdist, beside its egg-info."""


def section_names(data: bytes) -> set[str]:
    """The sections of a 64-bit ELF file of any byte order; empty where it is none."""
    if data[:5] != b"\x7fELF\x02":
        return set()
    order = "<" if data[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}Q", data, 40)
    size, count, names = struct.unpack_from(f"{order}HHH", data, 58)
    headers = [struct.unpack_from(f"{order}II4Q", data, table + size * i) for i in range(count)]
    start = headers[names][4]
    return {data[start + name :].partition(b"\0")[0].decode() for name, *_ in headers}


def expected_files(source: Path, suffix: str) -> set[str]:
    """What of the package a wheel has, given the suffix of its compiled modules."""
    found = set()
    for file in source.rglob("*"):
        name = file.relative_to(source.parent).as_posix()
        if file.suffix == ".pyx":
            found.add(name.removesuffix(".pyx") + suffix)
        elif file.suffix in SHIPPED_DATA and not (file.suffix == ".html" and file.with_suffix(".pyx").exists()):
            found.add(name)
    return found


def differences(found: set[str], expected: set[str]) -> Iterator[str]:
    """One line for each file that is there and should not be, or the other way round."""
    yield from (f"has {name}, which does not belong there" for name in sorted(found - expected))
    yield from (f"lacks {name}" for name in sorted(expected - found))


def metadata_faults(metadata: Message, project: dict[str, object]) -> Iterator[str]:
    """Where the metadata of a wheel or sdist say something else than pyproject.toml."""
    wanted = {
        "Name": project["name"],
        "Version": project["version"],
        "Summary": project["description"],
        "License-Expression": project["license"],
        "License-File": "LICENSE",
        "Requires-Python": project["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    for field, value in wanted.items():
        if metadata[field] != value:
            yield f"says {field}: {metadata[field]}, and not {value}"
    dependencies = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    if dependencies != project["dependencies"]:
        yield f"requires {dependencies}, and not {project['dependencies']}"


def wheel_faults(wheel: Path, source: Path, project: dict[str, object]) -> Iterator[str]:
    """Every fault of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        modules = {name for name in names if name.endswith((".so", ".pyd"))}
        # _slots.cpython-311-x86_64-linux-gnu.so: the name has no dot, the suffix has.
        suffixes = {name.rpartition("/")[2].partition(".")[2] for name in modules}
        if len(suffixes) != 1:
            yield f"has compiled modules for {sorted(suffixes) or 'nothing'}, and not for one interpreter"
            return
        info = f"{PACKAGE}-{project['version']}.dist-info"
        expected = expected_files(source, f".{suffixes.pop()}") | {f"{info}/{name}" for name in DIST_INFO}
        yield from differences(names, expected)
        for name in sorted(modules):
            kept = sorted(s for s in section_names(archive.read(name)) if s == ".symtab" or s.startswith(".debug"))
            if kept:
                yield f"has {name} unstripped: {', '.join(kept)}"
        if f"{info}/METADATA" in names:
            yield from metadata_faults(email.message_from_bytes(archive.read(f"{info}/METADATA")), project)


def tracked() -> set[str]:
    """The files of what an sdist is made of that git has, or would have after git add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *IN_SDIST, *TOP]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def sdist_faults(sdist: Path, expected: set[str], project: dict[str, object]) -> Iterator[str]:
    """Every fault of an sdist, given the files that it should have."""
    top = f"{PACKAGE}-{project['version']}/"
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(top) for member in archive if member.isfile()}
        yield from differences({name for name in names - WRITTEN if ".egg-info/" not in name}, expected)
        information = archive.extractfile(f"{top}PKG-INFO")
        assert information is not None
        yield from metadata_faults(email.message_from_bytes(information.read()), project)


def main() -> None:
    """Check the files that the command line names."""
    parser = argparse.ArgumentParser(description="check wheels and sdists")
    parser.add_argument("file", type=Path, nargs="+")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    count = 0
    for file in parser.parse_args().file:
        if file.suffix == ".whl":
            found = wheel_faults(file, ROOT / "src" / PACKAGE, project)
        else:
            found = sdist_faults(file, tracked(), project)
        for fault in found:
            print(f"{file.name} {fault}", file=sys.stderr)
            count += 1
    sys.exit(bool(count))


if __name__ == "__main__":
    main()
