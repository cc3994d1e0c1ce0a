"""Sources to articles; the one place that knows Scrapy and HTML. Knows no watchlists, no alerts."""
