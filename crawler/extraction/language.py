"""The language of a text: by script and letters where these decide, else by n-grams.

Statistical identifiers confuse the languages of one script (Pashto, Urdu, Persian, Arabic), and
there letters decide: Pashto, Urdu and Persian each have some that the others lack. For Latin,
Cyrillic and Devanagari py3langid judges; on short texts it is believed only where the page or
source says nothing else.
"""

import re
import threading
from functools import cache

from crawler.extraction import language_model

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("arabic", re.compile("[\u0620-\u06ff]")),
    ("hebrew", re.compile("[\u05d0-\u05ea]")),
    ("th", re.compile("[\u0e01-\u0e4e]")),
    ("bengali", re.compile("[\u0985-\u09fb]")),
    ("pa", re.compile("[\u0a05-\u0a75]")),
    ("gu", re.compile("[\u0a85-\u0af1]")),
    ("or", re.compile("[\u0b05-\u0b71]")),
    ("ta", re.compile("[\u0b85-\u0bfa]")),
    ("te", re.compile("[\u0c05-\u0c6f]")),
    ("kn", re.compile("[\u0c85-\u0cf2]")),
    ("ml", re.compile("[\u0d05-\u0d7f]")),
    ("si", re.compile("[\u0d85-\u0df4]")),
    ("lo", re.compile("[\u0e81-\u0edf]")),
    ("my", re.compile("[\u1000-\u109f]")),
    ("km", re.compile("[\u1780-\u17f9]")),
    ("ka", re.compile("[\u10a0-\u10ff]")),
    ("hy", re.compile("[\u0531-\u0587]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("am", re.compile("[\u1200-\u137f]")),
    ("devanagari", re.compile("[\u0904-\u097f]")),
    ("cyrillic", re.compile("[\u0400-\u04ff]")),
    ("latin", re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")),
)
_BY_SCRIPT = {"arabic", "hebrew", "bengali", "devanagari", "cyrillic", "latin"}
_PASHTO = re.compile("[ټډړږښځڅېۍڼ]")
_PASHTO_ALONE = re.compile("[ټډړږښځڅۍڼ]")  # ې is also written in Uyghur
_URDU = re.compile("[ٹڈڑںےہھ]")
_PERSIAN = re.compile("[پچژگی]")
_ARABIC = re.compile("[ةىيكأإؤ]")
_UYGHUR = re.compile("[ۇۆۈۋەې]")
_UYGHUR_ALONE = re.compile("[ۈۇې]")
_KURDISH_ALONE = re.compile("[ێڕڵ]")
_KURDISH = re.compile("[ێۆڵڕ]")
_SINDHI = re.compile("[ٻڄڀٺڳڱڦ]")
_ENOUGH = 200  # characters from which n-grams alone decide
_SAMPLE = 800
_NGRAMS = 500  # characters that n-grams are counted in
_TAG = re.compile(r"^\s*([A-Za-z]{2,3})(?:[-_].*)?\s*$")
_CYRILLIC = frozenset(["ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg"])
_DEVANAGARI = frozenset(["hi", "mr", "ne"])


_LOADING = threading.Lock()
_LOADED = threading.Event()
_model = cache(language_model.load)


def _by_ngrams(sample: str) -> str:
    with _LOADING:  # the model is read on first use, and two threads would both read it
        judged = str(_model().classify(sample[:_NGRAMS])[0])
    _LOADED.set()
    return judged


def load_model() -> None:
    """Reads the language model, which takes most of a second; the first text would wait for it."""
    _by_ngrams("The model is read when it is first asked.")


def is_loaded() -> bool:
    """Whether the language model has been read."""
    return _LOADED.is_set()


def primary_tag(tag: str | None) -> str | None:
    """The primary part of a language tag ("en-GB" is "en"); None when it is no tag."""
    found = _TAG.match(tag or "")
    return found[1].lower() if found else None


def find_language(text: str, *claims: str | None) -> str | None:
    """BCP 47 primary tag of a text; `claims` are what page and source say, the better first.

    None when the text is too short to tell and nobody says.
    """
    said = next((tag for tag in map(primary_tag, claims) if tag), None)
    sample = text[:_SAMPLE]
    script = _script(sample)
    if script is None:
        return said
    if script == "arabic":
        return _arabic_script(sample, said)
    if script not in _BY_SCRIPT:
        return script
    return _judged(sample, script, said)


def _script(sample: str) -> str | None:
    counts = {name: len(pattern.findall(sample)) for name, pattern in _SCRIPTS}
    if counts["ja"] * 12 > counts["zh"] and counts["ja"] > 3:
        counts["ja"] += counts["zh"]  # Japanese: mostly Chinese characters between kana
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] >= 3 else None


def _arabic_script(sample: str, said: str | None) -> str:
    def count(pattern: re.Pattern[str]) -> int:
        return len(pattern.findall(sample))

    letters = max(1, len(sample))
    if count(_SINDHI) / letters > 0.01:
        return "sd"
    pashto, urdu = count(_PASHTO), count(_URDU)
    if count(_PASHTO_ALONE) / letters > 0.01 and pashto > urdu:
        return "ps"
    if count(_UYGHUR) / letters > 0.1 and count(_UYGHUR_ALONE) > count(_KURDISH_ALONE):
        return "ug"
    if count(_KURDISH) / letters > 0.015:
        return "ckb"
    if pashto / letters > 0.01 and pashto > urdu:
        return "ps"
    if urdu / letters > 0.02:
        return "ur"
    persian, arabic = count(_PERSIAN), count(_ARABIC)
    if persian > arabic:
        return said if said in {"fa", "ur", "ps", "prs"} else "fa"
    return said if said in {"ar", "fa"} and persian + arabic < 5 else "ar"


def _judged(sample: str, script: str, said: str | None) -> str | None:
    fitting = {"cyrillic": _CYRILLIC, "devanagari": _DEVANAGARI}.get(script)
    if script == "hebrew":
        return said if said in {"he", "yi"} else "he"
    if script == "bengali":
        return said if said in {"bn", "as"} else "bn"
    if len(sample) < _ENOUGH and said:
        return said
    judged = _by_ngrams(sample)
    if fitting is not None and judged not in fitting:
        return said if said in fitting else next(iter(sorted(fitting & {"ru", "hi"})))
    return judged
