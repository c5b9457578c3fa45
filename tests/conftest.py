"""What holds for every test: Hypothesis profiles, no swallowed exceptions, a law in each docstring, one build."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from swallowed import swallowed

# Sanitizers and line tracing slow code ten times: no deadline, and no complaint about a slow strategy.
settings.register_profile("base", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("base"), max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("dev", settings.get_profile("base"), max_examples=50)
# An emulated processor takes twenty times as long.
settings.register_profile("emulated", settings.get_profile("ci"), max_examples=10)
# Where it counts that a test fails, and not by which example.
settings.register_profile("unshrunk", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("long", settings.get_profile("base"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev"))


def pytest_configure() -> None:
    """Refuse to run on another build than the one that was asked for: flavours must never mix."""
    expected = os.environ.get("SAFECODEC_EXPECT_SOURCE")
    if expected:
        import safecodec.codec

        found = Path(str(safecodec.codec.__file__)).resolve()
        if not found.is_relative_to(Path(expected).resolve()):
            raise pytest.UsageError(f"the tests are for the build in {expected}, and {found} is imported")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that do not state their law."""
    silent = sorted({item.nodeid for item in items if isinstance(item, pytest.Function) and not item.function.__doc__})
    if silent:
        raise pytest.UsageError(f"tests without a docstring that states their law: {', '.join(silent)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Fail the test during which an exception is swallowed."""
    with swallowed() as seen:
        yield
    if seen:
        pytest.fail("\n".join(seen), pytrace=False)
