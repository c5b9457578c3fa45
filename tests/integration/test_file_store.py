"""What a store in files does beyond the contract of all stores: damage, kills, processes, a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processes import said
from safecodec.cache.stores import Swap, Swapped
from safecodec.cache.stores.file import FileStore
from safecodec.errors import ConfigError, StoreError
from store_entries import OURS, Clock, Entry

KEY = b"production:user:7"


def written(store: FileStore, size: int = 100, key: bytes = KEY, **options: Any) -> bytes:
    """Write an entry, and return it."""
    frame = Entry(1, payload=os.urandom(size)).data
    given = {"expected": None, "seconds": 100, **options}
    assert store.swap(Swap(key=key, new=frame, environment=OURS, **given)) == Swapped.DONE
    return frame


def entries(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9a-f]" * 64))


def test_entries_survive_the_process(tmp_path: Path) -> None:
    """Another store on the directory has the entries, leases and the claim of the first."""
    first = FileStore(tmp_path / "new" / "directory")
    frame = written(first)
    first.bind("production")
    first.lease(b"lease", b"mine", 100)
    first.close()
    again = FileStore(tmp_path / "new" / "directory")
    assert (again.get(KEY), again.claim(), again.lease(b"lease", b"other", 1).granted) == (frame, "production", False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_file_is_an_entry(tmp_path: Path, data: st.DataObject) -> None:
    """With any byte changed, cut off or added, a file is no entry, is moved aside, and a new one takes its place."""
    store = FileStore(tmp_path)
    written(store)
    (path,) = entries(tmp_path)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "add"]))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    damaged = {"flip": flipped, "cut": whole[:at], "add": whole + b"\0"}[change]
    path.write_bytes(damaged)
    assert (store.get(KEY), store.get_many([KEY])) == (None, [None])
    assert store.damaged()[-1].read_bytes() == damaged
    assert entries(tmp_path) == []
    assert store.get(KEY) is None
    assert written(store) == store.get(KEY)


def test_a_swap_onto_a_damaged_file(tmp_path: Path) -> None:
    """For a swap a damaged file is nothing, and is moved aside by it."""
    store = FileStore(tmp_path)
    written(store)
    entries(tmp_path)[0].write_bytes(b"torn")
    assert written(store, expected=b"") == store.get(KEY)
    assert len(store.damaged()) == 1


def test_a_file_of_another_key_is_damaged(tmp_path: Path) -> None:
    """A file that somebody has copied to another key's name is no entry of that key."""
    store = FileStore(tmp_path)
    written(store)
    written(store, key=b"other")
    one, other = entries(tmp_path)
    other.write_bytes(one.read_bytes())
    assert {store.get(KEY), store.get(b"other")} > {None}
    assert len(store.damaged()) == 1


