"""A TCP proxy in front of Redis, in threads of the driver, that refuses every connection while Redis is lost."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Proxy"]

CHUNK = 65536


class Proxy:
    """Passes bytes both ways, with one thread for each direction of a connection.

    Args:
        url: The URL of the Redis; ``redis://`` alone, as TLS would check the name of the proxy.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = parts.hostname or "127.0.0.1", parts.port or 6379
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._is_lost = False
        self._listener = self._listen(0)
        self._port: int = self._listener.getsockname()[1]
        account, at, _ = parts.netloc.rpartition("@")
        self.url: str = urlunsplit(parts._replace(netloc=f"{account}{at}127.0.0.1:{self._port}"))
        """The URL that leads through the proxy."""

    def lose(self) -> None:
        """Close every connection, and refuse new ones."""
        with self._lock:
            self._is_lost = True
            passing = list(self._open)
        for one in (self._listener, *passing):
            self._shut(one)

    def bring_back(self) -> None:
        """Accept connections again, at the same port."""
        self._is_lost = False
        self._listener = self._listen(self._port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
        Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        for near in self._arriving(listener):
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A connection that was on its way when Redis was lost is closed by its own threads, at their first read.
            with self._lock:
                self._open |= {near, far}
                if self._is_lost:
                    self._shut(near)
            for source, sink in ((near, far), (far, near)):
                Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _arriving(self, listener: socket.socket) -> Iterator[socket.socket]:
        with suppress(OSError):
            while True:
                yield listener.accept()[0]

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for one in (source, sink):
            self._shut(one)
        with self._lock:
            self._open -= {source, sink}

    def _shut(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
