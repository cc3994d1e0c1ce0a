"""What the server that worker processes are forked from imports once for all of them.

Every worker is born with the parsers and the language model in memory that it shares with the
others; started one by one they would hold a copy each (`crawler.pool`).
"""

from crawler.extraction.language import load_model
from crawler.reading import read_document

__all__ = ["read_document"]

load_model()
