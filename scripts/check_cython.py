"""Hold Cython sources to the rules that no other linter sees.

* ``noexcept`` swallows errors: only inline functions of .pxd files and declarations of foreign C may have it.
* No ``include``, ``DEF`` or ``IF``.
* A list comprehension, or a generator that is made a list on the way, has names for its items. Of any other item Cython
  3.3.0 and 3.3.1 drop the reference twice where there is no memory for the list (`__Pyx_ListComp_AppendAndDecref`).
* The layering and the third-party rules of import-linter, which reads Python files only; they are taken from its
  own settings in pyproject.toml. What ``deferred`` names there may be imported against the layering, in a function.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOT_CODE = re.compile(r'"""(?:.|\n)*?"""|\'\'\'(?:.|\n)*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*')
IMPORT = re.compile(r"(?:from\s+(?P<base>[.\w]+)\s+)?c?import\s+(?P<names>.+)$")


@dataclass(frozen=True)
class Line:
    """A logical line: brackets closed, strings and comments blanked."""

    number: int
    indent: int
    text: str


def logical_lines(source: str) -> Iterator[Line]:
    """Split Cython source into logical lines."""
    code = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    held, start = "", 0
    for number, line in enumerate(code.splitlines(), 1):
        start = start if held else number
        held = f"{held} {line.strip()}" if held else line.rstrip()
        if held.count("(") + held.count("[") + held.count("{") > held.count(")") + held.count("]") + held.count("}"):
            continue
        if held.strip():
            yield Line(start, len(held) - len(held.lstrip()), held.strip())
        held = ""


@dataclass
class Rules:
    """Who may import what.

    Args:
        layers: Sets of modules, the lowest first.
        adapters: For each third-party package under a rule, the modules that may import it.
        deferred: Pairs of a module and what it may import in a function, whatever the layers.
    """

    layers: list[set[str]] = field(default_factory=list)
    adapters: dict[str, set[str]] = field(default_factory=dict)
    deferred: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def load(cls, settings: dict[str, Any]) -> Rules:
        """Read them from the settings of import-linter, and of this script."""
        rules = cls()
        for pair in settings["check-cython"]["deferred"]:
            module, _, imported = pair.partition(" -> ")
            rules.deferred.add((module, imported))
        for contract in settings["importlinter"]["contracts"]:
            if contract["type"] == "layers":
                rules.layers = [set(re.findall(r"[\w.]+", layer)) for layer in reversed(contract["layers"])]
            elif contract["type"] == "forbidden":
                for package in contract["forbidden_modules"]:
                    pairs = (pair.split(" -> ") for pair in contract.get("ignore_imports", ()))
                    rules.adapters[package] = {module for module, imported in pairs if imported == package}
        return rules

    def layer(self, module: str) -> tuple[int, str] | None:
        """The layer's height and the member of it that a module belongs to."""
        for height, members in enumerate(self.layers):
            for member in members:
                if module == member or module.startswith(f"{member}."):
                    return height, member
        return None

    def fault(self, module: str, imported: str, *, deferred: bool) -> str | None:
        """Why a module may not import another, or None; a deferred import is made by a function."""
        package = imported.partition(".")[0]
        if package in self.adapters and module not in self.adapters[package]:
            return f"imports {package}, which only {', '.join(sorted(self.adapters[package])) or 'nobody'} may"
        if deferred and (module, imported) in self.deferred:
            return None
        own, other = self.layer(module), self.layer(imported)
        if own and other and own[1] != other[1] and own[0] <= other[0]:
            return f"{own[1]} imports {other[1]}, which is not below it"
        return None


def imports(module: str, line: str) -> Iterator[str]:
    """The absolute names that a line imports: ``from .. import frame`` is ``safecodec.frame``."""
    match = IMPORT.match(line)
    if not match:
        return
    names = [name.split(" as ")[0].strip() for name in match["names"].strip("() ,").split(",")]
    base = match["base"]
    if base is None:
        yield from names
        return
    dots = len(base) - len(base.lstrip("."))
    parent = module.split(".")[: len(module.split(".")) - dots] if dots else []
    for name in names:
        yield ".".join([*parent, *filter(None, [base.lstrip(".")]), name])


def makes_list(line: str) -> bool:
    """Tell whether a line makes a list of items that are no names, in one expression."""
    for found in re.finditer(r"\sfor\s", line):
        at, depth = found.start(), 0
        while at > 0 and not (depth == 0 and line[at - 1] in "([{"):
            at -= 1
            depth += {")": 1, "]": 1, "}": 1, "(": -1, "[": -1, "{": -1}.get(line[at], 0)
        item, opener, before = line[at : found.start()], line[at - 1 : at], line[: max(at - 1, 0)]
        is_list = opener == "[" or (opener == "(" and re.search(r"\b(tuple|list|sorted|join)$", before))
        if is_list and not re.fullmatch(r"\w+", item):
            return True
    return False


def faults(file: Path, module: str, source: str, rules: Rules) -> Iterator[str]:
    """Every fault of one file, as ``file:line: what``."""
    extern: int | None = None
    for line in logical_lines(source):
        if extern is not None and line.indent <= extern:
            extern = None
        if re.match(r"cdef\s+extern\b", line.text):
            extern = line.indent
        inline = file.suffix == ".pxd" and re.match(r"cdef\s+inline\b", line.text)
        if re.search(r"\bnoexcept\b", line.text) and extern is None and not inline:
            yield f"{file}:{line.number}: noexcept outside of a .pxd file's inline function swallows errors"
        if re.match(r"(include|DEF|IF)\b", line.text):
            yield f"{file}:{line.number}: {line.text.split()[0]} is not used here"
        if file.suffix == ".pyx" and makes_list(line.text):
            yield f"{file}:{line.number}: a list of items that are no names: append each in a loop, or use map"
        for imported in imports(module, line.text):
            if fault := rules.fault(module, imported, deferred=line.indent > 0):
                yield f"{file}:{line.number}: {fault}"


def main() -> None:
    """Check every Cython file under the directories that the command line names."""
    parser = argparse.ArgumentParser(description="check Cython sources")
    parser.add_argument("source", type=Path, nargs="+")
    parser.add_argument("--settings", type=Path, default=Path(__file__).resolve().parent.parent / "pyproject.toml")
    options = parser.parse_args()
    rules = Rules.load(tomllib.loads(options.settings.read_text())["tool"])
    found = 0
    for root in options.source:
        for file in sorted([*root.rglob("*.pyx"), *root.rglob("*.pxd")]):
            module = ".".join(file.relative_to(root).with_suffix("").parts)
            for fault in faults(file, module, file.read_text(), rules):
                print(fault, file=sys.stderr)
                found += 1
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
