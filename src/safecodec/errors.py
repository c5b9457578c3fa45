"""Every error of safecodec.

::

    SafecodecError
    ├── ConfigError(ValueError)              a codec, frame or environment set up wrongly
    ├── InputTypeError(TypeError)            an argument that is no C-contiguous buffer of bytes (a str, for instance)
    ├── SchemaError(ValueError)              a schema that cannot be used, and where
    │   └── IncompatibleSchemaError          writer and reader that do not resolve, with every reason
    ├── OffloadError(RuntimeError)           a call that is not made, which says nothing about its frame or value
    │   ├── LoopBlockedError                 it would stand on the thread of a running event loop
    │   ├── PoolClosedError                  its pool is closed
    │   └── PoolFullError                    its pool's queue is full, and the pool refuses what comes then
    ├── NoValueError(LookupError)            a good frame whose stamp says that there is no value
    ├── CacheError                           a cache that does not do what it was asked for, whatever its values are
    │   ├── StoreError                       its store: refused, silent, cut off, out of memory, read-only
    │   ├── LoadRefusedError                 it may not load now: breaker, permits, rate, lease
    │   ├── LoadTimeoutError                 a load that has not ended in time
    │   └── CacheUnavailableError            it has no answer: neither a value in the store, nor one that it may load
    ├── EncodeError(ValueError)              a value that is not written
    │   └── ValueTooLargeError               its payload exceeds the limit
    └── DecodeError(ValueError)              a frame that is not read; one class for each verdict, in order:
        ├── NotAFrameError                       2  foreign bytes, named
        │   └── FrameTooShortError               1  fewer than 32 bytes
        ├── UnsupportedRevisionError             3
        ├── HeaderChecksumError                  4  the header is damaged
        │   └── ContextMismatchError             4  the payload is intact: another key is the likely cause
        ├── UnsupportedFlagsError                5
        ├── PayloadFormatError                   5
        ├── EnvironmentMismatchError             6
        ├── SubjectMismatchError                 7
        ├── UnknownVersionError                  8  a version that cannot be read
        ├── SchemaConflictError                  8  a known version with another schema
        ├── PayloadLengthError                   9
        │   └── PayloadTooLargeError             9  as long as it says, and longer than allowed
        ├── PayloadChecksumError                10
        ├── StampError                         11a  a stamp that says nothing, or no payload where there is one
        └── PayloadError                        12  the payload does not decode, or leaves bytes over

The fields of an error are attributes; the message is built from them when it is asked for, and ``args`` carries it. All
of them pickle and copy. Verdict 11 (seal, compression) has no class yet: this release refuses those flags by name.

A `DecodeError` is a verdict on data, and a cache may take it for a miss. The caller's own mistakes are none: those are
`InputTypeError` and `ConfigError`. Nor is `NoValueError`: the frame is good, and says that there is no value.

Code of types runs in between: ``__post_init__``, validators, converters, default factories, properties, iterators. A
`ValueError` or `TypeError` of theirs is a `PayloadError` or an `EncodeError`, with it as its cause. Any other exception
passes as it is: `MemoryError`, `KeyError`, `KeyboardInterrupt`, and whatever a signal's handler or another thread
raises in the middle of a call. (A `ValueError` of a handler that happens to interrupt the code of a type cannot be told
apart from one of that code. msgspec takes any exception of an enum's ``_missing_`` for no member.) A `RecursionError`
is a verdict where the data nest deep, and passes where the caller has used up the stack.

Payloads, schemas and foreign exceptions may put any text into a message. Each character that Python calls not printable
is escaped there, as ``repr()`` does. No message has more than 2,000 characters: the middle of a longer one is left out.

`SafecodecLoopWarning`, a `RuntimeWarning`, is no error: the call was made, and stood on an event loop's thread.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .frame import Header, Stamp

__all__ = [
    "CacheError",
    "CacheUnavailableError",
    "ConfigError",
    "ContextMismatchError",
    "DecodeError",
    "EncodeError",
    "EnvironmentMismatchError",
    "FrameTooShortError",
    "HeaderChecksumError",
    "IncompatibleSchemaError",
    "InputTypeError",
    "LoadRefusedError",
    "LoadTimeoutError",
    "LoopBlockedError",
    "NoValueError",
    "NotAFrameError",
    "OffloadError",
    "PayloadChecksumError",
    "PayloadError",
    "PayloadFormatError",
    "PayloadLengthError",
    "PayloadTooLargeError",
    "PoolClosedError",
    "PoolFullError",
    "SafecodecError",
    "SafecodecLoopWarning",
    "SchemaConflictError",
    "SchemaError",
    "StampError",
    "StoreError",
    "SubjectMismatchError",
    "UnknownVersionError",
    "UnsupportedFlagsError",
    "UnsupportedRevisionError",
    "ValueTooLargeError",
]


CONTAINERS: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
"""Types of which no more is looked at than a message has, and how their texts begin and end."""
FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, RuntimeError, SyntaxError,
    TypeError, ValueError,
)  # fmt: skip
"""How code fails by a fault of its own: neither for want of memory, nor by a signal's handler that ends a wait."""

