"""JSON payloads, through msgspec."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec.json

from . import structured

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..avro.schema import Schema

__all__ = ["decoder", "encoder", "forward_decoder", "reads_newer"]


class _Format:
    name = "JSON"
    texts_only = True

    def encoder(self) -> msgspec.json.Encoder:
        return msgspec.json.Encoder()

    def decoder(self, type_: Any) -> Callable[[Any], Any]:
        return msgspec.json.Decoder(type_).decode


encoder: Callable[[Schema, Schema], Callable[[Any], bytes]] = partial(structured.encoder, _Format())
decoder: Callable[[Schema, Schema], Callable[[Any], Any]] = partial(structured.decoder, _Format())
forward_decoder: Callable[[Schema, Schema], Callable[[Any], Any]] = partial(structured.forward_decoder, _Format())
reads_newer: Callable[[Schema, Schema], bool] = structured.reads_newer
