"""The oracle of pairs of types says what docs/reference/type-pairs.md says, row by row, on cases written by hand."""

from __future__ import annotations

import ast
import datetime
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pairs import oracle, plain
from pairs.oracle import Pair, Refused, reads, writes
from pairs.plain import In, Items, Loose, Member, Pairs, Rec
from pairs.types import NONE, Field, Leaf, Map, Record, Ref, Seq, Space, Tuple, Type, Union, Values, optional

INT, FLOAT, STR, BYTES, ANY = Leaf("int"), Leaf("float"), Leaf("str"), Leaf("bytes"), Leaf("any")
NEVER = "never"
"""No value can be read or written: a refusal when a codec is built."""
BAD = "bad"
"""The value is refused."""


def record(name: str = "R", /, *fields: Field, lib: str = "struct", **options: Any) -> Record:
    """A record whose id is its name."""
    return Record(options.pop("id", name), name, lib, fields, **options)


def literal(*values: str | int) -> Values:
    """A Literal."""
    return Values("l", values)


def answer(writer: Type, reader: Type, value: Any, *, writing: bool = False) -> Any:
    """The value, or how it is refused."""
    one, other = Space(writer), Space(reader)
    if (writes(one, other) is False) if writing else reads(one, other):
        return NEVER
    try:
        return Pair(one, other, writing=writing).convert(value)
    except Refused:
        return BAD


