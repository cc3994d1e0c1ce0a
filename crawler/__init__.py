"""Sources to articles; the one place that knows Scrapy and HTML. Knows no watchlists, no alerts.

Public face: `crawler.run` (crawls), `crawler.extraction.extract` (a page's article). They are not
imported here: worker processes and most commands need only a part, and Scrapy takes a second.
"""
