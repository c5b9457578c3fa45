"""Python code in a process of its own."""

from __future__ import annotations

import subprocess
import sys


def said(code: str, *arguments: str) -> str:
    """What a process prints that ends well and quietly."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