PLAIN_TYPES: Final = (type(None), bool, int, float, complex, range)
PLAIN_MODULES: Final = ("datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid")
"""Types whose values hold no others, beside enums and classes: of any other type, a text may be without bounds."""

LONGEST: Final = 60
"""How many characters of a value a message has."""
LONGEST_REASON: Final = 500
LONGEST_KEY: Final = 100
LONGEST_PATH: Final = 1000
LONGEST_REASONS: Final = 1500
LONGEST_MESSAGE: Final = 2000
"""How many characters each of these has at most."""


def legible(text: str, longest: int) -> str:
    """Return a text for a message: in one line, without control characters, and not longer than it may be.

    Args:
        text: Any text, such as one from a payload.
        longest: How many characters the result may have; the middle of a longer text is left out.
    """
    if len(text) > longest or not text.isprintable():
        text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in _cut(text, longest))
    return _cut(text, longest)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 3]}...{text[len(text) - tail :]}"


def short(value: object) -> str:
    """Return a value's text, cut where it is long; its own code may fail."""
    try:
        text = _start(value, LONGEST + 1)
    except FAULTS:
        return f"an object of {type(value).__name__}"
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return legible(text, LONGEST)


def _start(value: Any, room: int) -> str:
    """The text of a value, or so many of its characters and a few more: no more of it is looked at.

    A container may hold one object in several places, and its whole text then doubles with each level.
    """
    kind = type(value)
    if kind in (str, bytes, bytearray):
        return repr(value[: max(room, 1)])
    if kind not in CONTAINERS:
        if kind.__module__ in PLAIN_MODULES or kind in PLAIN_TYPES or issubclass(kind, (type, Enum)):
            return repr(value)
        return f"an object of {kind.__name__}"
    if not value:
        return repr(value)
    text, end = CONTAINERS[kind]
    for at, one in enumerate(value):
        if len(text) > room:
            return text
        text += (", " if at else "") + _start(one, room - len(text))
        if kind is dict:
            text += ": " + _start(value[one], room - len(text))
    return text + ("," if kind is tuple and len(value) == 1 else "") + end


def _rebuild(cls: type[SafecodecError], state: dict[str, Any]) -> SafecodecError:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    return error


def _rough(number: float) -> str:
    return f"{float(f'{number:.2g}'):.10g}"


