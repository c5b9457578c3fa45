"""Pages that need a server or another package run as they are printed."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from safecodec import Codec

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from run_pages import blocks, requirements, run  # noqa: E402


@dataclass
class Config:
    """A value of README.md."""

    user_id: int
    plan: str


GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
MORE = [page for page in GUIDES if page.name == "README.md" or {*requirements(page)} - {"."}]


@pytest.mark.parametrize("page", MORE, ids=lambda page: page.stem)
def test_pages_run(page: Path, tmp_path: Path, redis_server: Any, redis_client: Any) -> None:
    """The blocks of a page do what they say; the Redis is at REDIS_URL, and where redis-cli looks for one."""
    assert blocks(page)
    # README.md reads this back: the value that another process has put there.
    made = Codec(Config, subject="user-config", version=1, environment="production")
    redis_client.set("user:7", made.encode(Config(7, "pro")))
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin" / "redis-cli"
    client.write_text(f'#!/bin/sh\nexec {shutil.which("redis-cli")} -p {redis_server.port} "$@"\n', "utf-8")
    client.chmod(0o755)
    (tmp_path / "page").mkdir()
    # The pages' own Python comes first on the path, and the redis-cli of this server before the system's.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(client.parent), os.environ["PATH"]])
    # A machine that is busy with other tests may take longer than the 50 ms which a page gives its Redis.
    url = f"redis://127.0.0.1:{redis_server.port}?socket_timeout=10&socket_connect_timeout=10"
    run(page, Path(sys.executable), tmp_path / "page", {"PATH": path, "REDIS_URL": url})
