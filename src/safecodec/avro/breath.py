"""What runs when a long decode or encode breathes."""

__all__ = ["Interruption", "breath"]


class Interruption(BaseException):
    """What a signal's handler raised during a breath: no fault of the payload, and none to be taken for one.

    Args:
        error: It.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def breath() -> None:
    """Have no effect: at a call of Python's own code the interpreter looks whether another thread wants the GIL."""
