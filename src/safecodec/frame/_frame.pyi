from collections.abc import Mapping

from typing_extensions import Buffer

from ._header import Header
from ._stamp import Stamp

def peek(frame: Buffer, *, context: Buffer | None = None, verify: bool = True) -> Header: ...
def pack(
    payload: Buffer,
    *,
    format: str,
    subject: str,
    version: int,
    fingerprint: bytes,
    environment: str | None,
    oldest_reader: int | None = None,
    context: Buffer | None = None,
    stamp: Stamp | None = None,
) -> bytes: ...
def unpack(
    frame: Buffer,
    *,
    subject: str,
    environment: str | None,
    format: str | None = None,
    versions: Mapping[int, bytes] | None = None,
    context: Buffer | None = None,
    max_payload: int = ...,
) -> tuple[Header, memoryview]: ...
def stamp_of(frame: Buffer) -> Stamp | None: ...
def restamp(frame: Buffer, stamp: Stamp, *, context: Buffer | None = None) -> bytes: ...
def crc32c(data: Buffer, value: int = 0) -> int: ...
def mask(checksum: int) -> int: ...
def crc32c_implementation() -> str: ...
def crc32c_implementations() -> tuple[str, ...]: ...
def crc32c_with(name: str, data: Buffer, value: int = 0) -> int: ...
