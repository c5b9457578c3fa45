"""The codec that is measured, for those who have no use for its peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safecodec import Codec, PayloadFormat

ENVIRONMENT = "bench"
HEADER_SIZE = 32


def codec(
    source: Any, payload: PayloadFormat = "avro", *, older: Mapping[int, Any] | None = None, **options: Any
) -> Codec[Any]:
    """A codec whose newest version is the one after the older ones."""
    return Codec(
        source,
        subject="bench",
        version=1 + len(older or {}),
        older=older,
        payload=payload,
        environment=ENVIRONMENT,
        **options,
    )
