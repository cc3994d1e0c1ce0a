"""All keys of all watchlists in one Aho-Corasick automaton; new ones in a small second one."""

from collections.abc import Iterator

import daachorse

_OVERLAY = 1000
"""New keys that a second automaton takes (built in about 1 ms) before both become one."""


class Automaton:
    """Numbers keys and finds all of them in a text, overlapping ones too."""

    def __init__(self) -> None:
        """An automaton without keys."""
        self._numbers: dict[str, int] = {}
        self._keys: list[str] = []
        self._main: daachorse.DoubleArrayAhoCorasick | None = None
        self._main_size = 0
        self._overlay: daachorse.DoubleArrayAhoCorasick | None = None
        self._built = 0

    def number(self, key: str) -> int:
        """The key's number, the same for the same key; found from the next scan on."""
        number = self._numbers.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
        return number

    def key(self, number: int) -> str:
        """The key of a number."""
        return self._keys[number]

    def scan(self, text: bytes) -> Iterator[tuple[int, int, int]]:
        """(start, end, number) of every key in UTF-8 text, in bytes."""
        if self._built != len(self._keys):
            self._build()
        if self._main is not None:
            yield from self._main.find_overlapping(text)
        if self._overlay is not None:
            for start, end, index in self._overlay.find_overlapping(text):
                yield start, end, index + self._main_size

    def _build(self) -> None:
        self._built = len(self._keys)
        if len(self._keys) - self._main_size > _OVERLAY or self._main is None:
            self._main = _built(self._keys)
            self._main_size, self._overlay = len(self._keys), None
        else:
            self._overlay = _built(self._keys[self._main_size :])


def _built(keys: list[str]) -> daachorse.DoubleArrayAhoCorasick:
    return daachorse.DoubleArrayAhoCorasick([key.encode() for key in keys])
