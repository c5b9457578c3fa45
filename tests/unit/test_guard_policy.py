"""GuardPolicy and BreakerPolicy: each number is checked when it is stated, and the error names it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from safecodec import ConfigError
from safecodec.cache import BreakerPolicy, GuardPolicy, Verdict
from safecodec.cache.policy import LONGEST

NEEDED: dict[str, Any] = {"load_rate": 20.0, "load_concurrency": 8, "processes": 4}
NAN = float("nan")
INF = float("inf")
NO_TIMES = (-0.001, LONGEST + 1, NAN, INF, "1", None, True)

NO_BREAKERS: tuple[Any, ...] = (None, {}, 5.0)
EAGER: tuple[Any, ...] = (0, -0.1, 1.1, NAN, "0.9", True)
WRONG: list[tuple[str, Any]] = [
    *(("load_rate", value) for value in (0, -1.0, 1e6 + 1, NAN, INF, "20", None, True)),
    *(
        (name, value)
        for name in ("load_concurrency", "processes", "keys", "bytes", "quarantine")
        for value in (0, -1, 1.5, "1", None, True)
    ),
    *(("shadow", value) for value in (-1, 0.5, None, True)),
    *(
        (name, value)
        for name in ("fresh", "load_timeout", "store_timeout", "quarantine_for")
        for value in (0, 0.0009, *NO_TIMES)
    ),
    *((name, value) for name in ("stale", "throttle", "wait") for value in NO_TIMES),
    *(("jitter", value) for value in (-0.1, 1.1, NAN, None, "0.1", False)),
    *(("eager", value) for value in EAGER),
    *((name, value) for name in ("negative", "soft_timeout") for value in NO_TIMES if value is not None),
    *(("stale_by", {Verdict.DAMAGED: value}) for value in NO_TIMES),
    ("stale_by", {"damaged": 1.0}),
    *(("verify", value) for value in (0, -1, "sometimes", None, 1.5)),
    *((name, value) for name in ("lease", "fail_closed", "keep_good") for value in (None, 1, "yes")),
    *((name, value) for name in ("breaker", "store_breaker") for value in NO_BREAKERS),
]
BREAKS: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in ("window", "slow_after", "shortest", "longest")
        for value in (0, -1, LONGEST + 1, NAN, INF, "1", None, True)
    ),
    *((name, value) for name in ("failures", "slow") for value in (0, -0.1, 1.01, NAN, "1", None, True)),
    *(("calls", value) for value in (0, -1, 2.5, None, True)),
    ("longest", 4.0),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_number_of_a_guard_is_refused_by_name(name: str, value: Any) -> None:
    """Whatever is out of range, no number, or of another type is a ConfigError that names the argument."""
    with pytest.raises(ConfigError, match=rf"GuardPolicy\.{name}\b"):
        GuardPolicy(**(NEEDED | {name: value}))


@pytest.mark.parametrize(("name", "value"), BREAKS)
def test_wrong_number_of_a_breaker_is_refused_by_name(name: str, value: Any) -> None:
    """The limits of a breaker are checked like those of a guard."""
    with pytest.raises(ConfigError, match=rf"BreakerPolicy\.{name}\b"):
        BreakerPolicy(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("load_rate", 1e6), ("load_rate", 1), ("keys", 1), ("shadow", 0), ("fresh", 0.001), ("fresh", LONGEST),
        ("stale", 0), ("wait", LONGEST), ("jitter", 0), ("jitter", 1), ("eager", None), ("eager", 1),
        ("negative", None), ("negative", 0),
        ("soft_timeout", None), ("soft_timeout", 0.0), ("stale_by", {Verdict.DAMAGED: 0}), ("verify", "always"),
        ("verify", "never"), ("verify", 1), ("lease", False), ("fail_closed", True), ("keep_good", True),
        ("breaker", BreakerPolicy(calls=1)),
    ],
)  # fmt: skip
def test_edges_of_each_range_are_right(name: str, value: Any) -> None:
    """The ends of a range that are part of it are taken, and are what the policy says."""
    assert getattr(GuardPolicy(**(NEEDED | {name: value})), name) == value


def test_stale_by_is_its_own() -> None:
    """A mapping that is changed after it was given, or through the policy, changes no policy."""
    given = {Verdict.DAMAGED: 60.0}
    policy = GuardPolicy(**NEEDED, stale_by=given)
    given[Verdict.DAMAGED] = 1.0
    assert policy.stale_by == {Verdict.DAMAGED: 60.0}
    with pytest.raises(TypeError):
        policy.stale_by[Verdict.DAMAGED] = 2.0  # type: ignore[index]


def test_policies_are_values() -> None:
    """A policy is frozen, equal to its copies, and crosses to a spawned process."""
    policy = GuardPolicy(**NEEDED, stale_by={Verdict.DAMAGED: 60.0}, breaker=BreakerPolicy(calls=7))
    assert pickle.loads(pickle.dumps(policy)) == policy == copy.deepcopy(policy)
    assert copy.copy(policy) == policy
    with pytest.raises(FrozenInstanceError):
        policy.fresh = 1.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        policy.breaker.calls = 1  # type: ignore[misc]
