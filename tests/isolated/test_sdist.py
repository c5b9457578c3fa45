"""The sdist: what it has, and that a compiler is all that it needs beside its build requirements."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_dist  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
READ = """
import sys
import safecodec
with open(sys.argv[1], "rb") as file:
    frame = file.read()
print(safecodec.__file__, safecodec.peek(frame).version, safecodec.frame.crc32c_implementation())
"""

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an sdist is made of a checkout")


def run(command: list[str | Path], environment: dict[str, str], cwd: Path) -> str:
    """What a command prints; all that it printed if it fails."""
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this checkout."""
    directory = tmp_path_factory.mktemp("sdist")
    run([sys.executable, "setup.py", "-q", "sdist", "--dist-dir", directory], dict(os.environ), ROOT)
    (made,) = directory.iterdir()
    return made


def test_the_sdist_has_the_files_of_the_checkout(sdist: Path) -> None:
    """Every file that belongs into the sdist is in it, with no product and nothing that lay about."""
    assert sdist.name == f"safecodec-{PROJECT['version']}.tar.gz"
    assert list(check_dist.sdist_faults(sdist, check_dist.tracked(), PROJECT)) == []


def test_the_sdist_builds_with_nothing_but_a_compiler(sdist: Path, tmp_path: Path) -> None:
    """Without git, make or anything else on the PATH, a wheel comes of it that is complete and reads a frame."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("as", "ld"):
        (tools / name).symlink_to(str(shutil.which(name)))
    compiler = shutil.which(os.environ.get("CC", "cc"))
    assert compiler is not None
    bare = {"PATH": str(tools), "HOME": str(tmp_path), "CC": compiler, "LDSHARED": f"{compiler} -shared"}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-index", "--no-deps"]
    run([*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", tmp_path, sdist], bare, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert list(check_dist.wheel_faults(wheel, ROOT / "src" / "safecodec", PROJECT)) == []

    site = tmp_path / "site"
    run([*pip, "install", *offline, "--target", site, wheel], bare, tmp_path)
    frame = ROOT / "tests" / "vectors" / "avro-v2.bin"
    read = run([sys.executable, "-c", READ, frame], {**bare, "PYTHONPATH": str(site)}, tmp_path)
    assert read.startswith(f"{site}/safecodec/__init__.py 2 ")
