from crawler.extraction.fingerprint import fingerprint

BODY = " ".join(f"word{n}, Another{n}." for n in range(30))


def test_case_punctuation_and_spacing_do_not_change_it() -> None:
    assert fingerprint("t", BODY) == fingerprint("other", BODY.upper().replace(", ", " – "))


def test_another_word_changes_it() -> None:
    assert fingerprint("t", BODY) != fingerprint("t", BODY + " more")


def test_the_headline_repeated_in_the_body_does_not_count() -> None:
    assert fingerprint("A Title", f"A title!\n\n{BODY}") == fingerprint("A Title", BODY)


def test_short_texts_have_none() -> None:
    assert fingerprint("t", "word " * 39) == ""
    assert fingerprint("t", "新" * 159) == ""
    assert fingerprint("t", "新" * 160) != ""
    assert fingerprint("", "") == ""
