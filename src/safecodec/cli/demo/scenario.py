"""The faults: for each, who writes what into the cache that production reads."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from .configuration import (
    UserConfig,
    UserConfigAppended,
    UserConfigInserted,
    UserConfigOfBranch,
    appended,
    inserted,
    of_branch,
    random_config,
)

if TYPE_CHECKING:
    from random import Random

    from .codecs import Side

PRODUCTION = "production"
STAGING = "staging"


@dataclass(frozen=True)
class Scene:
    """What a faulty writer can see.

    Args:
        side: How the services of this run write and read.
        truth: Every user's configuration, kept up to date by the rightful writer.
        encode: How the rightful writer writes a configuration for a key.
        random: Where faults take their choices from.
    """

    side: Side
    truth: dict[int, UserConfig]
    encode: Callable[[UserConfig, bytes], bytes]
    random: Random

    def key(self, user: int) -> bytes:
        """Name the cache key of a user."""
        return b"user-config:%d" % user

    def right(self, user: int) -> bytes:
        """Write a user's configuration as the rightful writer does."""
        return self.encode(self.truth[user], self.key(user))


Strike: TypeAlias = Callable[[int], bytes]  # a user's number -> what the fault leaves under the user's key


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Args:
        name: Short, for ``--json``.
        title: For the table.
        story: What happens, in a sentence or two.
        prepare: Builds the faulty writer for a scene; None where nothing goes wrong.
    """

    name: str
    title: str
    story: str
    prepare: Callable[[Scene], Strike] | None


def _json_writer(scene: Scene) -> Strike:
    return lambda user: json.dumps(asdict(scene.truth[user])).encode()


def _pickle_writer(scene: Scene) -> Strike:
    return lambda user: pickle.dumps(asdict(scene.truth[user]))


def _branch_writer(scene: Scene) -> Strike:
    build = scene.side.serializer(UserConfigOfBranch, version=2, environment=PRODUCTION)
    return lambda user: build.encode(of_branch(scene.truth[user]), context=scene.key(user))


def _staging_writer(scene: Scene) -> Strike:
    build = scene.side.serializer(UserConfig, version=2, environment=STAGING)
    return lambda user: build.encode(random_config(scene.random, user), context=scene.key(user))


def _appending_writer(scene: Scene) -> Strike:
    build = scene.side.serializer(UserConfigAppended, version=3, environment=PRODUCTION, older={2: UserConfig})
    return lambda user: build.encode(appended(scene.truth[user]), context=scene.key(user))


def _inserting_writer(scene: Scene) -> Strike:
    build = scene.side.serializer(UserConfigInserted, version=3, environment=PRODUCTION)
    return lambda user: build.encode(inserted(scene.truth[user]), context=scene.key(user))


def _flipped(scene: Scene) -> Strike:
    def strike(user: int) -> bytes:
        damaged = bytearray(scene.right(user))
        bit = scene.random.randrange(8 * len(damaged))
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)

    return strike


def _truncated(scene: Scene) -> Strike:
    def strike(user: int) -> bytes:
        whole = scene.right(user)
        return whole[: scene.random.randrange(len(whole))]

    return strike


def _misplaced(scene: Scene) -> Strike:
    def strike(user: int) -> bytes:
        return scene.right(scene.random.choice([other for other in scene.truth if other != user]))

    return strike


CONTROL = Fault("none", "nothing goes wrong", "The control: every writer is the rightful one.", None)
FAULTS: tuple[Fault, ...] = (
    CONTROL,
    Fault("json", "a writer uses JSON", "One build writes JSON where everybody reads Avro.", _json_writer),
    Fault("pickle", "a writer uses pickle", "One build writes pickle where everybody reads Avro.", _pickle_writer),
    Fault(
        "branch",
        "two branches, both version 2",
        "A build from another branch writes its own version 2, in which two numbers have changed places.",
        _branch_writer,
    ),
    Fault(
        "staging",
        "staging writes to the shared cache",
        "Staging is pointed at production's cache: the same schema and keys, and the data of staging.",
        _staging_writer,
    ),
    Fault(
        "newer-readable",
        "version 3 first, only appends",
        "Version 3 is written while the readers know version 2. It appends a field, so they can still read it.",
        _appending_writer,
    ),
    Fault(
        "newer-unreadable",
        "version 3 first, inserts a field",
        "Version 3 is written while the readers know version 2. A field in the middle moves what follows.",
        _inserting_writer,
    ),
    Fault("flip", "a flipped bit", "One bit of a right value flips on its way, anywhere in it.", _flipped),
    Fault("truncated", "a truncated value", "A right value is cut off somewhere.", _truncated),
    Fault(
        "other-key",
        "a value under another key",
        "A right value of one user is stored under the key of another.",
        _misplaced,
    ),
)
