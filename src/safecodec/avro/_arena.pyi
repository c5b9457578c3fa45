from typing import final

@final
class Arena: ...
