"""Memory runs out at any allocation: the call raises MemoryError, or gives the right result, and nothing crashes."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("running_out.py")
PAYLOADS = ("avro", "msgpack", "json")
WORKS = (
    "avro encode",
    "avro encode older",
    *[f"{payload} build{older}" for payload in PAYLOADS for older in ("", " older")],
    *[f"{payload} decode{older}" for payload in PAYLOADS[:2] for older in ("", " older")],
    *[f"{payload} refuse" for payload in PAYLOADS],
    *("schema of text", "decimal decode", "decimal encode", "long decode", "long encode", "buffer decode"),
)

pytestmark = [
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="allocations are made to fail by glibc's names"),
    pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer has malloc for itself"),
]


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled nomemory.c."""
    library = tmp_path_factory.mktemp("nomemory") / "nomemory.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, "-O1", "-shared", "-fPIC", "-o", library, SCRIPT.with_name("nomemory.c")], check=True)
    return library


def test_every_work_is_tried() -> None:
    """The works of the script are those below."""
    found = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    assert set(json.loads(found.stdout)) == set(WORKS)


@pytest.mark.parametrize("name", WORKS)
def test_running_out_of_memory(preloaded: Path, name: str) -> None:
    """Whichever allocation fails, alone or with those after it, the result is right or the error is a MemoryError."""
    found = subprocess.run(
        [sys.executable, SCRIPT, name],
        env={**os.environ, "LD_PRELOAD": str(preloaded), "PYTHONMALLOC": "malloc_debug"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    report = json.loads(found.stdout)
    print(f"\n{name}: memory ran out {report['tried']} times")
    assert report["tried"] >= 5
    assert report["odd"] == {}
