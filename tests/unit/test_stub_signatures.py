"""The documentation's signatures are the stubs'."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from stub_signatures import stub_signature  # noqa: E402

STUB = """
class Made:
    def __new__(cls, size: int, *, name: str = "a") -> Made: ...
    @overload
    def take(self, source: int, /, how: Literal["x"] = "x") -> int: ...
    @overload
    def take(self, source: str, /, how: Literal["y"]) -> str | None: ...
class Given:
    def __init__(self, *_arguments: Any) -> None: ...
def twice(value: int, *more: int) -> int: ...
def untyped(value): ...
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Made", ("(size: int, *, name: str='a')", None)),
        ("Made.take", ("(source: int | str, /, how: Literal['x'] | Literal['y']='x')", "int | str | None")),
        ("Given", ("()", None)),
        ("twice", ("(value: int, *more: int)", "int")),
        ("untyped", ("(value)", None)),
        ("Made.give", None),
        ("nothing", None),
    ],
)
def test_signatures_are_the_stubs(tmp_path: Path, name: str, expected: tuple[str, str | None] | None) -> None:
    """A class has its constructor's parameters, a method those behind self, and overloads are one signature."""
    stub = tmp_path / "module.pyi"
    stub.write_text(STUB)
    assert stub_signature(stub, name) == expected
