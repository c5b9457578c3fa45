"""The values that are measured."""

from __future__ import annotations

import msgspec


class Session(msgspec.Struct):
    """A record of ten fields, about 200 bytes as MessagePack."""

    user_id: int
    session_id: str
    plan: str
    regions: list[str]
    limits: dict[str, int]
    created_at: float
    expires_at: float
    flags: list[bool]
    note: str | None = None
    score: float = 0.0


class Configuration(msgspec.Struct):
    """A configuration of many rows."""

    version: int
    rows: list[Session]


def session(number: int = 7) -> Session:
    """One session."""
    return Session(
        user_id=1_000_000 + number,
        session_id=f"{number:032x}",
        plan="professional",
        regions=["eu-west-1", "us-east-1"],
        limits={"requests": 1000, "users": 50 + number},
        created_at=1_790_000_000.5,
        expires_at=1_790_003_600.5,
        flags=[True, False, True],
        score=0.75,
    )


def configuration(rows: int) -> Configuration:
    """A configuration of a number of rows."""
    return Configuration(3, [session(number) for number in range(rows)])
