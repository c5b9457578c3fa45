"""The values of the benches of the guarded cache: users' configurations, their keys and their codec."""

from __future__ import annotations

from random import Random
from typing import Final

from safecodec import Codec
from safecodec.cache.keys import Keys
from safecodec.cli.demo.configuration import UserConfig, random_config

__all__ = ["SUBJECT", "codec_of", "key_of", "physical", "truth", "user_of"]

SUBJECT: Final = "user-config"


def key_of(user: int) -> str:
    """Return the logical key of a user."""
    return f"user:{user}"


def user_of(key: str) -> int:
    """Return the number of a key's user."""
    return int(key.rpartition(":")[2])


def physical(key: str) -> bytes:
    """Return the key in Redis."""
    return Keys("production", SUBJECT).value(key)


def truth(seed: int, users: int) -> list[UserConfig]:
    """Return the configuration of each user that the source has."""
    random = Random(f"{seed}:truth")
    return [random_config(random, user) for user in range(users)]


def codec_of(environment: str = "production") -> Codec[UserConfig]:
    """Return the codec of a process in an environment."""
    return Codec(UserConfig, subject=SUBJECT, version=2, payload="avro", environment=environment)
