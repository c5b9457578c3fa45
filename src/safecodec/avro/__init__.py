"""Avro itself, usable without a frame."""
