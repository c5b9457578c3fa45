"""What an import loads, seen in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

OPTIONAL = ("fastavro", "redis", "asyncio", "trio", "uvloop", "concurrent.futures")
DEFINE = """
import dataclasses
@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
"""


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has after `code`."""
    report = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("code", ["import safecodec", "from safecodec import Codec, Header, pack, peek, unpack"])
def test_import_loads_nothing_optional(code: str) -> None:
    """`import safecodec` loads neither fastavro, redis nor asyncio, nor msgspec's formats, nor benchmarks."""
    modules = loaded(code)
    assert "safecodec" in modules
    assert not [name for name in modules if name.startswith(("safecodec.bench", "safecodec.cli"))]
    assert not modules & {*OPTIONAL, "msgspec.msgpack", "msgspec.json"}


@pytest.mark.parametrize("module", ["safecodec.cache", "safecodec.cache.stores.memory", "safecodec.cache.keys"])
def test_the_cache_loads_no_client(module: str) -> None:
    """Redis's client is loaded by whoever imports the store in Redis, and by no other part of the cache."""
    assert "redis" not in loaded(f"import {module}")


@pytest.mark.parametrize("payload", ["msgpack", "json"])
def test_a_codec_loads_its_own_format_only(payload: str) -> None:
    """A codec that is not Avro's never loads fastavro, not even when it encodes and decodes."""
    use = f"""
from safecodec import Codec
codec = Codec(Point, subject="p", version=1, payload={payload!r}, environment="test")
assert codec.decode(codec.encode(Point(1, 2))) == Point(1, 2)
"""
    assert not loaded(DEFINE + use) & set(OPTIONAL)


def test_an_avro_codec_loads_no_library() -> None:
    """An Avro codec of a dataclass reads and writes with neither fastavro nor msgspec."""
    use = """
from safecodec import Codec
codec = Codec(Point, subject="p", version=1, environment="test")
assert codec.decode(codec.encode(Point(1, 2))) == Point(1, 2)
"""
    assert not loaded(DEFINE + use) & {*OPTIONAL, "msgspec"}


@pytest.mark.parametrize("guard", ["off", "warn", "raise"])
def test_a_guard_loads_no_loop(guard: str) -> None:
    """A codec loads asyncio neither to guard a loop's thread nor to read a batch."""
    use = f"""
from safecodec import Codec
codec = Codec(Point, subject="p", version=1, environment="test", loop_guard={guard!r})
assert codec.decode_many([codec.encode(Point(1, 2))] * 2) == [Point(1, 2)] * 2
"""
    assert not loaded(DEFINE + use) & set(OPTIONAL)


@pytest.mark.parametrize(
    "use",
    [
        "import safecodec.offload",
        """
from safecodec import Codec
codec = Codec(Point, subject="p", version=1, environment="test")
codec.adecode(codec.encode(Point(1, 2))).close()
""",
    ],
    ids=["import", "call"],
)
def test_async_verbs_load_asyncio_alone(use: str) -> None:
    """The first async call loads asyncio, and no other library of loops."""
    modules = loaded(DEFINE + use)
    assert "asyncio" in modules
    assert not modules & {"trio", "uvloop", "anyio", "sniffio"}


@pytest.mark.parametrize("module", ["safecodec.errors", "safecodec.frame", "safecodec.avro"])
def test_lower_layers_load_no_upper_one(module: str) -> None:
    """The frame and Avro's model know nothing of codecs and command lines."""
    assert not loaded(f"import {module}") & {"safecodec.cli", *OPTIONAL}


DEFINE_ALL = """
import dataclasses, datetime, enum, uuid
from typing import Any, NamedTuple, NotRequired, TypedDict
class Colour(enum.Enum):
    RED = "red"
class Pair(NamedTuple):
    one: int
    two: Colour | None = None
class Options(TypedDict):
    name: str
    limit: NotRequired[int]
@dataclasses.dataclass
class Order:
    id: uuid.UUID
    when: datetime.datetime
    pairs: list[Pair]
    options: Options
    numbered: dict[int, Pair]
    carried: Any
    again: "Order | None" = None
"""


def test_a_schema_of_builtin_classes_loads_no_library() -> None:
    """A schema of dataclasses and what typing has is derived, and its fingerprint taken, without any library."""
    use = """
from safecodec.avro import Schema
assert len(Schema(Order).fingerprint()) == 8
for name in ("safecodec-msgpack", "safecodec.map", "safecodec.tuple", "safecodec.optional"):
    assert name in Schema(Order).wire_form("avro")
"""
    assert not {name.partition(".")[0] for name in loaded(DEFINE_ALL + use)} & {*OPTIONAL, "msgspec", "attr", "attrs"}


def test_a_schema_of_an_attrs_class_loads_attrs_alone() -> None:
    """A schema of an attrs class needs attrs, which the class has loaded, and no other library."""
    use = """
import attrs
@attrs.define
class Point:
    x: int
    _y: int = 0
from safecodec.avro import Schema
assert len(Schema(Point).fingerprint()) == 8
"""
    modules = loaded(use)
    assert "attr" in modules
    assert not {name.partition(".")[0] for name in modules} & {*OPTIONAL, "msgspec"}
