"""The project's own checks find what they are there to find."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("frame/_x.pyx", "cdef int f() noexcept nogil:\n    return 1\n", "_x.pyx:1: noexcept"),
        ("frame/_x.pyx", "cdef inline int f(\n    int x,\n) noexcept nogil:\n    return x\n", "_x.pyx:1: noexcept"),
        ("frame/x.pxd", "cdef int f() noexcept\n", "x.pxd:1: noexcept"),
        ("frame/x.pxd", 'cdef extern from "x.h":\n    int f()\ncdef int g() noexcept\n', "x.pxd:3: noexcept"),
        ("frame/_x.pyx", 'include "y.pxi"\n', "_x.pyx:1: include"),
        ("frame/_x.pyx", "from ..avro import nodes\n", "_x.pyx:1: safecodec.frame imports safecodec.avro"),
        ("frame/_x.pyx", "def f():\n    from safecodec.payload import json\n", "_x.pyx:2: safecodec.frame imports"),
        ("errors.pyx", "from .frame cimport layout\n", "errors.pyx:1: safecodec.errors imports safecodec.frame"),
        ("codec.pyx", "import fastavro\n", "codec.pyx:1: imports fastavro"),
        ("codec.pyx", "from redis.client import Redis\n", "codec.pyx:1: imports redis"),
        (
            "codec.pyx",
            "import asyncio\n",
            "codec.pyx:1: imports asyncio, which only safecodec.cache.aio, ",
        ),
        ("_loop.pyx", "from safecodec import offload\n", "_loop.pyx:1: safecodec._loop imports safecodec.offload"),
        ("reader.pyx", "def f():\n    from . import offload\n", "reader.pyx:2: safecodec.reader imports"),
        ("codec.pyx", "x = [f(one) for one in many]\n", "codec.pyx:1: a list of items that are no names"),
        ("codec.pyx", "x = tuple(\n    one[0] for one in many\n)\n", "codec.pyx:1: a list of items that are no names"),
        ("codec.pyx", "x = f(', '.join(f'{one}' for one in many))\n", "codec.pyx:1: a list of items that are no names"),
    ],
)
def test_forbidden_cython_is_found(tmp_path: Path, name: str, source: str, fault: str) -> None:
    """Swallowed errors, textual includes and imports against the layering are reported with file and line."""
    file = tmp_path / "safecodec" / name
    file.parent.mkdir(parents=True)
    file.write_text(source)
    result = run("check_cython.py", tmp_path)
    assert result.returncode == 1
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1


def test_allowed_cython_passes(tmp_path: Path) -> None:
    """Inline functions of a .pxd, foreign C, words in comments and strings, and imports from below or deferred pass."""
    package = tmp_path / "safecodec" / "frame"
    package.mkdir(parents=True)
    (package / "x.pxd").write_text("cdef inline int f(\n    int x,\n) noexcept nogil:\n    return x\n")
    (package / "_x.pyx").write_text(
        '"""noexcept."""\nfrom ..errors import (\n    ConfigError,\n)\nfrom . cimport layout\nimport struct\n'
        "x = [one for one in f(many)]\ny = {f(one) for one in many}\nz = all(f(one) for one in many)\n"
        'cdef extern from "x.h" nogil:\n    int f(int x) noexcept  # foreign\ns = "noexcept"  # noexcept\n'
    )
    (package.parent / "_loop.pyx").write_text("def f():\n    from safecodec import offload\n    return offload\n")
    result = run("check_cython.py", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def report(tmp_path: Path, statements: int, covered: int) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "codec.pyx").touch()
    summary = {"num_statements": statements, "covered_lines": covered}
    file = tmp_path / "coverage.json"
    file.write_text(json.dumps({"files": {"src/codec.pyx": {"summary": summary, "missing_lines": []}}}))
    return file


@pytest.mark.parametrize(
    ("statements", "covered", "fault"),
    [(0, 0, "no statements were seen"), (100, 94, "94.0 % of the compiled code ran"), (100, 95, "")],
)
def test_compiled_coverage_is_counted(tmp_path: Path, statements: int, covered: int, fault: str) -> None:
    """Too few statements, and above all none at all, fail the check."""
    result = run("check_compiled_coverage.py", report(tmp_path, statements, covered), "--source", tmp_path)
    assert result.returncode == bool(fault)
    assert fault in result.stderr


def test_compiled_module_without_a_report_fails(tmp_path: Path) -> None:
    """A .pyx file that the report does not know at all fails the check."""
    file = report(tmp_path, 100, 100)
    (tmp_path / "src" / "other.pyx").touch()
    result = run("check_compiled_coverage.py", file, "--source", tmp_path)
    assert result.returncode == 1
    assert "src/other.pyx: no statements were seen" in result.stderr
