"""What each code point becomes under folding: the one table, before and after which nothing folds.

`docs/folding.md` is printed from it by `scripts/folding.py`. The rules hold for code points, so
their order never matters; what depends on neighbours (composition, marks on a base of another
script) is the business of `store.folding`.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import regex

BOUNDARY = " "
"""What stands between two tokens in folded text."""
APOSTROPHE = "'"
"""A boundary too; kept apart until the `s` after it is judged."""


@dataclass(frozen=True, slots=True)
class FoldingRule:
    """One row of the published table."""

    name: str
    chars: str
    """The code points it holds for; empty where a property of Unicode says which."""
    becomes: str
    """What each of them folds to; for a property, in words."""
    reason: str
    alike: tuple[tuple[str, str], ...]
    """Pairs that this row makes the same."""


APOSTROPHES = FoldingRule(
    "apostrophes",
    "'‘’‚‛`´ʹʻʼʽʾʿˈ′‵՚׳＇",
    APOSTROPHE,
    "a boundary; an s alone between it and the next boundary is dropped",
    (("Pakistan’s", "pakistan"), ("l’Iran", "l Iran"), ("Sana'a", "Sanaʿa")),
)
BOUNDARIES = FoldingRule(
    "ZWSP, ZWNJ, trade marks",
    "\u200b\u200c™℠",
    BOUNDARY,
    "the Persian half space stands where others write a space; NFKC would glue tm to the word",
    (("می‌خواهم", "می خواهم"), ("Brand™", "brand")),
)
ALEFS = FoldingRule(
    "alef forms",
    "آأإٱٲٳ",
    "ا",
    "hamza and madda are often left out",
    (("أفغانستان", "افغانستان"), ("آئی", "ائی")),
)
YEHS = FoldingRule(
    "yeh forms",
    "يىیېۍےئۓؠۑ",
    "ی",
    "Arabic, Persian, Urdu and Pashto keyboards write one for another",
    (("ڈيورنڈ", "ڈیورنڈ"), ("على", "علی"), ("سړے", "سړی"), ("لائن", "لاین")),
)
KAFS = FoldingRule(
    "kaf forms", "كکڪ", "ک", "Arabic keyboards write ك in Urdu and Persian", (("كابل", "کابل"),)
)
GAFS = FoldingRule(
    "gaf forms", "گګ", "گ", "Pashto ګ is written گ on other keyboards", (("ګډ", "گډ"),)
)
HEHS = FoldingRule(
    "heh and teh-marbuta forms",
    "هہھەۀۂةۃۿ",
    "ه",
    "Urdu choti and do-chashmi he, Arabic ه and ة",
    (("ہرات", "هرات"), ("مدرسة", "مدرسه"), ("بھارت", "بهارت")),
)
WAWS = FoldingRule(
    "waw with hamza", "ؤ", "و", "its hamza is dropped as on alef and yeh", (("مسؤول", "مسوول"),)
)
CYRILLIC_IO = FoldingRule(
    "Cyrillic ё", "ёЁ", "е", "mostly printed without its dots", (("Орёл", "Орел"),)
)
TURKISH_I = FoldingRule(
    "Turkish ı and İ",
    "ıİ",
    "i",
    "Istanbul finds İstanbul and ISTANBUL",
    (("İstanbul", "istanbul"), ("Diyarbakır", "DIYARBAKIR")),
)

LETTERS = (ALEFS, YEHS, KAFS, GAFS, HEHS, WAWS)
PROPERTIES = (
    FoldingRule(
        "all code points",
        "",
        "their compatibility decomposition (NFKD)",
        "ligatures, full and half width, presentation forms, composed and decomposed spellings",
        (("ﬁre", "fire"), ("Ｋａｂｕｌ", "kabul"), ("ﻛﺎﺑﻞ", "کابل"), ("ｶﾞｻﾞ", "ガザ")),
    ),
    FoldingRule(
        "letters with case",
        "",
        "their full case folding",
        "headlines shout",
        (("STRASSE", "Straße"), ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς")),
    ),
    FoldingRule(
        "marks that any script may carry, on Latin, Greek, Arabic and Hebrew letters",
        "",
        "nothing",
        "accents come and go between agencies; on other letters they stay: й is not и, が not か",
        (("São Tomé", "sao tome"), ("Αθήνα", "αθηνα")),
    ),
    FoldingRule(
        "Arabic harakat, tatweel, Hebrew points",
        "",
        "nothing",
        "written in school books and the odd headline",
        (("مُحَمَّد", "محمد"), ("كـــابل", "کابل"), ("שָׁלוֹם", "שלום")),
    ),
    FoldingRule(
        "soft hyphen, BOM, bidi controls, ZWJ, other ignorable code points",
        "",
        "nothing",
        "they are not seen",
        (("co\u00adoperate", "cooperate"), ("\u200fكابل\u200e", "کابل")),
    ),
    FoldingRule(
        "decimal digits of all scripts",
        "",
        "0 to 9",
        "a year is a year",
        (("۱۴۰۳", "1403"), ("١٤٠٣", "1403"), ("२०२४", "2024")),
    ),
    FoldingRule(
        "dashes, punctuation, symbols, white space, controls",
        "",
        "a boundary",
        "a phrase is found whatever stands between its words",
        (("Durand–Line", "durand line"), ("Durand\u00a0Line", "durand line"), ("AT&T", "at t")),
    ),
    FoldingRule(
        "letters of Han, kana, Bopomofo, Yi, Thai, Lao, Khmer, Myanmar, Tai scripts",
        "",
        "a token each, with their marks",
        "they are written without spaces; Latin words among them stay whole",
        (("在北京市", "在 北 京 市"), ("在Durand線", "在 durand 線")),
    ),
    FoldingRule(
        "vowel signs and other marks of Indic and Southeast Asian scripts",
        "",
        "themselves, in canonical order, decomposed",
        "they make the word: कि is not की",
        (("ब\u095cा", "बड\u093cा"), ("\u09dc", "\u09a1\u09bc")),
    ),
)
RULES = (*PROPERTIES, APOSTROPHES, BOUNDARIES, *LETTERS, CYRILLIC_IO, TURKISH_I)
"""The whole table."""

_LETTER = {char: rule.becomes for rule in LETTERS for char in rule.chars}
_FIXED = {char: rule.becomes for rule in (APOSTROPHES, BOUNDARIES) for char in rule.chars}

# Marks that any script may carry; whether they stay depends on the letter under them.
SHARED_MARKS = regex.compile(
    "[\u0300-\u034e\u0350-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f"
    "\u3099\u309a\ufe20-\ufe2f]"
)
_DROPPED = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}--[\u200b\u200c]]"  # soft hyphen, BOM, bidi, ZWJ, selectors
    r"|[\p{Mn}&&[\p{Script=Arabic}\p{Script=Hebrew}\u064b-\u0655\u0670]]"  # harakat, points
    "|\u0640",  # tatweel
    regex.V1,
)
_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]")
_SPACELESS = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Yi}ー々〆〇]"
)
_MARKS_DROPPED_ON = regex.compile(r"[\p{Latin}\p{Greek}\p{Arabic}\p{Hebrew}]")


@lru_cache(maxsize=65536)
def is_spaceless(char: str) -> bool:
    """Whether a folded code point is a token by itself: its script writes no spaces."""
    return (
        _SPACELESS.match(char) is not None
        and unicodedata.category(char)[0] != "M"
        and not char.isdecimal()
    )


@lru_cache(maxsize=4096)
def keeps_marks(base: str) -> bool:
    """Whether shared combining marks stay on this folded letter (й is not и)."""
    return unicodedata.category(base)[0] in "LM" and _MARKS_DROPPED_ON.match(base) is None


@lru_cache(maxsize=65536)
def fold_char(char: str, keep_case: bool = False) -> str:
    """What one code point becomes: letters, `BOUNDARY`, `APOSTROPHE`, or nothing.

    Shared combining marks come out as they are: their base, which decides, is not known here.
    """
    if char in _FIXED:
        return _FIXED[char]
    return "".join(_fold_part(part, keep_case) for part in unicodedata.normalize("NFKD", char))


def _fold_part(char: str, keep_case: bool) -> str:
    """One code point of a compatibility decomposition."""
    if char in _FIXED:
        return _FIXED[char]
    if SHARED_MARKS.match(char):
        return char
    if _DROPPED.match(char):
        return ""
    if char in _LETTER:
        return _LETTER[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if not _TOKEN.match(char):
        return BOUNDARY
    if char == "ı":
        return "i"
    return char if keep_case else unicodedata.normalize("NFKD", char.casefold())
