"""Addresses: cleaned for fetching, folded for identity, compared by site. Fetches nothing."""

import posixpath
import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import idna

from crawler.suffixes import split_host

LONGEST_URL = 2000
"""Characters; longer ones are traps or data."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Sources of the parameter lists: AdGuard's TrackParamFilter (general_url.txt), Firefox's
# query-stripping records, Brave's query_filter, Neat-URL, Matomo's and Google's campaign manuals,
# AT Internet (at_, xtor: BBC, Le Monde), comScore (ns_), seen in feeds (partner, emc, CMP, ocid).
TRACKING_PREFIXES = ("utm_", "mtm_", "hsa_", "itm_", "at_", "ns_", "hmb_", "fb_", "oly_")
TRACKING_PARAMETERS = _words(
    "fbclid gclid gclsrc dclid gbraid wbraid srsltid yclid ysclid twclid msclkid ttclid igshid"
    " igsh li_fat_id mc_cid mc_eid mc_tc mkt_tok _hsenc _hsmi __hssc __hstc __hsfp hsctatracking"
    " wickedid vero_id vero_conv sc_cid s_cid s_kwcid _openstat rb_clickid _bhlid xtor ito"
    " _branch_match_id _branch_referrer campaign_id campaign_medium campaign_name campaign_source"
    " campaign_term campaign_content epik irclickid irgwc dicbo tblci rdt_cid spm ocid cmpid cmp"
    " icid ncid smid smtyp emc ref_src ref_url __twitter_impression __tn__ mibextid guccounter"
    " guce_referrer guce_referrer_sig sr_share soc_src soc_trk trk traffic_source wt.mc_id wt_mc"
    " ftag asgtbndr pk_campaign pk_kwd pk_keyword pk_source pk_medium pk_content pk_cid"
    " amp_js_v usqp feature_ref share_id"
)
"""They name who sent the reader, never what is read; lower case."""

_LABELS = _words("ref referer referrer source src from via partner campaign rss")
"""Part of no identity when their value is a word (source=rss); with a digit it may be an id."""
_SESSION_PARAMETERS = _words(
    "phpsessid jsessionid sessionid session_id sess_id cfid cftoken zenid oscsid"
)
_LONG_TOKEN = re.compile(r"[0-9a-zA-Z]{16,}")
_VIEWS = {
    "amp": None,
    "print": None,
    "printable": None,
    "noamp": None,
    "nomobile": None,
    "mobile": None,
    "replytocom": None,
    "share": None,
    "nb": None,
    "outputtype": {"amp", "print"},
    "output": {"amp", "print"},
    "format": {"amp", "print"},
    "view": {"amp", "print", "mobile"},
    "mode": {"amp", "print"},
    "m": {"1", "0"},
    "page": {"1"},
    "paged": {"1"},
}
"""Parameter to the values (None: any) that choose a view of the same article."""
_VIEW_HOSTS = re.compile(r"^(?:www\d?|m|mobile|amp|wap|touch)\.(?=[^.]+\.[^.])")
_AMP_CACHES = re.compile(
    r"(?:[^/]+\.cdn\.ampproject\.org/[a-z]|(?:www\.)?google\.[a-z.]+/amp)/(?:s/)?([^/]+\..+)"
)
_INDEX_FILE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)
_PRINT_END = re.compile(r"/(?:print|printable|print-view)$")

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029]|[\ud800-\udfff]")
_PLAIN = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
    r"/[A-Za-z0-9/_.~-]*+"
)
"""Addresses in which there is nothing to clean."""
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_-])?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_PATH_SAFE = "/!$&'()*+,;=:@%-._~"
_QUERY_SAFE = "/?!$'()*+,;=:@%-._~"


def listed_url(url: str, base: str | None = None) -> str | None:
    """The address as it is asked for, or None when it is no usable web address.

    Absolute http(s) without fragment, characters that no request line may hold escaped; otherwise
    as the site wrote it: there are servers that answer no other query, order or escape. Refused is
    what `clean_url` refuses.
    """
    url = url.strip()
    if len(url) <= LONGEST_URL and _PLAIN.fullmatch(url):
        return url  # as nearly all are, by the ten thousand in sitemaps
    try:
        return _clean(url, base, as_listed=True)
    except (ValueError, UnicodeError):
        return None


def clean_url(url: str, base: str | None = None) -> str | None:
    """The address as it is filed and shown, or None when it is no usable web address.

    Absolute http(s) without fragment, tracking parameters and default port; host in lower case
    ASCII, path and query in one percent-encoding. `base` resolves relative addresses; an address
    that lost its scheme ("www.example.org/x") is recognised. Refused: other schemes, user names,
    backslashes, control characters, more than 2,000 characters. Cleaning twice changes nothing.
    """
    try:
        return _clean(url.strip(), base)
    except (ValueError, UnicodeError):
        return None


def _clean(url: str, base: str | None, *, as_listed: bool = False) -> str | None:
    if not url or _UNSAFE.search(url):
        return None
    parts = urlsplit(_absolute(url, base))
    host = _clean_host(parts)
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return None
    port = "" if parts.port in {None, 80 if parts.scheme.lower() == "http" else 443} else parts.port
    authority = f"{host}:{port}" if port else host
    if as_listed:
        path = quote(parts.path, safe=_PATH_SAFE) or "/"
        query = f"?{quote(parts.query, safe=_QUERY_SAFE + '&')}" if parts.query else ""
    else:
        path, query = _clean_path(parts.path), _kept_query(parts.query)
    cleaned = f"{parts.scheme.lower()}://{authority}{path}{query}"
    return cleaned if len(cleaned) <= LONGEST_URL else None


def _absolute(url: str, base: str | None) -> str:
    if url.startswith(("https://", "http://")):
        return url
    if not base:
        return f"https:{url}" if url.startswith("//") else url
    first = url.split("/", 1)[0].lower()
    if first.startswith("www.") or (first and first == urlsplit(base).netloc.lower()):
        return f"{urlsplit(base).scheme}://{url}"
    return urljoin(base, url)


def _clean_host(parts: SplitResult) -> str | None:
    if "@" in parts.netloc:
        return None
    host = (parts.hostname or "").rstrip(".").lower()
    if ":" in host:
        return f"[{ip_address(host)}]"
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    return host if _HOST.fullmatch(host) and ".." not in host else None


def _encode(text: str, safe: str) -> str:
    """One form of percent-encoding: unreserved characters plain, all others as upper case."""

    def one_form(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return character if _UNRESERVED.fullmatch(character) else escape[0].upper()

    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return _ESCAPE.sub(one_form, quote(text, safe=safe))


def _clean_path(path: str) -> str:
    encoded = _encode(path, _PATH_SAFE) or "/"
    if "/." not in encoded:
        return encoded
    resolved = posixpath.normpath(encoded).lstrip("/")
    folder = encoded.endswith(("/", "/.", "/..")) and resolved not in {"", "."}
    return f"/{'' if resolved == '.' else resolved}{'/' if folder else ''}"


def _kept_query(query: str) -> str:
    kept = [part for part in query.split("&") if part and not _is_tracking(_name(part))]
    return f"?{'&'.join(_encode(part, _QUERY_SAFE) for part in kept)}" if kept else ""


def _name(part: str) -> str:
    return unquote(part.partition("=")[0]).lower().removeprefix("amp;")


def _is_tracking(name: str) -> bool:
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)


@lru_cache(maxsize=8_192)
def url_key(url: str) -> str:
    """What two addresses of one article have in common; not itself an address.

    Alike are: http and https; www., m., mobile., amp. hosts; a trailing slash or index.html; /amp,
    ?amp=1, outputType=amp, the AMP caches of Google; print and mobile views; session ids; tracking
    parameters and labels (source=rss); the order of parameters. Kept: every other parameter.
    An address that cannot be cleaned is its own key.
    """
    cleaned = clean_url(url)
    if cleaned is None:
        return url.strip()
    rest = cleaned.partition("://")[2]
    cached = _AMP_CACHES.match(rest)
    if cached:
        rest = cached[1]
    location, _, query = rest.partition("?")
    host, slash, path = location.partition("/")
    return _key_host(host) + _key_path(slash + path) + _key_query(query)


@lru_cache(maxsize=4096)
def _key_host(host: str) -> str:
    while True:
        shorter = _VIEW_HOSTS.sub("", host, count=1)
        if shorter == host or not split_host(shorter)[0]:
            return host
        host = shorter


def _key_path(path: str) -> str:
    path = re.sub(r";jsessionid=[^/;]*", "", path, flags=re.IGNORECASE)
    path = "/".join(part for part in path.split("/") if part and part != "amp")
    path = _PRINT_END.sub("", _INDEX_FILE.sub("", f"/{path}"))
    for ending in (".amp.html", ".amp.htm", ".amp"):
        if path.endswith(ending):
            path = path.removesuffix(ending) + ending.removeprefix(".amp")
    return path.rstrip("/")


def _key_query(query: str) -> str:
    kept = sorted(part.removeprefix("amp;") for part in query.split("&") if _identifies(part))
    return f"?{'&'.join(kept)}" if kept else ""


def _identifies(part: str) -> bool:
    name, value = _name(part), unquote(part.partition("=")[2])
    if not name or name in _SESSION_PARAMETERS or name.startswith("aspsessionid"):
        return False
    if name in {"sid", "s"} and _LONG_TOKEN.fullmatch(value):
        return False
    if name in _LABELS:
        return any(character.isdigit() for character in value)
    if name in _VIEWS:
        values = _VIEWS[name]
        return values is not None and value.lower() not in values
    return True


def host_of(url: str) -> str:
    """The host in lower case, without port; empty when the address has none."""
    try:
        return (urlsplit(url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def _registrable(host: str) -> str:
    label, suffix = split_host(host)
    return f"{label}.{suffix}" if label and suffix else host


def site_of(url: str) -> str:
    """The owner's part of an address's host, its registrable domain; the host where it has none."""
    return _registrable(host_of(url))


def same_site(a: str, b: str) -> bool:
    """Whether two addresses belong to one owner: the same registrable domain (Public Suffix List).

    Hosts without one (IP addresses, "localhost") must be equal.
    """
    first, second = host_of(a), host_of(b)
    return bool(first) and _registrable(first) == _registrable(second)


def believable_canonical(claimed: str, page_url: str) -> str | None:
    """The page's own claim of its address, cleaned, or None when the claim cannot be right.

    Not believed: another site's address; the front page; a section, above the page or elsewhere,
    as templates give that send every page's canonical link to one place. A shorter address of the
    article itself (/story/123 for /story/123/slug) is believed.
    """
    canonical, page = clean_url(claimed, page_url), clean_url(page_url)
    if canonical is None or page is None or not same_site(canonical, page):
        return None
    if url_key(canonical) == url_key(page):
        return canonical
    path, query = urlsplit(canonical).path, urlsplit(canonical).query
    if not query and (not _key_path(path) or _is_section(path, urlsplit(page).path)):
        return None
    return canonical


def _is_section(path: str, page_path: str) -> bool:
    """Whether a path names no article although the page's own does, or lies below it."""
    if _names_article(path):
        return False
    return page_path.startswith(path.rstrip("/") + "/") or _names_article(page_path)


def _names_article(path: str) -> bool:
    last = path.rstrip("/").rsplit("/", 1)[-1]
    return any(character.isdigit() for character in last) or last.count("-") >= 2


def site_name(url: str) -> str:
    """The one word of a site's host that names it: `dawn` of www.dawn.com; "" for an IP address."""
    label, suffix = split_host(host_of(url))
    return label if suffix else ""
