"""Limits: each can be lowered, each is named by the error that comes of it, with what was found and where."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from safecodec import Codec, ConfigError, PayloadError, PayloadTooLargeError, SchemaError
from safecodec.avro import Limits, Schema

NULLS = {"type": "array", "items": "null"}


@pytest.mark.parametrize(
    "wrong", [{"depth": 65}, {"depth": -1}, {"payload": 2**32}, {"empty_items": True}, {"schema_depth": "1"}]
)
def test_limits_are_whole_numbers_within_bounds(wrong: dict[str, Any]) -> None:
    """A limit beyond what is safe, or no number, is refused by its name."""
    with pytest.raises(ConfigError, match=f"the limit {next(iter(wrong))} is a whole number between 0 and"):
        Limits(**wrong)


@pytest.mark.parametrize(
    ("schema", "limits", "data", "reason", "path"),
    [
        ({"type": "array", "items": NULLS}, {"depth": 1}, b"\x02\x00\x00",
         "the value nests too deep, the limit depth is 1 levels, at byte 1 of the payload", "$[0]"),
        (NULLS, {"empty_items": 2}, b"\x06\x00",
         "3 items without a byte are announced, the limit empty_items leaves 2, at byte 0 of the payload", "$"),
        ({"type": "array", "items": NULLS}, {"empty_items": 2}, b"\x04\x04\x00\x02\x00\x00",
         "1 items without a byte are announced, the limit empty_items leaves 0, at byte 3 of the payload", "$[1]"),
    ],
)  # fmt: skip
def test_limits_of_values(schema: Any, limits: dict[str, int], data: bytes, reason: str, path: str) -> None:
    """A payload beyond a limit is refused where it crosses it; with the default limits it is read."""
    Schema(schema).decode(data)
    with pytest.raises(PayloadError) as caught:
        Schema(schema, limits=Limits(**limits)).decode(data)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_the_limit_of_payloads() -> None:
    """A payload longer than the limit is refused before it is read."""
    with pytest.raises(PayloadTooLargeError, match="the payload has 4 bytes, the limit payload is 3") as caught:
        Schema("string", limits=Limits(payload=3)).decode(b"\x06abc")
    assert (caught.value.expected, caught.value.found) == (3, 4)


def test_limits_of_schemas() -> None:
    """A schema's text and depth are bounded, whether it is parsed or derived."""
    with pytest.raises(SchemaError, match="the limit schema_text is 5"):
        Schema('"string"', limits=Limits(schema_text=5))
    with pytest.raises(SchemaError, match="deeper than 1 levels, the limit schema_depth"):
        Schema({"type": "array", "items": NULLS}, limits=Limits(schema_depth=1))
    with pytest.raises(SchemaError, match="deeper than 1 levels, the limit schema_depth"):
        Schema(list[list[int]], limits=Limits(schema_depth=1))


def test_a_codec_s_limits() -> None:
    """A codec's limits hold for all its versions, and its longest payload is theirs unless it is given."""

    def made(**more: Any) -> Codec[Any]:
        return Codec(NULLS, subject="s", version=1, environment="test", limits=Limits(empty_items=2, payload=9), **more)

    assert (made().max_payload, made(max_payload=7).max_payload) == (9, 7)
    for codec in (made(), pickle.loads(pickle.dumps(made()))):
        assert codec.decode(codec.encode([None] * 2)) == [None] * 2
        with pytest.raises(ValueError, match="empty_items"):
            codec.encode([None] * 3)
    with pytest.raises(ConfigError, match="limits are Limits"):
        Codec(NULLS, subject="s", version=1, environment="test", limits=9)  # type: ignore[call-overload]


def test_limits_are_copied_with_a_schema() -> None:
    """A copied or pickled schema keeps its limits."""
    schema = Schema(NULLS, limits=Limits(depth=3))
    for other in (copy.copy(schema), pickle.loads(pickle.dumps(schema))):
        assert other.limits == schema.limits
