"""A second opinion on payloads that are read: one in so many goes through the reference as well."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from traceback import format_tb
from typing import TYPE_CHECKING, Any, Final

from ..avro.describing import FAULTS, describe, short
from ..errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..frame import Header

LOGGER: Final = logging.getLogger("safecodec.shadow")


@dataclass(frozen=True, slots=True)
class Difference:
    """A payload that two engines read differently.

    Args:
        header: The frame's header.
        ours: The value that was handed out, or the error that was raised.
        theirs: The reference's value, or its error.
    """

    header: Header
    ours: Any
    theirs: Any


class Shadow:
    """Compares one decode in so many with the reference's, and never disturbs the one that it watches.

    Two values are the same where they are written as the same bytes; two refusals are the same, whatever their words.
    The value that is watched has been read: a second opinion that fails by a fault of its own, or for want of memory,
    and whatever the report raises, is counted and logged. Any other exception passes, such as a `TimeoutError` that a
    signal's handler raises meanwhile.

    Args:
        every: One decode in this many is compared.
        decoders: The reference's decoders, in the order of the codec's.
        encode: What writes the values that are read.
        report: Called with each `Difference`; None where the log is enough.
    """

    compared: int
    """How many decodes were compared."""
    differences: int
    """How many of these differed."""
    failures: int
    """How often the comparison itself failed, or the report."""

    def __init__(
        self,
        every: int,
        decoders: Sequence[Callable[[Any], Any]],
        encode: Callable[[Any], bytes],
        report: Callable[[Difference], object] | None = None,
    ) -> None:
        self.compared = self.differences = self.failures = 0
        self._every = every
        self._decoders = decoders
        self._encode = encode
        self._report = report
        self._left = every
        self._lock = threading.Lock()

    def due(self) -> bool:
        """Count a decode, and tell whether it is the one to compare."""
        with self._lock:
            self._left -= 1
            if self._left:
                return False
            self._left = self._every
            return True

    def compare(self, at: int, payload: bytes, ours: Any, header: Header) -> None:
        """Read a payload by the reference and compare; whatever goes wrong is counted and logged.

        Args:
            at: Which of the decoders read it.
            payload: The payload.
            ours: What came of it: the value, or the error.
            header: The frame's header.
        """
        try:
            difference = self._difference(at, payload, ours, header)
            with self._lock:
                self.compared += 1
                self.differences += difference is not None
        except (*FAULTS, MemoryError) as error:
            self._fail("compared", error, header)
            return
        if difference is None:
            return
        LOGGER.warning(
            "the engines differ on a frame with %r: %s and %s", header, short(ours), short(difference.theirs)
        )
        if self._report is not None:
            try:
                self._report(difference)
            except Exception as error:
                self._fail("reported", error, header)

    def _fail(self, verb: str, error: Exception, header: Header) -> None:
        with self._lock:
            self.failures += 1
        # No exc_info: a log would have the exception's text as it is, which may be a payload's.
        reason, path = describe(error)
        trace = "".join(format_tb(error.__traceback__)).rstrip()
        LOGGER.error("a frame with %r was not %s: %s %s\n%s", header, verb, reason, path, trace)

    def _difference(self, at: int, payload: bytes, ours: Any, header: Header) -> Difference | None:
        theirs: Any
        try:
            theirs = self._decoders[at](payload)
        except DecodeError as error:
            theirs = error
        refused = isinstance(ours, Exception), isinstance(theirs, Exception)
        same = all(refused) or (not any(refused) and self._encode(ours) == self._encode(theirs))
        return None if same else Difference(header, ours, theirs)
