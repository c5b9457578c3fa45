"""The compiled decoder and the reference side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safecodec import PayloadError
from safecodec.avro import compile
from safecodec.avro.reference import ReferencePlan
from safecodec.avro.schema import Schema
from shapes import same


def read(writer: Schema, reader: Schema, payload: bytes) -> Any:
    """Decode a payload by both engines, which give the same value or both refuse; raises the compiled one's error.

    Of several faults the reference names one that the bytes have before one that a logical type has, so the reasons
    may differ.
    """
    (value, refused), (other, other_refused) = (
        _outcome(lambda: compile.decoder(writer, reader).decode(payload)),
        _outcome(lambda: ReferencePlan(writer, reader).decode(payload)),
    )
    assert (refused is None) == (other_refused is None), (refused, other_refused)
    if refused is not None:
        raise refused
    assert same(value, other), (value, other)
    return value


def _outcome(call: Callable[[], Any]) -> tuple[Any, PayloadError | None]:
    try:
        return call(), None
    except PayloadError as error:
        return None, error
