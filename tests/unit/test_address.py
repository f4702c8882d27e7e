"""What a person may write for an address, and what it means."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.address import Address

PORTS = st.integers(0, 2**16 - 1)
IPS = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@given(IPS, PORTS)
def test_any_address_means_what_its_bytes_say_with_brackets_or_without(
    ip: IPv4Address | IPv6Address, port: int
) -> None:
    address = Address(str(ip), port)
    assert Address(f"[{ip}]", port) == address == Address.parse(str(address))
    assert address.is_loopback == ip.is_loopback
    assert address.is_everywhere == ip.is_unspecified
    assert address.family == (socket.AF_INET6 if ip.version == 6 else socket.AF_INET)


@pytest.mark.parametrize(
    ("host", "shown", "loopback", "everywhere", "from_here"),
    [
        ("localhost", "localhost:7", True, False, "localhost:7"),
        ("", ":7", False, True, "127.0.0.1:7"),
        ("0.0.0.0", "0.0.0.0:7", False, True, "127.0.0.1:7"),
        ("[::]", "[::]:7", False, True, "[::1]:7"),
        ("::1", "[::1]:7", True, False, "[::1]:7"),
        ("10.0.0.1", "10.0.0.1:7", False, False, "10.0.0.1:7"),
        ("face.example", "face.example:7", False, False, "face.example:7"),
        ("unix:/run/one.sock", "unix:/run/one.sock", True, False, "unix:/run/one.sock"),
    ],
)
def test_a_host_is_shown_and_found_as_a_person_expects(
    host: str, shown: str, loopback: bool, everywhere: bool, from_here: str
) -> None:
    address = Address(host, 7)
    assert str(address) == shown
    assert (address.is_loopback, address.is_everywhere) == (loopback, everywhere)
    assert str(address.from_here) == from_here


@pytest.mark.parametrize("host", ["a\udcffb", "a\0b"])
def test_a_host_that_no_text_names_cannot_be_bound(host: str) -> None:
    with pytest.raises(OSError, match="not the name of a host"):
        Address(host, 0).bind()


@pytest.mark.parametrize("text", ["", "host", "host:", ":7", "host:port", "host:65536", "host:-1", "host:٧"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
def test_a_port_that_listens_cannot_be_bound_a_second_time(host: str) -> None:
    with Address(host).bind() as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            Address(host, first.getsockname()[1]).bind()
