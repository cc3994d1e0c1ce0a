"""py3langid's model with its two big tables on disk instead of in memory.

In memory they are 68 MB, of which one text needs a few hundred pieces: a step of the automaton for
each byte, a row of weights for each feature found. Read from a file they cost half a millisecond a
text, and the answers are the same. The file is one of the system's for temporary files and has no
name; where there is no room for it, the tables stay in memory.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier

REMEMBERED = 20_000
"""Steps kept in memory, 2 MB: most texts of a site take the same ones."""


class _Steps:
    """The automaton: which state follows, by state and byte."""

    def __init__(self, descriptor: int, table: Any) -> None:
        self._descriptor, self._size = descriptor, table.itemsize
        self._known: dict[int, int] = {}
        _write(descriptor, memoryview(table).cast("B"))

    def __getitem__(self, place: int) -> int:
        state = self._known.get(place)
        if state is None:
            piece = os.pread(self._descriptor, self._size, place * self._size)
            state = int.from_bytes(piece, sys.byteorder)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[place] = state
        return state


class _Weights:
    """A row of weights for each feature."""

    def __init__(self, descriptor: int, table: npt.NDArray[np.float16]) -> None:
        self._descriptor, self._start = descriptor, os.fstat(descriptor).st_size
        self._type, self._row = table.dtype, table.strides[0]
        _write(descriptor, memoryview(np.ascontiguousarray(table).tobytes()))

    def __getitem__(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.float16]:
        starts = (self._start + place * self._row for place in places.tolist())
        rows = b"".join(os.pread(self._descriptor, self._row, start) for start in starts)
        return np.frombuffer(rows, self._type).reshape(len(places), -1)


def _write(descriptor: int, table: memoryview) -> None:
    while table:
        table = table[os.write(descriptor, table) :]


def load() -> LanguageIdentifier:
    """The identifier, read in half a second."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    with contextlib.suppress(OSError):
        with tempfile.TemporaryFile() as file:
            # It stays open, and is there, for as long as the process lives.
            descriptor = os.dup(file.fileno())
        steps = _Steps(descriptor, identifier.tk_nextmove)
        weights = _Weights(descriptor, identifier.nb_ptc)
        identifier.tk_nextmove = steps
        identifier.nb_ptc = weights
        # It is for choosing among languages, which is not done here, and would keep the table.
        identifier._full_model = (weights, identifier.nb_pc, identifier.nb_classes)
    return identifier
