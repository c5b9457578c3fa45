"""CRC-32C: known values, and every implementation against the table oracle."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import pytest

import reference
from safecodec.errors import ConfigError, InputTypeError
from safecodec.frame import (
    crc32c,
    crc32c_implementation,
    crc32c_implementations,
    crc32c_with,
    mask,
    pack,
    peek,
)

NAMES = tuple(crc32c_implementations())
KNOWN = [
    (b"", 0),
    (b"a", 0xC1D04330),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]
LARGE = bytes((i * i + (i >> 3)) & 0xFF for i in range(200_003))
# Around the sizes of blocks that interleaved implementations take at once, whatever they choose.
SIZES = sorted(
    {
        size + more
        for unit in (1024, 3 * 256, 3 * 1024, 12 * 1024, 3 * 8192, 4096, 65536)
        for size in (unit, 2 * unit, 3 * unit, 5 * unit)
        for more in (-9, -1, 0, 1, 7, 8, 17)
        if size + more <= 200_000
    }
    | {199_999, 200_000}
)

SOURCE = Path(__file__).parent.parent.parent / "src" / "safecodec" / "frame" / "crc32c.c"

every_implementation = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def large_sums() -> list[int]:
    """CRC-32C of every prefix of LARGE, by the oracle."""
    return reference.prefix_sums(LARGE)


@pytest.mark.parametrize(("data", "value"), KNOWN)
def test_known_values(data: bytes, value: int) -> None:
    """The published values hold (RFC 3720, B.4; the check value of the CRC catalogue), for the oracle, too."""
    assert crc32c(data) == value
    assert reference.crc32c(data) == value


@every_implementation
@pytest.mark.parametrize(("data", "value"), KNOWN)
def test_known_values_of_every_implementation(name: str, data: bytes, value: int) -> None:
    """Every implementation that this machine can run knows the published values."""
    assert crc32c_with(name, data) == value


def test_a_table_is_always_there() -> None:
    """The fallback is there on every machine, so that it is tested on every machine."""
    assert "table" in NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert crc32c_implementation() == NAMES[0]


def _features() -> set[str]:
    """What the kernel says of the processor, where it says so."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return {name for line in lines if line.startswith(("flags", "Features")) for name in line.split(":")[1].split()}


@pytest.mark.parametrize(
    ("name", "machine", "needed"),
    [
        ("avx512", "x86_64", {"avx512f", "avx512vl", "vpclmulqdq", "pclmulqdq", "sse4_2"}),
        ("avx2", "x86_64", {"avx2", "vpclmulqdq", "pclmulqdq", "sse4_2"}),
        ("sse42", "x86_64", {"pclmulqdq", "sse4_2"}),
        ("armv8", "aarch64", {"crc32"}),
    ],
)
def test_what_the_processor_has_is_found(name: str, machine: str, needed: set[str]) -> None:
    """An implementation is there exactly where the kernel lists what it needs, whatever compiled the module."""
    features = _features()
    if platform.machine() != machine or not features or ("sse4_2" in features and machine == "aarch64"):
        pytest.skip("another processor, or an emulated one, of which the kernel says nothing")
    assert (name in NAMES) == (needed <= features)


@pytest.mark.skipif("SAFECODEC_EXPECT_CRC32C" not in os.environ, reason="SAFECODEC_EXPECT_CRC32C names none")
def test_the_processor_s_own_instructions_are_used() -> None:
    """Where the machine's processor is known, its implementation is the one that frames use."""
    assert crc32c_implementation() == os.environ["SAFECODEC_EXPECT_CRC32C"]


@every_implementation
@pytest.mark.parametrize("offset", range(16))
def test_short_lengths_at_every_alignment(name: str, offset: int) -> None:
    """Every implementation equals the table for lengths 0 to 600, wherever in memory the bytes start."""
    view = memoryview(LARGE)[offset:]
    expected = reference.prefix_sums(view[:600])
    assert [crc32c_with(name, view[:length]) for length in range(601)] == expected


@every_implementation
def test_large_lengths(name: str, large_sums: list[int]) -> None:
    """Every implementation equals the table around the borders of its blocks."""
    view = memoryview(LARGE)
    assert {size: crc32c_with(name, view[:size]) for size in SIZES} == {size: large_sums[size] for size in SIZES}


