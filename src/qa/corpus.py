"""A folder of policy files → documents with their translations, departments and glossary.

    corpus/<id>.txt                        a policy, as published (any folder below, too)
    corpus/translations/<id>.<language>.md its translation, optional
    corpus/wordings/<id>.<language>.csv    how people ask for its clauses, optional
    corpus/departments.csv                 names of departments in three languages, optional
    corpus/glossary.csv                    terms of the field, added to the built-in ones, optional

The formats are described for policy officers in corpus/README.md.
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qa.errors import CorpusError
from qa.glossary import Term, read_terms
from qa.text import detect_language
from qa.types import LANGUAGES, Document, Language

TRANSLATIONS = "translations"
WORDINGS = "wordings"
Item = TypeVar("Item")
_TITLE_WORDS = re.compile(
    r"(通知|措施|意见|办法|方案|规定|政策|条例|决定|细则|公告|指南|计划|通告|若干|法|规则|Measures|Notice|Policy|Policies|조치|정책|방안|규정|고시|조례)"
)
_LONGEST_TITLE = 90
_OPENING = 600
_NUMBER_LINE = re.compile(
    r"(?:^|[（(\s])([\u4e00-\u9fff]{1,12}[〔\[（(【]\s?\d{4}\s?[〕\]）)】]\s?第?\s?\d{1,5}\s?号)(?=[）)\s]|$)",
    re.M,
)
_DATE = r"(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日"
_DATE_LINE = re.compile(rf"^[（(\s]*{_DATE}[）)\s]*$", re.M)
_DATE_AT_THE_END = re.compile(rf"(?<=\s){_DATE}\s*\Z")


@dataclass(frozen=True, slots=True)
class TranslatedClause:
    """A block of a translation file: the printed number, the title, one sentence a line."""

    number: str
    title: str
    sentences: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class DocumentTranslation:
    """A translation file: document title, preamble sentences and clauses in order."""

    document_id: str
    language: Language
    title: str
    preamble: tuple[str, ...]
    clauses: tuple[TranslatedClause, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """A way in which people ask for a clause, given by its printed number; with an empty number,
    a question that people bring and that no clause of the document answers."""

    document_id: str
    clause: str
    language: Language
    question: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that a folder of policies holds; ``problems`` names the files that were left out."""

    documents: tuple[Document, ...]
    translations: tuple[DocumentTranslation, ...]
    wordings: tuple[Wording, ...]
    departments: tuple[Term, ...]
    glossary: tuple[Term, ...]
    digest: str
    problems: tuple[CorpusError, ...] = ()


def read_corpus(folder: Path) -> Corpus:
    """Reads every policy below ``folder``; a file that cannot be read is a problem, not the end.

    Raises:
        CorpusError: the folder does not exist, or holds no policy that can be read.
    """
    if not folder.is_dir():
        raise CorpusError(
            folder, "is not a folder", "create it and put a policy into it as a .txt file"
        )
    problems: list[CorpusError] = []
    documents = _read_all(_policies(folder), read_document, problems)
    if not documents:
        details = "".join(f"\n  {problem}" for problem in problems)
        raise CorpusError(
            folder, f"holds no readable policy{details}", "put a policy into it as a .txt file"
        )
    documents, twins = _unique(documents)
    problems.extend(twins)
    known = {document.id for document in documents}
    translations = [
        translation
        for translation in _read_all(
            _files(folder / TRANSLATIONS, "md"), read_translation, problems
        )
        if _belongs(translation.document_id, known, problems)
    ]
    wordings = [
        wording
        for group in _read_all(_files(folder / WORDINGS, "csv"), read_wordings, problems)
        if group and _belongs(group[0].document_id, known, problems)
        for wording in group
    ]
    terms = {
        name: _read_all([folder / name], read_terms, problems)
        for name in _TABLES
        if (folder / name).exists()
    }
    return Corpus(
        documents=tuple(documents),
        translations=tuple(translations),
        wordings=tuple(wordings),
        departments=tuple(term for table in terms.get("departments.csv", ()) for term in table),
        glossary=tuple(term for table in terms.get("glossary.csv", ()) for term in table),
        digest=corpus_digest(folder),
        problems=tuple(problems),
    )


_TABLES = ("departments.csv", "glossary.csv")


