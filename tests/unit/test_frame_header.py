"""Laws of what goes into a frame's functions and of the Header that comes out."""

from __future__ import annotations

import array
import copy
import ctypes
import hashlib
import mmap
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import reference
from safecodec.errors import (
    ConfigError,
    ContextMismatchError,
    DecodeError,
    EncodeError,
    FrameTooShortError,
    HeaderChecksumError,
    InputTypeError,
    NotAFrameError,
    SchemaConflictError,
    UnsupportedRevisionError,
)
from safecodec.frame import Header, pack, peek, tag, unpack
from sample import FRAME, PAYLOAD, READ, WRITE, altered

RELEASED = memoryview(FRAME)
RELEASED.release()

# --- buffers


def _mapped(data: bytes) -> mmap.mmap:
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    return mapped


BUFFERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "slice": lambda data: memoryview(b"xyz" + data + b"!")[3:-1],
    "mmap": _mapped,
    "ctypes": lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
    "array": lambda data: array.array("B", data),
    "cast": lambda data: memoryview(data).cast("b"),
}
every_buffer = pytest.mark.parametrize("buffer", BUFFERS.values(), ids=BUFFERS.keys())


@every_buffer
def test_every_contiguous_buffer_is_read(buffer: Callable[[bytes], Any]) -> None:
    """Any C-contiguous buffer is a frame, a payload and a context."""
    given = buffer(FRAME)
    header, payload = unpack(given, **READ)
    assert header == peek(FRAME)
    assert bytes(payload) == PAYLOAD
    assert peek(given) == header
    assert pack(buffer(PAYLOAD), **WRITE) == FRAME
    bound = pack(PAYLOAD, **WRITE, context=buffer(b"user:42"))
    assert bound == reference.pack(PAYLOAD, **WRITE, context=b"user:42")
    assert peek(bound, context=buffer(b"user:42")).version == 3


def test_wider_items_count_as_bytes() -> None:
    """A buffer of 4-byte items is read as the bytes that it holds."""
    data = FRAME + b"!" * (-len(FRAME) % 4)
    frame = reference.reseal(data, payload=True)
    header, payload = unpack(array.array("I", frame), **READ)
    assert header.payload_length == len(frame) - 32
    assert bytes(payload) == frame[32:]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("text", "str"),
        (None, "NoneType"),
        (7, "int"),
        ([1, 2], "list"),
        (memoryview(FRAME)[::2], "memoryview"),
        (memoryview(FRAME)[::-1], "memoryview"),
    ],
    ids=["str", "none", "int", "list", "strided", "reversed"],
)
def test_anything_else_is_refused_by_its_type(given: Any, found: str) -> None:
    """What is no C-contiguous buffer is refused by its type's name, by readers and by writers."""
    with pytest.raises(InputTypeError) as info:
        peek(given)
    assert info.value.found == found
    assert found.removesuffix("Type") in str(info.value)
    with pytest.raises(InputTypeError, match=found.removesuffix("Type")):
        unpack(given, **READ)
    with pytest.raises(InputTypeError, match=found.removesuffix("Type")):
        pack(given, **WRITE)


def test_text_names_the_setting_that_makes_it() -> None:
    """A str comes from a Redis client that decodes: the message says which switch that is."""
    with pytest.raises(InputTypeError, match="decode_responses=False"):
        peek("\x01")  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="the payload is a str, not bytes: encode it"):
        pack("text", **WRITE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "the frame is None, not bytes: a key that a store does not have is no frame"),
        (7, "the frame is of type 'int', not bytes: pass bytes, a bytearray or a C-contig"),
        (memoryview(FRAME)[::2], "the frame is a memoryview that is not C-contiguous, not bytes: pass bytes"),
        (RELEASED, "the frame is of type 'memoryview', and cannot be read: operation forbidden on released"),
    ],
    ids=["none", "int", "strided", "released"],
)
def test_a_wrong_argument_says_what_to_pass(given: Any, said: str) -> None:
    """The message names what was given and what to pass instead; it is a TypeError, and no verdict on data."""
    with pytest.raises(InputTypeError, match=said) as info:
        peek(given)
    assert isinstance(info.value, TypeError)
    assert not isinstance(info.value, (DecodeError, EncodeError, ValueError))


def test_no_context_but_none_is_unbound() -> None:
    """A payload that is None is refused as such, where a context that is None binds nothing."""
    with pytest.raises(InputTypeError, match="the payload is None, not bytes: pass bytes"):
        pack(None, **WRITE)  # type: ignore[arg-type]
    assert pack(PAYLOAD, **WRITE, context=None) == FRAME


@pytest.mark.parametrize("context", ["user:42", 42, memoryview(b"user:42")[::2]], ids=["str", "int", "strided"])
def test_a_context_is_a_buffer_too(context: Any) -> None:
    """A context that is no buffer is refused in every function."""
    with pytest.raises(InputTypeError):
        peek(FRAME, context=context)
    with pytest.raises(InputTypeError, match="context"):
        pack(PAYLOAD, **WRITE, context=context)
    with pytest.raises(InputTypeError, match="context"):
        unpack(FRAME, **READ, context=context)


def test_payload_shares_memory_with_the_frame() -> None:
    """The payload is a window on a frame of bytes; that of a frame which is written to stays as it was checked."""
    for frame in (FRAME, memoryview(FRAME), memoryview(FRAME)[:]):
        _, payload = unpack(frame, **READ)
        assert isinstance(payload, memoryview)
        assert payload.readonly
        assert payload.obj is FRAME
    changing = bytearray(FRAME)
    for other in (changing, memoryview(changing), memoryview(changing).toreadonly()):
        _, payload = unpack(other, **READ)
        changing[32] = ord("P")
        assert payload.tobytes() == b"payload"
        changing[32] = ord("p")


