#!/usr/bin/env python3
"""Records the values that the tests of the avro and fastavro sdists use, for tests/vectors/specification.

The script runs a package's own tests with its entry points wrapped: every schema, value and payload that a test hands
to the package is stored with the package's answer, and a test that fails stores nothing. No code is stored. Cases
are left out where an argument has no meaning in the specification: a package's own options, schemas named in another
call, values of numpy.

    scripts/record_specification.py avro DIRECTORY_OF_THE_SDIST
    scripts/record_specification.py fastavro DIRECTORY_OF_THE_SDIST
    scripts/record_specification.py page        write the tables of docs/reference/specification.md

fastavro's tests need numpy, cramjam, zlib-ng, lz4 and, before CPython 3.14, backports.zstd.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import random
import sys
import unittest
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import specification  # noqa: E402
from specification import Untagged, to_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 12_000
"""Characters of JSON that one case may take, but for data files: longer ones are random text."""
RANDOM = "test_utils.py::"
"""The tests whose schemas and values are drawn at random."""
PRIVATE = ("__fastavro_parsed__", "__named_schemas", "__len__")


class Recorder:
    """The cases so far.

    Args:
        tests: The directory whose functions count as tests.
    """

    def __init__(self, tests: Path) -> None:
        self.tests = str(tests)
        self.seen: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()

    def caller(self) -> str:
        """File and function of the outermost function of the tests on the stack, without the directory."""
        frame, found = sys._getframe(), ""
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(self.tests) and not code.co_name.startswith(("<", "load_tests")):
                owner = frame.f_locals.get("self")
                name = (
                    f"{type(owner).__name__}.{code.co_name}" if isinstance(owner, unittest.TestCase) else code.co_name
                )
                found = f"{Path(code.co_filename).name}::{name}"
            frame = frame.f_back  # type: ignore[assignment]
        return found

    def add(self, kind: str, file: str = "", **given: Any) -> None:
        """Store a case, or the file's name in a case with equal values."""
        test, text = self.caller(), json.dumps([kind, given], sort_keys=True)
        if test.startswith(RANDOM):
            return
        if text in self.seen and file and file not in self.seen[text].setdefault("files", []):
            self.seen[text]["files"].append(file)
        if not test or text in self.seen or (len(text) > LONGEST and not file):
            return
        self.seen[text] = {"test": test, "kind": kind, **({"files": [file]} if file else {}), **given}

    def write(self, package: str, version: str, license: str) -> None:
        """Write the cases of tests that passed."""
        kept = [case for case in self.seen.values() if case["test"] not in self.failed]
        for case in kept:
            if "files" in case:
                case["files"].sort()
        kept.sort(key=lambda case: (case["test"], case.get("files", [])))
        about = {"package": package, "version": version, "license": license}
        lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in kept)
        text = json.dumps(about)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
        (specification.FOLDER / f"{package}-{version}.json").write_text(text, "utf-8")
        print(f"{len(kept)} cases")


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """Return a case's value, or that it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some tests make warnings errors
            value = call()
    except Exception as error:  # whatever the package raises
        return {"refused": type(error).__name__}
    return {"value": to_json(value)}


def cleaned(schema: Any) -> Any:
    """Return a copy of a schema's JSON without the attributes that fastavro adds to it."""
    if isinstance(schema, dict):
        if schema.get("__named_schemas") and "__fastavro_parsed__" not in schema:
            raise Untagged("schemas named in another call")
        return {key: cleaned(one) for key, one in schema.items() if key not in PRIVATE}
    return [cleaned(one) for one in schema] if isinstance(schema, (list, tuple)) else to_json(schema)


def wrapped(original: Callable[..., Any], record: Callable[..., None]) -> Callable[..., Any]:
    """Return a function that records its call, and then makes it."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Whatever the package raises for the record, its own call raises it, too, where the test is told.
        with contextlib.suppress(Exception):
            record(*args, **kwargs)
        return original(*args, **kwargs)

    return call


# ---- fastavro ----------------------------------------------------------------------------------------------------


def rest(file: Any) -> bytes:
    """Return the bytes from a file's position on, and leave the position."""
    if not hasattr(file, "seek") or not hasattr(file, "tell"):
        raise Untagged("a stream")
    at = file.tell()
    data = file.read()
    file.seek(at)
    if not isinstance(data, bytes):
        raise Untagged("not a file of bytes")
    return data


