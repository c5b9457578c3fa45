"""``python -m safecodec``: the same as ``safecodec``."""

from __future__ import annotations

import sys

from safecodec.cli import main

if __name__ == "__main__":
    sys.exit(main())
