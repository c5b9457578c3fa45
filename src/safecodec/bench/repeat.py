"""A program that does one work as often as it is told, for `instructions` to count.

It is run by its path, so that another revision's code is counted in the same way as ours.

What an allocation takes depends on how full the pool of its size is: a block that is the last of a pool, or the first,
takes more each time. How full a pool is changes with anything that the process holds, down to the names of files beside
a module. So the calls are spread over many states of the heap, which are the same few however often there are calls.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from itertools import repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STATES: Final = 64
SIZES: Final = (*range(48, 513, 16), 600, 1500, 6000)
"""All that CPython has pools for, but those of an object and of a float, and some of the C library's."""
HEAD: Final = sys.getsizeof(b"")


def spread(work: Callable[[], object], count: int) -> None:
    """Do a work a number of times, in as many states of the heap as there are."""
    held = []
    done = 0
    for state in range(1, STATES + 1):
        held.append((object(), float(state), [bytes(size - HEAD) for size in SIZES]))
        until = count * state // STATES
        for _ in repeat(None, until - done):
            work()
        done = until


def main(words: Sequence[str]) -> None:
    """Make a work and do it.

    Args:
        words: What makes the work, as ``module:function``; its arguments; the number.
    """
    module, _, function = words[0].partition(":")
    work = getattr(import_module(module), function)(*words[1:-1])
    gc.disable()
    spread(work, int(words[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
