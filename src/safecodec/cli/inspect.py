"""``safecodec inspect``: a frame's header and every fault of the frame, and with its codec the value.

It needs no codec, so it can be pointed at any value in an incident.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from safecodec.codec import ENVIRONMENT_VARIABLE
from safecodec.errors import ConfigError, DecodeError, NoValueError
from safecodec.frame import refusals, tag

from .findings import LONGEST_MESSAGE, Found, Name, as_dict, as_text
from .inputs import Input, KeptStart, opened
from .terminal import as_json, shown
from .verdict import HEADER_SIZE, Expected, Report, inspect

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from safecodec import Codec
    from safecodec.frame import Header

__all__ = ["add_arguments", "run"]

EPILOG: Final = """\
A whole frame is checked to its last byte. Of the first 32 bytes of a frame, or
more that are not all, the header is checked: checksum, environment and subject;
the first line says that the payload was not. With --whole, which --redis and
--codec imply, such a part is a frame that is cut off.

Exit code, of several inputs the highest:
  0  every frame, or header, is good and as asked for
  1  one is not
  2  wrong use, or an input that cannot be read

Examples:
  redis-cli --raw GETRANGE user:7 0 31 | safecodec inspect - --context user:7
  redis-cli --raw GET user:7 |
      safecodec inspect - --strip-newline --whole --context user:7
  safecodec inspect --redis redis://localhost:6379/0 user:7 \\
      --codec myservice.codecs:user