def test_damaged_files_are_bounded(tmp_path: Path) -> None:
    """Of damaged files the newest sixteen are kept, within a quarter of the store's bytes, and at least one."""
    store = FileStore(tmp_path, max_bytes=1_000_000)
    for count, size in ((20, 100), (5, 90_000), (1, 500_000)):
        for _ in range(count):
            written(store, size)
            (path,) = entries(tmp_path)
            path.write_bytes(path.read_bytes()[:-1])
            assert store.get(KEY) is None
        assert len(store.damaged()) == {100: 16, 90_000: 2, 500_000: 1}[size]


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """Files stay within the bound of two stores together: the expired go first, then the oldest, the claim never."""
    clock = Clock()
    stores = [FileStore(tmp_path, max_bytes=110_592, now=clock) for _ in range(2)]
    stores[0].bind("production")
    written(stores[0], key=b"expires", seconds=1)
    for number in range(8):
        written(stores[number % 2], 9_000, key=b"%d" % number)
        time.sleep(0.01)  # files are told apart by the time of the kernel's last tick
    assert stores[0].get(b"0") is not None
    clock.seconds += 2
    written(stores[1], 9_000, key=b"a little more")
    assert stores[0].get(b"0") is None
    found = [number for number in range(8) if stores[0].get(b"%d" % number)]
    assert found == list(range(found[0], 8))
    assert stores[1].get(b"a little more") is not None
    assert len(entries(tmp_path)) == len(found) + 2  # the claim, and the last one
    for number in range(40):
        written(stores[number % 2], 9_000, key=b"more %d" % number)
        assert sum(-(-path.stat().st_size // 4096) * 4096 for path in entries(tmp_path)) <= 110_592
    assert stores[1].claim() == "production"


def test_expired_files_go_first(tmp_path: Path) -> None:
    """Where the expired make enough room, nothing else goes, however old it is."""
    clock = Clock()
    store = FileStore(tmp_path, max_bytes=40_960, now=clock)
    kept = written(store, 9_000)
    time.sleep(0.01)
    written(store, 9_000, key=b"expires", seconds=1)
    clock.seconds += 2
    written(store, 9_000, key=b"more")
    written(store, 9_000, key=b"one more")
    assert store.get(KEY) == kept
    assert store.get(b"more") is not None
    assert len(entries(tmp_path)) == 3


def test_an_entry_that_does_not_fit(tmp_path: Path) -> None:
    """An entry that is larger than the store is an error of the store; one that fills it is alone in it."""
    store = FileStore(tmp_path, max_bytes=20_480)
    frame = written(store, 20_000)
    with pytest.raises(StoreError, match="does not fit into a store of 20480 bytes"):
        written(store, 21_000)
    assert store.get(KEY) == frame
    assert written(store, 20_000, key=b"other") == store.get(b"other")
    assert store.get(KEY) is None


@pytest.mark.parametrize("options", [{"max_bytes": 4_095}, {"timeout": -1}, {"timeout": float("nan")}])
def test_options_are_checked(tmp_path: Path, options: dict[str, Any]) -> None:
    """A store of no block, or with a negative time to wait, is a mistake."""
    with pytest.raises(ConfigError, match="expected max_bytes of 4096 or more and a timeout of 0 or more"):
        FileStore(tmp_path, **options)


def test_temporaries_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    """What a process left that was killed in a write is removed when a store is made, and is in nobody's way."""
    store = FileStore(tmp_path)
    left = tmp_path / "new.tmp"
    left.write_bytes(b"half")
    assert written(store) == store.get(KEY)
    left.write_bytes(b"half")
    FileStore(tmp_path)
    assert not left.exists()


def test_a_sum_that_is_lost_is_made_anew(tmp_path: Path) -> None:
    """The lock file may be emptied or removed: the sum in it is counted again at the next start or sweep."""
    store = FileStore(tmp_path, max_bytes=40_960)
    written(store, 9_000)
    (tmp_path / "lock").write_bytes(b"")
    for number in range(10):
        written(store, 9_000, key=b"%d" % number)
    FileStore(tmp_path, max_bytes=40_960)
    assert sum(-(-path.stat().st_size // 4096) * 4096 for path in entries(tmp_path)) <= 40_960


# ---- a disk that fails


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """Reads and writes in a directory that somebody has removed are errors of the store, and not missing entries."""
    store = FileStore(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    for call in (lambda: store.get(KEY), lambda: written(store), lambda: store.release(KEY, b"x"), store.damaged):
        with pytest.raises(StoreError, match=r"failed in the directory '.*store': FileNotFoundError: No such file"):
            call()


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    """A file in the directory's place is an error of the store."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"open failed in the directory .*: FileExistsError"):
        FileStore(tmp_path / "file")


LIMITED = """
import resource, signal, sys
from safecodec.cache.stores import Swap, StoreError
from safecodec.cache.stores.file import FileStore
store = FileStore(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
try:
    store.swap(Swap(key=b"production:user:7", new=b"x" * 9_000, expected=None, seconds=9, environment=b"prod"))
except StoreError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """A write that the system refuses in the middle is an error of the store, leaves the old entry and no temporary."""
    store = FileStore(tmp_path)
    frame = written(store)
    assert "write failed in the directory" in (text := said(LIMITED, str(tmp_path)))
    assert "OSError: File too large" in text
    assert store.get(KEY) == frame
    assert not list(tmp_path.glob("*.tmp"))


def test_a_temporary_that_cannot_be_written(tmp_path: Path) -> None:
    """Whatever is in the way of a write is an error of the store, also where it cannot be removed."""
    store = FileStore(tmp_path)
    frame = written(store)
    (tmp_path / "new.tmp").mkdir()
    with pytest.raises(StoreError, match=r"write failed in the directory .*: IsADirectoryError: Is a directory"):
        written(store)
    assert store.get(KEY) == frame


READ_ONLY = """
import os, sys
from safecodec.cache.stores import Swap, StoreError
from safecodec.cache.stores.file import FileStore
os.chmod(sys.argv[1], 0o755)
store = FileStore(sys.argv[1] + "/store")
for path, mode in (("/store", 0o555), ("/store/lock", 0o444)):
    os.chmod(sys.argv[1] + path, mode)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
print(store.get(b"missing"))
try:
    store.lease(b"key", b"mine", 9)
except StoreError as error:
    print(error)
"""


def test_a_directory_that_is_read_only() -> None:
    """Without the right to write, reads go on and writes are errors of the store."""
    with TemporaryDirectory() as directory:  # pytest's own keep other users out
        missing, error = said(READ_ONLY, directory).splitlines()
    assert missing == "None"
    assert "lock failed in the directory" in error
    assert "PermissionError: Permission denied" in error


# ---- several processes


def test_a_lock_that_is_held_too_long(tmp_path: Path) -> None:
    """Whoever waits for a writer that is stopped gives up after the time that was given; reads do not wait."""
    store = FileStore(tmp_path, timeout=0.02)
    frame = written(store)
    with store._locked(), pytest.raises(StoreError, match=r"holds the lock of '.*' for more than 0.02 s"):
        written(store)
    with store._locked():
        assert store.get(KEY) == frame
    assert written(store) == store.get(KEY)


WRITER = """
import sys
from safecodec.cache.stores import Swap
from safecodec.cache.stores.file import FileStore
store = FileStore(sys.argv[1], timeout=30)
print("ready", flush=True)
while True:
    for letter in b"abcdefgh":
        frame = bytes([letter]) * 300_000
        store.swap(Swap(key=b"key", new=frame, expected=None, seconds=100, environment=b"prod", good=b"good"))
"""


@pytest.fixture
def writer() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_a_killed_writer_leaves_the_old_entry_or_the_new(tmp_path: Path, writer: list[Any]) -> None:
    """After SIGKILL at any moment of a write each entry is whole, nothing is damaged, and the lock is free."""
    seen = set()
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        writer.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.005, 0.04))
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = FileStore(tmp_path)
        for key in (b"key", b"good"):
            entry = store.get(key)
            if entry is not None:
                assert entry == entry[:1] * 300_000
                seen.add(entry[0])
        assert store.damaged() == []
        assert not list(tmp_path.glob("*.tmp"))
    assert seen


COUNTER = """
import struct, sys
from safecodec.cache.stores import Swap, Swapped
from safecodec.cache.stores.file import FileStore
store = FileStore(sys.argv[1], timeout=60)
won = 0
while won < 100:
    there = store.get(b"count") or b""
    number = int(there or b"0") + 1
    swap = Swap(key=b"count", new=b"%d" % number, expected=there, seconds=100, environment=b"prod")
    won += store.swap(swap) is Swapped.DONE
"""


def test_processes_lose_no_write(tmp_path: Path) -> None:
    """Of processes that count with compare-and-set no step is lost and none is counted twice."""
    processes = [subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    final = FileStore(tmp_path).get(b"count")
    assert final is not None
    assert 100 <= int(final) <= 300
