"""Which addresses events may be sent to: public ones, unless the operator allows all.

A webhook's URL is its creator's to choose, so the server would otherwise be a way into its own
network (OWASP, Server-Side Request Forgery Prevention). A name says nothing about where it leads,
and may lead elsewhere the next time, so what is judged is the address that is connected to.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

# Told here rather than asked of `ipaddress.is_global`, whose answers differ between the versions
# of Python. IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771), reserved (RFC 1112).
_NOT_PUBLIC_V4 = [
    IPv4Network(it)
    for it in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's metadata and DNS, which looks public and is the host
    )
]
# Of IPv6 only global unicast is public (RFC 4291), and of that not what IANA's IPv6
# Special-Purpose Address Registry sets apart: Teredo, 6to4, documentation and the like.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    IPv6Network(it)
    for it in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
# Another way to write an IPv4 address, which leads to that: mapped (RFC 4291), NAT64 (RFC 6052).
_HOLDS_V4 = [ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96")]


def is_public(text: str) -> bool:
    """Whether an IP address is one of the internet's, rather than of some network's own."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and any(address in it for it in _HOLDS_V4):
        address = IPv4Address(address.packed[-4:])
    if isinstance(address, IPv4Address):
        return not any(address in it for it in _NOT_PUBLIC_V4)
    return address in _GLOBAL_UNICAST and not any(address in it for it in _NOT_PUBLIC_V6)
