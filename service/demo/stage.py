"""The configuration that the demonstration writes for the service. Pure."""

_CONFIG = """\
# Written by `wirewatch demo`: everything is on this machine's loopback.
[service]
database = "sqlite:///wirewatch.db"

[web]
listen = ""

[crawler]
every = "2s"
delay = "0s"
allow_private = ["127.0.0.0/8"]

[source.chronicle]
url = "{chronicle}/"

[source.courier]
url = "{courier}/feed.xml"
kind = "feed"

[variants]
durand = [
  '"Durand Line"', '"Durand border"', '"ڈیورنڈ لائن"', '"ډیورنډ کرښه"', '"ډیورنډ کرښې"',
  '"خط دیورند"',
]
ttp = [
  '=TTP', '"Tehreek-e-Taliban Pakistan"', '"Tehrik-i-Taliban Pakistan"', '"Pakistani Taliban"',
  '"ٹی ٹی پی"', '"ټي ټي پي"',
]

[watchlist.durand-line]
name = "Durand Line"
any = ['@durand']

[watchlist.ttp]
name = "TTP"
any = ['@ttp']

[channel.desk]
kind = "email"
to = ["desk@example.org"]
from = "Wirewatch <alerts@example.org>"
smtp = "smtp://127.0.0.1:{mail_port}"
group_wait = "1s"

[channel.inbox]
kind = "maildir"
path = "inbox"
group_wait = "1s"
"""


def config_text(chronicle: str, courier: str, mail_port: int) -> str:
    """A config.toml that watches both sites and mails to the port on loopback."""
    return _CONFIG.format(chronicle=chronicle, courier=courier, mail_port=mail_port)
