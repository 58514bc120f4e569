"""Which addresses Steward connects to (S25). Private ranges are allowed: load balancers can be internal.

Pure: takes addresses, resolves nothing.
"""

import ipaddress

_METADATA = ipaddress.ip_network("fd00:ec2::/32")
"""AWS serves instance metadata, task credentials and time here; IPv4's are link-local anyway."""


def why_forbidden(address: str) -> str | None:
    """A reason to stay away from this address, or None."""
    try:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "is not an IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour
        if hidden is not None:
            return why_forbidden(str(hidden))
        if ip in _METADATA:
            return "is a metadata address"
    kinds = {
        "a loopback address": ip.is_loopback,
        "a link-local address, where metadata is served": ip.is_link_local,
        "the unspecified address": ip.is_unspecified,
        "a multicast address": ip.is_multicast,
        "a reserved address": ip.is_reserved,
    }
    return next((f"is {kind}" for kind, holds in kinds.items() if holds), None)
