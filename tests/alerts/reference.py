"""A second matcher, slow and obvious, written from the definition in docs/queries.md.

It shares the tree of a query with the real one and nothing else: it folds grapheme by grapheme
from the names of characters, keeps lists of tokens, and compares every place with every other.
"""

import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase

import regex

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants
from alerts.rules import Rule, Text

ORDER = ("title", "standfirst", "body", "caption", "author", "section", "tag", "url")
BOUNDARY = "\x00"
DROPPED_MARKS = ("LATIN", "GREEK", "ARABIC", "HEBREW")
LETTERS = {
    **dict.fromkeys("آأإٱٲٳ", "ا"),
    **dict.fromkeys("يىېۍےئۓؠۑ", "ی"),
    **dict.fromkeys("كڪ", "ک"),
    "ګ": "گ",
    **dict.fromkeys("ہھەۀۂةۃۿ", "ه"),
    "ؤ": "و",
    "ı": "i",
}
APOSTROPHES = "'‘’‚‛`´ʹʻʼʽʾʿˈ′‵՚׳＇"
ALONE = ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "THAI", "IDEOGRAPHIC")


@dataclass
class Token:
    text: str
    cased: str
    start: int
    end: int


def script(char: str) -> str:
    return unicodedata.name(char, "NOTHING").split()[0]


def decomposed(char: str, *, keep_case: bool) -> str:
    """One code point: NFKD, case, look-alikes; boundaries and apostrophes as themselves."""
    if char in APOSTROPHES or char in "™℠\u200b\u200c":
        return part_of(char, keep_case=keep_case)
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part_of(part, keep_case=keep_case) for part in parts)


def part_of(part: str, *, keep_case: bool) -> str:
    if part in APOSTROPHES:
        return "'"
    kind = unicodedata.category(part)
    if part in LETTERS:
        return LETTERS[part]
    if kind == "Nd":
        return str(unicodedata.digit(part))
    if kind[0] == "M":
        return "" if script(part) in ("ARABIC", "HEBREW", "VARIATION") else part
    if part in "\u200b\u200c\u0600\u06dd" or kind[0] not in "LNC" or kind == "Cc":
        return BOUNDARY
    if part == "\u0640" or kind == "Cf":
        return ""
    return part if keep_case else unicodedata.normalize("NFKD", part.casefold())


def folded(cluster: str, *, keep_case: bool) -> str:
    """One grapheme: its marks sorted, dropped or composed."""
    parts = unicodedata.normalize(
        "NFD", "".join(decomposed(char, keep_case=keep_case) for char in cluster)
    )
    out = ""
    base = ""
    for part in parts:
        if not unicodedata.category(part).startswith("M"):
            base = "" if part in (BOUNDARY, "'") else part
        elif script(part) == "COMBINING" and not stays(part, base):
            continue
        out += part
    composed = unicodedata.normalize("NFC", out)
    # Only marks that any script may carry, and Hangul, are composed.
    return "".join(
        unicodedata.normalize("NFD", char)
        if script(char) in ("DEVANAGARI", "BENGALI", "THAI")
        else char
        for char in composed
    )


def stays(mark: str, base: str) -> bool:
    """Whether a mark that any script may carry stays on this letter."""
    if not base or not unicodedata.category(base).startswith("L"):
        return False
    return script(base) not in DROPPED_MARKS and (mark, base) != ("\u0308", "е")


def tokens(text: str) -> list[Token]:
    """Graphemes to tokens; a grapheme that holds a boundary belongs to both sides of it."""
    pieces: list[tuple[str, str, int, int]] = []
    for cluster in regex.finditer(r"\X", text):
        low = folded(cluster.group(), keep_case=False)
        cased = folded(cluster.group(), keep_case=True)
        pieces += [(*pair, cluster.start(), cluster.end()) for pair in paired(low, cased)]
    found: list[Token] = []
    open_token = False
    attached = False
    for index, (low, cased, start, end) in enumerate(pieces):
        before = pieces[index - 1][0] if index else BOUNDARY
        after = pieces[index + 1][0] if index + 1 < len(pieces) else BOUNDARY
        lone_s = low == "s" and before == "'" and (after in (BOUNDARY, "'") or alone(after))
        if low in (BOUNDARY, "'") or lone_s:
            open_token = attached = False
            continue
        mark = unicodedata.category(low[0])[0] == "M"
        if alone(low) or not open_token or (attached and not mark):
            found.append(Token("", "", start, end))
        found[-1].text += low
        found[-1].cased += cased
        found[-1].end = max(found[-1].end, end)
        open_token = True
        attached = alone(low) or (attached and mark)
    return found


def paired(low: str, cased: str) -> list[tuple[str, str]]:
    """Letters of both foldings side by side; those of ß and ss as one piece."""
    pairs = []
    lows, caseds = regex.split("([\x00'])", low), regex.split("([\x00'])", cased)
    for one, other in zip(lows, caseds, strict=True):
        pairs += zip(one, other, strict=True) if len(one) == len(other) else [(one, other)]
    return pairs


def alone(piece: str) -> bool:
    return (
        script(piece[0]) in ALONE
        and unicodedata.category(piece[0])[0] != "M"
        and not piece[0].isdecimal()
    )


@dataclass(frozen=True)
class Found:
    field: str
    start: int
    end: int
    term: str
    first: int
    last: int


