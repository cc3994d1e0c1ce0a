"""All keys of all watchlists in one Aho-Corasick automaton; new ones in a small second one.

The second is rebuilt with each new key, which takes 4 µs a key, until it is large enough to be
merged: a thread then builds the one automaton anew (the library lets other threads run) while
both go on being searched.
"""

from threading import Thread

import daachorse

Found = list[tuple[int, int, int]]
"""(start, end, number) of each key, in bytes."""

_MERGED_FROM = 500
"""Keys of the second automaton from which it is merged; building so many takes 2 ms."""
_AT_ONCE = 10
"""A second automaton above a tenth of the first is a new configuration: not worth a thread."""


class Automaton:
    """Numbers keys and finds all of them in a text, overlapping ones too.

    One thread at a time may call it.
    """

    def __init__(self) -> None:
        """An automaton without keys."""
        self._numbers: dict[str, int] = {}
        self._keys: list[str] = []
        self._main: daachorse.DoubleArrayAhoCorasick | None = None
        self._main_size = 0
        self._recent: daachorse.DoubleArrayAhoCorasick | None = None
        self._searched = 0
        self._merging: Thread | None = None
        self._merged: tuple[daachorse.DoubleArrayAhoCorasick, int] | None = None

    def number(self, key: str) -> int:
        """The key's number, the same for the same key; found from the next scan on."""
        number = self._numbers.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
        return number

    def key(self, number: int) -> str:
        """The key of a number."""
        return self._keys[number]

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def scan(self, text: bytes) -> Found:
        """Every key in UTF-8 text, overlapping ones too."""
        if self._searched != len(self._keys) or self._merged is not None:
            self._prepare()
        found: Found = self._main.find_overlapping(text) if self._main is not None else []
        if self._recent is not None:
            found += [
                (start, end, index + self._main_size)
                for start, end, index in self._recent.find_overlapping(text)
            ]
        return found

    def settle(self) -> None:
        """Wait until no merge is under way, and put its result to use."""
        if self._merging is not None:
            self._merging.join()
        self._prepare()

    def _prepare(self) -> None:
        """Make every key be found, at the cost of the keys that are new."""
        if self._merged is not None:
            (self._main, self._main_size), self._merged = self._merged, None
            self._merging = None
            self._searched = self._main_size
            self._recent = None
        waiting = len(self._keys) - self._main_size
        if waiting > max(_MERGED_FROM, self._main_size // _AT_ONCE):
            self._main, self._main_size = _built(self._keys), len(self._keys)
            self._recent = None
        elif self._searched != len(self._keys):
            self._recent = _built(self._keys[self._main_size :])
            if waiting >= _MERGED_FROM and self._merging is None:
                self._merge()
        self._searched = len(self._keys)

    def _merge(self) -> None:
        keys = list(self._keys)

        def build() -> None:
            self._merged = (_built(keys), len(keys))

        self._merging = Thread(target=build, name="merge-automaton", daemon=True)
        self._merging.start()


def _built(keys: list[str]) -> daachorse.DoubleArrayAhoCorasick:
    return daachorse.DoubleArrayAhoCorasick([key.encode() for key in keys])
