"""Plain text in any encoding that offices in China and Korea write."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from pathlib import Path

from qa.readers.reading import Reading, Remark, clean, printed, refusal, remark
from qa.readers.residue import without_residue

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEGACY = ("gb18030", "big5hkscs", "cp950", "big5", "cp949", "euc-kr")
_SUPERSETS = {"big5": "big5hkscs", "cp950": "big5hkscs", "gb2312": "gb18030", "euc_kr": "cp949"}
_SAMPLE = 65_536  # bytes that tell an encoding
_WIDE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e\u2014\u2018-\u201d\u2026]")
_PLAIN = re.compile(r"[\t\n\r -~\uac00-\ud7a3\u1100-\u11ff]")
_LIKELY = 0.95  # of the characters of a text in UTF-16 are Chinese, Korean or Latin
_REPAIRED = 200  # characters to each that may be replaced
_ODD = frozenset(("Cc", "Cn", "Co"))  # control characters, unassigned, for private use
_TOLERATED = 100  # characters to each odd one


def read(path: Path, data: bytes) -> Reading:
    """The text of a plain text file.

    Raises:
        CorpusError: it is no text.
    """
    text, encoding, remarks = decoded(path, data)
    kept = without_residue(clean(text), tidy=False)
    return Reading(kept, "txt", encoding, characters=printed(text), remarks=remarks)


def decode(path: Path) -> str:
    """The text of a file that goes with a policy, such as a translation.

    Raises:
        CorpusError: it cannot be read, or is no text.
    """
    try:
        return clean(decoded(path, path.read_bytes())[0])
    except OSError as error:
        raise refusal(path, "unreadable", detail=error.strerror or str(error)) from error


def read_table(
    path: Path, columns: tuple[str, ...], required: tuple[str, ...]
) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file that goes with a policy, each with the line on which it ends.

    Each row has all of ``columns``, empty where it lacks them, and what other columns the file has;
    white space around a cell does not count. A spreadsheet program may have written the file with
    semicolons or tabs, in any encoding.

    Raises:
        CorpusError: it cannot be read, or lacks one of the columns ``required``; names the line.
    """
    text = decode(path)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        for name in required:
            if name not in names:
                raise refusal(path, "column", column=name, columns=",".join(columns))
        for cells in reader:
            cell = dict(zip(names, (cell.strip() for cell in cells), strict=False))
            if any(cell.values()):
                rows.append((reader.line_num, {**dict.fromkeys(columns, ""), **cell}))
    except csv.Error as error:
        raise refusal(path, "row", line=str(reader.line_num), detail=str(error)) from error
    return rows


def decoded(path: Path, data: bytes) -> tuple[str, str, tuple[Remark, ...]]:
    """The text that ``data`` holds, its encoding, and what had to be repaired.

    Raises:
        CorpusError: ``data`` is text in no encoding that is known.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lenient(path, data[len(mark) :], encoding)
    try:
        return _checked(path, data.decode("utf-8")), "utf-8", ()
    except UnicodeDecodeError:
        pass
    wide = _without_mark(data)
    if wide:
        return _lenient(path, data, wide)
    if _replaced(data.decode("utf-8", "replace")) * 3 < sum(byte > 0xBF for byte in data):
        return _lenient(path, data, "utf-8")  # with a few damaged bytes: no other comes so near
    return _lenient(path, data, _detected(data))


def _detected(data: bytes) -> str:
    import chardet

    found = chardet.detect(
        data[:_SAMPLE], include_encodings=_LEGACY, no_match_encoding="gb18030", compat_names=False
    )
    name = codecs.lookup(found["encoding"] or "gb18030").name
    return _SUPERSETS.get(name, name)


def _without_mark(data: bytes) -> str:
    """The byte order of UTF-16 text without its mark; empty where it is no such text.

    A NUL byte stands in no other encoding; without one, Chinese characters alone tell.
    """
    best, order = _LIKELY, ""
    sample = data[: _SAMPLE & ~1]
    for encoding in ("utf-16-le", "utf-16-be") if len(data) % 2 == 0 else ():
        text = sample.decode(encoding, "replace")
        likely = len(_WIDE.findall(text)) + (len(_PLAIN.findall(text)) if b"\0" in sample else 0)
        if text and likely / len(text) > best:
            best, order = likely / len(text), encoding
    return order


def _lenient(path: Path, data: bytes, encoding: str) -> tuple[str, str, tuple[Remark, ...]]:
    """The text in a known encoding, a damaged character here and there replaced and told."""
    text = data.decode(encoding, "replace")
    damaged = _replaced(text)
    if damaged and damaged * _REPAIRED > len(text):
        raise refusal(path, "no_text")
    repairs = (remark("repaired", count=damaged, encoding=encoding),) if damaged else ()
    return _checked(path, text), encoding, repairs


def _replaced(text: str) -> int:
    return text.count("\ufffd")


def _checked(path: Path, text: str) -> str:
    """The text, unless too much of it is what no text holds."""
    odd = sum(
        unicodedata.category(char) in _ODD and char not in "\t\n\r\f\v\x1a\x85\ufeff"
        for char in text[:_SAMPLE]
    )
    if odd * _TOLERATED > min(len(text), _SAMPLE):
        raise refusal(path, "no_text")
    return text
