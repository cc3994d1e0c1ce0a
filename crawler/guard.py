"""The address guard under Scrapy: names resolve to reachable addresses only.

Twisted resolves every host of a connection through the reactor's name resolver, literal addresses
included, and connects to what it returns; so redirects, unusual spellings and names that change
their address meet the guard too. The policy is `store.addresses.refusal`.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.resolver import CachingHostnameResolver
from scrapy.utils.datatypes import LocalCache
from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IAddress, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]

from store.addresses import Network, refusal

ALLOW_SETTING = "ADDRESS_GUARD_ALLOW"
"""Scrapy setting: address ranges that may be reached although private."""
TRUSTED_SETTING = "ADDRESS_GUARD_TRUSTED_HOSTS"
"""Scrapy setting: hosts that are not judged. Only the operator's own proxy belongs here."""

# Zope interfaces say nothing to a type checker: what provides one is Any here.
Receiver = Any
Resolution = Any

_refusals: LocalCache[str, str] = LocalCache(1000)


def why_refused(host: str) -> str | None:
    """Why the guard last refused a host; Scrapy itself only says that the lookup failed."""
    return _refusals.get(host.lower())


@implementer(IResolutionReceiver)
class _CheckedReceiver:
    """Passes on the addresses that may be reached; without one the lookup fails."""

    def __init__(self, receiver: Receiver, host: str, allow: Sequence[Network]) -> None:
        self._receiver = receiver
        self._host = host
        self._allow = allow
        self._passed = False
        self._reasons: list[str] = []

    def resolutionBegan(self, resolutionInProgress: Resolution) -> None:  # noqa: N802, N803
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        # A resolved address is of IP, as only such are asked for; its host is the literal.
        reason = refusal(ip_address(str(address.host).partition("%")[0]), self._allow)
        if reason is None:
            self._passed = True
            self._receiver.addressResolved(address)
        else:
            self._reasons.append(reason)

    def resolutionComplete(self) -> None:  # noqa: N802
        if self._reasons and not self._passed:
            _refusals[self._host.lower()] = f"{self._host} is refused: {'; '.join(self._reasons)}"
        self._receiver.resolutionComplete()


class GuardedResolver(CachingHostnameResolver):
    """Scrapy's `DNS_RESOLVER`: resolves and caches names, drops addresses that are refused."""

    def __init__(
        self,
        reactor: ReactorBase,
        cache_size: int,
        allow: Sequence[Network] = (),
        trusted_hosts: Sequence[str] = (),
    ) -> None:
        super().__init__(reactor, cache_size)
        if isinstance(self.original_resolver, GuardedResolver):  # one guard, the latest one
            self.original_resolver = self.original_resolver.original_resolver
        self._allow = tuple(allow)
        self._trusted = frozenset(host.lower() for host in trusted_hosts)

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> Self:
        """The resolver with the allow list of the crawler's settings."""
        settings = crawler.settings
        cache_size = settings.getint("DNSCACHE_SIZE") if settings.getbool("DNSCACHE_ENABLED") else 0
        allow = [ip_network(str(network)) for network in settings.getlist(ALLOW_SETTING)]
        return cls(reactor, cache_size, allow, settings.getlist(TRUSTED_SETTING))

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: Receiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Resolution:
        """As IHostnameResolver says, but without the addresses that are refused."""
        receiver = resolutionReceiver
        if hostName.lower() not in self._trusted:
            receiver = _CheckedReceiver(resolutionReceiver, hostName, self._allow)
        return super().resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
