"""A message for chat services: plain text, in pieces of bounded length, that calls nobody. Pure.

Page text is hostile here too: a headline may hold `@everyone`, which would ring every telephone of
a server, or `[bank](https://evil.example)`, which many services show as a link of that name. A word
joiner (U+2060), which nobody sees, takes such marks apart. What control characters and turns of
direction are left in an article of long ago are taken out.
"""

import re

JOINER = "\u2060"
_CALLS = re.compile(r"@(?=everyone|here|channel|all|room|group|online)", re.IGNORECASE)
_MARKS = re.compile(r"<(?=[!@#])|\](?=\()")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_FOOT = re.compile(r"\n-- \n.*\Z", re.DOTALL)
_NUMBER = len(" (100/100)")
_BEGINS = re.compile(r"^(?:---|== .* ==)$", re.MULTILINE)
"""What stands before an article that is not the first."""
MOST_PIECES = 5
"""Pieces of a message; more would fill a chat, and services stop those who send so many."""
_ID_SHOWN = 12
"""Letters of a delivery's id at the end of a message, by which a repeat is recognised."""


def tame(text: str) -> str:
    """The text with everything taken apart that chat services take for a call or a masked link."""
    # First, or a control character would hide a call that is one without it.
    clean = _CONTROLS.sub("", text.replace("\r\n", "\n"))
    called = _CALLS.sub(lambda found: found[0] + JOINER, clean)
    return _MARKS.sub(lambda found: found[0] + JOINER, called)


def chat_pieces(
    subject: str, text: str, id_: str, longest: int, longest_title: int
) -> list[tuple[str, str]]:
    """Title and body of each piece, in order; every body has at most `longest` bytes of UTF-8.

    Where the service knows no titles (`longest_title` 0), the subject begins the first body. Pieces
    end between articles if they can, else between lines, else between letters. There are at most
    `MOST_PIECES`; the last one says how many articles found no room.
    """
    body = tame(_FOOT.sub("\n", text)).strip("\n")
    foot = f"\n\nWirewatch {id_[:_ID_SHOWN]}"
    title = tame(" ".join(subject.split()))
    room = longest * 9 // 10  # services escape some letters, which then count more
    if longest_title <= 0:
        bodies = _bodies(f"{title}\n\n{body}", foot, room)
        return [("", each) for each in bodies]
    bodies = _bodies(body, foot, room)
    shown = cut(title, longest_title - (_NUMBER if len(bodies) > 1 else 0))
    if len(bodies) == 1:
        return [(shown, bodies[0])]
    return [(f"{shown} ({n}/{len(bodies)})", each) for n, each in enumerate(bodies, 1)]


def _bodies(text: str, foot: str, room: int) -> list[str]:
    """The text in pieces, the foot at the end of the last one."""
    bodies = split(text + foot, room)
    if len(bodies) <= MOST_PIECES:
        return bodies
    whole = split(text, room)
    told, rest = whole[: MOST_PIECES - 1], "\n".join(whole[MOST_PIECES - 1 :])
    last = split(rest, room - len((_more(rest) + foot).encode()))[0]
    return [*told, last + _more(rest[len(last) :]) + foot]


def _more(left_out: str) -> str:
    count = len(_BEGINS.findall(left_out))
    counted = f"and {count} more: wirewatch matches" if count else "the rest is left out here"
    return f"\n\n… {counted}"


def split(text: str, longest: int) -> list[str]:
    """The text in pieces of at most `longest` bytes of UTF-8, cut where it hurts least."""
    pieces = []
    while len(text.encode("utf-8", "replace")) > longest:
        head = _beginning(text, longest)
        at = max(head.rfind("\n---\n"), 0) or max(head.rfind("\n\n"), 0)
        at = at if at > len(head) // 4 else max(head.rfind("\n"), head.rfind(" "), 0)
        at = at if at > len(head) // 4 else len(head)
        pieces.append(text[:at].rstrip())
        text = text[at:].lstrip("\n ")
    return [*pieces, text] if text.strip() or not pieces else pieces


def cut(line: str, longest: int) -> str:
    """The line with at most so many code points, marked if it was cut."""
    return line if len(line) <= longest else line[: max(longest - 1, 0)].rstrip() + "…"


def _beginning(text: str, longest: int) -> str:
    """As much of the text as fits, never less than a letter."""
    return text.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore") or text[:1]
