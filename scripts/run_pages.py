"""Run the blocks of documentation pages as they are printed.

    python scripts/run_pages.py --python VENV/bin/python --wheel WHEEL README.md docs/tutorial/first-frame.md

Each page has a directory and a Python process of its own:

- Python blocks run one after the other, in a namespace that holds nothing else. Their lines keep the page's numbers.
- A Python block whose first line is a comment with the path of a file is not run: it is written to that file, which the
  other blocks import or run. Where the checkout has the file, the block has to be a part of it, and the file is copied.
- Console blocks run after the Python blocks, by sh. Where lines begin with ``$``, the other lines are output.
- ``pip install`` lines are carried out where a wheel is given, which stands for safecodec itself.
- ``make`` is not run, but has to name a target of the Makefile. A command that asks a Redis is run if REDIS_URL is set.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# ([\w./-]+\.py)\n")
INSTALL = re.compile(r"^(?:python -m )?pip install ")
# valgrind counts instructions for a minute or more; tests/unit/test_instructions.py runs it on a small work.
LONG = "--instructions"
REDIS = re.compile(r"\bredis-cli\b|--redis\b|\$REDIS_URL\b")
# `safecodec bench --fail-over` ends with 1 where a busy machine made a ratio worse, which is no fault of the page.
MAY_FAIL = "--fail-over"


class Block(NamedTuple):
    """A block of a page.

    Args:
        language: ``python`` or ``console``.
        text: Its lines.
        line: The number of the page's lines before them.
    """

    language: str
    text: str
    line: int


class PageError(Exception):
    """A block of a page does not run as it is printed."""


def blocks(page: Path) -> list[Block]:
    """Return the Python and console blocks of a page."""
    text = page.read_text("utf-8")
    return [Block(found[1], found[2], text.count("\n", 0, found.start(2))) for found in BLOCK.finditer(text)]


def commands(block: Block) -> list[str]:
    """Return the commands of a console block, without prompts, output and comments."""
    lines = block.text.splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def requirements(page: Path) -> list[str]:
    """Return what the page says to install."""
    found = []
    for block in blocks(page):
        for command in commands(block) if block.language == "console" else ():
            if INSTALL.match(command):
                found += shlex.split(INSTALL.sub("", command), comments=True)
    return found


def run(page: Path, python: Path, directory: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a page.

    Args:
        page: The page.
        python: The interpreter; the ``safecodec`` command is beside it.
        directory: An empty directory, for the files that the page writes.
        environ: More variables of the environment.

    Raises:
        PageError: A block failed; the message has its output.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAFECODEC_")}
    path = os.pathsep.join([str(python.parent), inherited.get("PATH", "")])
    variables = {**inherited, "PATH": path, **(environ or {})}
    found = blocks(page)
    script: list[str] = []
    for block in found:
        if block.language != "python":
            continue
        if named := FILE.match(block.text):
            _write(page, block, named[1], directory)
            continue
        script += [""] * (block.line - len(script))
        script += block.text.splitlines()
    if script:
        (directory / "_page.py").write_text("\n".join(script) + "\n", "utf-8")
        _call(page, [str(python), "_page.py"], directory, variables)
    for block in found:
        if block.language == "console":
            for command in commands(block):
                _run_command(page, command, directory, variables)


def _write(page: Path, block: Block, name: str, directory: Path) -> None:
    text = block.text
    original = ROOT / name
    if original.exists():
        shown = [line.strip() for line in text.splitlines()[1:]]
        lines = [line.strip() for line in original.read_text("utf-8").splitlines() if '"""' not in line]
        if not any(lines[at : at + len(shown)] == shown for at in range(len(lines))):
            raise PageError(f"{page.name}:{block.line}: the block is no part of {name}")
        text = original.read_text("utf-8")
    compile(text, name, "exec")
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text, "utf-8")


def _run_command(page: Path, command: str, directory: Path, variables: Mapping[str, str]) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        if not re.search(rf"^{words[1]}\b[^=\n]*:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE):
            raise PageError(f"{page.name}: the Makefile has no target {words[1]!r}")
    elif not INSTALL.match(command) and LONG not in words and ("REDIS_URL" in variables or not REDIS.search(command)):
        _call(page, ["sh", "-eu", "-c", command], directory, variables, ends=(0, 1) if MAY_FAIL in words else (0,))


def _call(
    page: Path, command: list[str], directory: Path, variables: Mapping[str, str], ends: tuple[int, ...] = (0,)
) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=300,
    )
    if done.returncode not in ends:
        output = done.stdout.decode("utf-8", "replace")
        raise PageError(f"{page.name}: {shlex.join(command)} ended with {done.returncode}:\n{output}")


def _installed(pages: list[Path], wheel: Path) -> Iterator[str]:
    """Yield what the pages say to install, with the wheel in place of safecodec from the checkout."""
    for requirement in dict.fromkeys(requirement for page in pages for requirement in requirements(page)):
        name, bracket, extras = requirement.partition("[")
        yield f"{wheel.resolve()}{bracket}{extras}" if name in (".", "safecodec") else requirement


def main() -> None:
    """Run pages by the interpreter of an environment."""
    parser = argparse.ArgumentParser(description="run the blocks of documentation pages as they are printed")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the environment's interpreter")
    parser.add_argument("--wheel", type=Path, help="carry out the pages' pip install lines, with this as safecodec")
    given = parser.parse_args()
    python = given.python.absolute()
    if given.wheel is not None:
        os.environ.pop("PYTHONPATH", None)  # which could lead to a safecodec that is not the wheel's
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*install, *_installed(given.pages, given.wheel)], check=True)
    for page in given.pages:
        directory = Path(tempfile.mkdtemp(prefix="page-"))
        try:
            run(page, python, directory)
        except PageError as error:
            sys.exit(str(error))
        finally:
            shutil.rmtree(directory)
        print(f"{page}: {len(blocks(page))} blocks")


if __name__ == "__main__":
    main()
