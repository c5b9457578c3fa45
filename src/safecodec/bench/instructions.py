"""Instructions of one call, counted by valgrind: they repeat where times do not.

An interpreter, its imports and a codec take far more to get ready than a call takes. So a run of few calls is
subtracted from a run of many.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["WARM", "Program", "ProgramError", "can_count", "per_call"]

WARM: Final = 100
"""Calls in both runs: what only the first calls do is no part of a call."""
TOTAL: Final = "instructions"
REPEAT: Final = Path(__file__).with_name("repeat.py")
_Place = TypeVar("_Place")


class ProgramError(RuntimeError):
    """A program that was to be counted failed; the message is what it said."""


def can_count() -> bool:
    """Tell whether valgrind is installed."""
    return shutil.which("valgrind") is not None


@cache
def steady() -> tuple[str, ...]:
    """Return the words that run a program at the same addresses each time; none where the system does not let us.

    Where an object is decides its hash, where it has no other, and so how dicts of such objects collide.
    """
    words = ("setarch", "-R")
    if shutil.which(words[0]) is None:
        return ()
    return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else ()


@dataclass(frozen=True)
class Program:
    """A process that does one piece of work as often as it is told, see `safecodec.bench.repeat`.

    Args:
        work: What makes the work, as ``module:function``.
        arguments: What that is called with.
        folder: The directory that it runs in.
        environment: All its variables; the seed of hashes, which decides how dicts of texts collide, is added.
        python: The interpreter.
    """

    work: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    python: str = sys.executable

    def run(self, calls: int, *under: str) -> None:
        """Run the program, under another one or as it is.

        Raises:
            ProgramError: It failed, or did not start.
        """
        command = [*under, self.python, "-P", str(REPEAT), self.work, *self.arguments, str(calls)]
        environment = {"PATH": os.environ.get("PATH", ""), **self.environment, "PYTHONHASHSEED": "0"}
        try:
            subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=True)
        except OSError as error:
            raise ProgramError(f"{command[0]} does not start: {error.strerror}") from error
        except subprocess.CalledProcessError as error:
            raise ProgramError(error.stderr.strip() or f"{command[0]} ended with {error.returncode}") from error

    def profile(self, calls: int, tool: str, *options: str) -> str:
        """Run the program under a tool of valgrind.

        Args:
            calls: How often the work is done.
            tool: ``cachegrind`` or ``callgrind``.
            options: Of the tool.

        Returns:
            The text of the file that the tool writes.

        Raises:
            ProgramError: It failed, or there is no valgrind.
        """
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            self.run(calls, *steady(), "valgrind", f"--tool={tool}", f"--{tool}-out-file={out}", *options)
            return out.read_text(encoding="utf-8", errors="replace")

    def total(self, calls: int) -> Counter[str]:
        """Return all instructions of the program, under `TOTAL`."""
        profile = self.profile(calls, "cachegrind", "--cache-sim=no")
        last = profile.rstrip().rpartition("\n")[2]
        return Counter({TOTAL: int(last.removeprefix("summary: "))})

    def instructions(self, calls: int, warm: int = WARM) -> float:
        """Return the instructions of one call of the work, with the loop around it.

        Args:
            calls: How many are counted.
            warm: How many come before.

        Raises:
            ProgramError: It failed, or there is no valgrind.
        """
        self.run(1)  # writes the bytecode that both runs then read
        return per_call(self.total, calls, warm).get(TOTAL, 0.0)


def per_call(count: Callable[[int], Counter[_Place]], calls: int, warm: int = WARM) -> dict[_Place, float]:
    """Return what one call costs, by place, the most expensive first.

    Args:
        count: Counts by place what a number of calls costs, and all around them.
        calls: How many are counted.
        warm: How many come before them, in both runs.
    """
    before, after = count(warm), count(warm + calls)
    after.subtract(before)
    return {place: total / calls for place, total in after.most_common() if total > 0}
