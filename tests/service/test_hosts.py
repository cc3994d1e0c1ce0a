"""Names under which the status page answers without a password."""

import pytest

from service.hosts import is_own_host

NAMES = ("status.desk.example",)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8780",
        "192.0.2.9:80",
        "[::1]",
        "[::1]:8780",
        "localhost",
        "LOCALHOST:8780",
        "wirewatch.localhost:8780",
        "localhost.:8780",
        "status.desk.example",
        "Status.Desk.Example:443",
    ],
)
def test_addresses_localhost_and_configured_names_are_ours(host: str) -> None:
    assert is_own_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "rebind.evil.example",
        "rebind.evil.example:8780",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "[::1].evil.example",
        "a.status.desk.example",
        "evil.example:127.0.0.1",
        "",
        ":8780",
        "[]",
        "127.0.0.1@evil.example",
        "2130706433",
    ],
)
def test_whatever_may_be_made_to_lead_elsewhere_is_not(host: str) -> None:
    assert not is_own_host(host, NAMES)
