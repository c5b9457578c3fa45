"""Models and dataclasses of pydantic 2."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import pytest

from safecodec import Alias, Codec, IncompatibleSchemaError, PayloadError, SchemaError
from safecodec.avro.schema import Schema

pydantic = pytest.importorskip("pydantic", reason="pydantic has no wheel for this processor")

SETUPS: Any = [("avro", "compiled"), ("avro", "fastavro"), ("msgpack", "compiled"), ("json", "compiled")]
every_setup = pytest.mark.parametrize(("payload", "engine"), SETUPS)


class Item(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    count: int = pydantic.Field(ge=0)


class Order(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    name: str
    items: list[Item] = pydantic.Field(default_factory=list)
    when: datetime.date | None = None
    total: int = pydantic.Field(default=1, alias="sum")


class Renamed(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    title: Annotated[str, Alias("name")]
    when: datetime.date | None = None


@pydantic.dataclasses.dataclass
class _Point:
    x: Annotated[int, pydantic.Field(ge=0)]
    label: str = "none"


Point: Any = _Point


def codec(type_: Any, payload: Any, engine: Any, **more: Any) -> Codec[Any]:
    return Codec(type_, subject="s", environment="e", payload=payload, engine=engine, **({"version": 1} | more))


@every_setup
def test_models_come_back(payload: Any, engine: Any) -> None:
    """A model and a dataclass of pydantic are written and read with all their fields, in every payload."""
    order = Order(name="a", items=[Item(count=1)], when=datetime.date(2026, 1, 2), sum=4)
    points: list[Any] = [Point(x=3), Point(x=0, label="x")]
    for value in (order, *points):
        one = codec(type(value), payload, engine)
        assert one.decode(one.encode(value)) == value


@every_setup
def test_pydantic_validates_what_is_read(payload: Any, engine: Any) -> None:
    """A value that pydantic refuses is a PayloadError with its path, though it was written."""
    orders = codec(Order, payload, engine)
    wrong = Order.model_construct(name="a", items=[Item.model_construct(count=-1)], when=None, total=1)
    with pytest.raises(PayloadError, match="greater than or equal to 0") as caught:
        orders.decode(orders.encode(wrong))
    assert caught.value.path == "$.items[0]"
    points = codec(Point, payload, engine)
    point = Point(x=1)
    object.__setattr__(point, "x", -1)
    with pytest.raises(PayloadError, match="greater than or equal to 0"):
        points.decode(points.encode(point))


@every_setup
def test_models_evolve(payload: Any, engine: Any) -> None:
    """A model reads what an older one wrote, by alias and with its own defaults."""
    old = codec(Order, payload, engine)
    new = codec(Renamed, payload, engine, version=2, older={1: Order})
    assert new.decode(old.encode(Order(name="a", sum=2))) == Renamed(title="a")
    with pytest.raises(IncompatibleSchemaError, match="needs the field 'count'"):
        codec(Item, payload, engine, version=2, older={1: Order})


class Open(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    model_config = pydantic.ConfigDict(extra="allow")
    a: int


class Root(pydantic.RootModel[list[int]]):  # type: ignore[misc, name-defined]
    pass


class Made(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    a: int
    b: int = pydantic.Field(default_factory=lambda data: data["a"])


class Chosen(pydantic.BaseModel):  # type: ignore[misc, name-defined]
    a: int = pydantic.Field(validation_alias=pydantic.AliasChoices("a", "b"))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Open, "takes extra fields"),
        (Root, "use the type of its root"),
        (Made, "the default of 'b' is made from other fields"),
        (Chosen, "set validate_by_name=True"),
    ],
)
def test_models_that_hold_more_than_their_fields(model: Any, reason: str) -> None:
    """A model whose values are not made of its fields alone has no schema; the error says what to change."""
    with pytest.raises(SchemaError, match=reason):
        Schema(model)


def test_models_by_name() -> None:
    """Where a model takes its fields by name, aliases of pydantic do not matter."""

    class ByName(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        model_config = pydantic.ConfigDict(populate_by_name=True)
        a: int = pydantic.Field(validation_alias=pydantic.AliasChoices("x", "y"))

    schema = Schema(ByName)
    assert schema.decode(schema.encode(ByName(a=3))) == ByName(a=3)
