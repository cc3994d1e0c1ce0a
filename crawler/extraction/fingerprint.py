"""One number for one text, to find an article again under another address."""

import hashlib
import re
import unicodedata

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_FEWEST_WORDS = 40
_FEWEST_UNSPACED = 160


def fingerprint(title: str, body: str) -> str:
    """Hash of the body's words, whatever their case, punctuation, spacing and compatibility forms.

    Empty for bodies of fewer than 40 words (160 characters in scripts that do not space words):
    agency stubs, captions and paywall texts are alike without being one article. The title is not
    part of the hash, since it is what editors change; it only leaves the body when a page repeats
    it as the first line.
    """
    text = unicodedata.normalize("NFKC", body).casefold()
    words = _WORD.findall(text)
    heading = _WORD.findall(unicodedata.normalize("NFKC", title).casefold())
    if heading and words[: len(heading)] == heading:
        words = words[len(heading) :]
    if len(words) < _FEWEST_WORDS and len(_UNSPACED.findall(text)) < _FEWEST_UNSPACED:
        return ""
    return hashlib.blake2b(" ".join(words).encode(), digest_size=16).hexdigest()
