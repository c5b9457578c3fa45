"""The tables of docs/reference/type-mapping.md say what the library does."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import ipaddress
import json
import pathlib
import re
import sys
import typing
import uuid
import zoneinfo
from collections import abc
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest

from safecodec import Codec, PayloadFormat, SchemaError
from safecodec.avro import Schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "type-mapping.md"
TEXT = PAGE.read_text("utf-8")
ANYTHING = "…"
WORDS = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    bytes: "binary",
    list: "array",
    dict: "map",
    type(None): "nil",
    datetime.datetime: "timestamp",
}
"""The words of MessagePack's specification for what msgspec makes of bytes whose type it is not told."""


def page_names() -> dict[str, Any]:
    """Names in the cells of the tables: the page's own classes, and those of the standard library and msgspec."""
    module = ModuleType("type_mapping_page")
    sys.modules[module.__name__] = module  # where annotations are looked up
    names = vars(module)
    for source, chosen in (
        (typing, "Annotated Any Literal"),
        (collections, "Counter defaultdict deque"),
        (abc, "Callable Iterator"),
        (datetime, "UTC date datetime time timedelta"),
        (msgspec, "Meta"),
    ):
        names |= {name: getattr(source, name) for name in chosen.split()}
    names |= {"Decimal": decimal.Decimal, "UUID": uuid.UUID, "Path": pathlib.Path, "Fraction": fractions.Fraction}
    names |= {"IPv4Address": ipaddress.IPv4Address, "ZoneInfo": zoneinfo.ZoneInfo, "Pattern": re.Pattern}
    names |= {"array": array.array}
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def rows(table: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    body = re.search(rf"^<!-- types:{table} -->\n.*?\n.*?\n(.*?)^<!-- /types -->$", TEXT, re.MULTILINE | re.DOTALL)
    assert body is not None
    return [
        [cell.strip().strip("`").replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in body[1].splitlines()
    ]


def is_part(shown: Any, whole: Any) -> bool:
    """Tell whether a schema is as it is shown: keys of an object may be left out, and parts be cut short."""
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict):
        return isinstance(whole, dict) and all(key in whole and is_part(shown[key], whole[key]) for key in shown)
    if isinstance(shown, list):
        return isinstance(whole, list) and len(shown) == len(whole) and all(map(is_part, shown, whole))
    return bool(shown == whole) and type(shown) is type(whole)


NAMES = page_names()
ACCEPTED, REFUSED = rows("accepted"), rows("refused")


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row[0])
def test_types_have_the_schema_that_is_shown(row: list[str]) -> None:
    """The schema that is derived from a type is the one in its line."""
    made = Schema(eval(row[0], NAMES)).json
    assert is_part(json.loads(row[1]), made), made


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row[0])
def test_values_are_written_as_is_shown(row: list[str]) -> None:
    """A value is the JSON and of the kind in MessagePack that its line says, and comes back from every payload."""
    type_, value = eval(row[0], NAMES), eval(row[2], NAMES)
    payloads: dict[PayloadFormat, bytes] = {}
    for payload in get_args(PayloadFormat):
        codec: Codec[Any] = Codec(type_, subject="s", version=1, environment="test", payload=payload)
        frame = codec.encode(value)
        read = codec.decode(frame)
        assert (read, type(read)) == (value, type(value))
        payloads[payload] = frame[32:]
    assert payloads["json"].decode() == row[4]
    assert WORDS[type(msgspec.msgpack.decode(payloads["msgpack"]))] == row[3]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0])
def test_types_that_are_refused(row: list[str]) -> None:
    """A type that the page says is refused has no schema, and what it says to use instead has one."""
    with pytest.raises(SchemaError):
        Schema(eval(row[0], NAMES))
    assert Schema(eval(row[1], NAMES)).json


def test_a_union_has_one_order() -> None:
    """The order of an annotation is not that of the schema, which begins with null."""
    made = [Schema(eval(text, NAMES)).json for text in ("str | int | None", "None | int | str", "int | None | str")]
    assert made[0] == made[1] == made[2]
    assert made[0][0] == "null"
