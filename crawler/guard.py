"""The address guard in front of everything that Scrapy's reactor connects to.

Every connection asks the reactor's resolver, literal addresses and redirects included, and connects
to the very address that it gave; so the judgement stands where the address is final.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from store.addresses import Network, refusal

REMEMBERED = 1000
"""Refused hosts whose reason is remembered."""


@implementer(IResolutionReceiver)
class _JudgingReceiver:
    """Passes on a name's addresses once all of them are known to be allowed; else none."""

    def __init__(
        self, receiver: Any, allow: Sequence[Network], refuse: Callable[[str | None], None]
    ) -> None:
        self._receiver = receiver
        self._allow = allow
        self._refuse = refuse
        self._addresses: list[IAddress] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802 - Twisted's name
        """The question was asked."""
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802 - Twisted's name
        """One answer."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802 - Twisted's name
        """All answers: one refused address refuses the name."""
        reasons = [
            why for address in self._addresses if (why := refusal(_ip(address), self._allow))
        ]
        self._refuse(reasons[0] if reasons else None)
        if not reasons:
            for address in self._addresses:
                self._receiver.addressResolved(address)
        self._receiver.resolutionComplete()


def _ip(address: Any) -> Any:
    return ip_address(address.host)


@implementer(IHostnameResolver)
class GuardedResolver:
    """Resolves names as the reactor did before, and lets only allowed addresses through.

    Installed with `reactor.installNameResolver`. `allow` and `proxy_host` may be replaced at any
    time; at first nothing private is allowed.
    """

    def __init__(self, reactor: Any) -> None:
        """`reactor`: the one whose resolver this takes the place of."""
        self.allow: Sequence[Network] = ()
        self.proxy_host: str | None = None
        """The configured proxy; a person named it, so it may stand in the private network."""
        self._inner: Any = reactor.nameResolver
        self._refused: OrderedDict[str, str] = OrderedDict()

    def why_refused(self, host: str) -> str | None:
        """Why a host was last refused; to Scrapy it only looks as if it could not be resolved."""
        return self._refused.get(host.lower())

    def _refuse(self, host: str, why: str | None) -> None:
        self._refused.pop(host.lower(), None)
        if why is not None:
            self._refused[host.lower()] = why
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803 - Twisted's name
        hostName: str,  # noqa: N803 - Twisted's name
        portNumber: int = 0,  # noqa: N803 - Twisted's name
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803 - Twisted's name
        transportSemantics: str = "TCP",  # noqa: N803 - Twisted's name
    ) -> IHostResolution:
        """Twisted's interface; a refused name resolves to nothing."""
        receiver: Any = resolutionReceiver
        if hostName != self.proxy_host:
            refuse = partial(self._refuse, hostName)
            receiver = _JudgingReceiver(resolutionReceiver, self.allow, refuse)
        resolution: IHostResolution = self._inner.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return resolution
