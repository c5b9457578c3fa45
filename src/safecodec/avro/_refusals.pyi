from collections.abc import Callable
from typing import TypeVar

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

def attempt(
    function: Callable[[_Argument], _Result], argument: _Argument, /
) -> tuple[_Result, None] | tuple[None, Exception]: ...
