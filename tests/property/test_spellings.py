"""Schemas in many spellings: one canonical form, by this project and by others, and no form for what is no schema."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import avro.schema
import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec.avro import Limits, Schema
from safecodec.errors import SchemaError

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMES = ("A", "B", "_c1", "record", "array", "map", "fixed", "enum", "union", "error")
"""The last parts of names: those of complex types are permitted."""
NAMESPACES = ("", "x", "x.y", "int.Z")
ILLEGAL = ("", "1a", "a-b", "a b", "a.", ".a", "a..b", "é", "a\n", None, 5, ["a"])
REQUIRED = ("type", "name", "fields", "symbols", "items", "values", "size")


# ---- schemas with full names, which are canonical ----------------------------------------------------------------


class _Builder:
    """Draws a schema in its canonical form; ``known`` has the names that are defined so far."""

    def __init__(self, draw: st.DrawFn, *, leaving: bool) -> None:
        self.draw = draw
        self.leaving = leaving
        self.known: list[str] = []

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def name(self, enclosing: str) -> str:
        """A name that is new; its number keeps it so."""
        space = self.pick(*(one for one in NAMESPACES if one or self.leaving or not enclosing))
        last = f"{self.pick(*NAMES)}{len(self.known) or ''}"
        self.known.append(f"{space}.{last}" if space else last)
        return self.known[-1]

    def node(self, depth: int, space: str = "", *, union: bool = True) -> Any:
        leaves = ("primitive", "reference", "enum", "fixed")
        match self.pick(*leaves, *(("array", "map", "record", *(["union"] if union else [])) if depth else ())):
            case "reference" if any("." in name for name in self.known):
                return self.pick(*(name for name in self.known if "." in name))
            case "enum":
                return {"name": self.name(space), "type": "enum", "symbols": self.pick(["A"], ["B", "A"])}
            case "fixed":
                return {"name": self.name(space), "type": "fixed", "size": self.pick(1, 12, 16)}
            case "array":
                return {"type": "array", "items": self.node(depth - 1, space)}
            case "map":
                return {"type": "map", "values": self.node(depth - 1, space)}
            case "record":
                name = self.name(space)
                inner = name.rpartition(".")[0]
                fields = [
                    {"name": f"f{at}", "type": self.node(depth - 1, inner)} for at in range(self.pick(0, 1, 2, 3))
                ]
                return {"name": name, "type": "record", "fields": fields}
            case "union":
                branches: dict[str, Any] = {}
                for _ in range(3):
                    known = list(self.known)
                    one = self.node(depth - 1, space, union=False)
                    if branches.setdefault(_branch(one), one) is not one:
                        self.known = known  # what a branch that is left out defines is not defined
                return list(branches.values())
        return self.pick(*PRIMITIVES)


def _branch(node: Any) -> str:
    """Where a union has one place for a node."""
    return str(node if isinstance(node, str) else node.get("name", node["type"]))


# ---- the same schemas as people write them -----------------------------------------------------------------------


class _Speller:
    """Draws another spelling of a canonical schema."""

    def __init__(self, draw: st.DrawFn, *, objects: bool) -> None:
        self.draw = draw
        self.objects = objects

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def node(self, node: Any, space: str) -> Any:
        if isinstance(node, list):
            return [self.node(one, space) for one in node]
        if isinstance(node, str):
            name = self.reference(node, space)
            return self.shuffled({"type": name}) if self.pick(True, False) and self.may_be_object(name) else name
        if "name" not in node:
            part = "items" if node["type"] == "array" else "values"
            return self.shuffled({"type": node["type"], part: self.node(node[part], space)})
        inner = node["name"].rpartition(".")[0]
        spelled = {**node, **self.name(node["name"], space)}
        if "fields" in node:
            spelled["fields"] = [
                self.shuffled({**one, "type": self.node(one["type"], inner)}) for one in node["fields"]
            ]
        return self.shuffled(spelled)

    def may_be_object(self, name: str) -> bool:
        """Whether an object may hold a name: `record` without a namespace is taken for the complex type."""
        return name in PRIMITIVES or (self.objects and "." in name)

    def reference(self, name: str, space: str) -> str:
        """A full name, or its last part where the enclosing namespace completes it."""
        own, _, last = name.rpartition(".")
        return self.pick(name, last) if own == space and last not in PRIMITIVES else name

    def name(self, full: str, space: str) -> dict[str, Any]:
        """The attributes that make a full name in an enclosing namespace."""
        own, _, last = full.rpartition(".")
        ways: list[dict[str, Any]] = [{"name": last, "namespace": own}]
        if own:
            ways += [{"name": full}, {"name": full, "namespace": "ignored"}]
        if own == space:
            ways.append({"name": last})
        return dict(self.pick(*ways))

    def shuffled(self, source: dict[str, Any]) -> dict[str, Any]:
        """The attributes in any order, with some of no meaning for the canonical form."""
        more = {"doc": "é", "cp_object": {"type": 1}, "logicalType": "no such type"}
        if isinstance(source.get("name"), str):
            more["aliases"] = [f"Old{source['name'].rpartition('.')[2]}"]
        keep = self.draw(st.sets(st.sampled_from(sorted(more))))
        return dict(self.draw(st.permutations(list({**source, **{key: more[key] for key in keep}}.items()))))


@st.composite
def spellings(draw: st.DrawFn, *, leaving: bool = False, objects: bool = True) -> tuple[str, Any]:
    """A canonical form, and a spelling of its schema.

    Args:
        draw: Hypothesis'.
        leaving: Whether types of the null namespace may stand in types of another, which the canonical form cannot say.
        objects: Whether a reference to a named type may be an object.
    """
    canonical = _Builder(draw, leaving=leaving).node(3)
    return json.dumps(canonical, separators=(",", ":")), _Speller(draw, objects=objects).node(canonical, "")


def schema(source: Any) -> Schema:
    """A schema of its JSON value, as text: a lone str would be taken for it otherwise."""
    return Schema(json.dumps(source))


@given(spellings(leaving=True))
def test_a_spelling_has_the_canonical_form_of_its_schema(drawn: tuple[str, Any]) -> None:
    """Namespaces, order, docs, aliases and unknown attributes leave the canonical form as it is."""
    canonical, source = drawn
    assert schema(source).canonical_form == canonical


@given(spellings())
def test_a_canonical_form_is_its_own(drawn: tuple[str, Any]) -> None:
    """The canonical form is a schema in its canonical form."""
    assert Schema(drawn[0]).canonical_form == drawn[0]


@given(spellings())
def test_a_schema_is_equal_to_its_own_json(drawn: tuple[str, Any]) -> None:
    """The standard JSON of a schema is a spelling of the schema."""
    found = schema(drawn[1])
    assert schema(found.json) == found
    assert schema(found.json).json == found.json


def test_a_type_of_the_null_namespace_keeps_it() -> None:
    """The standard JSON of a schema says where a type leaves the enclosing namespace for none."""
    enums: list[dict[str, Any]] = [{"type": "enum", "name": "E", "symbols": [symbol]} for symbol in "AB"]
    enums[1]["namespace"] = ""
    fields = [{"name": one["symbols"][0], "type": one} for one in enums]
    found = Schema({"type": "record", "name": "x.R", "fields": fields})
    assert pickle.loads(pickle.dumps(found)) == found
    assert schema(found.json).canonical_form == found.canonical_form


@given(spellings(leaving=True, objects=False))
def test_other_libraries_take_the_same_schemas(drawn: tuple[str, Any]) -> None:
    """A valid schema is valid for fastavro and the avro package, and fastavro has the same canonical form of it."""
    canonical, source = drawn
    assert fastavro.schema.to_parsing_canonical_form(copy.deepcopy(source)) == canonical
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown logical types
        avro.schema.parse(json.dumps(source))


# ---- what is no schema -------------------------------------------------------------------------------------------


def objects(source: Any) -> list[dict[str, Any]]:
    """Every JSON object of a schema that is a type or a field."""
    if isinstance(source, list):
        return [found for one in source for found in objects(one)]
    if not isinstance(source, dict):
        return []
    parts = [source.get(key) for key in ("type", "items", "values", "fields")]
    return [source, *(found for part in parts for found in objects(part))]


@given(spellings(), st.data())
def test_required_attributes_are_required(drawn: tuple[str, Any], data: st.DataObject) -> None:
    """A schema that lacks any of the attributes that its canonical form keeps is refused, with a path."""
    source = copy.deepcopy([drawn[1], {"type": "fixed", "name": "Last", "size": 1}])
    chosen = data.draw(st.sampled_from(objects(source)))
    del chosen[data.draw(st.sampled_from([key for key in chosen if key in REQUIRED]))]
    with pytest.raises(SchemaError) as caught:
        Schema(source)
    assert caught.value.path.startswith("$")


@given(spellings(), st.sampled_from(ILLEGAL), st.data())
def test_illegal_names_are_refused(drawn: tuple[str, Any], name: Any, data: st.DataObject) -> None:
    """A type or a field whose name is no Avro name is refused wherever it stands."""
    source = {"type": "record", "name": "Outer", "fields": [{"name": "f", "type": copy.deepcopy(drawn[1])}]}
    chosen = data.draw(st.sampled_from([one for one in objects(source) if "name" in one]))
    chosen["name"] = name
    chosen.pop("namespace", None)
    with pytest.raises(SchemaError):
        Schema(source)


@given(spellings())
def test_a_name_is_defined_once(drawn: tuple[str, Any]) -> None:
    """A schema that stands twice where it defines a name, or twice in a union, is refused."""
    canonical, source = drawn
    twice = {"type": "record", "name": "Outer", "fields": [{"name": one, "type": source} for one in ("f", "g")]}
    if '"name"' in canonical:
        with pytest.raises(SchemaError):
            Schema(twice)
    else:
        assert len(objects(Schema(twice).json)) > 2
    with pytest.raises(SchemaError):
        Schema([source, source])


CYCLE: dict[str, Any] = {"f": []}
CYCLE["f"].append(CYCLE)
DEFAULTS = {
    "infinite": ("double", float("inf")),
    "not a number": ("double", float("nan")),
    "wide": ("double", 10**400),
    "wide for a float": ("float", 1e39),
    "half a unit beyond a float": ("float", 3.4028235677973366e38),
    "surrogate": ("string", "\ud800"),
    "surrogate key": ({"type": "map", "values": "int"}, {"\ud800": 1}),
    "no JSON where no field is": ({"type": "record", "name": "S", "fields": []}, {"g": float("nan")}),
    "endless": ("R", {}),
    "endless in an array": ({"type": "array", "items": ["null", "R"]}, [None, {}]),
    "endless in a map": ({"type": "map", "values": "R"}, {"k": {}}),
    "endless by way of another": (
        {"type": "record", "name": "S", "fields": [{"name": "g", "type": "R", "default": {}}]},
        {},
    ),
    "in itself": ({"type": "array", "items": "R"}, [CYCLE]),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_that_no_value_has_are_refused(name: str) -> None:
    """A default is a value of its type that UTF-8, a double or a finite record holds, or the schema is refused."""
    kind, default = DEFAULTS[name]
    with pytest.raises(SchemaError) as caught:
        Schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind, "default": default}]})
    assert caught.value.path in ("$.fields[0].default", "$.fields[0].type.fields[0].default")


@pytest.mark.parametrize("default", [3.4028234663852886e38, -(2**127), 0.5, 1, 0.1])
def test_floats_have_defaults_of_single_precision(default: float) -> None:
    """A float's default is any number that is finite as a float."""
    reader = Schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": "float", "default": default}]})
    found = Schema({"type": "record", "name": "R", "fields": []}).decode(b"", reader=reader)
    assert found == {"f": pytest.approx(default, rel=2**-24)}


