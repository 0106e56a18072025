"""A file of any format → its text, with what was found on the way: one file for each format.

    bytes ──recognise──▶ format ──read──▶ Reading

Whatever a file holds, reading it gives a ``Reading`` or a ``CorpusError`` that names reason and
remedy. Nothing that a file refers to is followed, and nothing is fetched.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from qa.errors import CorpusError
from qa.readers.reading import Reading, Remark, clean, refusal
from qa.readers.recognise import FORMATS, recognise

__all__ = ["FORMATS", "LARGEST_FILE", "Reading", "Remark", "clean", "read", "refusal"]

LARGEST_FILE = 100_000_000
"""Bytes of a file that is read; a policy with more is a collection that should be divided."""


class _Reader(Protocol):
    """What each module ``qa.readers.<format>`` holds."""

    def read(self, path: Path, data: bytes) -> Reading: ...


def read(path: Path) -> Reading:
    """The text of a file and what was found on the way.

    Raises:
        CorpusError: it cannot be read as a policy; says why and what to do.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise refusal(path, "too_large", size=f"{size // 1_000_000}", limit="100")
        data = path.read_bytes()
    except OSError as error:
        raise refusal(path, "unreadable", detail=error.strerror or str(error)) from error
    reader = cast(_Reader, import_module(f"qa.readers.{recognise(path, data)}"))
    try:
        reading = reader.read(path, data)
    except CorpusError:
        raise
    except MemoryError as error:
        raise refusal(path, "too_long", limit="memory") from error
    except Exception as error:  # parsers of damaged files fail in ways that none of them lists
        raise refusal(path, "damaged", detail=f"{type(error).__name__}: {error}"[:200]) from error
    if not reading.text.strip():
        raise refusal(path, "empty")
    return reading
