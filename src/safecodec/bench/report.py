"""What was measured: saved as JSON, and compared with what was saved before, as ratios and never as times."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError

__all__ = ["Line", "Report", "Worse"]

FORMAT: Final = 1
"""Number of the layout of a saved report."""


@dataclass(frozen=True)
class Line:
    """A work on a sample, by safecodec and by another library.

    Args:
        sample: Its name.
        work: ``encode``, ``decode``, or ``size`` for the bytes that are made.
        peer: The other library.
        ours: Of one call: seconds or instructions; or bytes.
        theirs: The same of the peer.
    """

    sample: str
    work: str
    peer: str
    ours: float
    theirs: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What was measured."""
        return self.sample, self.work, self.peer

    @property
    def ratio(self) -> float:
        """Ours by theirs; lower is better."""
        return self.ours / self.theirs


@dataclass(frozen=True)
class Worse:
    """A ratio that rose.

    Args:
        line: As it is now.
        before: The ratio as it was.
    """

    line: Line
    before: float

    def __str__(self) -> str:
        sample, work, peer = self.line.key
        change = self.line.ratio / self.before - 1
        return f"{sample}: {work} by {peer} was {self.before:.3f} and is {self.line.ratio:.3f}, {change:+.1%}"


@dataclass
class Report:
    """All lines of a run.

    Args:
        unit: Of encode and decode: ``seconds`` or ``instructions``.
        machine: What was measured with.
        lines: What was measured.
        left_out: Why a library was not measured on a sample.
    """

    unit: str
    machine: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def best(self, again: Report) -> Report:
        """Return the best of two runs, ours and theirs: a machine that is shared disturbs, and never helps."""
        others = {line.key: line for line in again.lines}
        pairs = [(line, others.get(line.key, line)) for line in self.lines]
        lines = [replace(one, ours=min(one.ours, two.ours), theirs=min(one.theirs, two.theirs)) for one, two in pairs]
        return Report(self.unit, self.machine, lines, self.left_out)

    def worse_than(self, before: Report, limit: float) -> list[Worse]:
        """Return the lines whose ratio rose by more than a limit.

        Args:
            before: Another run, of the same samples and libraries at least as this one's.
            limit: 0.1 for 10 %.

        Raises:
            ConfigError: The runs cannot be compared: other units, or something was not measured again.
        """
        if self.unit != before.unit:
            raise ConfigError(f"these are {self.unit}, and the saved report has {before.unit}")
        now = {line.key: line for line in self.lines}
        gone = [", ".join(line.key) for line in before.lines if line.key not in now]
        if gone:
            raise ConfigError(f"the saved report has what is not measured now: {'; '.join(gone)}")
        pairs = [(now[line.key], line.ratio) for line in before.lines]
        return [Worse(line, ratio) for line, ratio in pairs if line.ratio > ratio * (1 + limit)]

    def as_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        lines = [asdict(line) | {"ratio": line.ratio} for line in self.lines]
        return {"format": FORMAT, **asdict(self), "lines": lines}

    def save(self, file: Path) -> None:
        """Write it as JSON.

        Raises:
            ConfigError: The file cannot be written.
        """
        try:
            file.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the report cannot be saved in {str(file)!r}: {error.strerror}") from error

    @classmethod
    def load(cls, file: Path) -> Report:
        """Read what `save` wrote.

        Raises:
            ConfigError: The file cannot be read, or holds something else.
        """
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"the saved report {str(file)!r} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"the saved report {str(file)!r} is no JSON: {error}") from error
        try:
            if saved["format"] != FORMAT:
                raise ConfigError(f"{str(file)!r} has format {saved['format']!r}, this release reads {FORMAT}")
            named = ("sample", "work", "peer", "ours", "theirs")
            lines = [Line(*(line[name] for name in named)) for line in saved["lines"]]
            return cls(saved["unit"], saved["machine"], lines, saved["left_out"])
        except (KeyError, TypeError, IndexError) as error:
            raise ConfigError(f"{str(file)!r} is no report of safecodec bench") from error