UTC_NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
LEAVES = [
    ("the same type", INT, INT, 2**63 - 1, 2**63 - 1, 2**63 - 1),
    ("an int that a float holds", INT, FLOAT, 2**53, 2.0**53, 2.0**53),
    ("an int that no float holds", INT, FLOAT, 2**53 + 1, BAD, BAD),
    ("a whole float", FLOAT, INT, 7.0, NEVER, 7),
    ("a float with a fraction", FLOAT, INT, 7.5, NEVER, BAD),
    ("no number", FLOAT, INT, math.nan, NEVER, BAD),
    ("infinity", FLOAT, INT, math.inf, NEVER, BAD),
    ("text", STR, BYTES, "é", b"\xc3\xa9", b"\xc3\xa9"),
    ("bytes that are UTF-8", BYTES, STR, b"\xc3\xa9", "é", "é"),
    ("bytes that are not", BYTES, STR, b"\xff", BAD, BAD),
    ("aware against naive", Leaf("aware"), Leaf("naive"), UTC_NOON, NEVER, NEVER),
    ("an unspecified datetime is aware", Leaf("aware"), Leaf("datetime"), UTC_NOON, UTC_NOON, UTC_NOON),
    ("Decimal against str", Leaf("decimal"), STR, Decimal(1), NEVER, NEVER),
    ("Decimal against float", Leaf("decimal"), FLOAT, Decimal(1), NEVER, NEVER),
    ("bool against int", Leaf("bool"), INT, True, NEVER, NEVER),
    ("Any against Any", ANY, ANY, Loose([1]), Loose([1]), Loose([1])),
    ("Any against another", ANY, STR, Loose("x"), NEVER, NEVER),
    ("another against Any", STR, ANY, "x", NEVER, NEVER),
    ("bounds of the reader", INT, Leaf("int", (("ge", 0),)), -1, BAD, BAD),
    ("bounds of the writer", Leaf("int", (("ge", 0),)), INT, -1, -1, -1),
    ("bounds after a promotion", INT, Leaf("float", (("lt", 1.0),)), 1, BAD, BAD),
    ("bounds of a length", Seq("list", INT), Seq("list", INT, (("max_length", 1),)), Items("list", (1, 2)), BAD, BAD),
    ("a pattern", STR, Leaf("str", (("pattern", "^a$"),)), "a", "a", "a"),
    ("another pattern", STR, Leaf("str", (("pattern", "^a$"),)), "b", BAD, BAD),
]
ENUMS = [
    ("every value of the writer", literal("a"), literal("b", "a"), "a", "a", "a"),
    ("not every value", literal("a", "b"), literal("a"), "a", NEVER, "a"),
    ("a value that the older one lacks", literal("a", "b"), literal("a"), "b", NEVER, BAD),
    ("no value in common", literal("a"), literal("b"), "a", NEVER, NEVER),
    ("numbers are no texts", literal(1), literal("1"), 1, NEVER, NEVER),
    ("a class against a Literal", Values("e", ("a",), "Enum", "E"), literal("a"), Member("e", "a"), "a", "a"),
    ("a Literal against a class", literal("a"), Values("e", ("a",), "StrEnum", "E"), "a", Member("e", "a"),
     Member("e", "a")),
    ("an enum against str", literal("a"), STR, "a", NEVER, NEVER),
    ("int against an enum", INT, literal(1), 1, NEVER, NEVER),
]  # fmt: skip
LIST = Items("list", (1, 2, 1))
CONTAINERS = [
    ("a list against a set", Seq("list", INT), Seq("set", INT), LIST, Items("set", (1, 2)), Items("set", (1, 2))),
    ("a set against a tuple", Seq("set", INT), Seq("tuple", FLOAT), Items("set", (1, 2)),
     Items("tuple", (1.0, 2.0), ordered=False), Items("tuple", (1.0, 2.0), ordered=False)),
    ("items by their pair", Seq("list", INT), Seq("list", FLOAT), Items("list", (2**53 + 1,)), BAD, BAD),
    ("text keys against others", Map(STR, INT), Map(INT, INT), Pairs(()), NEVER, NEVER),
    ("text keys against bytes", Map(STR, INT), Map(BYTES, INT), Pairs(()), NEVER, NEVER),
    ("keys by their pair", Map(INT, STR), Map(FLOAT, BYTES), Pairs(((1, "a"),)), Pairs(((1.0, b"a"),)),
     Pairs(((1.0, b"a"),))),
    ("tuples of one length", Tuple((INT, STR)), Tuple((FLOAT, STR)), Items("tuple", (1, "a")),
     Items("tuple", (1.0, "a")), Items("tuple", (1.0, "a"))),
    ("tuples of another length", Tuple((INT,)), Tuple((INT, INT)), Items("tuple", (1,)), NEVER, NEVER),
    ("a tuple of one type against a fixed one", Seq("tuple", INT), Tuple((INT,)), Items("tuple", (1,)), NEVER, NEVER),
    ("a dict against a record", Map(STR, INT), record(), Pairs(()), NEVER, NEVER),
    ("a list against a leaf", Seq("list", INT), INT, Items("list", ()), NEVER, NEVER),
]  # fmt: skip
A = Field("a", INT)
A_SEVEN = Field("a", INT, "default", 7)
A_MISSING = Field("a", INT, "missing")
NOTHING, ONE, SEVEN = Rec("R", {}), Rec("R", {"a": 1}), Rec("R", {"a": 7})
RECORDS = [
    ("the field's pair", record("R", A), record("R", Field("a", FLOAT)), ONE, Rec("R", {"a": 1.0}),
     Rec("R", {"a": 1.0})),
    ("fields' pairs that do not resolve", record("R", A), record("R", Field("a", STR)), ONE, NEVER, NEVER),
    ("another library and name", record("R", A), record("X", A, lib="typeddict"), ONE, Rec("X", {"a": 1}),
     Rec("X", {"a": 1})),
    ("encoded names", record("R", Field("x", INT, key="a")), record("R", A), Rec("R", {"x": 1}), ONE, ONE),
    ("rename=", record("R", Field("a_b", INT), rename="camel"), record("R", Field("aB", INT)), Rec("R", {"a_b": 1}),
     Rec("R", {"aB": 1}), Rec("R", {"aB": 1})),
    ("a field that the reader lacks", record("R", A), record(), ONE, NOTHING, NOTHING),
    ("a field that the writer lacks: default", record(), record("R", A_SEVEN), NOTHING, SEVEN, SEVEN),
    ("a field that the writer lacks: missing", record(), record("R", A_MISSING), NOTHING, NOTHING, NOTHING),
    ("a field that the writer lacks: required", record(), record("R", A), NOTHING, NEVER, NEVER),
    ("an omitted default is the writer's", record("R", A_SEVEN, omit_defaults=True),
     record("R", replace(A_SEVEN, default=1), omit_defaults=True), SEVEN, SEVEN, SEVEN),
    ("missing and missing", record("R", A_MISSING), record("R", A_MISSING), NOTHING, NOTHING, NOTHING),
    ("there, and may be missing", record("R", A_MISSING), record("R", A_MISSING), ONE, ONE, ONE),
    ("missing and a default", record("R", A_MISSING), record("R", A_SEVEN), NOTHING, SEVEN, SEVEN),
    ("missing and required", record("R", A_MISSING), record("R", A), NOTHING, NEVER, BAD),
    ("there and required", record("R", A_MISSING), record("R", A), ONE, NEVER, ONE),
    ("required and may be missing", record("R", A), record("R", A_MISSING), ONE, ONE, ONE),
    ("NotRequired[int] and NotRequired[int | None]", record("R", A_MISSING),
     record("R", Field("a", optional(INT), "missing")), ONE, Rec("R", {"a": In(0, 1)}), Rec("R", {"a": In(0, 1)})),
    ("positions do not count", record("R", A, Field("b", INT), array_like=True),
     record("R", Field("b", INT), A, array_like=True), Rec("R", {"a": 1, "b": 2}), Rec("R", {"b": 2, "a": 1}),
     Rec("R", {"b": 2, "a": 1})),
    ("one tag and none", record("R", A, tag="x"), record("R", A), ONE, ONE, ONE),
    ("two tags", record("R", A, tag="x"), record("R", A, tag="y"), ONE, NEVER, NEVER),
]  # fmt: skip
CREATED, DELETED = record("C", A, tag="created"), record("D", A, tag="deleted")
CREATED_2, DELETED_2 = record("C2", A, tag="created"), record("D2", A, tag="deleted")
BOTH, BOTH_TURNED = Union((CREATED, DELETED)), Union((DELETED_2, CREATED_2))
DELETION = In(1, Rec("D", {"a": 1}))
UNIONS = [
    ("members' order", Union((INT, STR)), Union((STR, INT)), In(0, 1), In(1, 1), In(1, 1)),
    ("the same type before a promotion", Union((INT, NONE)), Union((FLOAT, INT)), In(0, 1), NEVER, In(1, 1)),
    ("a promotion", Union((INT, NONE)), Union((FLOAT, NONE)), In(0, 1), In(0, 1.0), In(0, 1.0)),
    ("a member that is gone", Union((INT, STR)), Union((INT, NONE)), In(0, 1), NEVER, In(0, 1)),
    ("a value of a member that is gone", Union((INT, STR)), Union((INT, NONE)), In(1, "a"), NEVER, BAD),
    ("no member in common", Union((INT, STR)), Union((Leaf("date"), NONE)), In(0, 1), NEVER, NEVER),
    ("no union read by one", INT, optional(INT), 1, In(0, 1), In(0, 1)),
    ("a union read by none", optional(INT), INT, In(0, 1), NEVER, 1),
    ("None read by none", optional(INT), INT, In(1, None), NEVER, BAD),
    ("a union of what resolves with one type", Union((INT, FLOAT)), FLOAT, In(0, 1), 1.0, 1.0),
    ("containers by their rows", Union((Seq("set", INT), NONE)), Union((NONE, Seq("list", INT))),
     In(0, Items("set", (1,))), In(1, Items("list", (1,), ordered=False)), In(1, Items("list", (1,), ordered=False))),
    ("a tuple is no list", Union((Tuple((INT,)), NONE)), Union((Seq("list", INT), NONE)), In(0, Items("tuple", (1,))),
     NEVER, BAD),
    ("tags, not places or names", BOTH, BOTH_TURNED, DELETION, In(0, Rec("D2", {"a": 1})), In(0, Rec("D2", {"a": 1}))),
    ("a tag that is gone", BOTH, Union((CREATED_2, NONE)), DELETION, NEVER, BAD),
    ("a tag that is there", BOTH, Union((CREATED_2, NONE)), In(0, Rec("C", {"a": 1})), NEVER,
     In(0, Rec("C2", {"a": 1}))),
    ("one record, whatever it is called", Union((record("A", A), NONE)), Union((record("B", A), NONE)),
     In(0, Rec("A", {"a": 1})), In(0, Rec("B", {"a": 1})), In(0, Rec("B", {"a": 1}))),
    ("names where there are no tags", Union((record("A", A), record("B", A))),
     Union((record("B2", A, id="x"), record("A", A))), In(0, Rec("A", {"a": 1})), NEVER, In(1, Rec("A", {"a": 1}))),
    ("an enum in a union", Union((literal("a"), INT)), Union((INT, literal("b", "a"))), In(0, "a"), In(1, "a"),
     In(1, "a")),
    ("a record of no member's name", BOTH, record("R"), DELETION, NEVER, NEVER),
    ("a record of one member's tag", BOTH, CREATED_2, In(0, Rec("C", {"a": 1})), NEVER, Rec("C2", {"a": 1})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "writer", "reader", "value", "read", "written"),
    [*LEAVES, *ENUMS, *CONTAINERS, *RECORDS, *UNIONS],
    ids=lambda one: one.replace(" ", "-") if isinstance(one, str) else "",
)
def test_rows(name: str, writer: Type, reader: Type, value: Any, read: Any, written: Any) -> None:
    """A value is read and written as the page's row says, type for type."""
    assert plain.holds(Space(writer), writer, value) or name.startswith(("bounds of the w", "no value"))
    for found, wanted in (
        (answer(writer, reader, value), read),
        (answer(writer, reader, value, writing=True), written),
    ):
        assert repr(found) == repr(wanted), name


