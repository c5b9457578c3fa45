"""The instructions that calls took when somebody last looked, by CPython version, and what they depend on."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import safecodec.codec

FOLDER = Path(__file__).parent / "baseline"
COMPILER = re.compile(rb"GCC: \([^)]*\) [\w.]+|clang version [\w.]+")
CYTHON = re.compile(rb"_cython_(\d+_\d+_\w+)")
FLAGS = Path("/proc/cpuinfo")


def module() -> Path:
    """The compiled module that a user's call comes to first."""
    return Path(str(safecodec.codec.__file__))


def is_release(binary: bytes) -> bool:
    """Whether a compiled module is of a release: no other flavour is stripped."""
    return b".symtab" not in binary


def found(pattern: re.Pattern[bytes], binary: bytes) -> str:
    """The last part of a match in a compiled module, or that there is none."""
    match = pattern.search(binary)
    return match[match.lastindex or 0].decode() if match else "unknown"


def vectors() -> str:
    """Whether the C library may use AVX2 to copy and compare bytes, which takes other instructions."""
    return "AVX2" if FLAGS.exists() and "avx2" in FLAGS.read_text().split() else "no AVX2"


def facts() -> dict[str, str]:
    """What the instructions of a call depend on besides our code."""
    binary = module().read_bytes()
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    return {
        "python": platform.python_version(),
        "python's build": " ".join((*platform.python_build(), platform.python_compiler())),
        "compiler": found(COMPILER, binary),
        "cython": found(CYTHON, binary).replace("_", "."),
        "msgspec": version("msgspec"),
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "vectors": vectors(),
        "valgrind": valgrind.stdout.strip(),
    }


@dataclass(frozen=True)
class Baseline:
    """A count of all works.

    Args:
        facts: What it depends on, see `facts`.
        instructions: Of one call of each work, by its name.
    """

    facts: dict[str, str]
    instructions: dict[str, float]

    def save(self, file: Path) -> None:
        """Write it, so that a change of a work changes a line."""
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> Baseline:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: There is none.
        """
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def baseline_file() -> Path:
    """The file of this interpreter's version."""
    return FOLDER / f"cpython-{sys.version_info.major}.{sys.version_info.minor}.json"


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Each fact that is another now."""
    names = dict.fromkeys((*before, *now))
    return [
        f"{name}: {before.get(name)} in the baseline, {now.get(name)} here"
        for name in names
        if before.get(name) != now.get(name)
    ]
