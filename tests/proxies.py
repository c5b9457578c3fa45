"""A TCP proxy of the loopback that misbehaves on demand: it loses replies, is silent, refuses, cuts off, delays.

::

    with Proxy(port) as proxy:
        connect_to(proxy.port)
        proxy.mode = "drop_replies"

It looks at the mode whenever bytes come, so that a change takes effect in the middle of a connection.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

__all__ = ["Mode", "Proxy", "cut_after", "delay"]


@dataclass
class _Cut:
    left: int


@dataclass(frozen=True)
class _Delay:
    seconds: float


Mode: TypeAlias = Literal["pass", "drop_replies", "silent", "refuse"] | _Cut | _Delay
"""``drop_replies``: the server gets everything and the client nothing. ``silent``: neither gets anything. ``refuse``:
what is connected is reset, and nobody listens."""


def cut_after(count: int) -> Mode:
    """So many bytes of replies pass, counted from now and over all connections; then each is closed at the next one."""
    return _Cut(count)


def delay(seconds: float) -> Mode:
    """Each piece of a reply waits for so many seconds."""
    return _Delay(seconds)


class _Pair:
    """The two ends of a connection."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.threads = [threading.Thread(target=pump, daemon=True) for pump in (self._requests, self._replies)]
        for thread in self.threads:
            thread.start()

    def _requests(self) -> None:
        with suppress(OSError):
            while data := self.client.recv(65536):
                self.proxy.heard += data
                if self.proxy.mode != "silent":
                    self.server.sendall(data)
        self.close()

    def _replies(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                mode = self.proxy.mode
                if isinstance(mode, _Delay):
                    time.sleep(mode.seconds)
                if isinstance(mode, _Cut):
                    data, cut = data[: mode.left], len(data) >= mode.left
                    mode.left -= len(data)
                    self.client.sendall(data)
                    if cut:
                        break
                elif mode not in ("drop_replies", "silent"):
                    self.client.sendall(data)
        self.close()

    def close(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def is_over(self) -> bool:
        return not any(thread.is_alive() for thread in self.threads)

    def end(self) -> None:
        self.close()
        for thread in self.threads:
            thread.join()
        self.client.close()
        self.server.close()


class Proxy:
    """A proxy in front of a port of the loopback; it listens on `port` between ``with`` and its end.

    Args:
        target: The server's port; a change of it is for connections that come later.

    ``heard`` has all bytes that clients have sent, and ``connections`` how many have connected.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._mode: Mode = "pass"
        self._pairs: list[_Pair] = []
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self.heard = bytearray()
        self.connections = 0

    @property
    def mode(self) -> Mode:
        """What it does with bytes and connections."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "refuse":
            self._stop()
        elif self._listener is None:
            self._start()

    def _start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                self._reap()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                else:
                    self._pairs.append(_Pair(self, client, server))

    def _reap(self) -> None:
        """Give back the sockets of connections that are over: a proxy that runs for hours has thousands of them."""
        for pair in [pair for pair in self._pairs if pair.is_over]:
            self._pairs.remove(pair)
            pair.end()

    def _stop(self) -> None:
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join()
            self._listener = None
        while self._pairs:
            self._pairs.pop().end()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()
