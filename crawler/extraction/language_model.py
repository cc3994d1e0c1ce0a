"""py3langid's model with its two big tables on disk instead of in memory.

In memory they are 68 MB, of which one text needs a few hundred pieces: a step of the automaton for
each byte, a row of weights for each feature found. Read from a file they cost half a millisecond a
text, and the answers are the same. The file is one of the system's for temporary files and has no
name; the tables go there piece by piece, so that reading the model takes ten megabytes. Where there
is no room for the file, the tables stay in memory.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
import tempfile
from array import array
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

REMEMBERED = 20_000
"""Steps kept in memory, 2 MB: most texts of a site take the same ones."""


class _Table:
    """An array in the file: where it begins, of what type and size its items are."""

    def __init__(self, descriptor: int, member: IO[bytes]) -> None:
        """Appends the array that `member`, a file of NumPy's, holds. Raises OSError, ValueError."""
        self.descriptor, self.start = descriptor, os.fstat(descriptor).st_size
        npy.read_magic(member)
        self.shape, by_column, self.type = npy.read_array_header_1_0(member)
        if by_column:
            raise ValueError("a table of the language model is not stored row by row")
        with os.fdopen(os.dup(descriptor), "ab") as file:
            shutil.copyfileobj(member, file)

    def piece(self, place: int, length: int) -> bytes:
        """So many bytes from a place, in bytes from its beginning."""
        return os.pread(self.descriptor, length, self.start + place)


class _Steps:
    """The automaton: which state follows, by state and byte."""

    def __init__(self, table: _Table) -> None:
        self._table, self._size = table, table.type.itemsize
        self._known: dict[int, int] = {}

    def __getitem__(self, place: int) -> int:
        state = self._known.get(place)
        if state is None:
            piece = self._table.piece(place * self._size, self._size)
            state = int.from_bytes(piece, sys.byteorder)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[place] = state
        return state


class _Weights:
    """A row of weights for each feature."""

    def __init__(self, table: _Table) -> None:
        self._table, self._row = table, table.type.itemsize * table.shape[1]

    def __getitem__(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.float16]:
        rows = b"".join(
            self._table.piece(place * self._row, self._row) for place in places.tolist()
        )
        return np.frombuffer(rows, self._table.type).reshape(len(places), -1)


def load() -> LanguageIdentifier:
    """The identifier, read in half a second."""
    try:
        with tempfile.TemporaryFile() as unpacked:
            with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
                shutil.copyfileobj(packed, unpacked)
            with ZipFile(unpacked) as archive, tempfile.TemporaryFile() as file:
                # It stays open, and is there, for as long as the process lives.
                return _identifier(archive, os.dup(file.fileno()))
    except OSError:
        return LanguageIdentifier.from_model_file(MODEL_FILE)


def _identifier(archive: ZipFile, descriptor: int) -> LanguageIdentifier:
    def in_memory(name: str) -> npt.NDArray[Any]:
        with archive.open(f"{name}.npy") as member:
            found: npt.NDArray[Any] = npy.read_array(member)
            return found

    def on_disk(name: str) -> _Table:
        with archive.open(f"{name}.npy") as member:
            return _Table(descriptor, member)

    rows = in_memory("nextmove_row").astype(np.uint32)
    identifier = LanguageIdentifier(
        _Weights(on_disk("ptc")),
        in_memory("pc"),
        in_memory("classes").tolist(),
        _Steps(on_disk("nextmove")),
        array("i", in_memory("out_feat").tobytes()),
        tk_row=(),
    )
    # As lists of Python's numbers these two would take ten times as much.
    identifier._rowbase = array("I", (rows << 8).tobytes())
    return identifier