def record_fastavro(sdist: Path) -> None:
    """Record the tests of fastavro."""
    import pytest

    fastavro: Any = importlib.import_module("fastavro")
    importlib.import_module("fastavro._read_py")

    recorder = Recorder(sdist / "tests")
    parse, write, read = fastavro.schema.parse_schema, fastavro.write.schemaless_writer, fastavro.read.schemaless_reader

    def on_parse(schema: Any, *args: Any, **options: Any) -> None:
        if args or options or (isinstance(schema, dict) and "__fastavro_parsed__" in schema):
            return
        valid = "refused" not in outcome(lambda: bool(parse(json.loads(json.dumps(schema)))))
        recorder.add("schema", schema=cleaned(schema), valid=valid)

    def on_write(_: Any, schema: Any, value: Any, **options: Any) -> None:
        if not options:
            one_write(schema, value)

    def one_write(schema: Any, value: Any) -> None:
        out, given = io.BytesIO(), to_json(value)
        answer = outcome(lambda: write(out, schema, value))
        answer = answer if "refused" in answer else {"hex": out.getvalue().hex()}
        recorder.add("write", schema=cleaned(schema), given=given, **answer)

    def on_writer(_: Any, schema: Any, values: Any, *_codec: Any, **options: Any) -> None:
        if isinstance(values, list) and not options.keys() - {"sync_interval", "metadata", "sync_marker", "codec"}:
            for value in values[:20]:
                one_write(schema, value)

    def on_read(file: Any, writer: Any, reader: Any = None, **options: Any) -> None:
        if not options:
            data = rest(file)
            answer = outcome(lambda: read(io.BytesIO(data), writer, reader))
            recorder.add("read", writer=cleaned(writer), reader=cleaned(reader), hex=data.hex(), **answer)

    def on_reader(file: Any, reader: Any = None, **options: Any) -> None:
        if options:
            return
        data = rest(file)
        blocks = fastavro._read_py.block_reader(io.BytesIO(data))
        writer = json.loads(blocks.metadata["avro.schema"])
        parts = [put_long(block.num_records) + block.bytes_.getvalue() for block in blocks]
        answer = outcome(lambda: list(original_reader(io.BytesIO(data), reader)))
        path = Path(file.name if isinstance(getattr(file, "name", None), str) else "")
        recorder.add(
            "read",
            path.name if path.parent.name == "avro-files" else "",
            writer={"type": "array", "items": cleaned(writer)},
            reader=None if reader is None else {"type": "array", "items": cleaned(reader)},
            hex=(b"".join(parts) + b"\x00").hex(),
            **answer,
        )

    def on_canonical(schema: Any) -> None:
        answer = outcome(lambda: fastavro.schema._schema.to_parsing_canonical_form(schema))
        if "value" in answer:
            recorder.add("canonical", schema=cleaned(schema), **answer)

    def on_fingerprint(text: str, algorithm: str) -> None:
        answer = outcome(lambda: fastavro.schema._schema.fingerprint(text, algorithm))
        if "value" in answer:
            recorder.add("fingerprint", schema=json.loads(text), algorithm=algorithm, **answer)

    def on_validate(value: Any, schema: Any, *_field: Any, **options: Any) -> None:
        if not options.keys() - {"raise_errors"}:
            one_write(schema, value)

    original_reader = fastavro.read.reader
    for module in (fastavro, fastavro.schema, fastavro.read, fastavro.write, fastavro.validation):
        for name, record in (
            ("parse_schema", on_parse),
            ("schemaless_writer", on_write),
            ("writer", on_writer),
            ("schemaless_reader", on_read),
            ("reader", on_reader),
            ("to_parsing_canonical_form", on_canonical),
            ("fingerprint", on_fingerprint),
            ("validate", on_validate),
        ):
            if callable(getattr(module, name, None)):
                setattr(module, name, wrapped(getattr(module, name), record))

    class Failures:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                recorder.failed.add(report.nodeid.partition("[")[0].rpartition("/")[2])

    seed = random.seed
    random.seed = lambda *_, **__: seed(0)  # its tests seed with the time
    os.chdir(sdist / "tests")
    sys.path.insert(0, str(sdist))
    # fastavro's own sources lie in the sdist, too, and are not the compiled ones that are imported already.
    pytest.main(["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "."], plugins=[Failures()])
    recorder.write("fastavro", fastavro.__version__, "MIT")


def put_long(value: int) -> bytes:
    """Return a positive number as an Avro long."""
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


# ---- avro --------------------------------------------------------------------------------------------------------


def record_avro(sdist: Path) -> None:
    """Record the tests of the avro package."""
    sys.path.insert(0, str(sdist))
    warnings.simplefilter("ignore")
    avro: Any = importlib.import_module("avro")
    for name in ("compatibility", "io", "schema"):
        importlib.import_module(f"avro.{name}")
    recorder = Recorder(sdist / "avro" / "test")
    parse, canonical = avro.schema.parse, avro.schema.Schema.canonical_form.fget
    fingerprint = avro.schema.Schema.fingerprint
    check = avro.compatibility.ReaderWriterCompatibilityChecker.get_compatibility
    write, read = avro.io.DatumWriter.write, avro.io.DatumReader.read

    def spelled(schema: Any) -> Any:
        return json.loads(str(schema))

    def called_by_tests() -> bool:
        """Whether the recorded call is a test's own, and none that the package makes of itself."""
        return sys._getframe(3).f_code.co_filename.startswith(recorder.tests)

    def on_parse(text: str, *args: Any, **options: Any) -> None:
        if args or options:
            return
        valid = "refused" not in outcome(lambda: bool(parse(text)))
        try:
            recorder.add("schema", schema=json.loads(text), valid=valid)
        except json.JSONDecodeError:
            recorder.add("schema", text=text, valid=valid)

    def on_check(_: Any, reader: Any, writer: Any, *args: Any, **options: Any) -> None:
        if args or options or not called_by_tests():
            return
        result = check(avro.compatibility.ReaderWriterCompatibilityChecker(), reader, writer)
        compatible = result.compatibility is avro.compatibility.SchemaCompatibilityType.compatible
        recorder.add("match", writer=spelled(writer), reader=spelled(reader), compatible=compatible)

    def on_write(self: Any, value: Any, _: Any) -> None:
        out = io.BytesIO()
        answer = outcome(lambda: write(avro.io.DatumWriter(self.writers_schema), value, avro.io.BinaryEncoder(out)))
        answer = answer if "refused" in answer else {"hex": out.getvalue().hex()}
        recorder.add("write", schema=spelled(self.writers_schema), given=to_json(value), **answer)

    def on_read(self: Any, decoder: Any) -> None:
        if "AVRO_MAX_COLLECTION_ITEMS" in os.environ:
            return
        data, writer, reader = rest(decoder.reader), self.writers_schema, self.readers_schema
        file = io.BytesIO(data)
        answer = outcome(lambda: read(avro.io.DatumReader(writer, reader), avro.io.BinaryDecoder(file)))
        data = data if "refused" in answer else data[: file.tell()]
        given = None if reader is None or spelled(reader) == spelled(writer) else spelled(reader)
        recorder.add("read", writer=spelled(writer), reader=given, hex=data.hex(), **answer)

    def on_canonical(self: Any) -> None:
        if called_by_tests():
            recorder.add("canonical", schema=spelled(self), value=canonical(self))

    def on_fingerprint(self: Any, algorithm: str = "CRC-64-AVRO") -> None:
        given = fingerprint(self, algorithm).hex()
        if called_by_tests():
            recorder.add("fingerprint", schema=spelled(self), algorithm=algorithm, value=given)

    avro.schema.parse = wrapped(parse, on_parse)
    avro.compatibility.ReaderWriterCompatibilityChecker.get_compatibility = wrapped(check, on_check)
    avro.io.DatumWriter.write = wrapped(write, on_write)
    avro.io.DatumReader.read = wrapped(read, on_read)
    avro.schema.Schema.fingerprint = wrapped(fingerprint, on_fingerprint)
    avro.schema.Schema.canonical_form = property(wrapped(canonical, on_canonical))

    for name in ("schema", "io", "compatibility", "name", "datafile"):
        result = unittest.TextTestRunner(verbosity=0).run(
            unittest.defaultTestLoader.loadTestsFromName(f"avro.test.test_{name}")
        )
        for test, _ in (*result.failures, *result.errors):
            recorder.failed.add(f"test_{name}.py::{type(test).__name__}.{test._testMethodName}")
    recorder.write("avro", avro.__version__, "Apache-2.0")


def main(arguments: list[str]) -> int:
    """Record the tests of one package, or write the tables of the page."""
    if arguments == ["page"]:
        specification.PAGE.write_text(specification.page(specification.PAGE.read_text("utf-8")), "utf-8")
        return 0
    recorders = {"avro": record_avro, "fastavro": record_fastavro}
    if len(arguments) != 2 or arguments[0] not in recorders:
        print(__doc__, file=sys.stderr)
        return 2
    recorders[arguments[0]](Path(arguments[1]).resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