class Reference:
    """One rule against one text."""

    def __init__(self, rule: Rule, text: Text) -> None:
        self.rule = rule
        self.text = text
        self.tokens = {name: tokens(content) for name, content in text.fields.items()}

    def spans(self) -> list[tuple[str, int, int, str]] | None:
        lang = (self.text.lang or "").split("-")[0].lower()
        if self.rule.langs and lang not in self.rule.langs:
            return None
        if not any(fnmatchcase(self.text.source, glob) for glob in self.rule.sources):
            return None
        if not self.true(self.rule.query, self.rule.fields):
            return None
        if self.rule.min_mentions > 1 and self.mentions() < self.rule.min_mentions:
            return None
        found = {
            (place.field, place.start, place.end, place.term)
            for place in self.places(self.rule.query, self.rule.fields)
        }
        return sorted(found, key=lambda span: (ORDER.index(span[0]), *span[1:]))

    def true(self, node: Node, fields: tuple[str, ...]) -> bool:
        match node:
            case Or(items) | Variants(_, items):
                return any(self.true(item, fields) for item in items)
            case And(items):
                return all(self.true(item, fields) for item in items)
            case Not(item):
                return not self.true(item, fields)
            case Scoped(name, item):
                return self.true(item, (name,))
            case Filter("lang", value):
                return (self.text.lang or "").split("-")[0].lower() == value
            case Filter(_, value):
                return fnmatchcase(self.text.source, value)
        return bool(self.places(node, fields))

    def places(self, node: Node, fields: tuple[str, ...]) -> list[Found]:
        """The places that make the node true; none where it is not."""
        match node:
            case Or(items) | Variants(_, items):
                return [place for item in items for place in self.places(item, fields)]
            case And(items):
                if not self.true(node, fields):
                    return []
                positive = [item for item in items if not isinstance(item, Not)]
                return [place for item in positive for place in self.places(item, fields)]
            case Scoped(name, item):
                return self.places(item, (name,))
            case Near():
                return self.near(node, fields)
            case Term():
                return self.term(node, fields)
            case Pattern():
                return self.pattern(node, fields)
        return []

    def near(self, node: Near, fields: tuple[str, ...]) -> list[Found]:
        pairs = [
            (one, other)
            for one in self.places(node.left, fields)
            for other in self.places(node.right, fields)
            if one.field == other.field
            and (
                0 <= other.first - one.last <= node.distance
                or (not node.ordered and 0 <= one.first - other.last <= node.distance)
            )
        ]
        return [place for pair in pairs for place in pair]

    def term(self, term: Term, fields: tuple[str, ...]) -> list[Found]:
        low = [low for low, _ in words(term)]
        cased = [cased for _, cased in words(term)]
        found = []
        for name in ORDER:
            there = self.tokens.get(name, []) if name in fields else []
            for at in range(len(there) - len(low) + 1):
                part = there[at : at + len(low)]
                if not all(map(begins, (token.text for token in part), low)):
                    continue
                if term.exact and not all(map(begins, (token.cased for token in part), cased)):
                    continue
                place = Found(name, part[0].start, part[-1].end, term.text, at, at + len(low))
                found.append(place)
        if term.exact and all(self.in_capitals(place) for place in found):
            return []
        return found

    def in_capitals(self, place: Found) -> bool:
        headline = self.text.fields["title"] if place.field == "title" else "x"
        letters = [char for char in headline if char.isalpha()]
        lettered = [word for word in headline.split() if any(map(str.isalpha, word))]
        return len(lettered) >= 2 and all(char.isupper() for char in letters)

    def pattern(self, pattern: Pattern, fields: tuple[str, ...]) -> list[Found]:
        """On composed text; a place is widened to whole graphemes."""
        found = []
        for name in ORDER:
            if name not in fields or name not in self.tokens:
                continue
            text = self.text.fields[name]
            clusters = [(part.start(), part.group()) for part in regex.finditer(r"\X", text)]
            where = [
                (start, start + len(part))
                for start, part in clusters
                for _ in unicodedata.normalize("NFC", part)
            ]
            flags = regex.I if "i" in pattern.flags else 0
            for hit in regex.finditer(pattern.source, unicodedata.normalize("NFC", text), flags):
                start, end = where[hit.start()][0], where[hit.end() - 1][1]
                covered = [
                    index
                    for index, token in enumerate(self.tokens[name])
                    if token.start < end and start < token.end
                ]
                before = sum(token.end <= start for token in self.tokens[name])
                first, last = (covered[0], covered[-1] + 1) if covered else (before, before)
                label = f"/{pattern.source}/{pattern.flags}"
                found.append(Found(name, start, end, label, first, last))
        return found

    def mentions(self) -> int:
        """Groups of overlapping places of all positive terms in the rule's fields."""
        count = 0
        for name in set(self.rule.fields):
            covered: list[tuple[int, int]] = []
            for node, fields in leaves(self.rule.query, self.rule.fields):
                covered += [
                    (place.start, place.end)
                    for place in self.places(node, fields)
                    if place.field == name
                ]
            reach = -1
            for start, end in sorted(covered):
                count += start >= reach
                reach = max(reach, end)
        return count


def leaves(node: Node, fields: tuple[str, ...]) -> list[tuple[Node, tuple[str, ...]]]:
    match node:
        case Or(items) | And(items) | Variants(_, items):
            return [leaf for item in items for leaf in leaves(item, fields)]
        case Near(left, right):
            return [*leaves(left, fields), *leaves(right, fields)]
        case Scoped(name, item):
            return leaves(item, (name,))
        case Term() | Pattern():
            return [(node, fields)]
    return []


def words(term: Term) -> list[tuple[str, str]]:
    """The folded tokens of a term, small and in their own case; a star stays at its word."""
    out: list[tuple[str, str]] = []
    for chunk in term.text.split():
        parts = [(token.text, token.cased) for token in tokens(chunk.removesuffix("*"))]
        if chunk.endswith("*") and parts:
            parts[-1] = (parts[-1][0] + "*", parts[-1][1] + "*")
        out += parts
    return out


def begins(token: str, word: str) -> bool:
    return token.startswith(word[:-1]) if word.endswith("*") else token == word