class SafecodecError(Exception):
    """The root of every error that safecodec raises on purpose.

    Args:
        reason: What is wrong, in lower case and without a full stop.
        path: Where in a value or schema, as ``$.users[3].zip``; empty where there is no such place.

    Of both, what is not printable is escaped, and the middle of a long text is left out.
    """

    reason: str
    path: str

    def __init__(self, reason: str, *, path: str = "") -> None:
        self.reason = legible(reason, LONGEST_REASON)
        self.path = legible(path, LONGEST_PATH)

    def _details(self) -> str:
        return self.reason

    def __str__(self) -> str:
        where = f" (at {legible(self.path, LONGEST_PATH)})" if self.path else ""
        return legible(self._details(), LONGEST_MESSAGE - len(where)) + where

    @property
    def args(self) -> tuple[Any, ...]:
        """The message alone, unless another was set, so that code which knows an error by ``args`` hands it on."""
        given: tuple[Any, ...] | None = self.__dict__.get("_args")
        return (str(self),) if given is None else given

    @args.setter
    def args(self, given: Iterable[Any]) -> None:
        self._args = tuple(given)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)

    def __copy__(self) -> Self:
        copied = _rebuild(type(self), self.__dict__)
        assert isinstance(copied, type(self))
        return copied


class ConfigError(SafecodecError, ValueError):
    """A codec, a frame or an environment is set up wrongly."""


class InputTypeError(SafecodecError, TypeError):
    """An argument is no C-contiguous buffer of bytes. It is the caller's mistake, and no verdict on a frame.

    Args:
        found: The type of what was given, such as ``"str"``.
    """

    found: str
    item: int | None = None
    """Which frame of a batch it is, from 0; None where it was no batch."""

    def __init__(self, reason: str, *, found: str) -> None:
        super().__init__(reason)
        self.found = found


class SchemaError(SafecodecError, ValueError):
    """A schema cannot be used; ``path`` says which part of it."""


class IncompatibleSchemaError(SchemaError):
    """What one schema writes, another cannot read.

    Args:
        reason: Which two schemas do not resolve.
        reasons: Every incompatibility, each ending in its path.
    """

    reasons: tuple[str, ...]

    def __init__(self, reason: str, *, reasons: Sequence[str], path: str = "") -> None:
        super().__init__(reason, path=path)
        self.reasons = tuple(legible(one, LONGEST_REASON) for one in reasons)

    def _details(self) -> str:
        text = f"{self.reason}: "
        for at, one in enumerate(self.reasons):
            if at and len(text) + len(one) > LONGEST_REASONS:
                return f"{text}; and {len(self.reasons) - at} more"
            text += f"; {one}" if at else one
        return text


class OffloadError(SafecodecError, RuntimeError):
    """A call is not made where it was asked for. It is no verdict: the frame may be good, and is not a miss."""


class LoopBlockedError(OffloadError):
    """A synchronous call would stand on the thread of a running event loop for longer than its budget.

    Args:
        verb: The method that was called, such as ``"decode"``.
        size: Length of the payload in bytes; where a value is written, what it is taken for.
        seconds: What the call is expected to take.
        budget: The codec's ``loop_budget``, in seconds.
    """

    verb: str
    size: int
    seconds: float
    budget: float

    def __init__(self, *, verb: str, size: int, seconds: float, budget: float) -> None:
        super().__init__("this is the thread of a running event loop")
        self.verb = verb
        self.size = size
        self.seconds = seconds
        self.budget = budget

    def _details(self) -> str:
        return (
            f"{self.verb} of {self.size} bytes would take {_rough(self.seconds * 1e3)} ms, and {self.reason}, whose "
            f"budget is {_rough(self.budget * 1e3)} ms: await a{self.verb}, or call it in another thread"
        )


class PoolClosedError(OffloadError):
    """A pool of threads is closed, and makes no more calls.

    Args:
        name: The pool's name.
    """

    name: str

    def __init__(self, *, name: str) -> None:
        super().__init__(f"the pool {name!r} is closed")
        self.name = name


class PoolFullError(OffloadError):
    """As many calls wait for a pool's threads as its queue holds.

    Args:
        name: The pool's name.
        queue: How many calls may wait.
    """

    name: str
    queue: int

    def __init__(self, *, name: str, queue: int) -> None:
        super().__init__(f"the queue of the pool {name!r} is full with {queue} calls")
        self.name = name
        self.queue = queue


