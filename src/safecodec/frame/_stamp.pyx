"""The stamp of a frame: when its value was loaded, how long it is fresh, and whether there is a value at all."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from safecodec.frame.checks cimport check_block
from safecodec.frame.layout cimport (
    KIND_VALUE, STAMP_FRESH_FOR, STAMP_KIND, STAMP_LOAD_START, STAMP_SIZE, STAMP_SOURCE_VERSION, STATUS_OK,
    STATUS_STAMP_KIND, STATUS_STAMP_PAYLOAD, STATUS_STAMP_SHORT, Status, load_u32, load_u64, store_u32, store_u64,
)

from safecodec.errors import ConfigError, EncodeError, StampError, short

KINDS = {"value": 1, "absent": 2, "deleted": 3}
"""The kinds of a stamp by name, with their byte."""

cdef dict _KIND_NAMES = {code: name for name, code in KINDS.items()}


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Stamp:
    """When the value of a frame was loaded, how long it is fresh, and whether there is a value at all.

    Immutable, hashable, picklable.

    Args:
        load_start: When the load began, by the store's clock: microseconds since 1970-01-01 UTC, 0 to 2**64 - 1.
        fresh_for: How long the value is fresh from then on: milliseconds, 0 to 2**32 - 1.
        kind: ``value``; or ``absent``, where the source has no such value, and ``deleted``, where it was removed.
            Frames of these two have no payload.
        source_version: The source's own number of the value, such as a row's version, 0 to 2**64 - 1; 0 is not known.

    Raises:
        ConfigError: A number that is out of range or no whole one, or another kind.
    """

    def __init__(self, *, load_start, fresh_for, kind="value", source_version=0):
        if self.raw[STAMP_KIND]:
            raise TypeError("a Stamp is immutable: make another one")
        cdef uint64_t start = checked_number("load_start", load_start, 2**64 - 1)
        cdef uint64_t version = checked_number("source_version", source_version, 2**64 - 1)
        cdef uint64_t span = checked_number("fresh_for", fresh_for, 2**32 - 1)
        code = KINDS.get(kind) if isinstance(kind, str) else None
        if code is None:
            raise ConfigError(f"kind of a stamp is one of {', '.join(KINDS)}, not {short(kind)}")
        store_u64(&self.raw[STAMP_LOAD_START], start)
        store_u64(&self.raw[STAMP_SOURCE_VERSION], version)
        store_u32(&self.raw[STAMP_FRESH_FOR], <unsigned int>span)
        self.raw[STAMP_KIND] = code

    @staticmethod
    def from_bytes(bytes block not None):
        """Return the stamp that the 24 bytes of a frame's block say.

        Args:
            block: The block, which is bytes 32 to 55 of a stamped frame.

        Raises:
            StampError: They are no block that a reader takes.
        """
        reason = block_fault(block, len(block))
        if not reason and len(block) > STAMP_SIZE:
            reason = f"a stamp has {STAMP_SIZE} bytes, these are {len(block)}"
        if reason:
            raise StampError(reason, found=block)
        return copy_stamp(<const uint8_t *>PyBytes_AS_STRING(block))

    @property
    def load_start(self):
        """When the load began, in microseconds since 1970-01-01 UTC by the store's clock."""
        return load_u64(&self.raw[STAMP_LOAD_START])

    @property
    def source_version(self):
        """The source's own number of the value; 0 where it is not known."""
        return load_u64(&self.raw[STAMP_SOURCE_VERSION])

    @property
    def fresh_for(self):
        """How long the value is fresh, from ``load_start`` on, in milliseconds."""
        return load_u32(&self.raw[STAMP_FRESH_FOR])

    @property
    def kind(self):
        """One of ``value``, ``absent`` and ``deleted``."""
        return _KIND_NAMES[self.raw[STAMP_KIND]]

    def as_dict(self):
        """All attributes by name, fit for JSON."""
        return {name: getattr(self, name) for name in _STAMP_ATTRIBUTES}

    def __bytes__(self):
        return PyBytes_FromStringAndSize(<char *>self.raw, STAMP_SIZE)

    def __eq__(self, other):
        if not isinstance(other, Stamp):
            return NotImplemented
        return memcmp(self.raw, (<Stamp>other).raw, STAMP_SIZE) == 0

    def __hash__(self):
        return hash(bytes(self))

    def __repr__(self):
        fields = ", ".join(map("{0[0]}={0[1]!r}".format, self.as_dict().items()))
        return f"Stamp({fields})"

    def __reduce__(self):
        return _restore_stamp, (bytes(self),)


_STAMP_ATTRIBUTES = ("load_start", "fresh_for", "kind", "source_version")


def _restore_stamp(bytes block not None):
    return Stamp.from_bytes(block)


cdef uint64_t checked_number(str name, object number, object most) except? 0:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise ConfigError(f"{name} of a stamp is a whole number between 0 and {most}, not {short(number)}")
    return number


cdef object copy_stamp(const uint8_t *block):
    cdef Stamp stamp
    if check_block(block, STAMP_SIZE) != STATUS_OK:
        return None
    stamp = Stamp.__new__(Stamp)
    memcpy(stamp.raw, block, STAMP_SIZE)
    return stamp


cdef Stamp checked_stamp(object stamp):
    if not isinstance(stamp, Stamp) or not (<Stamp>stamp).raw[STAMP_KIND]:
        raise ConfigError(f"stamp is a safecodec.Stamp, not {short(stamp)}")
    return stamp


cdef Stamp fitting_stamp(object stamp, size_t payload):
    cdef Stamp checked = checked_stamp(stamp)
    if payload and checked.raw[STAMP_KIND] != KIND_VALUE:
        raise EncodeError(
            f"a frame of kind {checked.kind!r} has no payload, this one has {payload} bytes: give none, or a stamp of "
            "kind 'value'"
        )
    return checked


def block_fault(bytes block not None, uint64_t size):
    """Return why a reader refuses a stamped frame, in words; empty where it does not.

    Args:
        block: The bytes behind the header, 24 of them or all that there are.
        size: How many bytes are behind the header.
    """
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(block)
    cdef Status status = check_block(data, size if PyBytes_GET_SIZE(block) >= STAMP_SIZE else 0)
    if status == STATUS_OK:
        return ""
    if status == STATUS_STAMP_SHORT:
        return f"the frame is stamped, and a stamp has {STAMP_SIZE} bytes, of which {size} are there"
    if status == STATUS_STAMP_KIND:
        return f"the stamp's kind is {data[STAMP_KIND]}, this release knows 1 value, 2 absent and 3 deleted"
    if status == STATUS_STAMP_PAYLOAD:
        kind = _KIND_NAMES[data[STAMP_KIND]]
        return f"the stamp says {kind!r}, so no payload is expected, and {size - STAMP_SIZE} bytes of one follow"
    return f"the stamp's reserved bytes are {block[STAMP_KIND + 1:STAMP_SIZE].hex(' ')}, expected 00 00 00"
