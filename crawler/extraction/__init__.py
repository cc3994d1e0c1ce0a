"""A page to its article: zones, dates, authors, language. Pure: no store, no network, no clock."""
