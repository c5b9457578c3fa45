"""The library compared with the oracle: one pair of types, its values, every payload and engine."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, NamedTuple

from safecodec import Codec
from safecodec.avro import Schema
from safecodec.errors import (
    DecodeError,
    EncodeError,
    IncompatibleSchemaError,
    PayloadError,
    SafecodecError,
    SchemaError,
)

from .oracle import Pair, Refused, reads, writes
from .plain import Items, Member, Pairs, Rec
from .realise import Realm
from .types import Space, Type
from .values import Maker, may_refuse, must_refuse

WRONG, FOREIGN, REFUSED, ACCEPTED, ENGINES = "wrong value", "foreign exception", "refused", "accepted", "engines differ"
VALUES = 4
"""How many values are made of each type of a pair."""


class Setup(NamedTuple):
    """A payload and what reads and writes it."""

    payload: Any
    engine: Any


SETUPS = (Setup("avro", "compiled"), Setup("avro", "fastavro"), Setup("msgpack", "compiled"), Setup("json", "compiled"))


@dataclass
class Finding:
    """A disagreement.

    Args:
        fault: Its class.
        check: Which of the checks found it.
        setup: Payload and engine.
        detail: What was expected, and what was found.
        value: The source of the value, where there is one.
        cause: How the value is wrong.
    """

    fault: str
    check: str
    setup: Setup
    detail: str
    value: str = ""
    cause: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        """Traits of two findings that may have one cause: without names, numbers and places."""
        if self.cause:
            return self.fault, self.check, self.cause
        _, _, found = self.detail.rpartition(", got ")
        found = found if re.match(r"\w+Error", found) or self.fault == ENGINES else ""
        cause = re.sub(r"'[^']*'|\"[^\"]*\"|\(at .*|b'.*|[A-Z]\w*\d+|\d+|[\[(].*", "", found)
        return self.fault, self.check, " ".join(cause.split())[:60]


@dataclass
class Outcome:
    """A call's result or error."""

    value: Any = None
    error: Exception | None = None

    def __str__(self) -> str:
        if self.error is None:
            return repr(self.value)[:300]
        return f"{type(self.error).__name__}: {str(self.error)[:300]}"


def outcome_of(call: Callable[[], Any]) -> Outcome:
    """Call, and keep what it raises."""
    try:
        return Outcome(call())
    except Exception as error:
        return Outcome(error=error)


class Side:
    """One type of a pair: realised, with its schema and values."""

    def __init__(self, root: Type, pick: Random) -> None:
        self.space = Space(root)
        self.realm = Realm(self.space)
        self.schema = outcome_of(lambda: Schema(self.realm.type))
        wild = Maker(pick, self.space, wild=True)
        tame = Maker(pick, self.space)
        self.values = [(wild if at == 0 and pick.random() < 0.3 else tame).make() for at in range(VALUES)]
        self.objects = [self.realm.make(value) for value in self.values]


@dataclass
class Expected:
    """The value that is read or written; any: whether a refusal is as right."""

    value: Any = None
    refused: str | None = None
    lenient: bool = False


def converted(pair: Pair, value: Any) -> Expected:
    """The oracle's answer."""
    try:
        found = pair.convert(value)
    except Refused as error:
        return Expected(refused=str(error))
    return Expected(found, lenient=pair.lenient)


@dataclass
class PairCheck:
    """The comparison of one pair.

    Args:
        old: The older type.
        new: The newest.
        view: What frames of both are read as.
        pick: Makes the values.
        setups: The payloads and engines.
    """

    old: Type
    new: Type
    view: Type
    pick: Random
    setups: tuple[Setup, ...] = SETUPS
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> list[Finding]:
        """Compare everything."""
        sides = [Side(root, self.pick) for root in (self.old, self.new, self.view)]
        try:
            self._run(*sides)
        finally:
            for side in sides:
                side.realm.close()
        return self.findings

    def _run(self, old: Side, new: Side, view: Side) -> None:
        for side in (old, new):
            if side.schema.error is not None:
                self._expect_error(side.schema.error, SchemaError, "schema", Setup("any", "any"))
                self.counts[f"types without a schema: {_reason(side.schema.error)}"] += 1
                return
        runs = [_Run(self, setup, old, new, view) for setup in self.setups]
        for run in runs:
            run.all()
        compiled, reference = (next((one for one in runs if one.setup == setup), None) for setup in SETUPS[:2])
        if compiled is not None and reference is not None:
            self._compare(compiled.log, reference.log)

    def _compare(self, one: dict[str, Outcome], other: dict[str, Outcome]) -> None:
        """The engines write the same bytes, and read the same values or refuse."""
        for name in one.keys() | other.keys():
            first, second = one.get(name, Outcome("not called")), other.get(name, Outcome("not called"))
            both = (first.error is None) == (second.error is None)
            if not both or (isinstance(first.value, bytes) and first.value != second.value):
                check = name.rpartition(" ")[0]
                self.find(ENGINES, check, SETUPS[0], f"compiled: {first}; fastavro: {second}", name)

    def find(self, fault: str, check: str, setup: Setup, detail: str, value: str = "", cause: str = "") -> None:
        """Note a disagreement."""
        self.findings.append(Finding(fault, check, setup, detail, value, cause))

    def _expect_error(
        self, error: Exception, wanted: type[Exception], check: str, setup: Setup, value: str = ""
    ) -> None:
        if not isinstance(error, wanted):
            self.find(
                FOREIGN, check, setup, f"expected {wanted.__name__}, got {type(error).__name__}: {error}"[:400], value
            )


