"""Verdicts: each error of a decode is one, and each has a rule of what may be done about it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

import safecodec.errors as errors
from safecodec import DecodeError
from safecodec.cache.answers import RULES, VERDICTS, Answer, Cause, Source, Verdict, verdict_of
from safecodec.frame import Header

NEWEST = 3


def kinds(kind: type[DecodeError]) -> list[type[DecodeError]]:
    """A class with all that are derived from it."""
    return [kind, *(one for below in kind.__subclasses__() for one in kinds(below))]


ALL = [
    kind for kind in kinds(DecodeError)
    if kind.__module__.startswith("safecodec") and not kind.__name__.startswith("_") and kind is not DecodeError
]  # fmt: skip


def error_of(kind: type[DecodeError], version: int | None = None) -> DecodeError:
    """An error of a class, with nothing in it but the header of a frame of some version."""
    error = kind.__new__(kind)
    error.__dict__["start"] = b"{"
    header = None
    if version is not None:
        header = header_of(version)
    error.header = header
    return error


def header_of(version: int) -> Header:
    """The header of a frame of a version."""
    from safecodec.frame import pack, peek

    frame = pack(b"x", format="avro", subject="s", version=version, fingerprint=b"abcd", environment="test")
    return peek(frame)


def test_all_errors_are_known() -> None:
    """There is at least one class for each entry of the table, and the table has no class that is gone."""
    assert len(ALL) >= len(VERDICTS)
    assert set(VERDICTS) <= set(ALL)


@pytest.mark.parametrize("kind", ALL)
def test_each_error_is_a_verdict_with_a_rule(kind: type[DecodeError]) -> None:
    """Every class of DecodeError that there is maps to a verdict, with and without a header, and that to a rule."""
    for version in (None, 1, NEWEST, NEWEST + 1):
        verdict = verdict_of(error_of(kind, version), NEWEST)
        assert verdict not in (Verdict.OK, Verdict.STALE, Verdict.MISSING, Verdict.DELETED)
        assert RULES[verdict].cause != "none"


def test_class_that_is_unknown_is_its_parent() -> None:
    """A class that is derived from one in the table is that one's verdict, without an entry of its own."""

    class Odd(errors.PayloadError):
        pass

    class Base(errors.PayloadTooLargeError):
        pass

    assert verdict_of(error_of(Odd), NEWEST) is Verdict.UNREADABLE
    assert verdict_of(error_of(Base), NEWEST) is Verdict.TOO_LARGE


@pytest.mark.parametrize("kind", [errors.UnknownVersionError, errors.PayloadFormatError])
def test_newer_version_is_a_rollout(kind: type[DecodeError]) -> None:
    """Only the frame's version tells a rollout from a version that is gone or another writer's format."""
    older = VERDICTS[kind]
    assert verdict_of(error_of(kind), NEWEST) is older
    assert verdict_of(error_of(kind, NEWEST), NEWEST) is older
    assert verdict_of(error_of(kind, NEWEST + 1), NEWEST) is Verdict.NEWER_VERSION
    assert verdict_of(error_of(errors.PayloadChecksumError, NEWEST + 1), NEWEST) is Verdict.DAMAGED


def test_each_verdict_has_a_rule() -> None:
    """The table of rules is whole, and says who has to act by a name that there is."""
    assert set(RULES) == set(Verdict)
    assert {rule.cause for rule in RULES.values()} == set(get_args(Cause))


def test_what_is_kept_aside_may_be_replaced() -> None:
    """A quarantine is for what a load replaces; what may not be replaced stays where it is."""
    for verdict, rule in RULES.items():
        assert rule.repair or not rule.quarantine, verdict
        assert rule.quarantine == (rule.repair and rule.cause != "none"), verdict


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict.NEWER_RELEASE, Verdict.NEWER_VERSION, Verdict.WRONG_ENVIRONMENT, Verdict.SCHEMA_CONFLICT,
        Verdict.TOO_LARGE,
    ],
)  # fmt: skip
def test_what_others_can_read_is_never_replaced(verdict: Verdict) -> None:
    """A frame that another process can read may not be replaced by one that cannot."""
    assert not RULES[verdict].repair


def test_answer_is_a_tuple_with_names() -> None:
    """An answer has its five parts by name, and no cause unless one is given."""
    answer: Answer[Any] = Answer(1, Source.CACHE, Verdict.OK, 0.5)
    assert answer == (1, Source.CACHE, Verdict.OK, 0.5, None)
    assert [str(one) for one in Source] == ["cache", "load", "last known good", "second copy", "default"]


def test_frame_that_was_cut_is_damaged() -> None:
    """Too few bytes are foreign, unless they begin as a frame does: then somebody has cut one."""
    for start, verdict in ((b"{}", Verdict.FOREIGN_BYTES), (b"\xc1\xde\x01", Verdict.DAMAGED)):
        error = errors.FrameTooShortError(looks_like=None, start=start, length=len(start))
        assert verdict_of(error, NEWEST) is verdict
