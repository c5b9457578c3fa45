"""What a release publishes is checked: its files, their content and their names."""

from __future__ import annotations

import struct
import sys
import tomllib
import zipfile
from email.message import Message
from email.policy import compat32
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_dist  # noqa: E402
import check_release  # noqa: E402

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
INFO = f"safecodec-{VERSION}.dist-info"

# --- the names of a release


def tags(platform: str) -> str:
    """The platform's part of a file name, as the tools spell it."""
    spelled = {
        "manylinux_2_17_x86_64": "manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64",
        "manylinux_2_17_aarch64": "manylinux2014_aarch64.manylinux_2_17_aarch64",
        "macosx_x86_64": "macosx_10_13_x86_64",
        "macosx_arm64": "macosx_11_0_arm64",
    }
    return spelled.get(platform, platform)


def complete() -> set[str]:
    names = {
        f"safecodec-{VERSION}-{interpreter.rstrip('t')}-{interpreter}-{tags(platform)}.whl"
        for interpreter in check_release.INTERPRETERS
        for platform in check_release.PLATFORMS
    }
    return names | {f"safecodec-{VERSION}.tar.gz"}


def test_a_complete_release_passes() -> None:
    """The sdist and a wheel for each interpreter on each platform are a release: 48 wheels."""
    assert len(complete()) == 49
    assert list(check_release.faults(complete(), VERSION)) == []


@pytest.mark.parametrize("name", sorted(complete()))
def test_every_missing_file_is_seen(name: str) -> None:
    """Whichever file is missing, the release is stopped by one line."""
    assert len(list(check_release.faults(complete() - {name}, VERSION))) == 1


@pytest.mark.parametrize(
    "name",
    [
        f"safecodec-{VERSION}-cp311-cp311-linux_x86_64.whl",
        f"safecodec-{VERSION}-cp311-cp311-manylinux_2_28_x86_64.whl",
        f"safecodec-{VERSION}-cp310-cp310-manylinux_2_17_x86_64.whl",
        f"safecodec-{VERSION}-cp315-cp315t-manylinux_2_17_x86_64.whl",
        f"safecodec-{VERSION}-cp311-cp312-win_amd64.whl",
        f"safecodec-{VERSION}-cp311-cp311-macosx_11_0_universal2.whl",
        f"safecodec-{VERSION}-py3-none-any.whl",
        f"safecodec-{VERSION}.1-cp311-cp311-win_amd64.whl",
        f"safecodec-{VERSION}.zip",
        "notes.txt",
    ],
)
def test_every_other_file_is_seen(name: str) -> None:
    """A wheel of another version, interpreter or platform, and any other file, stop the release."""
    assert list(check_release.faults(complete() | {name}, VERSION)) == [f"{name} is no file of a release of {VERSION}"]


def test_two_wheels_for_one_place_are_seen() -> None:
    """Two wheels between which an installer would have to choose stop the release."""
    second = f"safecodec-{VERSION}-cp311-cp311-macosx_12_0_arm64.whl"
    assert list(check_release.faults(complete() | {second}, VERSION)) == [
        "there are 2 wheels for cp311 on macosx_arm64"
    ]


def test_a_release_has_a_part_of_the_changelog() -> None:
    """A version without its heading and date in the changelog is not released."""
    assert list(check_release.changes_faults("# Changes\n\n## 1.2.3 (2026-01-31)\n", "1.2.3")) == []
    for text in ("", "## 1.2.30 (2026-01-31)\n", "## 1.2.3\n", "### 1.2.3 (2026-01-31)\n"):
        assert len(list(check_release.changes_faults(text, "1.2.3"))) == 1


# --- the content of a wheel

SUFFIX = ".cpython-311-x86_64-linux-gnu.so"


def elf(*sections: str) -> bytes:
    """A 64-bit ELF file with these sections, and nothing in them."""
    names = [*sections, ".shstrtab"]
    text = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    at = [text.index(name.encode() + b"\0") for name in names]
    table = 64 + len(text)
    head = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 0, 0)
    )
    head = head[:60] + struct.pack("<HH", len(names), len(names) - 1)
    headers = b"".join(struct.pack("<II4QII2Q", name, 1, 0, 0, 64, len(text), 0, 0, 1, 0) for name in at)
    return head + text + headers


