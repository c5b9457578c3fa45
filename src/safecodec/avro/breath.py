"""What runs when a long decode or encode breathes."""

__all__ = ["breath"]


def breath() -> None:
    """Have no effect: at a call of Python's own code the interpreter looks whether another thread wants the GIL."""
