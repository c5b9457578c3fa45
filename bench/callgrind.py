"""What callgrind wrote: the cost of each function itself (Valgrind manual, *Callgrind Format Specification*)."""

from __future__ import annotations

import re
from collections import Counter

NAME = re.compile(r"\((?P<id>\d+)\)(?: (?P<name>.*))?")


class Names:
    """Names are written once and by number from then on."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def read(self, text: str) -> str:
        """The name that a position line means."""
        found = NAME.fullmatch(text)
        if found is None:
            return text
        if found["name"] is not None:
            self.known[found["id"]] = found["name"]
        return self.known[found["id"]]


def without_depth(function: str) -> str:
    """A function's name without the mark of a recursion, which callgrind lists apart."""
    return function.partition("'")[0]


def costs(profile: str) -> Counter[tuple[str, str]]:
    """Sum the instructions of each function itself, without those of what it calls.

    Args:
        profile: Text of a file with one event, which is instructions.

    Returns:
        By object file and function.
    """
    total: Counter[tuple[str, str]] = Counter()
    objects, functions = Names(), Names()
    file = function = ""
    is_call = False
    for line in profile.splitlines():
        key, mark, value = line.partition("=")
        if not mark:
            cost = line.split()
            # A line after calls= is what the call cost in there, which is counted where it was spent.
            if len(cost) == 2 and line[0] in "0123456789+-*" and not is_call:
                total[file, function] += int(cost[1])
            is_call = False
        elif key == "ob":
            file = objects.read(value)
        elif key == "cob":
            objects.read(value)
        elif key == "fn":
            function = without_depth(functions.read(value))
        elif key == "cfn":
            functions.read(value)
        elif key == "calls":
            is_call = True
    return total
