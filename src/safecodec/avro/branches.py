"""The named branches of a reader's union, found by the names that a writer's type has."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from .canonical import kind_of, of_a_kind, unqualified
from .describing import listed
from .nodes import Enum, Named, Union


def primary(node: Named) -> Any:
    """Return what a named type is called first: its tag, or else its full name."""
    return node.attributes.get("safecodec.tag", node.name)


def named_alike(writer: Named, reader: Named) -> bool:
    """Tell whether a reader's type has a writer's tag or full name, its unqualified name, or an alias of them."""
    mine, theirs, short, aliases = primary(reader), primary(writer), _short(writer), _aliases(reader)
    same = (mine == theirs and type(mine) is type(theirs)) or short == _short(reader)
    return same or str(theirs) in aliases or short in map(unqualified, aliases)


def _short(node: Named) -> str:
    tag = node.attributes.get("safecodec.tag")
    return unqualified(node.name) if tag is None else str(tag)


def _aliases(node: Named) -> tuple[str, ...]:
    return (*node.aliases, *node.attributes.get("safecodec.aliases", ()))


def _kind(node: Named) -> Any:
    """A kind, see `canonical.kind_of`; enums are told apart where they are found, as some are of two kinds."""
    return Enum if isinstance(node, Enum) else kind_of(node)


class Branches:
    """An index of a reader's union: for each name the branches that have it, so that none is looked at in vain.

    Args:
        union: The union.
        titles: What its branches are called in errors.
    """

    def __init__(self, union: Union, titles: list[str]) -> None:
        self.text: str = listed(titles)
        self._branches = union.branches
        self._kinds: dict[Any, tuple[int, ...]] = {}
        self._by_name: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for at, node in enumerate(union.branches):
            if isinstance(node, Named):
                for key in _keys(node):
                    self._by_name[key].append(at)

    def alike(self, writer: Named) -> tuple[int, ...]:
        """Return the branches of a writer's kind."""
        kind = kind_of(writer)
        if kind not in self._kinds:
            ats = (at for at, one in enumerate(self._branches) if of_a_kind(one, writer))
            self._kinds[kind] = tuple(ats)
        return self._kinds[kind]

    def best(self, writer: Named, *, by_value: bool) -> int | None:
        """Return the first branch of those whose names go best with a writer's.

        The full name, or a tag, goes before the unqualified name, and that before an alias.

        Args:
            writer: The writer's type.
            by_value: Whether the writer's aliases count, too.
        """
        kind, name, short = _kind(writer), primary(writer), _short(writer)
        own = [(kind, "aliased", str(name)), (kind, "shortly aliased", short)]
        if by_value:
            aliases = _aliases(writer)
            own += [(kind, "text", alias) for alias in aliases]
            own += [(kind, "short", unqualified(alias)) for alias in aliases]
        for keys in ([(kind, type(name), name)], [(kind, "short", short)], own):
            found = [at for key in keys for at in self._first(key, writer)]
            if found:
                return min(found)
        return None

    def _first(self, key: tuple[Any, ...], writer: Named) -> list[int]:
        ats = self._by_name.get(key, ())
        return [at for at in ats if not isinstance(writer, Enum) or of_a_kind(self._branches[at], writer)][:1]


def _keys(node: Named) -> set[tuple[Any, ...]]:
    kind, name = _kind(node), primary(node)
    keys = {(kind, type(name), name), (kind, "text", str(name)), (kind, "short", _short(node))}
    for alias in _aliases(node):
        keys |= {(kind, "aliased", alias), (kind, "shortly aliased", unqualified(alias))}
    return keys


def several(branches: tuple[Any, ...]) -> list[bool]:
    """Tell of each branch of a union whether another of its kind stands beside it, see `canonical.of_a_kind`."""
    counts: dict[Any, int] = defaultdict(int)
    first: dict[Any, Named] = {}
    for one in branches:
        if isinstance(one, Named):
            counts[kind_of(one)] += 1
            first.setdefault(kind_of(one), one)
    alike = {
        kind: sum(count for other, count in counts.items() if of_a_kind(first[other], one))
        for kind, one in first.items()
    }
    return [isinstance(one, Named) and alike[kind_of(one)] > 1 for one in branches]