def test_aliases() -> None:
    """An alias is the newest type's: it names the older field, tag or class, in reading and in writing."""
    older, newer = record("R", A), record("R", Field("b", INT, aliases=("a",)))
    assert answer(older, newer, ONE) == Rec("R", {"b": 1})
    assert answer(newer, older, Rec("R", {"b": 1}), writing=True) == ONE
    assert answer(newer, older, Rec("R", {"b": 1})) == NEVER
    turned = record("R", A, tag="y", aliases=("x",))
    assert answer(record("R", A, tag="x"), turned, ONE) == ONE
    assert answer(turned, record("R", A, tag="x"), ONE, writing=True) == ONE
    renamed = Union((record("B", A), record("C", A, aliases=("A",))))
    former = Union((record("A", A), record("B", A)))
    assert answer(former, renamed, In(0, Rec("A", {"a": 1}))) == In(1, Rec("C", {"a": 1}))
    assert answer(renamed, former, In(1, Rec("C", {"a": 1})), writing=True) == In(0, Rec("A", {"a": 1}))


def test_an_older_version_that_some_value_has() -> None:
    """Where lists could be empty, the page leaves open whether an older version is refused when it is built."""
    lists = Space(Seq("list", Leaf("decimal"))), Space(Seq("list", STR))
    assert writes(*lists) is None
    assert reads(*lists)
    assert Pair(*lists, writing=True).convert(Items("list", ())) == Items("list", ())
    with pytest.raises(Refused):
        Pair(*lists, writing=True).convert(Items("list", (Decimal(1),)))


def test_types_that_hold_themselves() -> None:
    """A type that holds itself is compared to its end, and its values are read to theirs."""

    def tree(value: Type) -> Record:
        return record("T", Field("v", value), Field("next", Union((Ref("T"), NONE))))

    leaf = Rec("T", {"v": 1, "next": In(1, None)})
    value = Rec("T", {"v": 2, "next": In(0, leaf)})
    found = answer(tree(INT), tree(FLOAT), value)
    assert found == Rec("T", {"v": 2.0, "next": In(0, Rec("T", {"v": 1.0, "next": In(1, None)}))})
    assert answer(tree(INT), tree(STR), value) == NEVER


def test_the_oracle_shares_nothing() -> None:
    """The oracle and what it stands on import the standard library and each other: a fault of ours is not theirs."""
    allowed = {"__future__", "ast", "collections", "dataclasses", "datetime", "decimal", "math", "re", "typing", "uuid"}
    folder = Path(oracle.__file__).parent
    for name in ("oracle.py", "plain.py", "types.py"):
        for node in ast.walk(ast.parse((folder / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= allowed
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert str(node.module).partition(".")[0] in allowed