def metadata(**changes: str) -> bytes:
    message = Message(compat32.clone(max_line_length=0))
    fields = {
        "Name": PROJECT["name"],
        "Version": VERSION,
        "Summary": PROJECT["description"],
        "License-Expression": PROJECT["license"],
        "License-File": "LICENSE",
        "Requires-Python": PROJECT["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    for name, value in {**fields, **changes}.items():
        message[name] = value
    for line in PROJECT["dependencies"]:
        message["Requires-Dist"] = line
    message["Requires-Dist"] = 'rich; extra == "demo"'
    return message.as_bytes()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small package of sources."""
    package = tmp_path / "src" / "safecodec"
    for name in ("__init__.py", "py.typed", "codec.pyx", "codec.pyi", "codec.html", "page.html", "crc32c.c", "x.pxd"):
        package.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    return package


def faults(tmp_path: Path, source: Path, changes: dict[str, bytes | None]) -> list[str]:
    """What is said of that package's wheel with these files changed, added or (None) removed."""
    files: dict[str, bytes | None] = {
        "safecodec/__init__.py": b"",
        "safecodec/py.typed": b"",
        f"safecodec/codec{SUFFIX}": elf(".text", ".dynsym"),
        "safecodec/codec.pyi": b"",
        "safecodec/page.html": b"",
        **{f"{INFO}/{name}": b"" for name in check_dist.DIST_INFO},
        f"{INFO}/METADATA": metadata(),
    }
    wheel = tmp_path / "safecodec.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in {**files, **changes}.items():
            if data is not None:
                archive.writestr(name, data)
    return list(check_dist.wheel_faults(wheel, source, PROJECT))


def test_a_wheel_of_modules_stubs_and_metadata_passes(tmp_path: Path, source: Path) -> None:
    """What is imported and what type checkers read is all that a wheel has."""
    assert faults(tmp_path, source, {}) == []


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("safecodec/codec.pyx", b"", "has safecodec/codec.pyx, which does not belong there"),
        ("safecodec/crc32c.c", b"", "has safecodec/crc32c.c, which does not belong there"),
        ("safecodec/codec.html", b"", "has safecodec/codec.html, which does not belong there"),
        ("tests/conftest.py", b"", "has tests/conftest.py, which does not belong there"),
        ("safecodec/codec.pyi", None, "lacks safecodec/codec.pyi"),
        ("safecodec/py.typed", None, "lacks safecodec/py.typed"),
        (f"{INFO}/licenses/LICENSE", None, f"lacks {INFO}/licenses/LICENSE"),
        (f"safecodec/codec{SUFFIX}", elf(".symtab"), f"has safecodec/codec{SUFFIX} unstripped: .symtab"),
        (f"safecodec/codec{SUFFIX}", elf(".debug_info"), f"has safecodec/codec{SUFFIX} unstripped: .debug_info"),
        (f"safecodec/codec{SUFFIX}", None, "has compiled modules for nothing, and not for one interpreter"),
        (
            f"{INFO}/METADATA",
            metadata(Version="0"),
            f"says Version: 0, and not {VERSION}",
        ),
        (
            f"{INFO}/METADATA",
            metadata(**{"License-Expression": "MIT"}),
            "says License-Expression: MIT, and not Apache-2.0",
        ),
    ],
)
def test_a_wheel_with_a_fault_does_not(tmp_path: Path, source: Path, name: str, data: bytes | None, fault: str) -> None:
    """A file too many or too few, symbols, or metadata that say something else are reported in one line."""
    assert faults(tmp_path, source, {name: data}) == [fault]


def test_only_elf_files_have_sections() -> None:
    """A module of another system is not looked into."""
    assert check_dist.section_names(b"MZ") == set()
    assert check_dist.section_names(elf(".text")) == {".text", ".shstrtab"}
