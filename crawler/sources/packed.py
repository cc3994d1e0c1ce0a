"""Entries by the ten thousand: packed in batches, and one batch in memory at a time.

A sitemap may list 50,000 addresses. As objects they would take some 30 MB in the process that reads
them and again in the one that keeps them; packed they take one.
"""

import pickle
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import cast, overload

from crawler.items import EntryItem

BATCH = 200
"""Entries; as many are kept in one transaction, in a twentieth of a second."""


class PackedEntries(Sequence[EntryItem]):
    """A sequence to walk through from the front; each walk unpacks it anew."""

    __slots__ = ("_count", "_packed")

    def __init__(self, packed: tuple[bytes, ...], count: int) -> None:
        """`packed`: as `EntryPacker` makes it; `count`: how many entries that is."""
        self._packed, self._count = packed, count

    def batches(self) -> Iterator[tuple[EntryItem, ...]]:
        """The entries, BATCH at a time."""
        for packed in self._packed:
            # It comes from our own worker process, by pickle as everything does.
            yield cast("tuple[EntryItem, ...]", pickle.loads(zlib.decompress(packed)))  # noqa: S301

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[EntryItem]:
        return chain.from_iterable(self.batches())

    @overload
    def __getitem__(self, at: int) -> EntryItem: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[EntryItem, ...]: ...
    def __getitem__(self, at: int | slice) -> EntryItem | tuple[EntryItem, ...]:
        if isinstance(at, slice):
            return tuple(islice(self, *at.indices(self._count)))
        place = range(self._count)[at]
        return next(islice(self, place, None))


class EntryPacker:
    """Gathers entries as they are read; few of them stay as they are."""

    def __init__(self) -> None:
        self.count = 0
        self._packed: list[bytes] = []
        self._open: list[EntryItem] = []

    def add(self, entry: EntryItem) -> None:
        """One entry more."""
        if len(self._open) == BATCH:
            self._pack()
        self._open.append(entry)
        self.count += 1

    def entries(self) -> Sequence[EntryItem]:
        """All of them, in order."""
        if not self._packed:
            return tuple(self._open)
        if self._open:
            self._pack()
        return PackedEntries(tuple(self._packed), self.count)

    def _pack(self) -> None:
        self._packed.append(zlib.compress(pickle.dumps(tuple(self._open)), 1))
        self._open = []


def batches_of(entries: Sequence[EntryItem]) -> Iterator[tuple[EntryItem, ...]]:
    """Any entries, BATCH at a time."""
    if isinstance(entries, PackedEntries):
        yield from entries.batches()
        return
    for start in range(0, len(entries), BATCH):
        yield tuple(entries[start : start + BATCH])
