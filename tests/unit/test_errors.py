"""The tree of errors: classes, texts, copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import golden
from safecodec import errors
from safecodec.errors import DecodeError, EncodeError, SafecodecError
from safecodec.frame import Header, Stamp, peek


def header() -> Header:
    """A header to attach."""
    return peek(golden.frame("avro-v1").frame)


def _made() -> dict[str, SafecodecError]:
    """One error of each class, with every field set."""
    said: dict[str, Any] = {"header": header()}
    foreign: dict[str, Any] = {"looks_like": "JSON", "start": b'{"a": 1}' * 8, "length": 64}
    return {
        "SafecodecError": errors.SafecodecError("root", path="$"),
        "ConfigError": errors.ConfigError("no environment"),
        "SchemaError": errors.SchemaError("two arrays in a union", path="$.a[]"),
        "IncompatibleSchemaError": errors.IncompatibleSchemaError(
            "version 1 does not resolve to version 2", reasons=["no default (at $.b)", "string to long (at $.c)"]
        ),
        "OffloadError": errors.OffloadError("no thread"),
        "LoopBlockedError": errors.LoopBlockedError(verb="decode", size=1_000_000, seconds=0.01234, budget=2e-4),
        "PoolClosedError": errors.PoolClosedError(name="mine"),
        "PoolFullError": errors.PoolFullError(name="mine", queue=7),
        "CacheError": errors.CacheError("no cache"),
        "StoreError": errors.StoreError("get of b'user:7' failed in Redis: TimeoutError"),
        "LoadRefusedError": errors.LoadRefusedError("not now", by="rate"),
        "LoadTimeoutError": errors.LoadTimeoutError("too slow", seconds=5.0),
        "CacheUnavailableError": errors.CacheUnavailableError(
            "the loader failed", key="user:7", verdict="absent", cause=TimeoutError("database")
        ),
        "NoValueError": errors.NoValueError(stamp=Stamp(load_start=1, fresh_for=2, kind="absent"), header=header()),
        "EncodeError": errors.EncodeError("expected int, found str", path="$.users[3].zip"),
        "ValueTooLargeError": errors.ValueTooLargeError(found=11, limit=10),
        "DecodeError": errors.DecodeError("any", **said, path="$.x"),
        "InputTypeError": errors.InputTypeError("a str is no buffer", found="str"),
        "NotAFrameError": errors.NotAFrameError(**foreign),
        "FrameTooShortError": errors.FrameTooShortError(**{**foreign, "looks_like": None, "start": b"", "length": 0}),
        "UnsupportedRevisionError": errors.UnsupportedRevisionError(found=0xFE),
        "HeaderChecksumError": errors.HeaderChecksumError("damaged", expected=1, found=2, **said),
        "ContextMismatchError": errors.ContextMismatchError("another context", expected=1, found=2, **said),
        "UnsupportedFlagsError": errors.UnsupportedFlagsError("compressed", found=0x10, **said),
        "PayloadFormatError": errors.PayloadFormatError("format 7", expected="avro", found=7, **said),
        "EnvironmentMismatchError": errors.EnvironmentMismatchError(
            "e", expected="0" * 8, found="1" * 8, expected_name="production", found_name="staging", **said
        ),
        "SubjectMismatchError": errors.SubjectMismatchError(
            "s", expected="0" * 8, found="1" * 8, expected_name="orders", **said
        ),
        "UnknownVersionError": errors.UnknownVersionError(
            "v", found=9, oldest_reader=8, known=[1, 2], subject="orders", **said
        ),
        "SchemaConflictError": errors.SchemaConflictError(
            "c", version=8, expected="0" * 8, found="1" * 8, subject="orders", **said
        ),
        "PayloadLengthError": errors.PayloadLengthError("l", expected=7, found=8, **said),
        "PayloadTooLargeError": errors.PayloadTooLargeError("t", expected=7, found=8, **said),
        "PayloadChecksumError": errors.PayloadChecksumError("p", expected=7, found=8, **said),
        "StampError": errors.StampError("kind 7", found=bytes(24), **said),
        "PayloadError": errors.PayloadError("2 bytes left over", **said, path="$.users[3].zip"),
    }


MADE = _made()
every_error = pytest.mark.parametrize("error", MADE.values(), ids=MADE.keys())


def _pickled(protocol: int, error: SafecodecError) -> Any:
    return pickle.loads(pickle.dumps(error, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle-{protocol}": partial(_pickled, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def test_every_class_is_here() -> None:
    """No public error of the module is without an example, and all are named in __all__, with the one warning."""
    classes = {
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, SafecodecError) and not name.startswith("_")
    }
    assert set(MADE) == set(errors.__all__) - {"SafecodecLoopWarning"} == classes
    assert {type(error).__name__ for error in MADE.values()} == classes


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@every_error
def test_errors_survive_pickle_and_copy(error: SafecodecError, way: Callable[[Any], Any]) -> None:
    """An error that crosses a process has the same class, fields, header and text."""
    again = way(error)
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)


@every_error
def test_args_carry_the_message(error: SafecodecError) -> None:
    """Code that knows nothing but ``args``, such as Celery's JSON backend, gets the message; what it sets stays."""
    assert error.args == (str(error),)
    other = copy.copy(error)
    other.args = ["before", *other.args]
    assert other.args == pickle.loads(pickle.dumps(other)).args == ("before", str(error))
    assert str(other) == str(error)


