"""Processes that a bench of the guarded cache starts, talks to over a pipe each, and ends."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from safecodec.cli.demo.replay.driver import METHOD, STOP_SECONDS, received
from safecodec.cli.demo.replay.events import Ready
from safecodec.cli.demo.replay.traffic import child

__all__ = ["Crew", "CrewError", "Member", "crew"]

START_SECONDS: Final = 120.0
"""How long a process has until it is ready."""


class CrewError(Exception):
    """A process failed, or does not answer."""


class Member:
    """A process of the crew and this end of its pipe.

    Args:
        name: How errors call it.
        process: The process, started.
        channel: This end of the pipe.
    """

    def __init__(self, name: str, process: Any, channel: Any) -> None:
        self.name = name
        self.process = process
        self.pid: int = process.pid
        self._channel = channel

    def ask(self, word: object, seconds: float = START_SECONDS) -> Any:
        """Send a message and wait for the reply.

        Args:
            word: The message.
            seconds: How long to wait.

        Raises:
            CrewError: The process has failed, ended, or does not answer in time.
        """
        self.tell(word)
        return self.hear(seconds)

    def tell(self, word: object) -> None:
        """Send a message."""
        try:
            self._channel.send(word)
        except OSError:
            self.process.join(STOP_SECONDS)
            raise CrewError(f"{self.name} ended with exit code {self.process.exitcode}") from None

    def hear(self, seconds: float = START_SECONDS) -> Any:
        """Wait for a message; see `ask`."""
        if not self._channel.poll(seconds):
            raise CrewError(f"{self.name} did not answer within {seconds:.0f} s")
        return received(self._channel, self.process, self.name, CrewError)

    def join(self) -> None:
        """Wait for the end of the process, after it was told to end."""
        self.process.join(STOP_SECONDS)
        if self.process.exitcode != 0:
            raise CrewError(f"{self.name} ended with exit code {self.process.exitcode}")

    def end(self) -> None:
        """Kill the process if it still runs."""
        self.process.kill()
        self.process.join()
        self._channel.close()


class Crew:
    """Starts processes; see `crew`.

    Args:
        context: Of multiprocessing.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self.members: list[Member] = []

    def start(self, name: str, entry: Callable[..., None], *arguments: object) -> Member:
        """Start a process, whose first word is `Ready`; `Member.hear` waits for it.

        Args:
            name: How errors call it.
            entry: What it runs, of a module that can be imported; its last argument is its end of the pipe.
            arguments: The arguments before.
        """
        near, far = self._context.Pipe()
        process = self._context.Process(target=child, args=(entry, arguments, far), daemon=True)
        process.start()
        far.close()
        member = Member(name, process, near)
        self.members.append(member)
        return member

    def await_ready(self, members: Sequence[Member]) -> None:
        """Wait until processes are ready."""
        for member in members:
            word = member.hear()
            if not isinstance(word, Ready):
                raise CrewError(f"{member.name} said {word!r:.200} before it was ready")

    def dismiss(self, member: Member) -> None:
        """End a process."""
        self.members.remove(member)
        member.end()


@contextmanager
def crew(*preload: str) -> Iterator[Crew]:
    """Start processes that are killed at the end, whatever happens.

    Args:
        preload: Modules that the server of forks imports once for all processes; not that of the program, which each
            process runs anew.
    """
    context: Any = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload(list(preload))
    started = Crew(context)
    try:
        yield started
    finally:
        for member in started.members:
            member.end()
