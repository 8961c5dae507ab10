"""Which hosts may be connected to, and which addresses are those of the public internet.

Judges words and numbers; opens nothing and looks nothing up. `net` does, and asks here first.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from freehold.errors import EgressDenied

ORDINARY_PORTS = frozenset({80, 443})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
ISATAP = re.compile(r"0[02]005efe$")


@dataclass(frozen=True, slots=True)
class Egress:
    """Which hosts may be connected to. Entries: `host`, `*.domain` (not the domain itself), `host:port`."""

    allowed: tuple[str, ...] = ()
    """Hosts that settings allow, or that a command named."""
    allowed_private: tuple[str, ...] = ()
    """Those of them that may have private, loopback or link-local addresses."""

    def __init__(self, allowed: Iterable[str] = (), allowed_private: Iterable[str] = ()) -> None:
        object.__setattr__(self, "allowed", tuple(_normal(entry) for entry in allowed))
        object.__setattr__(self, "allowed_private", tuple(_normal(entry) for entry in allowed_private))

    def with_named(self, host: str, port: int | None = None) -> Egress:
        """The same, and a host that a command named, with the port that it named where it named one."""
        name = f"[{host}]" if ":" in host and not host.startswith("[") else host
        named = (name,) if port is None or port in ORDINARY_PORTS else (name, f"{name}:{port}")
        return Egress((*self.allowed, *named), self.allowed_private)

    def permits(self, host: str, port: int) -> bool:
        """Whether anything allows this host on this port."""
        return any(_matches(entry, host, port, any_port=port in ORDINARY_PORTS) for entry in self.allowed)

    def permits_private(self, host: str, port: int) -> bool:
        """Whether this host may have an address that is not on the public internet."""
        return any(_matches(entry, host, port, any_port=True) for entry in self.allowed_private)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, in whatever form it is wrapped."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address.scope_id is not None:
        return False
    inner = _wrapped(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and address in GLOBAL_UNICAST


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, where it is one of those forms."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in NAT64 or ISATAP.search(f"{int(address) >> 32:024x}"):
        return last
    return None


def address_or_none(host: str) -> Address | None:
    """The address that a host is written as, if it is one in its usual form."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def literal_address(host: str) -> Address | None:
    """The address that a host is written as, if it is.

    Raises:
        EgressDenied: it is written in a form that different programs read differently.
    """
    address = address_or_none(host)
    if address is None and (":" in host or re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2])):
        raise EgressDenied(
            f"{host} is not the usual form of an address.", hint="Write it as four numbers, like 192.0.2.1."
        )
    return address


def _normal(entry: str) -> str:
    return entry.strip().lower().removesuffix(".")


def _matches(entry: str, host: str, port: int, *, any_port: bool) -> bool:
    name, colon, number = entry.rpartition(":")
    if not colon or entry.endswith("]") or address_or_none(entry):
        name, number = entry, ""
    name = name.strip("[]")
    if number:
        if not number.isdigit() or int(number) != port:
            return False
    elif not any_port:
        return False
    if name.startswith("*."):
        return host.endswith(name[1:]) and address_or_none(host) is None
    return host == name or (
        (address := address_or_none(name)) is not None and address == address_or_none(host)
    )
