"""Nothing leaks: what is done a second time, as often as the first, needs no more memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("leaking.py")
TIMES = {
    "good": 3000,
    "malformed": 12,
    "unwritable": 150,
    "refusing_type": 3000,
    "schemas": 200,
    "pairs": 200,
    "wrong_schemas": 500,
    "derived": 200,
}
"""Often enough for one leaked object a time, or one lost reference to a block of it, to be seen."""
MOST_BLOCKS = 150
MOST_OBJECTS = 10
MOST_KILOBYTES = 1024
ROUNDS = 3
"""What Python keeps for later, such as free lists, may grow in one process by chance: a leak does in all of them."""

# What was freed stays resident there, so that it is noticed when it is used.
counted = pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="memory is kept on purpose")


def growth(name: str, times: int) -> tuple[int, int, int]:
    """How many blocks, objects and resident KB there are more, after a second round of as many times."""
    done = subprocess.run([sys.executable, str(SCRIPT), name, str(times)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    blocks, objects, kilobytes = json.loads(done.stdout)
    print(f"\n{name}, {times} times: {blocks} blocks, {objects} objects, {kilobytes} KB more")
    return blocks, objects, kilobytes


@counted
@pytest.mark.parametrize("name", TIMES)
def test_memory_does_not_grow(name: str) -> None:
    """What is written, read, refused, built or resolved and dropped leaves nothing behind."""
    found: list[tuple[int, int, int]] = []
    for _ in range(ROUNDS):
        blocks, objects, kilobytes = growth(name, TIMES[name])
        if blocks < MOST_BLOCKS and objects < MOST_OBJECTS and kilobytes < MOST_KILOBYTES:
            return
        found.append((blocks, objects, kilobytes))
    pytest.fail(f"blocks, objects and KB more in every process: {found}")


@counted
def test_a_leak_is_seen() -> None:
    """The test above can fail: values that are kept are seen in each of its figures."""
    blocks, objects, kilobytes = growth("planted", 3000)
    assert blocks > MOST_BLOCKS
    assert objects > MOST_OBJECTS
    assert kilobytes > MOST_KILOBYTES
