"""Avro itself, usable without a frame: `Schema` describes, encodes and decodes bare Avro binary."""

from .schema import Schema

__all__ = ["Schema"]