def test_a_default_takes_the_defaults_of_fields_that_come_later() -> None:
    """A record's default is checked with the fields that stand behind it, too."""
    fields: list[dict[str, Any]] = [
        {"name": "b", "type": ["null", "R"], "default": None},
        {"name": "c", "type": {"type": "array", "items": "R"}, "default": [{"a": {"c": []}}]},
    ]
    inner = {"type": "record", "name": "S", "fields": fields}
    last: dict[str, Any] = {"name": "x", "type": "int"}
    source = {"type": "record", "name": "R", "fields": [{"name": "a", "type": inner}, last]}
    with pytest.raises(SchemaError) as caught:
        Schema(source)
    assert caught.value.path == "$.fields[0].type.fields[1].default"
    last["default"] = 1
    assert Schema(source).decode(b"\0\0\2") == {"a": {"b": None, "c": []}, "x": 1}


def chain(length: int, times: int) -> Any:
    """Records each of which takes the one before so many times by its default."""
    records: list[Any] = [{"type": "record", "name": "R0", "fields": []}]
    for at in range(1, length + 1):
        fields = [{"name": f"f{one}", "type": f"R{at - 1}", "default": {}} for one in range(times)]
        records.append({"type": "record", "name": f"R{at}", "fields": fields})
    return records


@pytest.mark.parametrize(("length", "times", "most", "limit"), [(2000, 1, 64, "schema_depth"), (40, 2, 17, "nodes")])
def test_defaults_in_defaults_have_the_limits_of_a_schema(length: int, times: int, most: int, limit: str) -> None:
    """A chain of defaults that is deep, or doubles with each record, is refused by the limit that it crosses."""
    assert Schema(chain(most, times))
    with pytest.raises(SchemaError, match=f"the limit {limit}") as caught:
        Schema(chain(length, times), limits=Limits(branches=3000))
    assert caught.value.path.endswith(".default")


