from typing import Any, Final

READS_SLOTS: Final[bool]

def slot_offset(cls: type[Any], name: str) -> int | None: ...