class CacheError(SafecodecError):
    """A cache does not do what it was asked for. It is no verdict on the bytes of an entry: those are `DecodeError`."""


class StoreError(CacheError):
    """The store of a cache failed; ``__cause__`` is the error of its library or of the operating system."""


class LoadRefusedError(CacheError):
    """A cache does not load a value from its source now, so that the source is not flooded.

    Args:
        reason: Which limit is reached.
        by: The limit: ``breaker``, ``concurrency``, ``rate``, ``lease``, ``throttle``, or ``cancellation``.
    """

    by: str

    def __init__(self, reason: str, *, by: str) -> None:
        super().__init__(reason)
        self.by = by


class LoadTimeoutError(CacheError):
    """A load from the source has not ended in time.

    Args:
        reason: Which load.
        seconds: The time that it had.
    """

    seconds: float

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class CacheUnavailableError(CacheError):
    """A cache has no answer for a key: neither its store nor its loader has a value that may be used now.

    Args:
        reason: Why there is no answer.
        key: The logical key.
        verdict: Why the entry in the store is no answer, by its name.
        cause: The exception that stood in the way, which becomes ``__cause__``; None where none did.

    A copy that crosses a process has no ``__cause__``: exceptions of drivers do not all pickle. The text of the cause,
    in ``because``, is part of the message and of every copy.
    """

    key: str
    verdict: str
    because: str

    def __init__(self, reason: str, *, key: str, verdict: str, cause: BaseException | None) -> None:
        super().__init__(reason)
        self.key = legible(key, LONGEST_KEY)
        self.verdict = legible(verdict, LONGEST_REASON)
        self.because = "" if cause is None else legible(f"{type(cause).__name__}: {cause}", LONGEST_REASON)
        self.__cause__ = cause

    @property
    def cause(self) -> BaseException | None:
        """The exception that stood in the way; None where none did, and in a copy."""
        return self.__cause__

    def _details(self) -> str:
        cause = f"; the cause is {self.because}" if self.because else ""
        return f"no answer for the key {self.key!r} ({self.verdict}): {self.reason}{cause}"


