"""The HTTP that Apprise's services speak, led through the address guard and bounded.

Apprise's modules call `requests` by themselves: they follow redirects, read whole answers whatever
their size, and connect to any address. Their `requests` is therefore replaced by one that judges
every address when it is connected to, follows nothing, reads little, and remembers how the service
answered, which Apprise reduces to yes or no. Outside of an exchange it refuses to do anything.

They also sleep for as long as a service asks them to; such pauses are bounded here, too.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from threading import Event, Lock
from types import ModuleType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from store.addresses import Network, refusal

REPLY_READ = 64 * 1024
"""Bytes of an answer that are read at most."""
NO_CONNECTION = "no connection"
_VERBS = ("delete", "get", "head", "patch", "post", "put")


LONGEST_PAUSE = 15.0
"""Seconds that a service's wish to be left alone is waited for; a longer one ends the attempt."""
_DAY = 86_400.0


class AskedToWaitError(Exception):
    """The service wants to be left alone for longer than an attempt can wait."""

    def __init__(self, seconds: float) -> None:
        """What is no number of seconds, or more than a day's, counts as a day."""
        super().__init__()
        self.seconds = seconds if 0 <= seconds <= _DAY else _DAY


class Exchange:
    """What one message may do, and how the service answered."""

    def __init__(self, allow: Sequence[Network], timeout: float, within: float) -> None:
        """`timeout` is for each step, `within` for everything; both are in seconds."""
        self.allow, self._timeout = allow, timeout
        self._until = time.monotonic() + within
        self.taken = False
        """Whether Apprise says that the service has taken the message."""
        self.code: int | None = None
        """Of the answer that refused it; what follows, as logging out, does not change it."""
        self.accepted: int | None = None
        """Of the last answer that was a success."""
        self.reply = ""
        self.retry_after: str | None = None
        self.pause: float | None = None
        """Seconds for which the service wants to be left alone."""
        self.refused = ""
        """Why an address may not be reached."""
        self.broken = ""
        """How the exchange broke off."""
        self._over = Event()
        self._wire: socket.socket | None = None
        self._holding = Lock()

    @property
    def timeout(self) -> float:
        """Seconds that the next step may take."""
        return max(min(self._timeout, self._until - time.monotonic()), 0.001)

    @property
    def may_ask(self) -> bool:
        """Whether another request may be made: not after it was told to wait, nor at the end."""
        return self.code != 429 and not self._over.is_set() and time.monotonic() < self._until

    @property
    def is_unreachable(self) -> bool:
        """Whether the service could not be connected to at all."""
        return self.broken == NO_CONNECTION and self.code is None and self.accepted is None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Lets the code inside speak HTTP within these bounds."""
        token = _EXCHANGE.set(self)
        try:
            yield
        finally:
            _EXCHANGE.reset(token)

    def note(self, code: int, reply: str, retry_after: str | None) -> None:
        """Keeps an answer."""
        if not 200 <= code < 300:
            self.code, self.reply, self.retry_after = code, reply, retry_after
            return
        self.accepted = code
        if self.code is None:
            self.reply = reply

    def wait(self, seconds: float) -> None:
        """Leaves the service alone. Raises AskedToWaitError when it asks for too much."""
        if not seconds <= min(LONGEST_PAUSE, self._until - time.monotonic()):
            raise AskedToWaitError(seconds)
        self._over.wait(max(seconds, 0))
        self.code = self.retry_after = None

    def hold(self, connected: socket.socket) -> None:
        """Remembers a connection, so that it can be cut; the copy survives the turn to TLS."""
        with self._holding:
            self._release()
            self._wire = connected.dup()
        if self._over.is_set():
            self.break_off()

    def break_off(self) -> None:
        """Ends what is under way, whatever thread it is in; nothing more can be asked."""
        self._over.set()
        with self._holding:
            if self._wire is not None:
                with contextlib.suppress(OSError):
                    self._wire.shutdown(socket.SHUT_RDWR)
            self._release()

    def _release(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


class _GuardedMixin:
    """Connects to an address that was judged, never to a name."""

    def _new_conn(self) -> socket.socket:
        current: Any = self
        now = _EXCHANGE.get()
        host, port = current._dns_host, current.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(current, f"{host} could not be resolved") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        for address in addresses:
            if why := refusal(ip_address(address), now.allow):
                now.refused = f"{host}: {why}"
                raise NewConnectionError(current, now.refused)
        try:
            connected = create_connection(
                (addresses[0], port), now.timeout, socket_options=current.socket_options
            )
        except OSError as error:
            raise NewConnectionError(current, error.strerror or str(error)) from error
        now.hold(connected)
        return connected


class _Connection(_GuardedMixin, HTTPConnection):
    pass


class _SecureConnection(_GuardedMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = {"http": _Pool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = pools


class _BoundedRequests(ModuleType):
    """`requests` as Apprise's modules see it."""

    def __init__(self) -> None:
        super().__init__("requests")
        self.__dict__.update(vars(requests))
        self.request = _request
        for verb in _VERBS:
            setattr(self, verb, _verb(verb))
        # What would be a way around is not there.
        self.Session = self.session = None


def _verb(name: str) -> Any:
    def call(url: str, *_: Any, **keys: Any) -> requests.Response:
        return _request(name, url, **keys)

    return call


def _request(method: str, url: str, **keys: Any) -> requests.Response:
    now = _EXCHANGE.get(None)
    if now is None:
        raise requests.RequestException("no message is being sent")
    if not now.may_ask:
        raise requests.RequestException("nothing more is asked now")
    keys |= {"allow_redirects": False, "stream": True, "timeout": now.timeout, "proxies": None}
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _GuardedAdapter(max_retries=0))
        try:
            response = session.request(method, url, **keys)
        except requests.RequestException as error:
            now.broken = _words(error)
            raise
        response._content = _beginning(response, now.timeout)
        response.close()
        reply = response._content.decode("utf-8", "replace")
        now.note(response.status_code, reply, response.headers.get("retry-after"))
    return response


def _beginning(response: requests.Response, within: float) -> bytes:
    """The answer's first bytes; what breaks while reading them changes nothing."""
    kept = bytearray()
    until = time.monotonic() + within
    try:
        while len(kept) < REPLY_READ and time.monotonic() < until:
            piece = response.raw.read1(REPLY_READ, decode_content=True)
            if not piece:
                break
            kept += piece
    except (HTTPError, OSError, ValueError):
        pass
    return bytes(kept[:REPLY_READ])


def _words(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed"
    connection = isinstance(error, requests.ConnectionError)
    return NO_CONNECTION if connection else type(error).__name__


_BOUNDED = _BoundedRequests()


def bound(plugin: Any) -> None:
    """Gives the modules that a service of Apprise is made of the bounded `requests`.

    The service itself gets bounded pauses: when two messages follow each other is not for it to
    say (`alerts.channels.apprise_pace`), only that it was asked to wait.
    """
    for class_ in type(plugin).__mro__:
        module = sys.modules[class_.__module__]
        if module.__name__.startswith("apprise.") and hasattr(module, "requests"):
            module.__dict__["requests"] = _BOUNDED
    plugin.throttle = _throttle


def _throttle(last_io: object = None, wait: float | None = None) -> None:
    """Apprise calls this before each request; with `wait`, seconds that a service asked for."""
    now = _EXCHANGE.get(None)
    if now is not None and wait is not None:
        now.wait(wait)