"""


def _named(name: str) -> Name:
    try:
        return Name(name, tag(name))
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _hex_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not made of pairs of hex digits") from error


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec inspect`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("file", nargs="*", metavar="FILE", help="a file with a frame; - is standard input")
    parser.add_argument(
        "--redis",
        action="append",
        nargs=2,
        default=[],
        metavar=("URL", "KEY"),
        help="a key of a Redis, such as redis://localhost:6379/0 user:7; may be given more than once; the frame may be "
        "bound to the key, or to nothing",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on a line of its own for each input")
    parser.add_argument(
        "--whole", action="store_true", help="a part of a frame is not good: it is a frame that is cut off"
    )
    parser.add_argument(
        "--strip-newline",
        action="store_true",
        help="leave out a newline at the very end of a file or standard input: redis-cli prints one behind a value",
    )
    contexts = parser.add_mutually_exclusive_group()
    contexts.add_argument(
        "--context", type=os.fsencode, metavar="TEXT", help="what the frames are bound to, such as their cache key"
    )
    contexts.add_argument(
        "--context-hex", dest="context", type=_hex_bytes, metavar="HEX", help="the context as hex digits"
    )
    parser.add_argument(
        "--environment",
        type=_named,
        metavar="NAME",
        help=f"the environment that the frames must come from; that of the codec or of {ENVIRONMENT_VARIABLE} where "
        "it is not given, any if there is neither",
    )
    parser.add_argument(
        "--subject",
        type=_named,
        metavar="NAME",
        help="the subject that the frames must be about; that of the codec where it is not given",
    )
    parser.add_argument(
        "--codec",
        metavar="MODULE:NAME",
        help="decode with this codec, or the one that the function of this name returns, and print the value as JSON",
    )


# ---- what is asked ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """The demands of the command line on every input."""

    inputs: list[Input]
    context: bytes | None
    environment: Name | None
    subject: Name | None
    codec: Codec[Any] | None
    whole: bool
    strip_newline: bool

    def expected(self, source: Input) -> Expected:
        if self.context is not None:
            contexts: tuple[bytes, ...] = (self.context,)
        else:
            contexts = (b"",) if source.redis is None else (b"", source.key)
        return Expected(
            contexts=contexts,
            environment=self.environment.tag if self.environment else None,
            subject=self.subject.tag if self.subject else None,
            whole=self.whole or source.redis is not None or self.codec is not None,
        )


def _inputs(arguments: Namespace) -> list[Input]:
    inputs = [Input(name) for name in arguments.file] + [Input(key, url) for url, key in arguments.redis]
    if not inputs:
        raise ConfigError("there is nothing to inspect: expected a FILE, - for standard input, or --redis URL KEY")
    if arguments.file.count("-") > 1:
        raise ConfigError("- is given more than once: standard input can be read once")
    return inputs


def _environment(arguments: Namespace, codec: Codec[Any] | None) -> Name | None:
    given: Name | None = arguments.environment
    if given is not None:
        return given
    if codec is not None:
        return Name(codec.environment, tag(codec.environment), arguments.codec)
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    if variable is None:
        return None
    try:
        return Name(variable, tag(variable), ENVIRONMENT_VARIABLE)
    except ConfigError as error:
        raise ConfigError(f"{ENVIRONMENT_VARIABLE}: {error}; unset it, or give --environment") from error


def _task(arguments: Namespace) -> _Task:
    inputs = _inputs(arguments)
    codec = None
    if arguments.codec is not None:
        from safecodec.bench.source import codec_named

        codec = codec_named(arguments.codec)
    subject: Name | None = arguments.subject
    if subject is None and codec is not None:
        subject = Name(codec.subject, tag(codec.subject), arguments.codec)
    return _Task(
        inputs=inputs,
        context=arguments.context,
        environment=_environment(arguments, codec),
        subject=subject,
        codec=codec,
        whole=arguments.whole,
        strip_newline=arguments.strip_newline,
    )


# ---- what is found ---------------------------------------------------------------------------------------------


def _found(source: Input, task: _Task) -> Found:
    expected = task.expected(source)
    value: tuple[Any, ...] = ()
    with opened(source, strip_newline=task.strip_newline) as (stream, size):
        if task.codec is None:
            report = inspect(stream, expected, size=size)
        else:
            # One byte more than the codec takes: bytes behind the frame must be seen.
            kept = KeptStart(stream, HEADER_SIZE + refusals.STAMP_SIZE + task.codec.max_payload + 1)
            report = inspect(kept, expected, size=size)
            if report.header is not None and report.context is not None:
                try:
                    value = (_decoded(task.codec, report.header, report, bytes(kept.data)),)
                except DecodeError as error:
                    report.refusal = error
                except NoValueError:  # as the stamp says, which is shown
                    pass
    return Found(source, report, task.environment, task.subject, value)


def _decoded(codec: Codec[Any], header: Header, report: Report, data: bytes) -> Any:
    found, allowed = report.length - HEADER_SIZE, codec.max_payload
    if min(found, header.payload_length) > allowed + (refusals.STAMP_SIZE if header.flags & refusals.STAMPED else 0):
        # Only the start of the payload is in memory.
        raise refusals.payload_length(header, found=found, allowed=allowed)
    from .decoded import jsonable

    return jsonable(codec.decode(data, context=report.context))


def _show(source: Input, task: _Task, *, json: bool) -> int:
    """Inspect one input, print what was found, and return its exit code."""
    try:
        found = _found(source, task)
    except (OSError, ValueError) as error:
        # ValueError is a name with a NUL character, and ConfigError.
        reason = getattr(error, "strerror", None) or error
        kind = "" if source.redis is None else "key "
        text = f"safecodec inspect: cannot read {kind}'{shown(source.name)}': {shown(str(reason), LONGEST_MESSAGE)}"
        print(text, file=sys.stderr)
        return 2
    print(as_json(as_dict(found)) if json else as_text(found))
    return int(bool(found.report.faults))


def run(arguments: Namespace) -> int:
    """Inspect every input and print what was found.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code, of several inputs the highest: 0 for a frame, or a frame's header, that is good and as asked
        for; 1 for anything else; 2 for an input that cannot be read, and for wrong use.
    """
    try:
        task = _task(arguments)
    except ConfigError as error:
        print(f"safecodec inspect: {shown(str(error), LONGEST_MESSAGE)}", file=sys.stderr)
        return 2
    code = 0
    for number, source in enumerate(task.inputs):
        if number and not arguments.json:
            print()
        code = max(code, _show(source, task, json=arguments.json))
    return code
