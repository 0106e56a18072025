"""What the policy office adds to the corpus: how people ask for a clause, and gold questions.

    corpus/wordings/<document>.<language>.csv   searched from the next build on, see corpus/README.md
    corpus/gold/<document>.<language>.jsonl     for ``python -m qa evaluate``

A file is replaced in one step, under a lock, and keeps every byte of the rows that were there.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from qa.corpus import GOLD, WORDINGS
from qa.errors import CorpusError
from qa.text import normalise
from qa.types import LANGUAGES, Language

_COLUMNS = ["clause", "language", "question"]
_PATIENCE = 5.0
_LONGEST = 500
_NO_TEXT = {"Cc", "Cn", "Co", "Cs"}
"""Categories of characters that no text holds: control codes, halves of pairs."""


@dataclass(frozen=True, slots=True)
class Addition:
    """A question as it is to be added; ``clause`` is the printed number or the path of numbers,
    empty where no clause of the document answers it."""

    document: str
    language: Language
    clause: str
    question: str

    def tidy(self) -> Addition:
        """On one line, and nothing that a spreadsheet would compute (CWE-1236).

        Raises:
            CorpusError: nothing is left, or it is too long, or the document is no file name.
        """
        composed = unicodedata.normalize("NFC", self.question)  # as it is read back
        told = "".join(c if unicodedata.category(c) not in _NO_TEXT else " " for c in composed)
        question = " ".join(told.split()).lstrip("=+-@' ")
        if not question or len(question) > _LONGEST:
            what = "is empty" if not question else f"has more than {_LONGEST} characters"
            raise CorpusError("the question", what, "write it as people ask it, in one sentence")
        if self.language not in LANGUAGES or Path(self.document).name != self.document:
            raise CorpusError(self.document, "is no document", "load the page again")
        return Addition(self.document, self.language, self.clause, question)


def add_wording(corpus: Path, addition: Addition) -> bool:
    """Adds a wording; False where it stands there already.

    Raises:
        CorpusError: the file is no file of wordings or cannot be written, or another clause of the
            document has the same wording.
    """
    addition = addition.tidy()
    path = _wordings(corpus, addition)
    with _locked(path):
        text, bom = _read(path)
        rows = _rows(path, text)
        for row in rows:
            if normalise(row["question"]) == normalise(addition.question):
                if row["clause"].strip() == addition.clause:
                    return False
                raise CorpusError(
                    path,
                    f"has this question for clause {row['clause'].strip() or '–'} already",
                    "take it out there first",
                )
        _replace(path, _appended(text, _line(addition, text)), bom)
    return True


def remove_wording(corpus: Path, addition: Addition) -> bool:
    """Takes back what ``add_wording`` added; False where it is not there.

    Raises:
        CorpusError: the file is no file of wordings or cannot be written.
    """
    addition = addition.tidy()
    path = _wordings(corpus, addition)
    if not path.exists():
        return False
    with _locked(path):
        text, bom = _read(path)
        line = _line(addition, text)
        kept, found, rest = text.rpartition(line)
        # A whole line, or it would be the end of another one.
        if not found or (kept and kept[-1] not in "\r\n"):
            return False
        _replace(path, kept + rest, bom)
    return True


def add_gold(corpus: Path, addition: Addition) -> bool:
    """Adds a question with its known answer; False where it stands there already.

    Raises:
        CorpusError: the file cannot be read or written.
    """
    addition = addition.tidy()
    path = _gold(corpus, addition)
    with _locked(path):
        text, bom = _read(path)
        line = _gold_line(addition)
        if line in text.splitlines(keepends=True):
            return False
        _replace(path, _appended(text, line), bom)
    return True


def remove_gold(corpus: Path, addition: Addition) -> bool:
    """Takes back what ``add_gold`` added; False where it is not there.

    Raises:
        CorpusError: the file cannot be read or written.
    """
    addition = addition.tidy()
    path = _gold(corpus, addition)
    if not path.exists():
        return False
    with _locked(path):
        text, bom = _read(path)
        lines = text.splitlines(keepends=True)
        line = _gold_line(addition)
        if line not in lines:
            return False
        lines.remove(line)
        _replace(path, "".join(lines), bom)
    return True


# --- files


def _wordings(corpus: Path, addition: Addition) -> Path:
    return corpus / WORDINGS / f"{addition.document}.{addition.language}.csv"


def _gold(corpus: Path, addition: Addition) -> Path:
    return corpus / GOLD / f"{addition.document}.{addition.language}.jsonl"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / ".lock", timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise CorpusError(path, "is being written by somebody else", "try again") from error
    except OSError as error:
        raise CorpusError(
            path, f"cannot be written ({error.strerror})", "check the disk and its permissions"
        ) from error


def _read(path: Path) -> tuple[str, bool]:
    """The text of a file, empty where there is none, and whether it begins with a mark."""
    data = path.read_bytes() if path.exists() else b""
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8"), bom
    except UnicodeDecodeError as error:
        raise CorpusError(path, "is not UTF-8", "save it as UTF-8") from error


def _rows(path: Path, text: str) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        if text and not set(_COLUMNS) <= set(_head(text)):
            raise ValueError("a column is missing")
        # A row that is too short has None where its values end.
        return [{name: row[name] or "" for name in _COLUMNS} for row in rows]
    except (csv.Error, ValueError, KeyError) as error:
        raise CorpusError(
            path,
            f"is not a CSV file with the columns clause, language and question ({error})",
            "save it as CSV UTF-8",
        ) from error


def _head(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline="")), [])


def _line(addition: Addition, text: str) -> str:
    """A row as this file writes them: the order of its columns, its line ends."""
    values = {
        "clause": addition.clause,
        "language": addition.language,
        "question": addition.question,
    }
    line = io.StringIO()
    csv.writer(line, lineterminator=_line_end(text)).writerow(
        values.get(name, "") for name in (_head(text) or _COLUMNS)
    )
    return line.getvalue()


def _gold_line(addition: Addition) -> str:
    record = {
        "question": addition.question,
        "clauses": [addition.clause] if addition.clause else [],
        "language": addition.language,
        "documents": [addition.document],
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _appended(text: str, line: str) -> str:
    end = _line_end(text)
    if not text and not line.startswith("{"):
        text = ",".join(_COLUMNS) + end
    if text and not text.endswith(("\n", "\r")):
        text += end
    return text + line


def _replace(path: Path, text: str, bom: bool) -> None:
    """Writes beside and renames; the permissions stay."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write((codecs.BOM_UTF8 if bom else b"") + text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
