"""The slips in words: what goes wrong in a replay."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["STORIES", "Story"]


class Story(NamedTuple):
    """One thing that goes wrong.

    Args:
        title: For the table and the page.
        text: What happens, in a sentence or two.
    """

    title: str
    text: str


STORIES: Final = {
    "serializer": Story(
        "The wrong serializer",
        "Staging shares the Redis and the keys and has the wrong serializer: it cannot read production's values, loads"
        " from the database, and writes its own bytes back.",
    ),
    "staging": Story(
        "Staging writes production's keys",
        "Staging has the right serializer, data of its own, and production's Redis.",
    ),
    "newer": Story(
        "A newer writer first",
        "One process already writes version 3, with a field in the middle; the readers know version 2.",
    ),
    "bits": Story("Flipped bits", "A process flips one bit of values that lie in Redis."),
    "cold": Story("A cold cache", "Redis loses every value at once, and keeps running."),
    "lost": Story("Redis is lost", "Redis refuses every connection until it is brought back."),
    "deletes": Story(
        "Deletes on error",
        "As the wrong serializer; and readers of cache-aside delete what they cannot read, before they load.",
    ),
}
"""The slips by the name that the command line has for them."""
