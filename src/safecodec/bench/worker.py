"""One work on one sample of a user's, made anew in the process that is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .measure import WORKS
from .peers import peers_of
from .source import Source

if TYPE_CHECKING:
    from .harness import Work

__all__ = ["work_of"]


def work_of(task: str) -> Work:
    """Return a library's work on a sample.

    Args:
        task: As JSON, as `measure` writes it.
    """
    wanted = json.loads(task)
    codec, samples = Source(**wanted["source"]).load()
    peers, _ = peers_of(codec, samples[wanted["sample"]])
    (work,) = (WORKS[wanted["work"]](peer) for peer in peers if peer.name == wanted["peer"])
    return work
