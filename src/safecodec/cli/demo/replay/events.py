"""What the processes of a replay tell the one that started them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Batch", "Done", "Failure", "Go", "Ready", "Request"]


class Request(NamedTuple):
    """One request, as its sender saw it.

    Args:
        at: When it was due, in seconds since the run's start: the scheduled time in the open loop, so that the time
            that it waited for a busy reader counts.
        seconds: From then until its answer.
        is_wrong: Whether the answer was not the truth, and no error.
        error: The class of the error that the request failed with; empty where it has an answer.
        verdict: The class that the decode of the cached value ended with; empty where it was good.
        source: Where the answer came from.
    """

    at: float
    seconds: float
    is_wrong: bool
    error: str
    verdict: str
    source: str


class Ready(NamedTuple):
    """The process has its connections and has read what it should have read before the start."""


class Go(NamedTuple):
    """The run starts.

    Args:
        start: When, by the monotonic clock that the processes of a machine share.
    """

    start: float


class Batch(NamedTuple):
    """What happened since the last one.

    Args:
        requests: Requests that ended.
        loads: When database loads began, by the monotonic clock.
    """

    requests: list[Request]
    loads: list[float]


class Done(NamedTuple):
    """Everything has been told."""


class Failure(NamedTuple):
    """The process ended by an error that it should not have met.

    Args:
        text: The traceback.
    """

    text: str
