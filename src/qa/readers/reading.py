"""What reading a file gives, and the error where it gives nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from qa.errors import CorpusError
from qa.messages import message


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a file that its owner should know: a message key with its values."""

    key: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a file: NFC with ``\\n`` line ends, no byte order mark, no residue.

    Attributes:
        text: paragraphs are lines, the cells of a table's row stand between tabs.
        format: the name of the format, such as ``docx``.
        encoding: of a text format, such as ``gb18030``; empty for a binary one.
        title: as the file's own metadata says it; may be empty.
        tables: how many tables are kept in the text.
        characters: of the text before residue was removed, white space aside.
    """

    text: str
    format: str
    encoding: str = ""
    title: str = ""
    tables: int = 0
    characters: int = 0
    remarks: tuple[Remark, ...] = ()


def remark(key: str, **values: object) -> Remark:
    """A remark whose text is the message ``remark.<key>``."""
    return Remark(key, tuple((name, str(value)) for name, value in values.items()))


def refusal(path: Path | str, reason: str, **values: str) -> CorpusError:
    """The error that a file cannot be used, its texts those of ``refused.<reason>``."""
    return CorpusError(
        path,
        message("en", f"refused.{reason}", **values),
        message("en", f"remedy.{reason}", **values),
        reason,
        values,
    )


def clean(text: str) -> str:
    """NFC with ``\\n`` line ends, no byte order mark and no NUL."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return unicodedata.normalize("NFC", text)


def printed(text: str) -> int:
    """How many characters of ``text`` are not white space."""
    return sum(map(len, text.split()))
