"""Build one flavour of the compiled modules in a directory of its own, build/NAME.

The sources are copied there, so that an instrumented module can never be imported in place of a release one, nor
the other way round. Only what changed is copied and built again.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAVOURS = {
    "release": "release",
    "profile": "profile",
    "coverage": "coverage",
    "asan": "asan",
    "guided": "guided",
    "freethreaded": "release",
}
"""Directories under build/, with setup.py's name for the switches. The last is for an interpreter without a GIL."""
PROJECT_FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")


def is_built(file: Path) -> bool:
    """Whether a file is a product: a compiled module, C written by Cython, or bytecode."""
    return (
        file.suffix in {".so", ".pyd", ".pyc"}
        or (file.suffix == ".c" and file.with_suffix(".pyx").exists())
        or any(part.endswith(".egg-info") for part in file.parts)
    )


def mirror(source: Path, target: Path) -> None:
    """Make the target's sources equal to the source's; what was built from them stays."""
    wanted = {file.relative_to(source) for file in source.rglob("*") if file.is_file() and not is_built(file)}
    for name in wanted:
        copy = target / name
        if not copy.exists() or not filecmp.cmp(source / name, copy, shallow=False):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, copy)
    for file in target.rglob("*"):
        if file.is_file() and not is_built(file) and file.relative_to(target) not in wanted:
            file.unlink()


def build(flavour: str) -> Path:
    """Build a flavour.

    Args:
        flavour: One of `FLAVOURS`.

    Returns:
        The directory to import it from.
    """
    place = ROOT / "build" / flavour
    setup = place / "setup.py"
    if setup.exists() and not filecmp.cmp(ROOT / "setup.py", setup, shallow=False):
        shutil.rmtree(place)  # other switches: nothing built with the old ones may stay
    mirror(ROOT / "src", place / "src")
    for name in PROJECT_FILES:
        if (ROOT / name).exists():
            shutil.copyfile(ROOT / name, place / name)
    environment = {**os.environ, "SAFECODEC_BUILD": FLAVOURS[flavour]}
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=place, env=environment, check=True)
    return place / "src"


def main() -> None:
    """Build the flavour that the command line names."""
    parser = argparse.ArgumentParser(description="build a flavour of the compiled modules in build/NAME")
    parser.add_argument("flavour", choices=FLAVOURS)
    print(f"built {build(parser.parse_args().flavour).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
