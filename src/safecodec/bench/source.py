"""A codec and values of it, as a command line names them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..codec import Codec
from ..errors import ConfigError, DecodeError, SafecodecError
from ..frame import pack

__all__ = ["Source", "codec_named"]

MAGIC: Final = b"\xc1\xde"
"""What a frame begins with, and JSON does not."""


@dataclass(frozen=True)
class Source:
    """Where a codec and its samples come from.

    Args:
        codec: A codec, or what returns one, as ``module:name``.
        files: Samples: each a frame of the codec, or a value as JSON.
        values: A list or dict of values, or what returns one, as ``module:name``; "" is none.
    """

    codec: str
    files: tuple[str, ...] = ()
    values: str = ""

    def load(self) -> tuple[Codec[Any], dict[str, Any]]:
        """Return the codec and its samples by name.

        Raises:
            ConfigError: Something is not there, is something else, or cannot be read; there is no sample at all; or a
                sample cannot be written, with its path.
        """
        codec = codec_named(self.codec)
        samples = {name: _read(codec, name) for name in self.files}
        if self.values:
            samples |= _named(self.values)
        if not samples:
            raise ConfigError("there is no sample to measure with: name a file, or a function that returns values")
        for name, value in samples.items():
            _check(codec, name, value)
        return codec, samples


def codec_named(name: str) -> Codec[Any]:
    """Return the codec that ``module:name`` names, or that the function of this name returns.

    Args:
        name: Such as ``myservice.codecs:user``. The module is looked for in the current directory as well.

    Raises:
        ConfigError: The module cannot be imported, the name is not there, or it is no codec.
    """
    codec = _called(name)
    if not isinstance(codec, Codec):
        raise ConfigError(f"{name} is of type {type(codec).__name__}, no Codec nor a function that returns one")
    return codec


def _called(name: str) -> Any:
    """Return what ``module:name`` names, or what that returns when it is called."""
    module_name, _, attributes = name.partition(":")
    if not module_name or not attributes:
        raise ConfigError(f"{name!r} is not module:name, such as myservice.codecs:user")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as python -m has it: what is developed here is found
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigError(f"module {module_name!r} cannot be imported: {error}") from error
        raise ConfigError(f"there is no module {error.name!r}, looked for in this directory as well") from error
    except Exception as error:
        raise ConfigError(f"module {module_name!r} cannot be imported: {type(error).__name__}: {error}") from error
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            raise ConfigError(f"{name}: there is no {attribute!r} in {module_name!r}")
        found = getattr(found, attribute)
    if not callable(found):
        return found
    try:
        return found()
    except Exception as error:
        raise ConfigError(f"{name} failed: {type(error).__name__}: {error}") from error


def _named(name: str) -> dict[str, Any]:
    """Return the values that ``module:name`` gives; they are numbered where they have no names."""
    values = _called(name)
    if isinstance(values, Mapping):
        return {str(key): value for key, value in values.items()}
    try:
        return {f"sample {number}": value for number, value in enumerate(values, 1)}
    except TypeError as error:
        raise ConfigError(f"{name} gives a value of type {type(values).__name__}, no list or dict of values") from error


def _read(codec: Codec[Any], name: str) -> Any:
    """Return the value in a file."""
    try:
        data = Path(name).read_bytes()
    except (OSError, ValueError) as error:
        # ValueError is a name with a NUL character.
        raise ConfigError(f"sample {name!r} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        return codec.decode(data) if data.startswith(MAGIC) else _from_json(codec, data)
    except DecodeError as error:
        raise ConfigError(f"sample {name!r} is not read: {error.reason}", path=error.path) from error


def _from_json(codec: Codec[Any], data: bytes) -> Any:
    """Return a value of the newest version that is written as a JSON payload is.

    Raises:
        DecodeError: It is none.
        ConfigError: The type has no values in JSON.
    """
    schema = codec.schema()
    own: dict[str, Any] = {"subject": codec.subject, "version": codec.version, "environment": codec.environment}
    try:
        reads: Codec[Any] = Codec(schema, payload="json", limits=schema.limits, **own)
    except (SafecodecError, ImportError) as error:
        hint = "give samples as frames, or as values of a function"
        raise ConfigError(f"samples of {codec.subject!r} cannot be JSON, {hint}: {error}") from error
    return reads.decode(pack(data, format="json", fingerprint=reads.fingerprint(), **own))


def _check(codec: Codec[Any], name: str, value: Any) -> None:
    try:
        codec.encode(value)
    except SafecodecError as error:
        raise ConfigError(f"sample {name!r} is not written: {error.reason}", path=error.path) from error
