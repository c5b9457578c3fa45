"""What the figures were measured on."""

from __future__ import annotations

import os
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


def stolen() -> float:
    """Seconds that a hypervisor kept this machine's cores from it so far, in steps of 10 ms; 0.0 where nobody tells."""
    try:
        _, *ticks = Path("/proc/stat").read_text().partition("\n")[0].split()
    except OSError:
        return 0.0
    return int(ticks[7]) / os.sysconf("SC_CLK_TCK")


def machine(core: int | None) -> dict[str, object]:
    """Processor, core, interpreter, and the version of each library."""
    return {
        "processor": processor(),
        "core": core,
        "python": platform.python_version(),
        "crc32c": crc32c_implementation(),
        **{name: version(name) for name in DISTRIBUTIONS},
    }
