"""S25: addresses that are never a load balancer are refused, however they are written."""

import pytest

from chalicelib.net.addresses import why_forbidden


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "0.0.0.0",  # noqa: S104 - refused, not bound to
        "::",
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "2130706433",
        "not an address",
    ],
)
def test_it_is_refused_with_a_reason(address):
    assert why_forbidden(address)


@pytest.mark.parametrize(
    "address", ["10.0.3.4", "172.31.0.9", "192.168.1.1", "52.56.1.2", "2a05:d01c::1", "fd12:3456::1"]
)
def test_public_and_private_addresses_are_allowed(address):
    assert why_forbidden(address) is None
