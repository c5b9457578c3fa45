from collections.abc import Callable
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

def attempt(
    function: Callable[[Argument], Result], argument: Argument, /
) -> tuple[Result, None] | tuple[None, Exception]: ...