def test_a_deep_default_is_refused_by_the_limit_that_it_crosses() -> None:
    """A default's JSON nests no deeper than a schema's."""
    field: dict[str, Any] = {"name": "f", "type": {"type": "array", "items": "R"}}
    deep: dict[str, Any] = {"f": []}
    for _ in range(30):
        deep = {"f": [deep]}
    assert Schema({"type": "record", "name": "R", "fields": [{**field, "default": [deep]}]})
    with pytest.raises(SchemaError, match="the default nests deeper than 64 levels, the limit schema_depth"):
        Schema({"type": "record", "name": "R", "fields": [{**field, "default": [{"f": [deep]}]}]})


# ---- aliases, names and attributes ---------------------------------------------------------------------------------


@given(st.text().filter(lambda alias: alias != "R"))
def test_any_text_is_an_alias(alias: str) -> None:
    """An alias names a type or a field of an older writer, whose names may have been illegal (*Aliases*)."""
    field = {"name": "f", "type": "int", "aliases": [alias]}
    found = Schema({"type": "record", "name": "R", "aliases": [alias], "fields": [field]})
    assert (found.json["aliases"], found.json["fields"][0]["aliases"]) == ([alias], [alias])
    assert schema(found.json) == found


def test_an_alias_is_a_text() -> None:
    """Half a surrogate pair has no UTF-8 form, and is no alias of a type or of a field."""
    for aliases in ({"aliases": ["\ud800"]}, {"fields": [{"name": "f", "type": "int", "aliases": ["\ud800"]}]}):
        with pytest.raises(SchemaError, match="UTF-8"):
            Schema({"type": "record", "name": "R", "fields": [], **aliases})


