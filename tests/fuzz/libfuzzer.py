"""One process of `guided.py`: libFuzzer, with counters in the Python modules of safecodec, too."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    with atheris.instrument_imports(include=["safecodec"]):
        from fuzz import guided

        guided.ready()  # imports what safecodec imports late
    # libFuzzer starts itself again to merge, by the shell.
    atheris.Setup([f"{sys.executable} {Path(__file__).resolve()}", *sys.argv[1:]], guided.run)
    atheris.Fuzz()
