from typing import Any, final

from safecodec.avro._arena import Arena

@final
class Compiler:
    def __new__(cls, arena: Arena, sources: Any) -> Compiler: ...
