"""The engine's loops as Cython annotates them, which the documentation shows; it is not part of an sdist."""

from __future__ import annotations

import pytest

pytest.importorskip("bench")

from bench.annotation import loops


def test_every_source_of_the_loops_can_be_annotated() -> None:
    """Cython compiles each source of the loops by itself, and finds the functions in it."""
    names = {name for name, *_ in loops()}
    assert names >= {"`take_record`", "`skip`", "`put_record`", "`put_leaves`"}
