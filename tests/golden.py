"""The golden frames of tests/vectors, read."""

from __future__ import annotations

import datetime
import enum
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec

FOLDER = Path(__file__).parent / "vectors"


class UserConfigV1(msgspec.Struct):
    """The value of the vectors named ``*-v1``."""

    user_id: int
    plan: str


class UserConfig(msgspec.Struct):
    """The value of the vectors named ``*-v2``."""

    user_id: int
    plan: str
    regions: list[str] = []


class Created(msgspec.Struct, tag="created"):
    """A member of a union."""

    at: int


class Deleted(msgspec.Struct, tag="deleted"):
    """Another member."""

    by: str


class Event(msgspec.Struct):
    """The value of the vectors named ``*-union``."""

    event: Created | Deleted


class Profile(msgspec.Struct):
    """The value of the vectors named ``*-missing``."""

    name: str
    age: int | msgspec.UnsetType = msgspec.UNSET


class Priority(enum.IntEnum):
    """An enum of whole numbers."""

    LOW = 1
    HIGH = 3


class Task(msgspec.Struct):
    """The value of the vectors named ``*-int-enum``."""

    priority: Priority


class Place(msgspec.Struct):
    """The value of the vectors named ``*-tuple``."""

    at: tuple[float, str]


class Stock(msgspec.Struct):
    """The value of the vectors named ``*-int-keys``."""

    names: dict[int, str]


class Sparse(msgspec.Struct, omit_defaults=True):
    """The value of the vectors named ``*-omit-defaults``."""

    a: int
    b: int = 7


class Leaves(msgspec.Struct):
    """The value of the vectors named ``*-leaves``."""

    instant: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    local: Annotated[datetime.datetime, msgspec.Meta(tz=False)]
    day: datetime.date
    clock: Annotated[datetime.time, msgspec.Meta(tz=False)]
    zoned: Annotated[datetime.time, msgspec.Meta(tz=True)]
    span: datetime.timedelta
    price: Decimal
    key: UUID
    raw: bytes
    anything: Any


NOON = datetime.datetime(2026, 1, 2, 12, 30, 15, 250_000)
VALUES: dict[str, Any] = {
    "union": Event(Deleted("ann")),
    "missing": Profile("ann"),
    "int-enum": Task(Priority.HIGH),
    "tuple": Place((1.5, "x")),
    "int-keys": Stock({7: "a", -1: "b"}),
    "omit-defaults": Sparse(1),
    "leaves": Leaves(
        instant=NOON.replace(tzinfo=datetime.UTC),
        local=NOON,
        day=NOON.date(),
        clock=NOON.time(),
        zoned=NOON.time().replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))),
        span=datetime.timedelta(days=1, seconds=2, microseconds=3),
        price=Decimal("-1.50"),
        key=UUID(int=255),
        raw=b"\0\xff",
        anything=[None, 1, "x"],
    ),
}
"""The values of vectors ``FORMAT-NAME``, by NAME."""


@dataclass(frozen=True)
class Golden:
    """A frame that every release reads, and what it was made from."""

    name: str
    about: str
    frame: bytes
    payload: bytes
    canonical: str
    header: dict[str, Any]
    format: str
    subject: str
    version: int
    oldest_reader: int
    environment: str | None
    context: bytes | None
    stamp: dict[str, Any] | None

    @property
    def as_dict(self) -> dict[str, Any]:
        """The fields of the header, and the stamp where there is one."""
        return self.header if self.stamp is None else {**self.header, "stamp": self.stamp}

    @property
    def fingerprint(self) -> bytes:
        """The schema's fingerprint, 4 bytes."""
        return bytes.fromhex(str(self.header["fingerprint"]))

    @property
    def write(self) -> dict[str, Any]:
        """The arguments that the oracle's `pack` makes this frame from."""
        return {
            "format": self.format,
            "subject": self.subject,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "environment": self.environment,
            "oldest_reader": self.oldest_reader,
            "context": self.context,
            "stamp": self.stamp,
        }

    @property
    def read(self) -> dict[str, Any]:
        """The arguments of the strictest reader that takes this frame."""
        return {
            "format": self.format,
            "subject": self.subject,
            "environment": self.environment,
            "versions": {self.version: self.fingerprint},
            "context": self.context,
        }

    @property
    def read_lax(self) -> dict[str, Any]:
        """The arguments of the laxest reader: any format and version, so that only checksums stand in the way."""
        return {"subject": self.subject, "environment": self.environment, "context": self.context}


@dataclass(frozen=True)
class Refusal:
    """Bytes that every release refuses, and the class of the error."""

    name: str
    about: str
    frame: bytes
    read: dict[str, Any]
    error: str


@cache
def index() -> dict[str, Any]:
    """The index as it is stored."""
    found: dict[str, Any] = json.loads((FOLDER / "index.json").read_text("utf-8"))
    return found


def _payload(said: dict[str, Any]) -> bytes:
    if "hex" in said:
        return bytes.fromhex(said["hex"])
    return generated(said["generated"])


def generated(length: int) -> bytes:
    """The payload of the large vectors: byte i is (7 * i + i // 256) mod 256."""
    return bytes((7 * i + (i >> 8)) & 0xFF for i in range(length))


def _context(said: str | None) -> bytes | None:
    return None if said is None else bytes.fromhex(said)


def _golden(entry: dict[str, Any]) -> Golden:
    payload = _payload(entry["payload"])
    header = (FOLDER / entry["file"]).read_bytes()
    return Golden(
        name=entry["name"],
        about=entry["about"],
        frame=header + payload if entry["holds"] == "header" else header,
        payload=payload,
        canonical=entry["canonical"],
        header=entry["header"],
        format=entry["format"],
        subject=entry["subject"],
        version=entry["version"],
        oldest_reader=entry["oldest_reader"],
        environment=entry["environment"],
        context=_context(entry["context"]),
        stamp=entry.get("stamp"),
    )


@cache
def frames() -> tuple[Golden, ...]:
    """Every golden frame."""
    return tuple(_golden(entry) for entry in index()["frames"])


def frame(name: str) -> Golden:
    """The golden frame of that name."""
    return next(golden for golden in frames() if golden.name == name)


@cache
def refusals() -> tuple[Refusal, ...]:
    """Every refusal that holds, as no later one replaces it."""
    replaced = {entry.get("replaces") for entry in index()["refusals"]}
    return tuple(
        Refusal(
            name=entry["name"],
            about=entry["about"],
            frame=bytes.fromhex(entry["frame"]),
            read={
                "subject": entry["read"]["subject"],
                "environment": entry["read"]["environment"],
                "format": entry["read"]["format"],
                "versions": {int(number): bytes.fromhex(known) for number, known in entry["read"]["versions"].items()},
                "context": _context(entry["read"]["context"]),
                "max_payload": entry["read"]["max_payload"],
            },
            error=entry["error"],
        )
        for entry in index()["refusals"]
        if entry["name"] not in replaced
    )
