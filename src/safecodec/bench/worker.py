"""A program that does one work on one sample as often as it is told, for `instructions` to count."""

from __future__ import annotations

import gc
import json
import sys
from typing import TYPE_CHECKING

from .measure import WORKS
from .peers import peers_of
from .source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(words: Sequence[str]) -> None:
    """Do a work a number of times.

    Args:
        words: The task as JSON, as `measure` writes it, and the number.
    """
    task = json.loads(words[0])
    codec, samples = Source(**task["source"]).load()
    peers, _ = peers_of(codec, samples[task["sample"]])
    (work,) = (WORKS[task["work"]](peer) for peer in peers if peer.name == task["peer"])
    gc.disable()
    for _ in range(int(words[1])):
        work()


if __name__ == "__main__":
    main(sys.argv[1:])