HOSTILE_TEXTS = {
    "ANSI": "\x1b[2J\x1b[31mred",
    "lines": "line\r\nERROR forged",
    "surrogate": "\ud800",
    "right to left": "\u202egnirts",
    "NUL": "\0",
    "DEL": "\x7f",
    "line separator": "\u2028",
    "3 MB": "a" * 3_000_000,
}


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_no_text_breaks_out_of_a_message(text: str) -> None:
    """Reason, path and message are printable, of one line and bounded, and encode as UTF-8, whatever is in them."""
    made = [
        errors.PayloadError(f"no {text}", path=f"$[{text}]"),
        errors.PoolClosedError(name=text),
        errors.NotAFrameError(looks_like=text, start=b"", length=0),
        errors.IncompatibleSchemaError(text, reasons=[text] * 50, path=text),
    ]
    late = errors.SafecodecError("later")
    late.reason = late.path = text
    for error in (*made, late):
        assert len(str(error)) <= errors.LONGEST_MESSAGE
        assert str(error).isprintable()
        assert str(error).encode()
        assert error.args == (str(error),)
    for error in made:
        assert len(error.reason) <= errors.LONGEST_REASON
        assert len(error.path) <= errors.LONGEST_PATH
        assert (error.reason + error.path).isprintable()


def test_long_texts_keep_both_ends() -> None:
    """Of a long text the middle is left out: what is wrong comes first, and what to do about it last."""
    error = errors.SchemaError(f"the start {'x' * 1000} the end")
    assert len(error.reason) == errors.LONGEST_REASON
    assert error.reason.startswith("the start xxx")
    assert error.reason.endswith("xxx the end")


def test_many_reasons_are_counted() -> None:
    """A message has the first incompatibilities and the number of the others; the error has them all."""
    reasons = [f"field number {at} has no default (at $.fields[{at}])" for at in range(100)]
    error = errors.IncompatibleSchemaError("version 1 does not resolve to version 2", reasons=reasons)
    assert error.reasons == tuple(reasons)
    shown, _, more = str(error).partition("; and ")
    assert shown == f"{error.reason}: {'; '.join(reasons[: shown.count('field number')])}"
    assert more == f"{100 - shown.count('field number')} more"


@every_error
def test_texts_follow_the_house(error: SafecodecError) -> None:
    """A text has no capital first letter and no full stop; it ends in the path where there is one."""
    text = str(error)
    assert text
    assert text[0] == text[0].lower()
    assert not text.endswith(".")
    assert repr(error) == f"{type(error).__name__}({text!r})"
    if error.path:
        assert text.endswith(f" (at {error.path})")


@every_error
def test_every_error_is_a_value_error_but_the_root(error: SafecodecError) -> None:
    """ValueError catches these, but no call that was not made or was mistaken, and no failed cache: none is a miss.

    Nor is a good frame that says that there is no value: it is a LookupError.
    """
    not_made = isinstance(error, errors.OffloadError)
    failed = isinstance(error, errors.CacheError)
    mistaken = type(error) is errors.InputTypeError
    no_value = type(error) is errors.NoValueError
    other = type(error) is SafecodecError or not_made or failed or mistaken or no_value
    assert isinstance(error, ValueError) != other
    assert isinstance(error, LookupError) == no_value
    assert isinstance(error, RuntimeError) == not_made
    assert isinstance(error, TypeError) == mistaken
    assert not (mistaken and isinstance(error, DecodeError))


