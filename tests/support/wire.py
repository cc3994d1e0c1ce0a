"""A wire between a program and a server, which a test can cut at the worst moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Wire:
    """Passes on what is said on 127.0.0.1:`port` to another port of this machine."""

    def __init__(self, to: int) -> None:
        """Begins to listen at once."""
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._word = self._after = b""
        self._passes = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the thread that waits in accept
        self._listener.close()
        self.cut()

    def cut_at(self, word: bytes, *, passes: bool, after: bytes = b"") -> None:
        """Cuts the connection on which the program says the word next; does the server hear it?

        `after`: only once it has said that on the connection, from now on.
        """
        self._after, self._passes, self._word = after, passes, word

    def cut(self) -> None:
        """Cuts every connection."""
        while self._ends:
            with contextlib.suppress(OSError), self._ends.pop() as end:
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                program, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # it is down
                    program.close()
                    continue
                self._ends += [program, server]
                for one, other in ((program, server), (server, program)):
                    threading.Thread(
                        target=self._pass_on, args=(one, other, one is program), daemon=True
                    ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, is_program: bool) -> None:
        begun = False
        with contextlib.suppress(OSError):
            while said := one.recv(65536):
                begun = begun or bool(self._word and self._after in said)
                if is_program and begun and self._word and self._word in said:
                    self._word = b""
                    if self._passes:
                        other.sendall(said)
                        # What the server answers from now on reaches nobody.
                    one.shutdown(socket.SHUT_RDWR)
                    break
                other.sendall(said)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)
