"""What the figures were measured on."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

from safecodec.frame import crc32c_implementation

from .peers import DISTRIBUTIONS


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine(core: int | None) -> dict[str, object]:
    """Processor, core, interpreter, and the version of each library."""
    return {
        "processor": processor(),
        "core": core,
        "python": platform.python_version(),
        "crc32c": crc32c_implementation(),
        **{name: version(name) for name in DISTRIBUTIONS},
    }
