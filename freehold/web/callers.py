"""Where a request comes from: the caller's address, and whether that is this machine."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from freehold.errors import InvalidInput

Address = IPv4Address | IPv6Address


class Callers:
    """Reads addresses; believes X-Forwarded-For only from the proxies it was told to trust."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        """
        Raises:
            InvalidInput: a trusted proxy is no address and no network.
        """
        try:
            self._trusted = tuple(ip_network(proxy.strip(), strict=False) for proxy in trusted_proxies)
        except ValueError as error:
            raise InvalidInput(
                f"Setting trusted_proxies: {error}.", hint="Give addresses such as 10.0.0.2 or 10.0.0.0/8."
            ) from None

    def address(self, scope: Scope) -> Address | None:
        """The nearest address that is not a trusted proxy's; None where the connection has none."""
        address = _parsed(scope["client"][0] if scope.get("client") else "")
        if address is None or not self._trusts(address):
            return address
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        for hop in reversed(forwarded):
            nearer = _parsed(hop.strip())
            if nearer is None:
                return address
            address = nearer
            if not self._trusts(address):
                return address
        return address

    def local(self, scope: Scope) -> bool:
        """Whether the caller is on this machine, as far as can be known.

        A request that says it was forwarded, by a proxy that is not trusted to say for whom, is not.
        """
        peer = _parsed(scope["client"][0] if scope.get("client") else "")
        headers = Headers(scope=scope)
        if peer is None or (
            not self._trusts(peer) and any(name in headers for name in ("x-forwarded-for", "forwarded"))
        ):
            return False
        address = self.address(scope)
        return address is not None and address.is_loopback

    def bucket(self, scope: Scope) -> str:
        """What limits count as one address: an IPv6 network of 64 bits is one caller's."""
        address = self.address(scope)
        if isinstance(address, IPv6Address):
            return str(IPv6Network((address, 64), strict=False))
        return str(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _parsed(text: str) -> Address | None:
    if text.startswith("["):  # proxies write [2001:db8::1]:443 and 192.0.2.1:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