def test_versions_that_do_not_know_how_many_they_are() -> None:
    """A dict of versions counts what it holds, whatever its class says of its length."""

    class Lying(dict[int, bytes]):
        def __len__(self) -> int:
            return 1

    versions = Lying({number: bytes(4) for number in range(1, 2000)})
    with pytest.raises(SchemaConflictError, match="version 3 of subject"):
        unpack(FRAME, **{**READ, "versions": versions})


def test_payload_outlives_the_name_of_the_frame() -> None:
    """The window keeps the input alive."""
    _, payload = unpack(bytes(bytearray(FRAME)), **READ)
    assert payload.tobytes() == PAYLOAD


# --- the header


def test_header_has_every_field() -> None:
    """Every field of the specification is an attribute, and as_dict has the same."""
    header = peek(FRAME)
    expected = reference.parse(FRAME)
    assert header.as_dict() == expected
    assert {name: getattr(header, name) for name in expected} == expected
    assert bytes(header) == FRAME[:32]


def test_header_names_unscoped_and_unknown() -> None:
    """An unscoped frame has the tag 00000000; an unknown format shows its number."""
    assert peek(pack(PAYLOAD, **{**WRITE, "environment": None})).environment_tag == "00000000"
    assert peek(altered(2, b"\7")).format == "unknown (7)"


def test_headers_are_values() -> None:
    """Headers with equal bytes are equal and hash alike, others are not; they equal nothing else."""
    assert peek(FRAME) == peek(bytearray(FRAME))
    assert hash(peek(FRAME)) == hash(peek(bytearray(FRAME)))
    assert len({peek(FRAME), peek(altered(4, b"\4")), peek(FRAME)}) == 2
    assert peek(FRAME) != peek(altered(4, b"\4"))
    assert peek(FRAME) != peek(FRAME).as_dict()
    assert (peek(FRAME) == 7) is False


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_headers_pickle(protocol: int) -> None:
    """A header comes back from every pickle protocol."""
    assert pickle.loads(pickle.dumps(peek(FRAME), protocol)) == peek(FRAME)


def test_headers_copy() -> None:
    """Copies are equal."""
    assert copy.copy(peek(FRAME)) == copy.deepcopy(peek(FRAME)) == peek(FRAME)


@pytest.mark.parametrize("name", ["version", "format", "payload_length", "brand_new"])
def test_headers_do_not_change(name: str) -> None:
    """No attribute is set or deleted."""
    header = peek(FRAME)
    with pytest.raises(AttributeError):
        setattr(header, name, 1)
    with pytest.raises(AttributeError):
        delattr(header, name)


def test_header_shows_itself() -> None:
    """The text of a header names it and its version."""
    assert "Header" in repr(peek(FRAME))
    assert "version=3" in repr(peek(FRAME))
    assert isinstance(peek(FRAME), Header)


def test_a_header_is_only_read_from_a_frame() -> None:
    """Nobody makes up a header without bytes."""
    with pytest.raises(TypeError):
        Header()


# --- peek


def test_peek_needs_the_header_only() -> None:
    """32 bytes are enough, and what follows does not matter to an intact header."""
    assert peek(FRAME[:32]) == peek(FRAME) == peek(FRAME + FRAME)


def test_peek_checks_verdicts_1_to_4() -> None:
    """Peek refuses what has no trustworthy header, and reports the rest as it is."""
    for frame, error in [
        (FRAME[:31], FrameTooShortError),
        (b"\0" + FRAME[1:], NotAFrameError),
        (FRAME[:1] + b"\0" + FRAME[2:], UnsupportedRevisionError),
        (FRAME[:4] + b"\0" + FRAME[5:], ContextMismatchError),
        (FRAME[:4] + b"\0" + FRAME[5:32], HeaderChecksumError),
    ]:
        with pytest.raises(error) as info:
            peek(frame)
        assert type(info.value) is error
    assert peek(altered(3, b"\xf0")).flags == 0xF0
    assert peek(altered(2, b"\0")).format_code == 0


def test_peek_without_verification_shows_a_damaged_header() -> None:
    """With verify=False the header's checksum is not looked at; magic and revision still are."""
    assert peek(FRAME[:4] + b"\x09" + FRAME[5:], verify=False).version == 9
    with pytest.raises(NotAFrameError):
        peek(b"\0" + FRAME[1:], verify=False)


# --- arguments that no header holds


@pytest.mark.parametrize("version", [True, 1.0, "1", None, [1]])
def test_a_version_is_a_whole_number(version: Any) -> None:
    """What is no int is no version, whatever it equals."""
    with pytest.raises(ConfigError, match="version is a whole number, not"):
        pack(PAYLOAD, **{**WRITE, "version": version})


def test_a_header_has_its_length() -> None:
    """A pickled header of another length is refused when it is loaded."""
    restore, (raw,) = peek(FRAME).__reduce__()
    assert restore(raw) == peek(FRAME)
    for other in (raw[:-1], raw + b"\0", b""):
        with pytest.raises(ValueError, match="a header has 32 bytes, not"):
            restore(other)


def test_the_tag_of_zeros_is_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose tag would be that of an unscoped frame is refused; none is known."""
    monkeypatch.setattr(hashlib, "sha256", lambda _: SimpleNamespace(digest=lambda: bytes(32)))
    with pytest.raises(ConfigError, match="has the tag 00000000, which is reserved: choose another name"):
        tag("a name that no other test has")
