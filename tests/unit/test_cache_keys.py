"""Physical keys: no two triples have one, no prefix is another's, and each key is in one slot with its side keys."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safecodec.cache.keys import Keys, escaped_name
from safecodec.errors import ConfigError, InputTypeError

SPECIAL = st.sampled_from(list("%{}:aA%5B25é 　\u2028\u202e\x00\x7f\x85\ufeff\U0001f600\n\t"))
TEXTS = st.text(SPECIAL | st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXTS.filter(bool)
LOGICAL = (
    TEXTS | st.binary(max_size=12) | st.lists(st.sampled_from([b"\xff", b"\x80", b"%", b"\xc3", b"\xa9"])).map(b"".join)
)
TRIPLES = st.tuples(NAMES, NAMES, LOGICAL)
SUFFIXES = ["lease", "bad", "good", "v2-1a2b3c4d"]


def triple(key: bytes) -> tuple[bytes, ...]:
    """The three parts that a value's key was made of."""
    environment, subject, rest = key.split(b":", 2)
    return tuple(map(unquote_to_bytes, (environment, subject, rest)))


@given(TRIPLES)
@example(("production", "user-config", "42"))
@example(("a:b", "c", "d"))
@example(("a", "b:c", "d"))
@example(("%3A", ":", b"%3A"))
def test_a_key_says_what_it_was_made_of(parts: tuple[str, str, str | bytes]) -> None:
    """Environment, subject and logical key can be read out of a key again, so that no two triples have one key."""
    environment, subject, logical = parts
    key = Keys(environment, subject).value(logical)
    assert triple(key) == (environment.encode(), subject.encode(), Keys.logical(logical))


@given(TRIPLES)
def test_keys_are_lines_without_braces(parts: tuple[str, str, str | bytes]) -> None:
    """A key is UTF-8 without braces, whitespace and control characters, in which each % begins an escape."""
    key = Keys(*parts[:2]).value(parts[2])
    text = key.decode()
    assert not re.search(r"[{}\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff]", text)
    assert len(text.split()) == 1
    assert re.fullmatch(r"([^%]|%[0-9A-F]{2})*", text, re.DOTALL)


@given(TRIPLES, TRIPLES)
@example(("prod", "a", "b"), ("prod:a", "b", "c"))
@example(("prod", "a", "b"), ("production", "a", "b"))
@example(("a{b", "c", "d"), ("a", "b", "c"))
def test_no_name_spells_the_beginning_of_anothers_keys(one: tuple[str, str, Any], other: tuple[str, str, Any]) -> None:
    """A pattern of an environment, or of one and a subject, matches the keys of these alone; side keys likewise."""
    keys = Keys(*one[:2])
    key, side = keys.value(one[2]), keys.side(one[2], "lease")
    environment, subject = (escaped_name("environment", other[0]), escaped_name("subject", other[1]))
    for found, start in ((key, b""), (side, b"{")):
        assert found.startswith(start + environment + b":") == (one[0] == other[0])
        assert found.startswith(start + environment + b":" + subject + b":") == (one[:2] == other[:2])


def hash_tag(key: bytes) -> bytes:
    """The part of a key that Redis Cluster hashes, by its specification."""
    opening = key.find(b"{")
    closing = key.find(b"}", opening + 1)
    return key if opening < 0 or closing <= opening + 1 else key[opening + 1 : closing]


@given(TRIPLES, st.sampled_from(SUFFIXES), st.sampled_from(SUFFIXES))
def test_side_keys_are_in_the_slot_of_the_value(parts: tuple[str, str, Any], one: str, other: str) -> None:
    """All keys of a value have one hash tag, which is the value's whole key; they differ from it and each other."""
    keys = Keys(*parts[:2])
    value, first, second = keys.value(parts[2]), keys.side(parts[2], one), keys.side(parts[2], other)
    assert hash_tag(value) == hash_tag(first) == hash_tag(second) == value
    assert value not in (first, second)
    assert (first == second) == (one == other)
    assert first == b"{" + value + b"}:" + one.encode()


@given(TEXTS)
def test_a_text_and_its_bytes_are_one_key(text: str) -> None:
    """A str and its UTF-8 are one logical key, of which the context of a frame is made."""
    keys = Keys("production", "user")
    assert keys.value(text) == keys.value(text.encode())
    assert keys.logical(text) == keys.logical(text.encode()) == text.encode()


def test_usual_keys_stay_as_they_are() -> None:
    """Letters, digits, colons in a key and usual punctuation are not escaped."""
    keys = Keys("production", "user-config")
    for key in ("42", "tenant:7/größe.v2", "a,b;c=d?e&f#g(h)[i]~*!'\"\\|<>^`@$+"):
        assert keys.value(key) == f"production:user-config:{key}".encode()
    assert Keys("a:b", "c%").value("{x} y") == b"a%3Ab:c%25:%7Bx%7D%20y"


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        (lambda: Keys("", "user"), ConfigError, "the environment of a key is empty"),
        (lambda: Keys("production", ""), ConfigError, "the subject of a key is empty"),
        (lambda: Keys("\ud800", "user"), ConfigError, "the environment .* has half a surrogate pair"),
        (lambda: Keys("production", "user").value("\udc80"), ConfigError, "the key .* has half a surrogate pair"),
        (lambda: Keys(b"production", "user"), InputTypeError, "the environment of a key is a str, found bytes"),  # type: ignore[arg-type]
        (lambda: Keys("production", "user").value(7), InputTypeError, "a key is str or bytes, found int"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_key(call: Any, error: type[Exception], reason: str) -> None:
    """Names that are empty or no text, and keys of other types, are mistakes of the caller."""
    with pytest.raises(error, match=reason):
        call()
