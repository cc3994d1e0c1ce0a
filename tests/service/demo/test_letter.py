"""A mail is read back as its reader sees it."""

from email.message import EmailMessage

from service.demo.letter import Piece, read_letter


def mail(text: str, html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Durand Line: a fence"
    message["X-Wirewatch-Watchlist"] = "durand-line, ttp"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_links_and_watchlists_are_read() -> None:
    letter = read_letter(mail("See <http://127.0.0.1:1/a> and\nhttp://127.0.0.1:1/b?c=1\n"))
    assert letter.links == ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b?c=1")
    assert letter.watchlists == ("durand-line", "ttp")
    assert letter.subject == "Durand Line: a fence"
    assert letter.excerpts == ()


def test_marked_words_are_read_with_their_sentence() -> None:
    html = "<p>No.</p><p>Rain on the <mark>Durand&nbsp;Line</mark> &amp; <b>more</b>.</p>"
    pieces = read_letter(mail("x", html)).excerpts
    assert pieces == (
        (Piece("Rain on the ", False), Piece("Durand\xa0Line", True), Piece(" & more.", False)),
    )


def test_two_blocks_are_two_excerpts() -> None:
    html = "<div><p><mark>one</mark></p><p>two <mark>three</mark></p></div>"
    assert [[piece.text for piece in one] for one in read_letter(mail("x", html)).excerpts] == [
        ["one"],
        ["two ", "three"],
    ]