def test_an_unavailable_cache_names_its_cause() -> None:
    """The cause is in the message and, in this process, an attribute; a copy has its text; none is said of no cause."""
    cause = TimeoutError("database")
    error = errors.CacheUnavailableError("the loader failed", key="user:7" * 100, verdict="absent", cause=cause)
    assert error.cause is error.__cause__ is cause
    assert str(error).startswith("no answer for the key 'user:7user:7")
    assert str(error).endswith("(absent): the loader failed; the cause is TimeoutError: database")
    assert len(error.key) == 100
    again = pickle.loads(pickle.dumps(error))
    assert (again.cause, again.because) == (None, "TimeoutError: database")
    alone = errors.CacheUnavailableError("no permit", key="k", verdict="absent", cause=None)
    assert (alone.cause, str(alone)) == (None, "no answer for the key 'k' (absent): no permit")


def test_loop_errors_say_what_to_do() -> None:
    """A call that is refused, and one that is warned of, name size, time and the async verb."""
    assert str(MADE["LoopBlockedError"]) == (
        "decode of 1000000 bytes would take 12 ms, and this is the thread of a running event loop, whose budget is 0.2 "
        "ms: await adecode, or call it in another thread"
    )
    warning = errors.SafecodecLoopWarning(verb="encode", size=1_234_567, seconds=0.0567)
    assert str(warning) == (
        "encode of 1200 KB took 57 ms on the thread of a running event loop: await aencode, or call it in another "
        "thread"
    )


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_warning_survives_pickle_and_copy(way: Callable[[Any], Any]) -> None:
    """The warning has the same class, fields and text in another process."""
    warning = errors.SafecodecLoopWarning(verb="decode", size=7, seconds=0.25)
    again = way(warning)
    assert type(again) is errors.SafecodecLoopWarning
    assert isinstance(again, RuntimeWarning)
    assert (again.verb, again.size, again.seconds, str(again)) == ("decode", 7, 0.25, str(warning))


@every_error
def test_only_errors_about_frames_have_headers(error: SafecodecError) -> None:
    """Header is an attribute of every DecodeError and of NoValueError, and of no other error."""
    assert hasattr(error, "header") == isinstance(error, (DecodeError, errors.NoValueError))


def test_fields_are_kept() -> None:
    """Sequences become tuples, the start of foreign bytes is bounded, headers are attached."""
    made: dict[str, Any] = dict(MADE)
    assert made["IncompatibleSchemaError"].reasons == ("no default (at $.b)", "string to long (at $.c)")
    assert made["UnknownVersionError"].known == (1, 2)
    assert made["NotAFrameError"].start == (b'{"a": 1}' * 4)
    assert made["PayloadError"].header == header()
    assert made["FrameTooShortError"].header is None


def test_texts_are_built_from_fields() -> None:
    """The text says what the fields say, and follows them."""
    made: dict[str, Any] = _made()
    assert str(made["IncompatibleSchemaError"]).endswith("no default (at $.b); string to long (at $.c)")
    assert "looks like JSON; 64 bytes, starting with 7b 22" in str(made["NotAFrameError"])
    assert "no format recognised; 0 bytes, starting with nothing" in str(made["FrameTooShortError"])
    assert "0xfe" in str(made["UnsupportedRevisionError"])
    assert "11 bytes" in str(made["ValueTooLargeError"])
    made["PayloadError"].path = "$.other"
    assert str(made["PayloadError"]).endswith("(at $.other)")


def test_subclasses_nest_as_drawn() -> None:
    """A reader may catch the wider verdict: too short is no frame, another context is a failed header check."""
    pairs = [
        (errors.FrameTooShortError, errors.NotAFrameError),
        (errors.ContextMismatchError, errors.HeaderChecksumError),
        (errors.PayloadTooLargeError, errors.PayloadLengthError),
        (errors.IncompatibleSchemaError, errors.SchemaError),
        (errors.ValueTooLargeError, EncodeError),
        (errors.LoopBlockedError, errors.OffloadError),
        (errors.PoolClosedError, errors.OffloadError),
        (errors.PoolFullError, errors.OffloadError),
    ]
    assert all(issubclass(narrow, wide) for narrow, wide in pairs)


def test_no_name_shadows_a_builtin() -> None:
    """Importing everything hides nothing of Python's."""
    import builtins

    assert not set(errors.__all__) & set(dir(builtins))
