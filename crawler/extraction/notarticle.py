"""Pages that hold no article, and what they are instead.

Each rule wants two signs, a wording and a lack of text, because articles are written about
cookies, logins and captchas too.
"""

import re
from urllib.parse import urlsplit

from crawler.extraction.blocks import Block
from crawler.extraction.lexicon import any_of
from crawler.extraction.structured import Structured
from crawler.extraction.tree import Tree
from crawler.items import NotArticle, NotArticleReason

_CHALLENGE = re.compile(
    any_of(
        r"""
        just a moment | attention required | checking your browser | are you a robot
        verify(?:ing)? (?:that )?you are (?:a )?human | enable javascript and cookies to continue
        access denied | pardon our interruption | ddos protection | security check
        request unsuccessful | unusual traffic | captcha | bot verification
        please wait while we | one moment, please
        """
    ),
    re.IGNORECASE,
)
_MISSING = re.compile(
    any_of(
        r"""
        \b404\b | page introuvable | página no encontrada | página não encontrada
        (?:page|article|story|content|seite|artikel) (?:(?:was|is|wurde) )?(?:not|nicht) found
        (?:page|article|story|content) (?:is )?no longer (?:available|exists)
        (?:seite|artikel) (?:wurde )?nicht gefunden | pagina niet gevonden | страница не найдена
        (?:can'?t|cannot|could not|couldn'?t) find (?:the|that|this) page | pagina non trovata
        sayfa bulunamadı | الصفحة غير موجودة | صفحه (?:مورد نظر )?(?:یافت|پیدا) نشد
        صفحہ نہیں ملا | ページが見つかりません
        """
    ),
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"before you continue|we value your privacy|your privacy (?:choices|matters)|consent|"
    r"cookie (?:settings|wall)|privacy (?:settings|center)|datenschutz-?einstellungen|"
    r"zustimmung|mit werbung weiterlesen",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"^(?:log ?in|sign ?in|anmelden|einloggen|connexion|iniciar sesión|entrar|accedi|login)\b", re.I
)
_LITTLE = 900  # characters of prose below which a wording decides
_FRONT = re.compile(r"^/?(?:index\.\w+|home/?|[a-z]{2}(?:-[a-z]{2})?/?)?$", re.I)


def judge(
    tree: Tree, claims: Structured, blocks: list[Block], body: str, title: str, url: str
) -> NotArticle | None:
    """What the page is when it is no article; None when it may well be one."""
    prose = len(body)
    head = next((element.text() for element in tree.all("title")), "") or title
    opening = " ".join(block.text for block in blocks[:12])[:600]
    if prose < _LITTLE:
        found = _by_words(head, title, opening, prose)
        if found:
            return NotArticle(url, *found)
    if _is_index(claims, blocks, prose, url):
        return NotArticle(url, "index", "a front or section page: links to many stories, none told")
    if prose < 40 and not (claims.node_is_article and prose):
        return NotArticle(url, "empty", "no text that reads like an article", retry=True)
    return None


def _by_words(
    head: str, title: str, opening: str, prose: int
) -> tuple[NotArticleReason, str, bool] | None:
    if _MISSING.search(head) or _MISSING.search(title):
        return "not_found", f"the page says of itself: {head[:80]}", False
    if prose < 250 and (_CHALLENGE.search(head) or _CHALLENGE.search(opening)):
        return "challenge", f"asks whether a person is reading: {head[:80]}", True
    if _CONSENT.search(head) or (prose < 100 and _CONSENT.search(opening)):
        return "consent", f"asks for consent first: {head[:80]}", True
    if _LOGIN.search(head) or (prose < 100 and _LOGIN.search(title)):
        return "login", f"asks to log in: {head[:80]}", True
    return None


def _is_index(claims: Structured, blocks: list[Block], prose: int, url: str) -> bool:
    is_front = bool(_FRONT.match(urlsplit(url).path.strip("/"))) and not urlsplit(url).query
    says_article = claims.node_is_article or claims.first("og:type").lower() == "article"
    links = sum(1 for block in blocks if block.link_share > 0.8 and block.size >= 25)
    if is_front and not claims.node_is_article:
        return links >= 5 or prose < 400
    return not says_article and links >= 15 and prose < 600
