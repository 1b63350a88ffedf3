"""The address of whoever is behind our own reverse proxy: without it, one resident's haste would slow everybody."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_remotes import XForwardedFiltered


class TrustedProxies(XForwardedFiltered):
    """Takes X-Forwarded-For, -Proto and -Host from proxies in `trusted`; from anybody else they are only words."""

    def __init__(self, trusted: Collection[IPv4Network | IPv6Network]) -> None:
        super().__init__(set(trusted))
        self._networks = tuple(trusted)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """As the library's, which looks at the header's addresses only, once the peer itself was checked."""
        try:
            peer = ip_address(request.remote or "")
        except ValueError:  # a Unix socket has no address
            return await handler(request)
        if not any(peer in network for network in self._networks):
            return await handler(request)
        return await super().middleware(request, handler)
