"""Avro itself, usable without a frame: `Schema` describes, encodes and decodes bare Avro binary."""

from .limits import Limits
from .schema import Schema

__all__ = ["Limits", "Schema"]