@pytest.mark.parametrize("kind", PRIMITIVES)
def test_names_of_primitive_types_are_taken_where_no_namespace_tells_them_apart(kind: str) -> None:
    """A name without a namespace is not that of a primitive type; with one, the last part alone means the primitive."""
    source = {
        "type": "record",
        "name": kind,
        "fields": [{"name": kind, "type": ["null", kind, f"x.{kind}"][kind == "null" :]}],
    }
    with pytest.raises(SchemaError) as caught:
        Schema(source)
    assert caught.value.path == "$.name"
    found = Schema({**source, "namespace": "x"})
    assert found.json["name"] == f"x.{kind}"
    assert found.json["fields"][0]["type"][-2:] == [kind, f"x.{kind}"]


@pytest.mark.parametrize(("name", "full"), [("a.B", "a.B"), ("B", "x.B")])
def test_a_namespace_of_null_is_as_if_it_was_not_there(name: str, full: str) -> None:
    """A type with a namespace of null takes its own full name's, or that which encloses it."""
    inner = {"type": "fixed", "name": name, "namespace": None, "size": 1}
    found = Schema({"type": "record", "name": "x.R", "fields": [{"name": "f", "type": inner}]})
    assert found.json["fields"][0]["type"]["name"] == full


class _Hostile:
    """A value whose text cannot be had."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "value",
    [{1}, float("nan"), float("inf"), "\ud800", ["\ud800"], {"\ud800": 1}, CYCLE, b"x", 10**5000, _Hostile()],
    ids=lambda value: type(value).__name__,
)
def test_own_attributes_are_json(value: Any) -> None:
    """An attribute of safecodec's own that has no JSON text is refused wherever it stands."""
    own = {"safecodec.aliases": value, "safecodec.tag": value, "safecodec.bounds": value, "safecodec.default": value}
    field: dict[str, Any] = {"name": "f", "type": "int"}
    record: dict[str, Any] = {"type": "record", "name": "R", "fields": [field]}
    for where in (field, record):
        for key, one in own.items():
            where[key] = one
            with pytest.raises(SchemaError, match="than JSON"):
                Schema(record)
            del where[key]
    assert Schema(record)


@pytest.mark.parametrize("inner", [{"type": "bytes"}, ["null", "bytes"], {"type": {"type": "bytes"}}])
def test_an_object_around_a_type_is_that_type(inner: Any) -> None:
    """The type of an object may be an object or a union itself; what stands beside it is ignored."""
    outer = {"type": inner, "logicalType": "decimal", "precision": 4, "items": "int"}
    assert Schema(outer) == Schema(inner)
