"""Another revision of the compiled modules, built beside the present one to be counted on the same machine."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from .results import ROOT

BUILT = ("src", "setup.py", "pyproject.toml", "README.md", "LICENSE")
"""What a build reads."""


def commit_of(revision: str) -> str:
    """Return the commit that a revision names; exits where there is none."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"git knows no revision {revision!r} here; a shallow clone has to fetch it first")
    return done.stdout.strip()


def build(revision: str) -> Path:
    """Build a revision's release flavour in build/base, unless it is there.

    Args:
        revision: As git takes it, such as ``origin/main``.

    Returns:
        The directory to import it from.
    """
    commit = commit_of(revision)
    place = ROOT / "build" / "base" / f"{commit[:12]}-{sys.implementation.cache_tag}"
    done = place / "built"
    if not done.exists():
        shutil.rmtree(place, ignore_errors=True)
        print(f"building {revision}, which is {commit[:12]}", flush=True)
        archive = subprocess.run(["git", "archive", commit, *BUILT], cwd=ROOT, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(place, filter="data")
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(command, cwd=place, env=os.environ | {"SAFECODEC_BUILD": "release"}, check=True)
        done.touch()
    return place / "src"
