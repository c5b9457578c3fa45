"""Counts what became of mutated frames; printed at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from safecodec.errors import DecodeError


class Histogram:
    """What became of mutants, by kind: the error's class, ``silently wrong`` or ``crash: ...``."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()

    def meet(self, kind: str, read: Callable[[], Any]) -> str:
        """Reads one mutant, counts and returns the outcome."""
        try:
            read()
        except DecodeError as error:
            outcome = type(error).__name__
        except Exception as error:
            outcome = f"crash: {type(error).__name__}"
        else:
            outcome = "silently wrong"
        self.outcomes[kind, outcome] += 1
        return outcome

    def count(self, *, crash: bool = False, wrong: bool = False, kind: str | None = None) -> int:
        """How many mutants there were, crashed or were served."""
        return sum(
            count
            for (of, outcome), count in self.outcomes.items()
            if (kind is None or of == kind)
            and (not crash or outcome.startswith("crash"))
            and (not wrong or outcome == "silently wrong")
        )

    def lines(self) -> list[str]:
        """The histogram as text."""
        rows = [f"{count:>9,}  {kind:<12} {outcome}" for (kind, outcome), count in sorted(self.outcomes.items())]
        total, wrong, crash = self.count(), self.count(wrong=True), self.count(crash=True)
        return [
            *rows,
            f"{total:>9,}  mutants: silently wrong = {wrong}, crash = {crash}, caught = {total - wrong - crash:,}",
        ]


MUTANTS = Histogram()
