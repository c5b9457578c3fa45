"""The values that are measured: made-up records of a size that is said, and the types of all of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

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


class Sessions(msgspec.Struct):
    """A configuration of many sessions."""

    version: int
    rows: list[Session]


class Status(enum.Enum):
    """An enumeration; its values are its names, as Avro has only these."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


class Address(msgspec.Struct):
    """A record in a record."""

    street: str
    city: str
    country: str


class Account(msgspec.Struct):
    """The record of ten fields: every shape that a service's values have."""

    id: int
    name: str
    email: str
    active: bool
    score: float
    nickname: str | None
    tags: list[str]
    limits: dict[str, int]
    address: Address
    status: Status


class NewerAccount(Account):
    """The record of ten fields, one version on."""

    quota: int = 100


class Event(msgspec.Struct):
    """A small record."""

    id: int
    kind: str
    user: str
    value: float
    seen: bool


class Events(msgspec.Struct):
    """Many small records: what grows by the byte."""

    rows: list[Event]


class Numbers(msgspec.Struct):
    """A record of a hundred integers."""

    values: list[int]


class Configuration(msgspec.Struct):
    """A configuration of many rows of ten fields."""

    version: int
    rows: list[Account]
    revision: int


class Revision(msgspec.Struct):
    """One field of a configuration, its last: all rows are passed on the way."""

    revision: int


class Text(msgspec.Struct):
    """A record of one text."""

    text: str


@dataclass(frozen=True)
class Sample:
    """A value with its type.

    Args:
        name: As tables call it.
        type: A `msgspec.Struct`.
        value: An instance.
        avro_size: Bytes that it has as Avro, where the name says so.
    """

    name: str
    type: Any
    value: Any
    avro_size: int | None = None

    @property
    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        return msgspec.to_builtins(self.value)


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


def sessions(rows: int) -> Sessions:
    """A number of sessions."""
    return Sessions(3, [session(number) for number in range(rows)])


def account(number: int = 7) -> Account:
    """One record of ten fields: 107 bytes of Avro, whichever number below seven million it has."""
    return Account(
        id=1_100_000 + number,
        name="Ada Lovelace",
        email="ada@example.org",
        active=True,
        score=0.75,
        nickname="ada",
        tags=["admin", "beta"],
        limits={"requests": 1000, "seats": 25},
        address=Address("12 St James Square", "Ely", "GB"),
        status=Status.SUSPENDED,
    )


def newer_account() -> NewerAccount:
    """The same record as the newer version has it."""
    fields = {name: getattr(account(), name) for name in Account.__struct_fields__}
    return NewerAccount(**fields, quota=100)


def event(number: int = 7) -> Event:
    """One small record: 54 bytes of Avro."""
    return Event(1_100_000 + number, "page.viewed", "5f0c6e1fa2b94c57b1d8e04e7a12", 12.5, True)


def events(rows: int) -> Events:
    """A number of small records."""
    return Events([event(number) for number in range(rows)])


def numbers() -> Numbers:
    """A hundred integers of one to six bytes."""
    return Numbers([number**5 for number in range(100)])


def configuration(rows: int) -> Configuration:
    """A number of records of ten fields."""
    return Configuration(3, [account(number) for number in range(rows)], 7)


KINDS = ((int, 1_000_000), (str, "twelve chars"), (float, 0.5), (bool, True))
"""What the fields of a wide record are, in turn, and the value of each."""


def wide_type(fields: int, name: str = "Wide") -> Any:
    """A record of a number of fields, each with a default."""
    kinds = (KINDS[number % len(KINDS)] for number in range(fields))
    return msgspec.defstruct(name, [(f"field_{number}", kind, value) for number, (kind, value) in enumerate(kinds)])


def wide(fields: int) -> Sample:
    """A record of a number of fields, with its value."""
    type_ = wide_type(fields)
    return Sample(f"{fields} fields", type_, type_())


ROWS_OF_A_MEGABYTE = 9_800
ACCOUNT = Sample("10 fields, 107 B", Account, account(), 107)
EVENT = Sample("5 fields, 54 B", Event, event(), 54)
NUMBERS = Sample("100 integers", Numbers, numbers())


def big_events(count: int) -> Sample:
    """About a number of megabytes of small records, none of which holds a container."""
    return Sample(f"{count} MB of small records", Events, events(count * 1_000_000 // 54))


def megabytes(count: int) -> Sample:
    """A configuration of about a number of megabytes of Avro."""
    return Sample(f"{count} MB configuration", Configuration, configuration(ROWS_OF_A_MEGABYTE * count))
