"""The matrix of shapes: both libraries read each one back, and each column has a figure; it is not part of an sdist."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import inspect

pytest.importorskip("bench")

from bench import shape_matrix
from bench.applications import all_samples
from bench.framed import codec
from bench.samples import Sample
from bench.shapes import shapes
from safecodec.bench.harness import Effort

SHAPES = list(shapes())


def test_shapes_are_many_and_differ() -> None:
    """The matrix has at least 40 shapes, each with a name of its own."""
    assert len({one.name for one in SHAPES}) == len(SHAPES) >= 40


def test_applications_are_large() -> None:
    """Three shapes are types of whole applications, each of at least 25 fields with those of the records in it."""
    types = [shape.type for _, shape in all_samples()]
    assert len(types) == 3
    for kind in types:
        fields, waiting, seen = 0, [inspect.type_info(kind)], set()
        while waiting:
            one: Any = waiting.pop()
            if isinstance(one, inspect.StructType) and one.cls not in seen:
                seen.add(one.cls)
                fields += len(one.fields)
                waiting += [field.type for field in one.fields]
            waiting += [*getattr(one, "types", ()), *filter(None, [getattr(one, "item_type", None)])]
        assert fields >= 25


@pytest.mark.parametrize("shape", SHAPES, ids=[one.name for one in SHAPES])
def test_a_shape_comes_back(shape: Sample) -> None:
    """A figure of a library means something where its value comes back, from ours and from msgspec."""
    framed = codec(shape.type)
    assert framed.decode(framed.encode(shape.value)) == shape.value
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(shape.value), type=shape.type) == shape.value


def test_values_are_fresh_in_each_turn() -> None:
    """No value is handed to a call twice, and making it is no part of the time."""
    made: list[object] = []
    seen: list[int] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    taken = shape_matrix.turn(lambda value: seen.append(id(value)), make, 1e-5)
    assert taken() >= 0
    assert len(seen) == len(set(seen)) == len(made)


def test_a_cell_has_every_column(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape that fastavro has is measured in all columns; the table ends with the geometric means."""
    monkeypatch.setattr("sys.argv", ["shape_matrix", "--brief", "1 int", "3 timedeltas"])
    monkeypatch.setattr(shape_matrix, "BRIEF", Effort(rounds=1, seconds=1e-5, budget=0.01))
    monkeypatch.setattr(shape_matrix, "write", lambda _: None)
    assert shape_matrix.main() in {0, 1}
    printed = capsys.readouterr().out
    assert "| **geometric mean** |" in printed
    assert "* Encode: a geometric mean of " in printed
    (row,) = [line for line in printed.splitlines() if line.startswith("| 1 int |")]
    assert row.count("|") == 9
    assert " |  |" not in row
