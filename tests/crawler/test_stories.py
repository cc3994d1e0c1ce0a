"""Near-identical texts become one story, everything else does not; through the door of a crawl."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from crawler.answer import Answer
from crawler.items import ArticleItem, EntryItem
from crawler.record import Listing, record_article, record_listing
from crawler.shingles import SKETCH_SIZE, likeness, shingles, sketch
from store.articles import Article
from store.engine import Store
from tests.support.prose import headline, paragraphs, sentence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Desk:
    """Files pages as a crawl does and tells which story they went to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = 0

    def file(self, host: str, title: str, body: str, at: datetime = NOON) -> int:
        self.number += 1
        url = f"https://{host}/{self.number}"
        answer = Answer(url, 200)
        listing = Listing(host, url, "feed", "main", answer, "", (EntryItem(url),), at, False, 100)
        with self.store.writing() as session:
            [entry] = record_listing(session, listing)
            item = ArticleItem(url, url, title, "", body)
            filed = record_article(session, entry.id or 0, item, "", at)
            assert filed.outcome == "article"
            return session.get_one(Article, filed.article_id).story_id


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def report(seed: int, count: int = 8) -> list[str]:
    return paragraphs(random.Random(seed), count=count)


def text(parts: list[str]) -> str:
    return "\n\n".join(parts)


def without(part: float, seed: int) -> str:
    chance = random.Random(seed + 1000)
    sentences = text(report(seed)).replace("\n\n", " ").split(". ")
    return ". ".join(s for s in sentences if chance.random() >= part)


@pytest.mark.parametrize(
    "edited",
    [
        text(["By Our Correspondent", *report(1)]),
        text(["KABUL, March 1 (Agency) —", *report(1), "Reporting by the staff; editing by all."]),
        text(report(1)[::-1]),
        text([*report(1), paragraphs(random.Random(99), count=1)[0]]),
        text(report(1)).upper(),
        without(0.05, 1),
        without(0.1, 1),
        without(0.2, 1),
        without(0.3, 1),
        text(report(1)[:5]),
    ],
    ids=[
        *("byline", "agency line", "reordered", "paragraph added", "capitals"),
        *("5 % dropped", "10 % dropped", "20 % dropped", "30 % dropped", "shortened"),
    ],
)
def test_an_edited_copy_under_another_headline_is_the_same_story(desk: Desk, edited: str) -> None:
    story = desk.file("wire.example", "Fence goes up at the border", text(report(1)))
    assert desk.file("paper.example", "Neighbours quarrel again", edited, NOON + HOUR) == story


def test_another_report_of_the_same_event_is_another_story(desk: Desk) -> None:
    title = "Fence goes up at the border"
    quoted = report(1)[0]
    stories = {
        desk.file("a.example", title, text(report(1))),
        desk.file("b.example", title, text(report(2))),
        desk.file("c.example", title, text([quoted, *report(3)])),
    }
    assert len(stories) == 3


def strange_words(seed: int, count: int) -> list[str]:
    """As many different words as a report has; each seed has words of its own."""
    chance = random.Random(seed)
    return ["".join(chance.choices("bdfklmnprst" * 2 + "aeiou" * 4, k=6)) for _ in range(count)]


def test_a_text_of_which_every_fifth_word_was_replaced_is_the_same_story(desk: Desk) -> None:
    words, others = strange_words(1, 400), strange_words(2, 400)
    chance = random.Random(3)
    rewritten = [
        other if chance.random() < 0.2 else word for word, other in zip(words, others, strict=True)
    ]
    story = desk.file("wire.example", "Fence", " ".join(words))
    assert desk.file("paper.example", "Quarrel", " ".join(rewritten), NOON + HOUR) == story


def test_a_later_report_with_the_first_as_its_background_is_another_story(desk: Desk) -> None:
    first = strange_words(1, 400)
    later = [*strange_words(2, 200), *first[:200]]
    story = desk.file("wire.example", "Fence", " ".join(first))
    assert desk.file("paper.example", "Fence falls", " ".join(later), NOON + HOUR) != story


def test_a_form_filled_with_other_facts_by_a_sister_site_is_another_story(desk: Desk) -> None:
    form = " ".join("X".join(strange_words(n, 6)).replace("X", " ") + " {}" for n in range(60))
    facts = [[str(100 + 7 * n) for n in range(k, k + 60)] for k in (0, 60)]
    numbered = [form.format(*each) for each in facts]
    story = desk.file("a.example", "Result", numbered[0])
    assert desk.file("b.example", "Another result", numbered[1], NOON + HOUR) != story
    same_facts = form.replace("{} ", "{} also ").format(*facts[0])
    assert desk.file("c.example", "The result", same_facts, NOON + HOUR) == story


def test_an_old_text_that_comes_back_is_news(desk: Desk) -> None:
    story = desk.file("a.example", "Fence", text(report(1)))
    assert desk.file("b.example", "Fence", text(report(1)), NOON + timedelta(days=6)) == story
    assert desk.file("c.example", "Fence", text(report(1)), NOON + timedelta(days=30)) != story


