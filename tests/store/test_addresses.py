"""Which addresses may be reached; no packet is sent to find out."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.addresses import literal_address, refusal, url_refusal

LOOPBACK = [ip_network("127.0.0.0/8")]

FORBIDDEN = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.88.99.1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "::ffff:0:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001:0:53aa:64c:0:0:80ff:fffe",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_inside_are_refused(address: str) -> None:
    why = refusal(ip_address(address))
    assert why is not None
    assert "not a public address" in why


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1"])
def test_public_addresses_are_open(address: str) -> None:
    assert refusal(ip_address(address)) is None


def test_allowed_ranges_are_open_and_nothing_beside_them() -> None:
    allow = [ip_network("127.0.0.1/32"), ip_network("10.1.0.0/16")]
    assert refusal(ip_address("127.0.0.1"), allow) is None
    assert refusal(ip_address("10.1.2.3"), allow) is None
    assert refusal(ip_address("::ffff:10.1.2.3"), allow) is None
    for closed in ("127.0.0.2", "10.2.0.1", "169.254.169.254", "::1", "::ffff:10.2.0.1"):
        assert refusal(ip_address(closed), allow) is not None


def test_an_address_with_an_interface_is_refused() -> None:
    assert refusal(ip_address("fe80::1%eth0"), [ip_network("fe80::/10")]) is not None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
    ],
)
def test_loopback_is_recognised_in_every_notation(host: str) -> None:
    address = literal_address(host)
    assert address is not None
    assert address.is_loopback


@pytest.mark.parametrize(
    "host", ["example.org", "1.2.3.4.5", "256.1.1.1", "0x", "08.1.1.1", "a", "1..2", "", "٣.1.1.1"]
)
def test_names_are_no_addresses(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://example.org/",
        "data:text/html,x",
        "javascript:alert(1)",
        "http:///path",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://127.0.0.2\\@example.org/",
        "http://example.org/a b",
        "http://example.org/\n",
        "http://example.org:99999/",
        "http://example.org:25/",
        "http://[::1",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[2606:2800:21f:cb07::1%25eth0]/",
        "http://127%2e0.0.1/",
        "http://%6cocalhost/",
        "http://localhost/",
        "http://LocalHost.:8080/",
        "http://news.localhost/",
        "http://ⓛocalhost/",
        "http://ｌｏｃａｌｈｏｓｔ/",
        "http://local\u00adhost/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://127．0．0．1/",
        "http://127｡1/",
        "http://②①③0706433/",
        "http://１６９.254.169.254/",
        "http://\u3002/",
        "http://example.org:5432/",
        "http://example.org:6379/",
        "http://example.org:2375/",
        "http://example.org:11211/",
        "http://example.org/" + "a" * 2000,
    ],
)
def test_unusable_urls_are_refused_before_anything_is_resolved(url: str) -> None:
    assert url_refusal(url) is not None


def test_usable_urls_pass() -> None:
    assert url_refusal("https://example.org/a?b=c") is None
    assert url_refusal("http://127.0.0.1:8080/", LOOPBACK) is None
    assert url_refusal("http://①②⑦.0.0.1/", LOOPBACK) is None
    assert url_refusal("http://localhost:8080/", LOOPBACK) is None
    assert url_refusal("http://localhost:8080/", [ip_network("10.0.0.0/8")]) is not None
    for host in ("www.bücher.example", "новости.example", "ニュース。example", "my_site.example"):
        assert url_refusal(f"https://{host}/a") is None
    for port in (80, 443, 3000, 8000, 8080, 8443, 8888):
        assert url_refusal(f"http://example.org:{port}/") is None


@given(st.text())
def test_no_text_breaks_the_policy(text: str) -> None:
    url_refusal(text)
    url_refusal(f"http://{text}/")
    literal_address(text)