class SafecodecLoopWarning(RuntimeWarning):
    """A synchronous call stood on the thread of a running event loop for longer than its budget.

    Args:
        verb: The method that was called, such as ``"decode"``.
        size: Length of the payload, in bytes.
        seconds: What the call took.
    """

    verb: str
    size: int
    seconds: float

    def __init__(self, *, verb: str, size: int, seconds: float) -> None:
        super().__init__(verb, size, seconds)
        self.verb = verb
        self.size = size
        self.seconds = seconds

    def __str__(self) -> str:
        # Rounded: Python remembers every text that a line has warned with.
        return (
            f"{self.verb} of {_rough(self.size / 1e3)} KB took {_rough(self.seconds * 1e3)} ms on the thread of a "
            f"running event loop: await a{self.verb}, or call it in another thread"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _warn_again, (self.verb, self.size, self.seconds)


def _warn_again(verb: str, size: int, seconds: float) -> SafecodecLoopWarning:
    return SafecodecLoopWarning(verb=verb, size=size, seconds=seconds)


class NoValueError(SafecodecError, LookupError):
    """A frame is good, and its stamp says that there is no value. It is no verdict on the frame's bytes.

    Args:
        stamp: The frame's stamp, whose ``kind`` is ``absent`` or ``deleted``.
        header: The frame's header.
    """

    stamp: Stamp
    header: Header
    item: int | None = None
    """Which frame of a batch it is, from 0; None where it was no batch."""

    def __init__(self, *, stamp: Stamp, header: Header) -> None:
        # Raised for every hit on such a frame: the reason is legible as it is.
        self.reason = "the frame holds no value"
        self.path = ""
        self.stamp = stamp
        self.header = header

    def _details(self) -> str:
        why = "the source has none" if self.stamp.kind == "absent" else "it was deleted"
        return f"{self.reason}: {why}, as its stamp of kind {self.stamp.kind!r} says"


class EncodeError(SafecodecError, ValueError):
    """A value cannot be written."""


class ValueTooLargeError(EncodeError):
    """A value's payload is longer than the codec's limit.

    Args:
        found: Length of the payload in bytes, as far as it was written.
        limit: The longest that is allowed, in bytes.
        path: Where in the value the limit is crossed, if it is known.
        stopped: Whether the rest of the value was not written.
    """

    found: int
    limit: int

    def __init__(self, *, found: int, limit: int, path: str = "", stopped: bool = False) -> None:
        more = " or more" if stopped else ""
        super().__init__(f"the payload has {found} bytes{more}, the limit payload is {limit}", path=path)
        self.found = found
        self.limit = limit


class DecodeError(SafecodecError, ValueError):
    """A frame cannot be read.

    Args:
        reason: What is wrong.
        header: The frame's header where there is one, else None. It is vouched for by its checksum, except on
            `UnsupportedRevisionError` (None there) and `HeaderChecksumError`, where it shows damaged bytes.
        path: Where in the value, as ``$.users[3].zip``.
    """

    header: Header | None
    item: int | None = None
    """Which frame of a batch it is, from 0; None where it was no batch."""

    def __init__(self, reason: str, *, header: Header | None = None, path: str = "") -> None:
        super().__init__(reason, path=path)
        self.header = header


class NotAFrameError(DecodeError):
    """The bytes are no safecodec frame.

    Args:
        looks_like: The name of the format that the bytes look like, or None where none is recognised.
        start: The first bytes, at most 32.
        length: Length of the whole input, in bytes.
    """

    looks_like: str | None
    start: bytes
    length: int

    def __init__(self, *, looks_like: str | None, start: bytes, length: int) -> None:
        super().__init__("not a safecodec frame")
        self.looks_like = looks_like
        self.start = bytes(start[:32])
        self.length = length

    def _details(self) -> str:
        guess = f"looks like {self.looks_like}" if self.looks_like else "no format recognised"
        start = self.start[:16].hex(" ") or "nothing"
        return f"{self.reason}: {guess}; {self.length} bytes, starting with {start}"


class FrameTooShortError(NotAFrameError):
    """The input is shorter than a frame's header of 32 bytes."""

    def __init__(self, *, looks_like: str | None, start: bytes, length: int) -> None:
        super().__init__(looks_like=looks_like, start=start, length=length)
        self.reason = "too short for a safecodec frame, which has at least 32 bytes"


class UnsupportedRevisionError(DecodeError):
    """The frame has a revision that this release does not know.

    Args:
        found: The revision byte.
    """

    found: int

    def __init__(self, *, found: int) -> None:
        super().__init__(f"frame revision byte 0x{found:02x} is not known, this release reads 0xde (revision 1)")
        self.found = found


class _MismatchError(DecodeError):
    """One thing is expected and another is found."""

    expected: Any
    found: Any

    def __init__(self, reason: str, *, expected: Any, found: Any, header: Header | None = None) -> None:
        super().__init__(reason, header=header)
        self.expected = expected
        self.found = found


class HeaderChecksumError(_MismatchError):
    """The header does not match its checksum; ``header`` shows the bytes as they are, damaged.

    Args:
        expected: The checksum that the header carries.
        found: The checksum of the header and the bound context.
    """

    expected: int
    found: int


class ContextMismatchError(HeaderChecksumError):
    """The header check fails and the payload's own passes: the value belongs to another context (cache key).

    Damage to the header alone looks the same, and is far less likely than a value under another key.
    """


class UnsupportedFlagsError(DecodeError):
    """A must-understand flag is set that this release does not understand.

    Args:
        found: The unknown bits of the flags byte.
    """

    found: int

    def __init__(self, reason: str, *, found: int, header: Header | None = None) -> None:
        super().__init__(reason, header=header)
        self.found = found


class PayloadFormatError(_MismatchError):
    """The payload has another format than the reader's, or none that this release knows.

    Args:
        expected: The reader's format, or None where any known one will do.
        found: The frame's format by name, or its number where it is unknown.
    """

    expected: str | None
    found: str | int


class EnvironmentMismatchError(_MismatchError):
    """The frame was written in another environment.

    Args:
        expected: Tag of the reader's environment, 8 hex digits; ``00000000`` is unscoped.
        found: Tag in the frame.
        expected_name: Name of the reader's environment; None where it is unscoped or not known.
        found_name: Name of the frame's environment, where its tag is that of a common name such as ``staging``.
    """

    expected: str
    found: str
    expected_name: str | None
    found_name: str | None

    def __init__(
        self,
        reason: str,
        *,
        expected: str,
        found: str,
        expected_name: str | None = None,
        found_name: str | None = None,
        header: Header | None = None,
    ) -> None:
        super().__init__(reason, expected=expected, found=found, header=header)
        self.expected_name = expected_name
        self.found_name = found_name


class SubjectMismatchError(_MismatchError):
    """The frame holds a value of another subject.

    Args:
        expected: Tag of the reader's subject, 8 hex digits.
        found: Tag in the frame.
        expected_name: Name of the reader's subject, where it is known.
    """

    expected: str
    found: str
    expected_name: str | None

    def __init__(
        self,
        reason: str,
        *,
        expected: str,
        found: str,
        expected_name: str | None = None,
        header: Header | None = None,
    ) -> None:
        super().__init__(reason, expected=expected, found=found, header=header)
        self.expected_name = expected_name


class UnknownVersionError(DecodeError):
    """The frame's schema version cannot be read here.

    Args:
        found: The writer's version.
        oldest_reader: The oldest version whose readers can read the frame without its schema.
        known: The versions known here, in order.
        subject: Name of the reader's subject, where it is known.
    """

    found: int
    oldest_reader: int
    known: tuple[int, ...]
    subject: str | None

    def __init__(
        self,
        reason: str,
        *,
        found: int,
        oldest_reader: int,
        known: Sequence[int],
        subject: str | None = None,
        header: Header | None = None,
    ) -> None:
        super().__init__(reason, header=header)
        self.found = found
        self.oldest_reader = oldest_reader
        self.known = tuple(known)
        self.subject = subject


class SchemaConflictError(DecodeError):
    """The frame claims a version that is known here with another schema.

    Args:
        version: The version that two schemas claim.
        expected: Fingerprint known here, 8 hex digits.
        found: Fingerprint in the frame.
        subject: Name of the reader's subject, where it is known.
    """

    version: int
    expected: str
    found: str
    subject: str | None

    def __init__(
        self,
        reason: str,
        *,
        version: int,
        expected: str,
        found: str,
        subject: str | None = None,
        header: Header | None = None,
    ) -> None:
        super().__init__(reason, header=header)
        self.version = version
        self.expected = expected
        self.found = found
        self.subject = subject


class PayloadLengthError(_MismatchError):
    """The bytes behind the header are not as many as it says: cut off, appended to, or two frames in one value.

    Args:
        expected: Length that the header gives, or that is allowed, in bytes.
        found: Length that was found, in bytes.
    """

    expected: int
    found: int


class PayloadTooLargeError(PayloadLengthError):
    """The payload is as long as the header says, and longer than the reader allows (``expected``)."""


class PayloadChecksumError(_MismatchError):
    """The payload does not match its checksum.

    Args:
        expected: The checksum that the header carries.
        found: The checksum of the payload.
    """

    expected: int
    found: int


class StampError(DecodeError):
    """A frame is intact, and its stamp is none that this release reads: cut off, of another kind, or with a payload.

    Args:
        found: The stamp's bytes, or as many as there are.
    """

    found: bytes

    def __init__(self, reason: str, *, found: bytes, header: Header | None = None) -> None:
        super().__init__(reason, header=header)
        self.found = found


class PayloadError(DecodeError):
    """The payload is intact and does not decode into the reader's type, or leaves bytes over."""