def test_thirty_copies_are_one_story_whichever_they_resemble(desk: Desk) -> None:
    stories = {
        desk.file(f"site{n}.example", headline(random.Random(n)), without(0.01 * n, 5))
        for n in range(30)
    }
    assert len(stories) == 1


def test_a_disclaimer_below_short_reports_makes_no_story(desk: Desk) -> None:
    disclaimer = text(paragraphs(random.Random(7), count=3))
    stories = []
    for number in range(8):
        chance = random.Random(number + 50)
        body = text([*[sentence(chance) for _ in range(5)], disclaimer])
        stories.append(desk.file("a.example", headline(chance), body, NOON + 13 * HOUR * number))
    assert len(set(stories)) == 8
    # Known by now as what the site prints below everything: no more time need pass.
    body = text([*[sentence(random.Random(90)) for _ in range(5)], disclaimer])
    now = NOON + 13 * HOUR * 7
    assert desk.file("a.example", "Another matter", body, now) not in stories
    # A sister site with the same disclaimer.
    body = text([*[sentence(random.Random(91)) for _ in range(5)], disclaimer])
    assert desk.file("b.example", "A third matter", body, now) not in stories


def test_a_form_filled_anew_each_day_is_a_new_story_each_day(desk: Desk) -> None:
    form = text(report(3))
    rates = [f"{form}\n\nGold stood at {number} today." for number in (101, 102, 103)]
    days = [desk.file("a.example", "Rates", rates[n], NOON + n * 24 * HOUR) for n in range(3)]
    assert len(set(days)) == 3


def test_an_update_under_a_new_address_of_one_site_is_the_same_story(desk: Desk) -> None:
    story = desk.file("a.example", "Fence", text(report(1)))
    assert desk.file("a.example", "Fence, more", text([*report(1), "New."]), NOON + HOUR) == story


FLASH = "An explosion was heard in the centre of Kabul on Sunday, two witnesses told the agency."


def test_a_flash_is_one_story_under_one_headline_only(desk: Desk) -> None:
    title = "Explosion heard in the centre of Kabul"
    story = desk.file("a.example", title, FLASH)
    assert desk.file("b.example", f"{title} - witnesses", FLASH) == story
    assert desk.file("c.example", "Markets close higher in Lahore today", FLASH) != story
    assert desk.file("d.example", title, FLASH, NOON + timedelta(days=2)) != story


def test_stubs_are_never_compared(desk: Desk) -> None:
    stub = "Subscribe to read on. Already a subscriber? Log in."
    title = "Fence goes up at the border"
    assert desk.file("a.example", title, stub) != desk.file("b.example", title, stub)


JAPANESE = (
    "国境の柵をめぐり両国の代表が月曜日に会談した。双方は住民の往来を妨げないことで一致したが、"
    "工事の中止については結論が出なかった。現地では冬を前に羊飼いが家畜を谷へ移している。"
    "市場の商人は、道が閉ざされれば小麦の値段が上がると心配している。会談は来週も続く見通しだ。"
    "代表団は帰国後に政府へ報告し、必要なら調停を求めるという。住民の代表は傍聴を許されなかった。"
    "谷の学校は雪のため一週間休みとなり、子どもたちは川沿いの道を避けて市場まで歩いている。"
)


def test_texts_without_spaces_are_compared_by_letters(desk: Desk) -> None:
    story = desk.file("a.example", "国境の柵", JAPANESE)
    assert (
        desk.file("b.example", "両国が会談", "【共同】" + JAPANESE[: -len("住民の代表")]) == story
    )
    other = JAPANESE[::-1]
    assert desk.file("c.example", "国境の柵", other) != story


def test_urdu_spelt_with_other_letters_is_the_same_text() -> None:
    urdu = "ڈیورنڈ لائن کے قریب گاؤں والوں نے باڑ کے خلاف احتجاج کیا اور سڑک بند کر دی"
    arabic_yeh = urdu.replace("ی", "ي").replace("ک", "ك")
    assert arabic_yeh != urdu
    assert likeness(shingles("", urdu), shingles("", arabic_yeh)) == 1


def test_a_headline_repeated_above_the_text_is_no_part_of_it() -> None:
    one = shingles("New fence", "New fence\n\nIt went up on Monday in the valley.")
    other = shingles("Other", "It went up on Monday in the valley.")
    assert likeness(one, other) == 1


@pytest.mark.parametrize("body", ["", " ", "one", "one two", "…", "\x00", "\ud800 a b c"])
def test_texts_of_nothing_have_no_sketch_or_a_small_one(body: str) -> None:
    made = shingles("", body)
    assert len(sketch(made)) <= min(SKETCH_SIZE, made.words)
    assert likeness(made, made) in (0, 1)
