"""Gives memory back to the system as soon as it is free, where the C library is GNU's.

Its allocator keeps what was freed for later: after one answer of 10 MB it hands out pieces of that
size from its own heap, which stays as large as it ever was, and each thread has a heap. A service
that runs for years beside hostile sites would stay at its worst moment.
"""

import contextlib
import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8  # malloc.h
_LARGE = 256 * 1024
"""Bytes from which a piece is the system's own, and goes back when it is freed."""


def keep_little() -> None:
    """For this process, from now on. Elsewhere than on GNU's C library nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _LARGE)
        library.mallopt(_ARENAS, 2)


def give_back() -> None:
    """What is free now, in a fraction of a millisecond for each megabyte."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
