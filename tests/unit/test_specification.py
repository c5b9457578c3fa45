"""The examples of the Avro specification, and the cases of other packages' tests, answered by safecodec."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

import specification
from safecodec.avro import Schema
from safecodec.errors import ConfigError, EncodeError, IncompatibleSchemaError, PayloadError, SchemaError
from specification import Case, from_json, to_json

REFUSED = {"$refused": True}
"""The outcome of a schema, a pair, a value or bytes that are refused; no stored value is equal to it."""
ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}
"""Names that the packages have for the algorithms that the specification recommends."""
KNOWN = {name: one for one in specification.disagreements() for name in one.names}


def schema(source: Any) -> Schema:
    """A schema of its JSON value."""
    return Schema(source if isinstance(source, (dict, list)) else json.dumps(source))


def resolve(writer: Schema, reader: Schema) -> bool:
    """Build a pair; few schemas have a value of no bytes."""
    with contextlib.suppress(PayloadError):
        writer.decode(b"", reader=reader)
    return True


def answer(case: Case) -> Any:
    """The answer of safecodec to a case."""
    given = case.given
    try:
        match case.kind:
            case "schema":
                return bool(Schema(given["text"]) if "text" in given else schema(given["schema"]))
            case "canonical":
                return schema(given["schema"]).canonical_form
            case "fingerprint":
                algorithm = ALGORITHMS.get(given["algorithm"], given["algorithm"])
                return schema(given["schema"]).fingerprint(algorithm).hex()
            case "match":
                return resolve(schema(given["writer"]), schema(given["reader"]))
            case "write":
                return schema(given["schema"]).encode(from_json(given["given"])).hex()
        reader = None if given["reader"] is None else schema(given["reader"])
        return to_json(schema(given["writer"]).decode(bytes.fromhex(given["hex"]), reader=reader))
    except (SchemaError, EncodeError, PayloadError, ConfigError):
        return REFUSED


def recorded(case: Case) -> Any:
    """The specification's or the package's answer to a case."""
    if "refused" in case.given or case.given.get("valid") is False or case.given.get("compatible") is False:
        return REFUSED
    return case.given[{"schema": "valid", "match": "compatible", "write": "hex"}.get(case.kind, "value")]


def text(outcome: Any) -> str:
    """An outcome as text, in which 1, 1.0 and true differ and NaN is NaN."""
    return json.dumps(outcome, sort_keys=True)


def relation(case: Case) -> str:
    """How safecodec's answer stands to the recorded one."""
    ours, theirs = answer(case), recorded(case)
    if text(ours) == text(theirs):
        return "agrees"
    if ours is REFUSED:
        return "refuses"
    return "accepts" if theirs is REFUSED else "differs"


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in specification.cases()])
def test_answers_are_those_of_the_specification(case: Case) -> None:
    """A case has the recorded outcome, unless it is listed with the reason and with who is right; then it has not."""
    expected = KNOWN[case.name].ours if case.name in KNOWN else "agrees"
    assert relation(case) == expected, (text(answer(case))[:300], text(recorded(case))[:300])


@pytest.mark.parametrize(
    ("branches", "value", "branch"),
    [
        (["float", "double"], 0.5, 0),
        (["float", "double"], 0.1, 1),
        (["int", "double"], 2**31 - 1, 0),
        (["int", "double"], 2**40, 1),
        (["int", "long", "float", "double"], 0.1, 3),
        (["float", "double"], ("double", 0.5), 1),
        (["bytes", "string"], ("string", "a"), 1),
    ],
)
def test_values_go_to_the_first_branch_that_holds_them(branches: list[str], value: Any, branch: int) -> None:
    """The specification leaves the branch open: it is the first that holds the value exactly, or the named one."""
    index, bare = 2 * branch, value[1] if isinstance(value, tuple) else value
    assert schema(branches).encode(value) == bytes([index]) + schema(branches[branch]).encode(bare)


@pytest.mark.parametrize(
    ("writer", "reader", "data", "value"),
    [
        ("timestamp-millis", "timestamp-micros", "02", {"$datetime": "1970-01-01T00:00:00.001000+00:00"}),
        ("timestamp-micros", "timestamp-millis", "d00f", {"$datetime": "1970-01-01T00:00:00.001000+00:00"}),
        ("local-timestamp-millis", "local-timestamp-micros", "02", {"$datetime": "1970-01-01T00:00:00.001000"}),
    ],
)
def test_units_of_a_logical_type_resolve_by_value(writer: str, reader: str, data: str, value: Any) -> None:
    """The specification resolves the numbers beneath; a timestamp stays the instant that was written."""
    given = [schema({"type": "long", "logicalType": name}) for name in (writer, reader)]
    assert given[0].decode(bytes.fromhex(data), reader=given[1]) == from_json(value)


@pytest.mark.parametrize("logical", ["timestamp-millis", "time-micros", "local-timestamp-micros"])
def test_logical_types_are_dropped_and_never_added(logical: str) -> None:
    """A reader's schema without a logical type reads the number; one that adds a logical type is refused."""
    number, meaning = schema("long"), schema({"type": "long", "logicalType": logical})
    assert meaning.decode(b"\x02", reader=number) == 1
    with pytest.raises(IncompatibleSchemaError):
        number.decode(b"\x02", reader=meaning)


def test_disagreements_name_cases() -> None:
    """Every name in the list of disagreements is that of a case, and stands there once."""
    names = [name for one in specification.disagreements() for name in one.names]
    assert len(set(names)) == len(names)
    assert set(names) <= {case.name for case in specification.cases()}


def test_cases_have_names_of_their_own() -> None:
    """No two cases share a name, so that a disagreement excuses one case only."""
    names = [case.name for case in specification.cases()]
    assert len(set(names)) == len(names)


def test_values_are_stored_exactly() -> None:
    """A stored value is read back as it was: no case changes its meaning on the way through JSON."""
    for case in specification.cases():
        for key in ("given", "value"):
            if key in case.given and case.kind in ("read", "write"):
                assert text(to_json(from_json(case.given[key]))) == text(case.given[key])


def test_a_value_that_no_schema_has_is_not_stored() -> None:
    """A value is stored exactly or not at all."""
    with pytest.raises(specification.Untagged):
        to_json({1: object()})


def test_every_data_file_is_read() -> None:
    """The records of all 36 container files of fastavro's tests are among the cases."""
    assert len(specification.files()) == 36


def test_the_page_has_the_tables() -> None:
    """The page shows the counts and every disagreement as the vectors have them (record_specification.py page)."""
    found = specification.PAGE.read_text("utf-8")
    assert specification.page(found) == found