def corpus_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files of ``folder`` that an index is made from."""
    digest = hashlib.sha256()
    tables = [folder / name for name in _TABLES if (folder / name).exists()]
    companions = [*_files(folder / TRANSLATIONS, "md"), *_files(folder / WORDINGS, "csv")]
    for path in [*_policies(folder), *companions, *tables]:
        digest.update(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape"))
        try:
            contents = path.read_bytes()
        except OSError:  # left out of the corpus, and named there as a problem
            contents = b"unreadable"
        digest.update(hashlib.sha256(contents).digest())
    return digest.hexdigest()


def _policies(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*.txt")
        if path.is_file()
        and not path.name.startswith(".")
        and path.parent.name not in (TRANSLATIONS, WORDINGS)
    )


def _files(folder: Path, ending: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"*.{ending}") if not path.name.startswith("."))


def _belongs(document_id: str, known: set[str], problems: list[CorpusError]) -> bool:
    """Whether a companion file has its policy; a problem where it has not."""
    if document_id not in known:
        problems.append(
            CorpusError(
                f"a translation or wordings of {document_id}",
                "belongs to no policy of this folder",
                "name it after its policy: <policy>.en.md, <policy>.en.csv",
            )
        )
    return document_id in known


def _read_all(
    paths: Iterable[Path], read: Callable[[Path], Item], problems: list[CorpusError]
) -> list[Item]:
    items = []
    for path in paths:
        try:
            items.append(read(path))
        except CorpusError as problem:
            problems.append(problem)
        except OSError as error:
            problems.append(
                CorpusError(path, f"cannot be read ({error.strerror})", "check its permissions")
            )
    return items


def _unique(documents: list[Document]) -> tuple[list[Document], list[CorpusError]]:
    """Documents by id; of two files with one name the second would shadow the first: a problem."""
    seen: dict[str, Document] = {}
    problems = []
    for document in documents:
        if document.id in seen:
            problems.append(
                CorpusError(
                    f"{document.id}.txt",
                    "stands twice in the corpus",
                    "rename one of the two files",
                )
            )
        seen.setdefault(document.id, document)
    return list(seen.values()), problems


def read_document(path: Path) -> Document:
    """The document of a text file.

    Raises:
        CorpusError: it is empty, or no text.
    """
    text = clean(decode(path))
    if not text.strip():
        raise CorpusError(path, "is empty", "put the text of the policy into it or remove it")
    return make_document(path.stem, text)


def make_document(identifier: str, text: str) -> Document:
    """A document from its text: language, title, number and date are read from it."""
    text = clean(text)
    return Document(
        identifier, detect_language(text), _title(text), text, _number(text), _issued(text)
    )


def _number(text: str) -> str:
    """The document number among the opening lines, on a line of its own or in brackets."""
    found = _NUMBER_LINE.search(text[:_OPENING])
    return found.group(1) if found else ""


def _issued(text: str) -> str:
    """The date of the signature or under the title, as YYYY-MM-DD; the last of them.

    A date inside a sentence is not the date of the document.
    """
    dates = [*_DATE_LINE.finditer(text), *_DATE_AT_THE_END.finditer(text)]
    for match in reversed(dates):
        year, month, day = (int(part) for part in match.groups())
        if 1 <= month <= 12 and 1 <= day <= 31:
            return f"{year:04}-{month:02}-{day:02}"
    return ""


def clean(text: str) -> str:
    """NFC with ``\\n`` line ends, no byte order mark and no NUL."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return unicodedata.normalize("NFC", text)


def decode(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or GB18030.

    Raises:
        CorpusError: it cannot be read, or is none of these.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(
            path, f"cannot be read ({error.strerror})", "check its name and permissions"
        ) from error
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.count("\0") * 100 <= len(text):
            return text
    raise CorpusError(
        path, "is not text in UTF-8, UTF-16 or GB18030", "save it as a plain text file in UTF-8"
    )


def _title(text: str) -> str:
    """The first line near the top that reads like the title of a policy, else the first line."""
    lines = [line.strip() for line in text.split("\n") if line.strip()][:10]
    heads = [line for line in lines if len(line) <= _LONGEST_TITLE and line[-1] not in "。；;：:"]
    for line in heads:
        if _TITLE_WORDS.search(line):
            return line
    if heads:
        return heads[0]
    # Text flattened to one line: the title ends at the first gap.
    first = re.split(r"[\s。]", lines[0], maxsplit=1)[0] if lines else ""
    return first if len(first) <= _LONGEST_TITLE else ""


def read_translation(path: Path) -> DocumentTranslation:
    """A translation file: ``# title``, preamble, then ``## number title`` and one sentence a line.

    Lines that start with ``>`` are remarks; a last line in brackets is the note that names the
    departments.

    Raises:
        CorpusError: the name carries no known language, or a heading lacks its number.
    """
    document_id, _, language = path.stem.rpartition(".")
    if language not in LANGUAGES or not document_id:
        raise CorpusError(
            path,
            "has no language in its name",
            "call it <policy>.en.md, <policy>.ko.md or <policy>.zh.md",
        )
    title, blocks = "", [("", "", list[str]())]
    for number_of_line, raw in enumerate(clean(decode(path)).split("\n"), start=1):
        line = raw.strip()
        if line == "##" or line.startswith("## "):
            number, _, heading = line[3:].strip().partition(" ")
            if not number:
                raise CorpusError(
                    path,
                    f"has a heading without a number in line {number_of_line}",
                    "write '## 一 Title'",
                )
            blocks.append((number, heading.strip(), []))
        elif line.startswith("# "):
            title = line[2:].strip()
        elif line and not line.startswith(">"):
            blocks[-1][2].append(line)
    clauses = tuple(_translated(number, heading, lines) for number, heading, lines in blocks[1:])
    return DocumentTranslation(document_id, language, title, tuple(blocks[0][2]), clauses)


def read_wordings(path: Path) -> tuple[Wording, ...]:
    """The wordings in a CSV file with the columns clause, language and question.

    Raises:
        CorpusError: it is not such a file.
    """
    document_id, _, _ = path.stem.rpartition(".")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        return tuple(_wording(document_id, row) for row in rows if row["question"].strip())
    except (ValueError, csv.Error, KeyError, AttributeError) as error:
        raise CorpusError(
            path,
            f"is not a UTF-8 CSV file with the columns clause, language and question ({error})",
            "save it as CSV UTF-8",
        ) from error


def _wording(document_id: str, row: dict[str, str]) -> Wording:
    language = row["language"].strip()
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}")
    return Wording(document_id, row["clause"].strip(), language, row["question"].strip())


def _translated(number: str, title: str, lines: list[str]) -> TranslatedClause:
    note = lines.pop() if lines and re.fullmatch(r"[(（].*[)）]", lines[-1]) else ""
    return TranslatedClause(number, title, tuple(lines), note)
