"""Articles in which a query stands at every word, and what reading them costs."""

import gc
import time

from alerts.excerpts import excerpts, sentences
from alerts.matcher import Matcher, Rule, Text, why_not
from alerts.query import parse

CASES = {
    "a word": ("torkham", "Torkham "),
    "an exact word": ("=Torkham", "Torkham "),
    "a star inside a phrase": ('"tork* gate"', "Torkham gate "),
    "NEAR itself": ("a NEAR/5 a", "a "),
    "NEAR over groups": ("(a OR b) NEAR/50 (b OR c)", "a b c "),
    "NEAR over patterns": ("/tork/i ONEAR/5 ham", "Torkham ham "),
    "Chinese": ("北京 NEAR/5 北京", "北京。"),
    "marks": ("é OR /é/", "e\u0301 "),
    "sentences": ("a AND b", "A b. "),
}
"""A query, and what the article repeats."""


def seconds(query: str, unit: str, places: int) -> tuple[float, int]:
    """Processor time of matching, excerpts, sentences and the reason; and the places found."""
    repeated = unit * (places // len(unit.split()))
    rule = Rule(parse(query), min_mentions=2)
    text = Text({"title": "x", "body": repeated})
    matcher = Matcher({"w": rule})
    gc.collect()
    gc.disable()  # A full collection would be counted here or there, by chance.
    begin = time.thread_time()
    (hit,) = matcher.match(text)
    found = excerpts(text, hit.spans)
    shown = sentences(text, hit.spans)
    reason = why_not(rule, text)
    took = time.thread_time() - begin
    gc.enable()
    assert found
    assert shown
    assert not reason
    return took, len(hit.spans)
