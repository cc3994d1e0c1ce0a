"""What Scrapy is told to leave out is not even loaded."""

import subprocess
import sys

CODE = """
import sys
from datetime import timedelta
from scrapy.settings import Settings
from crawler.config import CrawlerConfig
from crawler.settings import crawl_settings

settings = Settings(crawl_settings(CrawlerConfig(), timedelta(0)))
for parts in ("EXTENSIONS", "DOWNLOADER_MIDDLEWARES"):
    for part in settings.get_component_priority_dict_with_base(parts):
        print(part if isinstance(part, str) else part.__name__)
print(*sorted({"aiohttp", "tldextract", "requests"} & sys.modules.keys()))
"""


def test_what_is_off_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    *parts, loaded = done.stdout.splitlines()
    assert loaded == ""
    assert {"AutoThrottle", "RobotsMiddleware"} <= {part.rsplit(".")[-1] for part in parts}
    off = ("RemoteControl", "Telnet", "Cookies", "RobotsTxt", "HttpProxy", "Retry", "MetaRefresh")
    assert [part for part in parts if any(name in part for name in off)] == []
