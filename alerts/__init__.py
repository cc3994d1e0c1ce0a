"""Articles to deliveries. Has never heard of Scrapy or HTML."""
