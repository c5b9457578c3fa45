"""The golden frames of tests/vectors, read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "vectors"


class UserConfigV1(msgspec.Struct):
    """What the vectors named ``*-v1`` hold."""

    user_id: int
    plan: str


class UserConfig(msgspec.Struct):
    """What the vectors named ``*-v2`` hold."""

    user_id: int
    plan: str
    regions: list[str] = []


@dataclass(frozen=True)
class Golden:
    """A frame that every release reads, and what it was made from."""

    name: str
    about: str
    frame: bytes
    payload: bytes
    canonical: str
    header: dict[str, int | str]
    format: str
    subject: str
    version: int
    oldest_reader: int
    environment: str | None
    context: bytes | None

    @property
    def fingerprint(self) -> bytes:
        """The schema's fingerprint, 4 bytes."""
        return bytes.fromhex(str(self.header["fingerprint"]))

    @property
    def write(self) -> dict[str, Any]:
        """The arguments that `pack` makes this frame from."""
        return {
            "format": self.format,
            "subject": self.subject,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "environment": self.environment,
            "oldest_reader": self.oldest_reader,
            "context": self.context,
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
    """Every refusal."""
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
    )
