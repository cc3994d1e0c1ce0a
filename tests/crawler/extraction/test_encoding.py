import pytest

from crawler.extraction import extract
from crawler.extraction.encoding import decode
from crawler.items import ArticleItem, Hints, Page
from tests.crawler.extraction.pages import FETCHED

TEXTS = {
    "utf-8": "Grüße, þetta, ڈیورنڈ", "utf-16-le": "Grüße", "utf-16-be": "Grüße",
    "windows-1252": "naïve – “quoted” €", "iso-8859-1": "Fünf Äpfel, très français",
    "iso-8859-2": "Příliš žluťoučký kůň", "windows-1250": "Zażółć gęślą jaźń",
    "windows-1251": "Линия Дюранда", "koi8-r": "Линия Дюранда", "koi8-u": "Їжак і ґанок",
    "iso-8859-5": "Линия", "ibm866": "Линия", "windows-1253": "Η γραμμή", "iso-8859-7": "Η γραμμή",
    "windows-1254": "İstanbul'da şafak", "iso-8859-9": "İstanbul'da şafak",
    "windows-1255": "קו דיוראנד", "windows-1256": "خط ديورند", "iso-8859-6": "خط ديورند",
    "windows-1257": "Ąžuolų šlaitas", "windows-1258": "Sài Gôn, đô", "windows-874": "เส้นดูรันด์",
    "gb2312": "杜兰线", "gbk": "杜蘭線", "gb18030": "杜兰线𠀀", "big5": "杜蘭線",
    "shift_jis": "デュアランド線①", "euc-jp": "デュアランド線", "iso-2022-jp": "デュアランド線",
    "euc-kr": "듀랜드 라인", "macintosh": "Åse über Ærø, façade",
}  # fmt: skip
PYTHON = {"windows-874": "cp874", "shift_jis": "cp932", "macintosh": "mac_roman", "ibm866": "cp866"}


def encoded(label: str) -> bytes:
    return f"<html><p>{TEXTS[label]}</p>".encode(PYTHON.get(label, label))


@pytest.mark.parametrize("label", TEXTS)
def test_the_charset_of_the_header_is_used(label: str) -> None:
    assert TEXTS[label] in decode(encoded(label), f"text/html; charset={label}")


@pytest.mark.parametrize("label", [name for name in TEXTS if not name.startswith("utf-16")])
def test_the_charset_of_a_meta_tag_is_used(label: str) -> None:
    tag = f'<meta http-equiv="Content-Type" content="text/html; charset={label}">'.encode("ascii")
    assert TEXTS[label] in decode(tag + encoded(label), "text/html")


@pytest.mark.parametrize(
    ("mark", "codec"),
    [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")],
)
def test_a_byte_order_mark_beats_the_header(mark: bytes, codec: str) -> None:
    assert decode(mark + "Grüße".encode(codec), "text/html; charset=koi8-r") == "Grüße"


def test_valid_utf_8_beats_a_wrong_header() -> None:
    assert decode("Grüße".encode(), "text/html; charset=iso-8859-1") == "Grüße"


def test_an_unknown_label_and_no_label_fall_back_to_detection() -> None:
    text = "Линия Дюранда разделяет пуштунские земли, и об этом пишут каждый день. " * 20
    assert decode(text.encode("windows-1251"), "text/html; charset=nonsense-7") == text
    assert decode(text.encode("windows-1251"), None) == text


def test_one_damaged_byte_does_not_change_the_encoding_of_a_page() -> None:
    body = "Größe, Füße, Straße. ".encode() * 50 + b"\xff" + "Größe".encode()
    text = decode(body, "text/html; charset=utf-8")
    assert text.count("Größe") == 51
    assert text.count("\ufffd") == 1


@pytest.mark.parametrize(
    ("label", "place"),
    [(label, "header") for label in TEXTS]
    # A meta tag in UTF-16 cannot be read before the encoding is known.
    + [(label, "meta") for label in TEXTS if not label.startswith("utf-16")],
)
def test_an_article_in_each_encoding_keeps_its_text(label: str, place: str) -> None:
    tag = f'<meta charset="{label}">' if place == "meta" else ""
    told = f"{TEXTS[label]}. " * 12
    markup = f"<html><head>{tag}<title>{TEXTS[label]}</title></head><body><h1>{TEXTS[label]}</h1>"
    body = f"{markup}<p>{told}</p><p>{told}</p></body></html>".encode(PYTHON.get(label, label))
    kind = f"text/html; charset={label}" if place == "header" else "text/html"
    found = extract(Page("https://site.example/a/story", body, kind, FETCHED), Hints())
    assert isinstance(found, ArticleItem)
    assert found.title == TEXTS[label]
    assert found.body.count(TEXTS[label]) == 24
