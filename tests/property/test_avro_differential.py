"""Our Avro engine, fastavro, the avro package and a plain oracle, on generated schemas, values, pairs and payloads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avro_evolution import pairs
from avro_leaves import DURATION, FIXED, LOGICAL, PRIMITIVES
from avro_oracle import read, write
from avro_schemas import picker, types, values
from avro_types import Branch, Type, primitive
from avro_values import make_value, plain
from differential import Engines, check_pair, check_payload, check_value, mutated, split
from shapes import same

LEAVES = [*PRIMITIVES.values(), *LOGICAL, *FIXED]


@given(data=st.data())
def test_engines_write_and_read_alike(data: st.DataObject) -> None:
    """A value of any schema has the same bytes in every engine, and every engine reads the value from them."""
    node = data.draw(types())
    engines = Engines(node)
    for _ in range(2):
        check_value(engines, data.draw(values(node)))


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_engines_resolve_alike(data: st.DataObject) -> None:
    """A writer's and a reader's schema give the same value in every engine, or an error in each: else a known fault."""
    writer, reader = data.draw(pairs())
    check_pair(Engines(writer), Engines(reader), data.draw(values(writer)))


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_damaged_payloads_have_one_verdict(data: st.DataObject) -> None:
    """Damaged bytes are refused, or are a value: the oracle's, which is written and read again; fastavro's, too."""
    node = data.draw(types())
    one, other = (write(node, data.draw(values(node))) for _ in range(2))
    check_payload(Engines(node), data.draw(st.composite(lambda draw: mutated(picker(draw), one, other))()))


@given(data=st.data())
def test_blocks_are_read_however_they_are_cut(data: st.DataObject) -> None:
    """Arrays and maps in blocks of any number, with and without their sizes, are the same value."""
    node = data.draw(types())
    value = data.draw(values(node))
    pick = picker(data.draw)
    payload = write(node, value, lambda items: split(pick, items))
    assert same(Engines(node).ours.decode(payload), plain(node, value))


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.kind}-{leaf.logical or leaf.size}")
@given(data=st.data())
@settings(max_examples=max(settings().max_examples // 3, 10))
def test_every_leaf(leaf: Any, data: st.DataObject) -> None:
    """Each primitive, fixed and logical type alone: the same bytes and values in every engine."""
    node = Type(leaf.kind, leaf, name="F" if leaf.kind == "fixed" else "")
    engines = Engines(node)
    value = data.draw(st.composite(lambda draw: make_value(picker(draw), node))())
    check_value(engines, value)
    assert same(read(node, write(node, value)), value)


NUMBERS = Type("array", parts=[primitive("long")])
LASTING = Type("fixed", DURATION, name="F")
BOOLEANS = Type("map", parts=[Type("union", parts=[primitive("null"), primitive("boolean")])])


@pytest.mark.parametrize(
    ("branches", "at", "value"),
    [
        ([primitive("null"), BOOLEANS], 1, {"k": Branch(1, True)}),
        ([NUMBERS, LASTING], 1, (1, 2, 3)),
        ([NUMBERS, LASTING], 0, [1, 2, 3]),
        ([primitive("double"), primitive("int")], 1, 7),
        ([primitive("long"), primitive("double")], 1, 7.0),
        ([primitive("int"), primitive("boolean")], 1, True),
    ],
)
def test_branches_go_by_class(branches: list[Type], at: int, value: Any) -> None:
    """A bare value is of the branch that has its class, whatever is inside and however else it could be written."""
    check_value(Engines(Type("union", parts=branches)), Branch(at, value))
