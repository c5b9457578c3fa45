"""``python -m safecodec.bench``: the same as ``safecodec bench``."""

from __future__ import annotations

import sys

from safecodec.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
