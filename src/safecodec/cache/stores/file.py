"""A store in a directory, which the processes of one machine share, for POSIX: one file for each entry.

A file is written under a temporary name and renamed, so that a process that is killed in the middle leaves the old
entry or the new one. Nothing is flushed to the disk: after a loss of power an entry may be torn, which its length and
checksum tell. Such a file counts as missing, and is moved to the directory ``damaged``.

Whoever writes holds an exclusive lock on the file ``lock``, in which the sum of the files' sizes is kept. Whoever reads
holds none: the system call that opens a file gets an old one or a new one.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from safecodec.errors import ConfigError, StoreError

from . import CLAIM
from .local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileStore"]

DEFAULT_BYTES: Final = 256 * 1024 * 1024
_HEAD: Final = Struct("<8sIdII")
_MAGIC: Final = b"safecod1"
_TOTAL: Final = Struct("<Q")
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_DAMAGED: Final = 16
"""How many damaged files are kept."""
_LOWER: Final = 0.9
"""To what part of its bound a store is brought down when it is full, so that not every entry looks for the oldest."""
_LATEST: Final = 2.0**33
"""The latest time in seconds that a file is given, for an entry without an end: the year 2242."""
_BLOCK: Final = 4096
"""Bytes that a file takes at least, and in multiples, on usual file systems."""


class _Content(NamedTuple):
    key: bytes
    entry: bytes
    until: float


def _packed(content: _Content) -> bytes:
    key, entry, until = content
    checksum = zlib.crc32(entry, zlib.crc32(key, zlib.crc32(_HEAD.pack(_MAGIC, 0, until, len(key), len(entry)))))
    return _HEAD.pack(_MAGIC, checksum, until, len(key), len(entry)) + key + entry


def _unpacked(data: bytes) -> _Content | None:
    """The content of a file; None where it is damaged."""
    if len(data) < _HEAD.size:
        return None
    _, _, until, key_length, length = _HEAD.unpack_from(data)
    start = _HEAD.size + key_length
    content = _Content(data[_HEAD.size : start], data[start : start + length], until)
    return content if _packed(content) == data else None


def _blocks(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK


class FileStore(LocalStore):
    """A store of files, for any number of threads and processes of one machine. The oldest entries make room.

    Args:
        directory: Where the files are; it is made if it is not there, and must hold nothing else.
        max_bytes: How much the entries take on the disk at most, in blocks of 4 KiB.
        timeout: Seconds to wait for others who write.
        now: What gives the time, in seconds since 1970.

    Raises:
        ConfigError: ``max_bytes`` is under 4,096, or ``timeout`` under 0.
        StoreError: The directory cannot be made or written to.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_bytes: int = DEFAULT_BYTES,
        timeout: float = 1.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        if max_bytes < _BLOCK or not timeout >= 0:
            raise ConfigError(
                f"expected max_bytes of {_BLOCK} or more and a timeout of 0 or more, found {max_bytes} and {timeout}"
            )
        super().__init__(now)
        self._directory = Path(directory).absolute()
        self._damaged = self._directory / "damaged"
        self._lock = self._directory / "lock"
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._temporary = self._directory / "new.tmp"
        self._pinned = self._path(CLAIM)
        self._descriptor = -1
        with self._failing("open"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._damaged.mkdir(mode=0o700, exist_ok=True)
        with self._locked(), self._failing("open"):
            self._temporary.unlink(missing_ok=True)
            self._sweep(self._max_bytes)

    @contextmanager
    def _failing(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = f"{type(error).__name__}: {error.strerror or error}"
            raise StoreError(f"{verb} failed in the directory {str(self._directory)!r}: {where}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._failing("lock"):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._wait(descriptor)
            self._descriptor = descriptor
            try:
                yield
            finally:
                # A process that is forked meanwhile has the descriptor too, and a close alone would leave it locked.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _wait(self, descriptor: int) -> None:
        until = time.monotonic() + self._timeout
        while True:
            with self._failing("lock"):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    if time.monotonic() >= until:
                        raise StoreError(
                            f"another process or thread holds the lock of {str(self._directory)!r} for more than "
                            f"{self._timeout} s"
                        ) from error
                else:
                    return
            time.sleep(0.001)

    def _path(self, key: bytes) -> Path:
        return self._directory / sha256(key).hexdigest()

    def _load(self, key: bytes) -> _Content | bool:
        """The content of a key's file; False: there is none; True: there is one, and it is damaged."""
        with self._failing("read"):
            try:
                data = self._path(key).read_bytes()
            except FileNotFoundError:
                self._directory.stat()
                return False
        content = _unpacked(data)
        return True if content is None or content.key != key else content

    def _alive(self, content: _Content | bool) -> bytes | None:
        return None if isinstance(content, bool) or content.until <= self._now() else content.entry

    def _look(self, key: bytes) -> bytes | None:
        content = self._load(key)
        if content is True:
            # Another process may just have written a good one.
            with self._locked():
                return self._read(key)
        return self._alive(content)

    def _read(self, key: bytes) -> bytes | None:
        content = self._load(key)
        if content is True:
            self._move_aside(self._path(key))
        return self._alive(content)

    def _write(self, key: bytes, entry: bytes, until: float) -> None:
        data = _packed(_Content(key, entry, until))
        size, path = _blocks(len(data)), self._path(key)
        if size > self._max_bytes:
            raise StoreError(f"an entry of {len(entry)} bytes does not fit into a store of {self._max_bytes} bytes")
        with self._failing("write"):
            total = self._total() + size - self._size(path)
            try:
                self._temporary.write_bytes(data)
                # A sweep then knows what is expired, and by the time of the last change what is oldest.
                os.utime(self._temporary, (until, until) if until < _LATEST else (_LATEST, _LATEST))
                self._temporary.replace(path)
            except OSError:
                with suppress(OSError):
                    self._temporary.unlink()
                raise
            self._set_total(total)
            if total > self._max_bytes:
                self._sweep(max(size, int(self._max_bytes * _LOWER)), path)

    def _drop(self, key: bytes) -> None:
        path = self._path(key)
        with self._failing("remove"):
            total = self._total() - self._size(path)
            path.unlink(missing_ok=True)
            self._set_total(total)

    def _size(self, path: Path) -> int:
        try:
            return _blocks(path.stat().st_size)
        except FileNotFoundError:
            return 0

    def _total(self) -> int:
        data = os.pread(self._descriptor, _TOTAL.size, 0)
        return int(_TOTAL.unpack(data)[0]) if len(data) == _TOTAL.size else 0

    def _set_total(self, total: int) -> None:
        os.pwrite(self._descriptor, _TOTAL.pack(max(total, 0)), 0)

    def _sweep(self, bound: int, keep: Path | None = None) -> None:
        """Remove what is expired, and then the oldest until the rest is within a bound."""
        now, total, files = self._now(), 0, []
        with os.scandir(self._directory) as found:
            for item in found:
                if _NAME.fullmatch(item.name):
                    status = item.stat()
                    total += _blocks(status.st_size)
                    files.append((status.st_mtime > now, status.st_ctime_ns, _blocks(status.st_size), Path(item)))
        for alive, _, size, path in sorted(files):
            if alive and total <= bound:
                break
            if path not in (keep, self._pinned):
                path.unlink(missing_ok=True)
                total -= size
        self._set_total(total)

    def _move_aside(self, path: Path) -> None:
        with self._failing("move"):
            total = self._total() - self._size(path)
            path.replace(self._damaged / f"{path.name}.{time.time_ns()}")
            self._set_total(total)
            files = self.damaged()
            sizes = [self._size(one) for one in files]
            while len(files) > 1 and (len(files) > _DAMAGED or sum(sizes) > self._max_bytes // 4):
                files.pop(0).unlink()
                sizes.pop(0)

    def damaged(self) -> list[Path]:
        """Return the damaged files that are kept, the oldest first: 16 at most, and a quarter of ``max_bytes``."""
        with self._failing("list"):
            return sorted(self._damaged.iterdir(), key=lambda one: one.name.rpartition(".")[2])

    def close(self) -> None:
        """See `Store.close`: nothing stays open between two calls."""
