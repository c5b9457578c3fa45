"""What the fleet reads: the configuration of a user, the forms it has in other builds, and made-up data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

PLANS = ("free", "pro", "team", "enterprise")
REGIONS = ("eu-west", "eu-north", "us-east", "us-west", "ap-south")
NOTES = (
    "",
    "called on Monday",
    "migrated from the old billing",
    "asks for invoices on paper",
    "pilot of the new search",
)


@dataclass(frozen=True)
class UserConfig:
    """Version 2, which every reader knows."""

    user_id: int
    plan: str
    seats: int
    rate_limit: int
    beta: bool
    regions: list[str]
    note: str


@dataclass(frozen=True)
class UserConfigOfBranch:
    """Also called version 2, made on another branch: two numbers have changed places."""

    user_id: int
    plan: str
    rate_limit: int
    seats: int
    beta: bool
    regions: list[str]
    note: str


@dataclass(frozen=True)
class UserConfigAppended:
    """Version 3 that only appends: readers of version 2 can take the part that they know."""

    user_id: int
    plan: str
    seats: int
    rate_limit: int
    beta: bool
    regions: list[str]
    note: str
    theme: str = "light"


@dataclass(frozen=True)
class UserConfigInserted:
    """Version 3 with a field in the middle: readers of version 2 cannot find their way in it."""

    user_id: int
    plan: str
    seats: int
    rate_limit: int
    regions: list[str]
    trial_days: int
    beta: bool
    note: str


def random_config(random: Random, user: int) -> UserConfig:
    """Make up a user's configuration.

    Args:
        random: Where the choices come from; the same state gives the same configuration.
        user: The user's number.

    Returns:
        The configuration, in version 2.
    """
    return UserConfig(
        user_id=user,
        plan=random.choice(PLANS),
        seats=random.randrange(1, 60),
        rate_limit=random.randrange(100, 5000),
        beta=random.random() < 0.2,
        regions=random.sample(REGIONS, random.randrange(1, 4)),
        note=random.choice(NOTES),
    )


def of_branch(config: UserConfig) -> UserConfigOfBranch:
    """Say a configuration in the other branch's version 2."""
    return UserConfigOfBranch(**asdict(config))


def appended(config: UserConfig) -> UserConfigAppended:
    """Say a configuration in the version 3 that appends."""
    return UserConfigAppended(**asdict(config), theme="dark")


def inserted(config: UserConfig) -> UserConfigInserted:
    """Say a configuration in the version 3 that inserts."""
    return UserConfigInserted(**asdict(config), trial_days=14)


def difference(expected: UserConfig, served: UserConfig) -> str:
    """Say where a served configuration differs from the truth.

    Args:
        expected: The truth.
        served: What a request got.

    Returns:
        A sentence that names every field that differs; long values are cut.
    """
    truth, found = asdict(expected), asdict(served)
    changes = [
        f"{name} {_short(found[name])} instead of {_short(truth[name])}" for name in truth if found[name] != truth[name]
    ]
    return f"user {expected.user_id} got {', '.join(changes)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