def _reason(error: Exception) -> str:
    """An error's text without the types that it names."""
    text = str(error).partition(" (at ")[0]
    for before, after in (("the type ", " is carried"), ("tell apart ", ": all"), ("those of ", ""), ("field ", "")):
        start, found, rest = text.partition(before)
        if found:
            text = f"{start}{before}…{after}{rest.rpartition(after)[2] if after else ''}"
    return text[:100]


class _Run:
    """One pair with one payload and engine."""

    def __init__(self, check: PairCheck, setup: Setup, old: Side, new: Side, view: Side) -> None:
        self.check, self.setup = check, setup
        self.old, self.new, self.view = old, new, view
        self.log: dict[str, Outcome] = {}

    def codec(self, side: Side, **more: Any) -> Outcome:
        """A codec of a type."""
        self.check.counts["codecs"] += 1
        return outcome_of(
            lambda: Codec(
                side.schema.value, subject="s", payload=self.setup.payload, engine=self.setup.engine,
                environment="test", **more,
            )
        )  # fmt: skip

    def all(self) -> None:
        """Make every check."""
        mine = self.codec(self.old, version=1)
        self.log["old alone"] = mine
        if mine.error is not None:
            return self._refuse_type(mine.error)
        old_frames = [self.round_trip("old alone", self.old, mine.value, at) for at in range(VALUES)]
        problems = reads(self.old.space, self.new.space)
        newest: Any = None
        schema: Any = self.old.schema.value
        for source in ("class", "schema"):
            older = schema if source == "class" else schema.json
            made = self.codec(self.new, version=2, older={1: older})
            self.log[f"older as {source}"] = made
            if not self.judge_build(f"older as {source}", made, problems):
                if made.error is not None and not isinstance(made.error, IncompatibleSchemaError):
                    return None
                continue
            newest = made.value if source == "class" else newest
            self.read_all(f"read, older as {source}", made.value, old_frames, Pair(self.old.space, self.new.space))
            self.write_older(source, mine.value, made.value, older)
        if newest is None:
            return None
        new_frames = [self.round_trip("new alone", self.new, newest, at) for at in range(VALUES)]
        self.read_newer(mine.value, new_frames)
        self.read_view(newest, old_frames, new_frames)
        if mine.value.fingerprint() == newest.fingerprint():
            self.read_twin(mine.value, old_frames)
        return None

    def _refuse_type(self, error: Exception) -> None:
        self.check._expect_error(error, SchemaError, "build", self.setup)
        self.check.counts[f"types that {self.setup.payload} refuses: {_reason(error)}"] += 1

    def judge_build(self, name: str, made: Outcome, problems: list[str] | None) -> bool:
        """Compare the verdict on a pair; tells whether there is a codec whose values may be looked at."""
        self.check.counts["verdicts"] += 1
        if made.error is None:
            if problems:
                cause = re.sub(r" at \$.*|\w*\d\w*|[\[(].*?[\])]", "", problems[0])
                self.find(ACCEPTED, f"build, {name}", f"built, expected a refusal: {problems}", cause=cause)
            return not problems
        incompatible = isinstance(made.error, IncompatibleSchemaError) or not isinstance(made.error, SchemaError)
        if not incompatible and (name == "view" or self.codec(self.new, version=1).error is not None):
            self._refuse_type(made.error)
            return False
        if problems == []:
            self.find(REFUSED, f"build, {name}", f"expected a codec, got {made}")
        self.check._expect_error(made.error, SchemaError, f"build, {name}", self.setup)
        return False

    def find(self, fault: str, check: str, detail: str, value: str = "", cause: str = "") -> None:
        self.check.find(fault, check, self.setup, detail, value, cause)

    def find_wrong(self, name: str, side: Side, expected: Expected, found: Outcome) -> None:
        """Note that a value is another."""
        cause = side.realm.difference(expected.value, found.value)
        shown = _spelled(expected)
        self.find(WRONG, name, f"expected {shown}, got {found}", shown, cause)

    # ---- values --------------------------------------------------------------------------------------------------

    def round_trip(self, name: str, side: Side, codec: Any, at: int) -> bytes | None:
        """Write a value and read it back; returns the frame."""
        value = side.values[at]
        wrote = self.log[f"{name}, encode {at}"] = outcome_of(lambda: codec.encode(side.objects[at]))
        self.check.counts["values"] += 1
        if wrote.error is not None:
            self.check._expect_error(wrote.error, EncodeError, f"{name}, encode", self.setup, repr(side.objects[at]))
            if not must_refuse(value, self.setup.payload) and not may_refuse(
                side.space, side.space.root, value, self.setup.payload
            ):
                self.find(REFUSED, f"{name}, encode", f"expected a frame, got {wrote}", repr(side.objects[at]))
            return None
        if must_refuse(value, self.setup.payload):
            self.find(ACCEPTED, f"{name}, encode", "expected a refusal of what stands as Any", repr(side.objects[at]))
            return None
        self.read(f"{name}, decode", side, codec, wrote.value, converted(Pair(side.space, side.space), value), at)
        frame: bytes = wrote.value
        return frame

    def read(self, name: str, side: Side, reader: Any, frame: bytes, expected: Expected, at: int) -> None:
        """Read a frame, and compare."""
        self.check.counts["reads"] += 1
        found = self.log[f"{name} {at}"] = outcome_of(lambda: reader.decode(frame))
        if found.error is not None:
            self.check._expect_error(found.error, PayloadError, name, self.setup, _spelled(expected))
            if expected.refused is None and not expected.lenient:
                self.find(REFUSED, name, f"expected {_spelled(expected)}, got {found}", _spelled(expected))
        elif expected.refused is not None and not self._left_out(expected.refused):
            self.find(ACCEPTED, name, f"expected a refusal ({expected.refused}), got {found}", str(found))
        elif expected.refused is not None:
            self.check.counts["omitted defaults read without their bounds"] += 1
        elif not side.realm.agrees(expected.value, found.value):
            self.find_wrong(name, side, expected, found)

    def _left_out(self, refused: str) -> bool:
        """Tell whether a value beyond its bounds may have been left out as a default, which is read unseen."""
        sides = (self.old, self.new, self.view)
        omits = any(record.omit_defaults for side in sides for record in side.space.records.values())
        return omits and self.setup.payload != "avro" and " is out of (" in refused

    def read_all(self, name: str, reader: Any, frames: list[bytes | None], pair: Pair) -> None:
        """Read what the older type wrote."""
        for at, frame in enumerate(frames):
            if frame is not None:
                self.read(name, self.new, reader, frame, converted(pair, self.old.values[at]), at)

    def write_older(self, source: str, mine: Any, newest: Any, older: Any) -> None:
        """Write the newest type's values as the older one, for its own readers and for the newest's."""
        name = f"write older as {source}"
        made = self.log[name] = self.codec(self.new, version=2, older={1: older}, write_version=1)
        can = writes(self.new.space, self.old.space)
        opaque = source == "schema" and _opaque(self.old.space)
        if not self.judge_build(name, made, None if can is None or opaque else [] if can else ["no value can be"]):
            return
        pair, back = Pair(self.new.space, self.old.space, writing=True), Pair(self.old.space, self.new.space)
        for at, value in enumerate(self.new.values):
            if must_refuse(value, self.setup.payload):
                continue
            expected = converted(pair, value)
            wrote = self.log[f"{name}, encode {at}"] = outcome_of(partial(made.value.encode, self.new.objects[at]))
            self.check.counts["writes"] += 1
            shown = repr(self.new.objects[at])
            if wrote.error is not None:
                self.check._expect_error(wrote.error, EncodeError, f"{name}, encode", self.setup, shown)
                if expected.refused is None and not (
                    expected.lenient or opaque or self._may_refuse(value, expected.value)
                ):
                    self.find(REFUSED, f"{name}, encode", f"expected {_spelled(expected)}, got {wrote}", shown)
            elif expected.refused is not None:
                self.find(ACCEPTED, f"{name}, encode", f"expected a refusal ({expected.refused})", shown)
            else:
                self.read(f"{name}, decode", self.old, mine, wrote.value, expected, at)
                again = converted(back, expected.value)
                self.read(f"{name}, decode as newest", self.new, newest, wrote.value, again, at)

    def _may_refuse(self, value: Any, written: Any) -> bool:
        payload = self.setup.payload
        mine = may_refuse(self.new.space, self.new.space.root, value, payload)
        return mine or may_refuse(self.old.space, self.old.space.root, written, payload)

    def read_newer(self, mine: Any, frames: list[bytes | None]) -> None:
        """Read frames of the newest version by a reader that does not know it: an error, or the oracle's value."""
        pair = Pair(self.new.space, self.old.space)
        problems = pair.problems()
        for at, frame in enumerate(frames):
            if frame is None:
                continue
            found = self.log[f"newer, decode {at}"] = outcome_of(partial(mine.decode, frame))
            self.check.counts["reads of newer versions"] += 1
            if found.error is not None:
                self.check._expect_error(
                    found.error, DecodeError, "newer, decode", self.setup, repr(self.new.objects[at])
                )
                continue
            expected = Expected(refused=str(problems)) if problems else converted(pair, self.new.values[at])
            if expected.refused is not None:
                self.find(
                    ACCEPTED, "newer, decode", f"expected a refusal ({expected.refused}), got {found}", str(found)
                )
            elif not self.old.realm.agrees(expected.value, found.value):
                self.find_wrong("newer, decode", self.old, expected, found)

    def read_view(self, newest: Any, old_frames: list[bytes | None], new_frames: list[bytes | None]) -> None:
        """Read frames of both versions as another type."""
        if self.view.schema.error is not None:
            return
        pairs = [Pair(side.space, self.view.space) for side in (self.old, self.new)]
        made = self.log["view"] = outcome_of(lambda: newest.reader(self.view.schema.value))
        if not self.judge_build("view", made, [one for pair in pairs for one in pair.problems()]):
            return
        for which, side, pair, frames in zip(
            ("old", "new"), (self.old, self.new), pairs, (old_frames, new_frames), strict=True
        ):
            for at, frame in enumerate(frames):
                if frame is not None:
                    self.read(f"view of {which}", self.view, made.value, frame, converted(pair, side.values[at]), at)

    def read_twin(self, mine: Any, old_frames: list[bytes | None]) -> None:
        """Types of one fingerprint read each other's frames as the same values."""
        self.check.counts["twins"] += 1
        twin = self.codec(self.new, version=1)
        pairs = Pair(self.old.space, self.new.space), Pair(self.new.space, self.old.space)
        problems = [one for pair in pairs for one in pair.problems()]
        if twin.error is not None or problems:
            self.find(WRONG, "fingerprint", f"equal fingerprints, {problems or twin}")
            return
        for at, frame in enumerate(old_frames):
            if frame is not None:
                expected = converted(pairs[0], self.old.values[at])
                self.read("fingerprint, new reads old", self.new, twin.value, frame, expected, at)
        for at, value in enumerate(self.new.values):
            wrote = outcome_of(partial(twin.value.encode, self.new.objects[at]))
            if wrote.error is None and not must_refuse(value, self.setup.payload):
                expected = converted(pairs[1], value)
                self.read("fingerprint, old reads new", self.old, mine, wrote.value, expected, at)


def _spelled(expected: Expected) -> str:
    return f"refusal ({expected.refused})" if expected.refused is not None else repr(expected.value)[:300]


def _opaque(space: Space) -> bool:
    """Tell whether a type has a default that only its class knows, as it is made by a function or has no JSON."""
    fields = [one for record in space.records.values() for one in record.fields]
    return any(one.presence in ("default", "factory") and not _has_json(one.default) for one in fields)


def _has_json(value: Any) -> bool:
    match value:
        case Items() | Pairs():
            return not value.items
        case Rec() | Member():
            return False
    inner = getattr(value, "value", value)
    return type(inner) in (type(None), bool, int, str, bytes) or (type(inner) is float and math.isfinite(inner))


__all__ = ["SETUPS", "VALUES", "Finding", "Outcome", "PairCheck", "SafecodecError", "Setup"]
