"""One pair by its seed, and the smallest pair that has the fault of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from .checks import SETUPS, Finding, PairCheck, Setup
from .commits import KINDS, apply
from .generate import Generator, closed, settled, tidy
from .realise import Realm
from .types import Leaf, Map, Record, Seq, Space, Type, Union, Values, Wrap, parts, rebuilt, sites

SHRINKS = 150
"""How many smaller pairs are tried for one finding."""
SEEDS = 6
"""How many values of a smaller pair are tried."""


@dataclass(frozen=True)
class Example:
    """A pair of types.

    Args:
        seed: What made it.
        kind: The kind of the first commit between them.
        old: The older type.
        new: The newest type.
        view: What both are read as.
    """

    seed: int
    kind: str
    old: Type
    new: Type
    view: Type

    def check(self, seed: int | None = None, setups: tuple[Setup, ...] = SETUPS) -> PairCheck:
        """Compare the library with the oracle on values of a seed."""
        made = PairCheck(self.old, self.new, self.view, Random(self.seed if seed is None else seed), setups)
        made.run()
        return made

    def source(self) -> str:
        """The Python source of the types."""
        shown = []
        for name, root in (("old", self.old), ("new", self.new), ("view", self.view)):
            with Realm(Space(root)) as realm:
                shown.append(f"# {name}\n{realm.source.partition('TypeVar(')[2].partition(chr(10))[2].strip()}")
        return "\n\n".join(shown)


def example(seed: int) -> Example:
    """The pair of a seed: a type, one commit or a few, and a view."""
    pick = Random(seed)
    while True:
        made = Generator(pick).root()
        if not closed(made):
            continue
        old = settled(pick, made)
        kind, new = committed(pick, old)
        for _ in range(pick.choice((0, 0, 0, 0, 0, 1, 2))):
            new = committed(pick, new)[1]
        view = old if pick.random() < 0.4 else committed(pick, new)[1]
        return Example(seed, kind, old, new, view)


def committed(pick: Random, root: Type) -> tuple[str, Type]:
    """A commit of any kind that has a place in a type, and the type after it."""
    names = list(KINDS)
    while True:
        kind = pick.choice(names)
        new = apply(pick, root, kind)
        if new is not None:
            return kind, new


# ---- shrinking ---------------------------------------------------------------------------------------------------


def shrunk(found: Example, finding: Finding) -> tuple[Example, Finding]:
    """The smallest pair found that has a finding of the same signature."""
    setups = tuple(one for one in SETUPS if one == finding.setup) or SETUPS
    setups = SETUPS[:2] if finding.fault == "engines differ" else setups
    if "view" not in finding.check:
        found = replace(found, view=found.old)
    best, tries = (found, finding), 0
    progress = True
    while progress and tries < SHRINKS:
        progress = False
        for smaller in sorted(smaller_pairs(best[0]), key=_size):
            if _size(smaller) >= _size(best[0]):
                break
            tries += 1
            again = _same_fault(smaller, finding, setups)
            if again is not None:
                best, progress = (replace(smaller, seed=again[0]), again[1]), True
                break
            if tries >= SHRINKS:
                break
    return best


def _size(made: Example) -> int:
    return sum(_weight(one) for root in (made.old, made.new, made.view) for _, one in sites(root))


def _weight(type_: Type) -> int:
    match type_:
        case Leaf():
            return 2 + len(type_.bounds) + (type_.kind != "int")
        case Values():
            return 2 + len(type_.values) + (type_.style != "Literal")
        case Record():
            names = [name for name in Record.__dataclass_fields__ if name not in ("id", "name", "lib", "fields")]
            options = sum(bool(getattr(type_, name) != getattr(PLAIN, name)) for name in names)
            fields = sum((one.presence != "required") + (one.key is not None) + (not one.init) for one in type_.fields)
            return 4 + options + fields + (type_.lib != "struct")
    return 3


def _same_fault(made: Example, finding: Finding, setups: tuple[Setup, ...]) -> tuple[int, Finding] | None:
    for seed in range(made.seed, made.seed + SEEDS):
        try:
            check = made.check(seed, setups)
        except Exception:  # no types that Python or msgspec take
            return None
        for one in check.findings:
            if one.signature == finding.signature:
                return seed, one
    return None


def smaller_pairs(made: Example) -> Iterator[Example]:
    """Pairs with something less, on both sides where both have it."""
    for change in (*_unwrappings(made), *_removals(made), *_simplifications()):
        roots = []
        for root in (made.old, made.new, made.view):
            new = change(root)
            roots.append(settled(Random(made.seed), new) if new is not None and closed(new) else None)
        if all(root is not None for root in roots):
            old, new, view = roots
            assert old is not None
            assert new is not None
            assert view is not None
            yield replace(made, old=old, new=new, view=view)


Change = Callable[[Type], "Type | None"]


def _unwrappings(made: Example) -> Iterator[Change]:
    """A part of every root in its place: a field of one name, the items, a member."""
    if isinstance(made.old, Record):
        for field in made.old.fields:
            yield partial(_field_type, attr=field.attr)
    for at in range(len(parts(made.old))):
        yield partial(_part, at=at)


def _field_type(root: Type, *, attr: str) -> Type | None:
    return next((one.type for one in getattr(root, "fields", ()) if one.attr == attr), None)


def _part(root: Type, *, at: int) -> Type | None:
    return parts(root)[at] if at < len(parts(root)) else None


def _removals(made: Example) -> Iterator[Change]:
    """A field, a member or a class less, wherever it is."""
    found = [one for root in (made.old, made.new, made.view) for _, one in sites(root) if isinstance(one, Record)]
    for id_, attr in sorted({(one.id, field.attr) for one in found for field in one.fields}):
        yield partial(_everywhere, change=partial(_without_field, id_=id_, attr=attr))
    for path, one in sites(made.old):
        if isinstance(one, Union) and len(one.members) > 1:
            for member in one.members:
                yield partial(_everywhere, change=partial(_without_member, member=member))
        if path and not isinstance(one, Leaf):
            yield partial(_everywhere, change=partial(_instead, what=one, new=Leaf("int")))
        for part in parts(one):
            yield partial(_everywhere, change=partial(_instead, what=one, new=part))


def _instead(type_: Type, *, what: Type, new: Type) -> Type:
    return new if type_ == what else type_


def _without_field(type_: Type, *, id_: str, attr: str) -> Type:
    if not isinstance(type_, Record) or type_.id != id_:
        return type_
    return replace(type_, fields=tuple(field for field in type_.fields if field.attr != attr), generic=False)


def _without_member(type_: Type, *, member: Type) -> Type:
    if not isinstance(type_, Union) or len(type_.members) < 2:
        return type_
    return Union(tuple(one for one in type_.members if one != member) or type_.members[:1])


def _simplifications() -> Iterator[Change]:
    """An option less."""
    for name in ("lib", "tag", "tag_field", "omit_defaults", "forbid_unknown", "array_like", "rename", "kw_only",
                 "frozen", "gc", "order", "slots", "total", "generic"):  # fmt: skip
        yield partial(_everywhere, change=partial(_plainer, option=name))
    yield partial(_everywhere, change=_unbound)
    for presence in ("required", "default", "missing"):
        yield partial(_everywhere, change=partial(_present, presence=presence))


PLAIN = Record("", "", "struct", ())


def _plainer(type_: Type, *, option: str) -> Type:
    plain: dict[str, Any] = {option: getattr(PLAIN, option)}
    return replace(type_, **plain) if isinstance(type_, Record) else type_


def _unbound(type_: Type) -> Type:
    if isinstance(type_, Wrap):
        return type_.inner
    return replace(type_, bounds=()) if isinstance(type_, (Leaf, Seq, Map)) else type_


def _present(type_: Type, *, presence: str) -> Type:
    if not isinstance(type_, Record):
        return type_
    fields = tuple(replace(field, presence=presence, init=True, key=None) for field in type_.fields)
    return tidy(replace(type_, fields=fields))


def _everywhere(root: Type, *, change: Callable[[Type], Type]) -> Type:
    inner = tuple(_everywhere(part, change=change) for part in parts(root))
    return change(rebuilt(root, inner))