@every_implementation
@pytest.mark.parametrize("offset", [1, 3, 7, 13])
def test_large_lengths_at_odd_alignments(name: str, offset: int) -> None:
    """Interleaving is right for unaligned input, too."""
    view = memoryview(LARGE)[offset : offset + 100_001]
    assert crc32c_with(name, view) == reference.crc32c(view)


def test_default_is_one_of_them(large_sums: list[int]) -> None:
    """The function that frames use gives the same values."""
    view = memoryview(LARGE)
    assert [crc32c(view[:size]) for size in SIZES] == [large_sums[size] for size in SIZES]


@pytest.mark.parametrize("whole", [0, 1, 9, 64, 1023, 3072, 70_000, 200_000])
def test_sums_continue(whole: int, large_sums: list[int]) -> None:
    """crc32c(b, crc32c(a)) == crc32c(a + b), wherever the cut is."""
    view = memoryview(LARGE)
    for cut in {0, 1, whole // 3, whole // 2, max(whole - 1, 0), whole}:
        cut = min(cut, whole)
        assert crc32c(view[cut:whole], crc32c(view[:cut])) == large_sums[whole]


@pytest.mark.parametrize("value", [1, 0x8A9136AA, 0xFFFFFFFF])
def test_start_values_are_those_of_the_oracle(value: int) -> None:
    """Any earlier sum may be continued, by every implementation."""
    expected = reference.crc32c(b"more", value)
    assert crc32c(b"more", value) == expected
    assert {crc32c_with(name, b"more", value) for name in NAMES} == {expected}


@pytest.mark.parametrize("value", [-1, 2**32, 1.5, True, None])
def test_other_start_values_are_refused(value: Any) -> None:
    """What is no CRC-32C cannot be continued."""
    with pytest.raises(ConfigError):
        crc32c(b"", value)
    with pytest.raises(ConfigError):
        crc32c_with("table", b"", value)


def test_unknown_implementations_are_refused() -> None:
    """A name that this machine cannot run is an error that lists those it can."""
    with pytest.raises(ConfigError, match="table"):
        crc32c_with("abacus", b"")


@pytest.mark.parametrize("data", ["text", None, memoryview(b"abcd")[::2]], ids=["str", "none", "strided"])
def test_only_buffers_are_summed(data: Any) -> None:
    """Anything but a C-contiguous buffer is an InputTypeError."""
    with pytest.raises(InputTypeError):
        crc32c(data)
    with pytest.raises(InputTypeError):
        crc32c_with("table", data)


def _power_of_x(exponent: int) -> int:
    """x**exponent mod P in reflected bit order, where bit 31 is x**0."""
    value = 0x80000000
    for _ in range(exponent):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


@pytest.mark.skipif(not SOURCE.exists(), reason="the tests of an installed wheel have no sources beside them")
def test_constants_follow_from_the_polynomial() -> None:
    """Every constant X_n of the C source is x**n mod P: none is a number that nobody can derive again."""
    found = re.findall(r"#define X_(\d+) 0x([0-9a-f]{8})u", SOURCE.read_text("utf-8"))
    assert found
    assert {int(n): int(value, 16) for n, value in found} == {int(n): _power_of_x(int(n)) for n, _ in found}


@pytest.mark.parametrize(("data", "stored"), [(b"", 0xA282EAD8), (b"123456789", 0xC78AB0E5), (bytes(32), 0x0FD7FFFA)])
def test_frames_store_masked_sums(data: bytes, stored: int) -> None:
    """A frame stores LevelDB's mask of the sum: the values are those of the specification page."""
    frame = pack(data, format="avro", subject="s", version=1, fingerprint=bytes(4), environment=None)
    assert peek(frame).payload_checksum == stored == reference.masked(reference.crc32c(data))


def test_mask_is_the_oracle_s() -> None:
    """The mask of a checksum is LevelDB's, as the oracle has it, and only of a checksum."""
    for value in (0, 1, 0xE3069283, 2**32 - 1):
        assert mask(value) == reference.masked(value)
    for wrong in (-1, 2**32, True, "0"):
        with pytest.raises(ConfigError, match="a CRC-32C is between 0 and"):
            mask(wrong)  # type: ignore[arg-type]
