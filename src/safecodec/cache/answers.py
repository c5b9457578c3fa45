"""Answers of a guarded cache: where a value came from, how old it is, and what was found in the store.

Bytes that cannot be read are a *verdict*, not a miss. `RULES` says for each what a cache may do about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from ..errors import (
    ContextMismatchError,
    DecodeError,
    EnvironmentMismatchError,
    FrameTooShortError,
    HeaderChecksumError,
    NotAFrameError,
    PayloadChecksumError,
    PayloadError,
    PayloadFormatError,
    PayloadLengthError,
    PayloadTooLargeError,
    SchemaConflictError,
    StampError,
    SubjectMismatchError,
    UnknownVersionError,
    UnsupportedFlagsError,
    UnsupportedRevisionError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

MAGIC: Final = b"\xc1\xde"
"""The first bytes of a frame."""
Cause: TypeAlias = Literal["none", "corruption", "foreign writer", "rollout"]
"""A verdict needs the attention of nobody, of the store's operator, of another writer's owner, or of a deployment."""


class Source(StrEnum):
    """Where an answer's value came from."""

    CACHE = "cache"
    LOAD = "load"
    LAST_KNOWN_GOOD = "last known good"
    SECOND_COPY = "second copy"
    DEFAULT = "default"


class Verdict(StrEnum):
    """What a cache found under a key in its store."""

    OK = "ok"
    STALE = "stale"
    MISSING = "missing"
    DELETED = "deleted"
    FOREIGN_BYTES = "foreign bytes"
    DAMAGED = "damaged"
    WRONG_KEY = "wrong key"
    NEWER_RELEASE = "newer release"
    WRONG_FORMAT = "wrong format"
    WRONG_ENVIRONMENT = "wrong environment"
    WRONG_SUBJECT = "wrong subject"
    NEWER_VERSION = "newer version"
    RETIRED_VERSION = "retired version"
    SCHEMA_CONFLICT = "schema conflict"
    TOO_LARGE = "too large"
    BAD_STAMP = "bad stamp"
    UNREADABLE = "unreadable"


class Rule(NamedTuple):
    """What a cache may do about a verdict.

    Args:
        repair: Whether a loaded value may take the place of what is there. Where not, it goes to a key of this reader's
            version beside it.
        quarantine: Whether what is there is kept aside before a loaded value takes its place.
        cause: Who has to act.
    """

    repair: bool
    quarantine: bool
    cause: Cause


RULES: Final[Mapping[Verdict, Rule]] = {
    Verdict.OK: Rule(True, False, "none"),
    Verdict.STALE: Rule(True, False, "none"),
    Verdict.MISSING: Rule(True, False, "none"),
    Verdict.DELETED: Rule(True, False, "none"),
    Verdict.FOREIGN_BYTES: Rule(True, True, "foreign writer"),
    Verdict.DAMAGED: Rule(True, True, "corruption"),
    Verdict.WRONG_KEY: Rule(True, True, "corruption"),
    Verdict.NEWER_RELEASE: Rule(False, False, "rollout"),
    Verdict.WRONG_FORMAT: Rule(True, True, "foreign writer"),
    Verdict.WRONG_ENVIRONMENT: Rule(False, False, "foreign writer"),
    Verdict.WRONG_SUBJECT: Rule(True, True, "foreign writer"),
    Verdict.NEWER_VERSION: Rule(False, False, "rollout"),
    Verdict.RETIRED_VERSION: Rule(True, True, "rollout"),
    Verdict.SCHEMA_CONFLICT: Rule(False, False, "rollout"),
    Verdict.TOO_LARGE: Rule(False, False, "foreign writer"),
    Verdict.BAD_STAMP: Rule(True, True, "corruption"),
    Verdict.UNREADABLE: Rule(True, True, "corruption"),
}
"""What may be done about each verdict."""

VERDICTS: Final[Mapping[type[DecodeError], Verdict]] = {
    FrameTooShortError: Verdict.FOREIGN_BYTES,
    NotAFrameError: Verdict.FOREIGN_BYTES,
    UnsupportedRevisionError: Verdict.NEWER_RELEASE,
    ContextMismatchError: Verdict.WRONG_KEY,
    HeaderChecksumError: Verdict.DAMAGED,
    UnsupportedFlagsError: Verdict.NEWER_RELEASE,
    PayloadFormatError: Verdict.WRONG_FORMAT,
    EnvironmentMismatchError: Verdict.WRONG_ENVIRONMENT,
    SubjectMismatchError: Verdict.WRONG_SUBJECT,
    UnknownVersionError: Verdict.RETIRED_VERSION,
    SchemaConflictError: Verdict.SCHEMA_CONFLICT,
    PayloadTooLargeError: Verdict.TOO_LARGE,
    PayloadLengthError: Verdict.DAMAGED,
    PayloadChecksumError: Verdict.DAMAGED,
    StampError: Verdict.BAD_STAMP,
    PayloadError: Verdict.UNREADABLE,
}
"""The verdict of each class of `DecodeError`; see `verdict_of` for those that the frame's version decides."""


def verdict_of(error: DecodeError, newest: int) -> Verdict:
    """Return the verdict that an error of a decode is.

    A frame of a version that this reader does not know is a rollout's where it is newer. One in another payload format
    is as well: the format may change with a version.

    Args:
        error: The error.
        newest: The newest version that the reader knows.
    """
    if isinstance(error, FrameTooShortError) and error.start.startswith(MAGIC):
        return Verdict.DAMAGED
    verdict = next(VERDICTS[kind] for kind in type(error).__mro__ if kind in VERDICTS)
    version = getattr(error.header, "version", 0)
    if verdict in (Verdict.RETIRED_VERSION, Verdict.WRONG_FORMAT) and version > newest:
        return Verdict.NEWER_VERSION
    return verdict


class Answer(NamedTuple, Generic[T]):
    """An answer of a guarded cache.

    Args:
        value: The value; None where the source has none.
        source: Where the value came from.
        verdict: What was found in the store under the key; None where the store did not answer.
        age: Seconds since the load of the value began; None where its frame has no stamp, or for a default.
        cause: Why the answer is not a fresh value: the error of the decode, the store or the load; else None.
    """

    value: T | None
    source: Source
    verdict: Verdict | None
    age: float | None
    cause: BaseException | None = None
