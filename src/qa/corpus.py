"""A folder of policy files → documents with their translations, departments and glossary.

    corpus/<id>.docx, .pdf, .txt, …        a policy, as published (any folder below, too)
    corpus/<id>.meta.toml                  what its text does not say of it, optional
    corpus/translations/<id>.<language>.md its translation, optional
    corpus/wordings/<id>.<language>.csv    how people ask for its clauses, optional
    corpus/departments.csv                 names of departments in three languages, optional
    corpus/glossary.csv                    terms of the field, added to the built-in ones, optional

The formats are described for policy officers in corpus/README.md.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from qa import readers
from qa.errors import CorpusError
from qa.glossary import Term, read_terms
from qa.metadata import describe
from qa.readers import Reading, clean, refusal
from qa.readers.text import decode, read_table
from qa.status import resolve
from qa.text import detect_language, normalise
from qa.types import LANGUAGES, Document, Language

TRANSLATIONS = "translations"
WORDINGS = "wordings"
GOLD = "gold"
"""Questions with known answers: they try an index out, and are no part of it."""
SIDECAR = ".meta.toml"
Item = TypeVar("Item")
_TITLE_WORDS = re.compile(
    r"(通知|措施|意见|办法|方案|规定|政策|条例|决定|细则|公告|指南|计划|通告|若干|法|规则|Measures|Notice|Policy|Policies|조치|정책|방안|규정|고시|조례)"
)
_LONGEST_TITLE = 90
_TITLE_LINES = 10  # from the top, in which it is looked for
_TITLE_PARTS = 3  # lines that a broken title goes on for
_OPEN_TITLE = re.compile(r"(?:^|.{2})关于(?!我们|本[站网]).*|印发(?:《.*)?$|《[^》]*$")
_TITLE_ENDS = re.compile(
    r"(?:通知|措施|意见|办法|方案|规定|政策|条例|决定|细则|公告|指南|计划|通告|规则|[一二三四五六七八九十0-9]条)》?"
    r"(?:[（(〔].{1,16}[）)〕])?$"
)
_ISSUES = re.compile("关于|印发|转发|发布|公布")
_ISSUER = re.compile("(?:政府|办公[厅室]|委员会|[局厅部委署办院会行关])$")
_NO_PART = re.compile(
    r"[。；：！？>|]|〔[0-9]{4}〕|[0-9]{4}[年-]|文件$|^第.{1,3}[章条]|^.{0,3}[、.．]|^[（(].{1,3}[）)]"
)
"""What no line of a title has: the end of a sentence, a document number, a date."""


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


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that is a policy, or that somebody may take for one; ``digest`` is the SHA-256 of
    its contents and of its sidecar's."""

    path: Path
    digest: str

    @property
    def sidecar(self) -> Path | None:
        """The file beside it that says what its text does not, where there is one."""
        return sidecar_of(self.path)


def scan(folder: Path) -> list[SourceFile]:
    """Every file below ``folder`` that is no companion of a policy, in the order of their paths.

    Files of the system (hidden ones, locks of an office program) are no policies, nor are those
    called README. A link that leads nowhere is listed, and refused when it is read.

    Raises:
        CorpusError: the folder does not exist.
    """
    if not folder.is_dir():
        raise refusal(folder, "no_folder")
    return [SourceFile(path, source_digest(path)) for path in _policies(folder)]


def read_document(path: Path) -> tuple[Document, Reading]:
    """The document of one file, and what was found when it was read.

    Raises:
        CorpusError: it cannot be used; the error says why and what to do.
    """
    reading = readers.read(path)
    return make_document(path.stem, reading.text, reading.title, sidecar_of(path)), reading


def words_digest(text: str) -> str:
    """What two texts with the same words share, white space and forms of characters aside."""
    words = "".join(normalise(text).split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def unite(
    found: Sequence[tuple[Path, Document]], digests: Mapping[Path, str] | None = None
) -> tuple[list[Document], dict[Path, str], list[CorpusError]]:
    """One document for each policy, however many files hold it.

    Of files with the same words the first is kept, and names them all as its sources. Of files
    with one name and different words the second is left out: it would shadow the first.

    Args:
        digests: the ``words_digest`` of each file's text, where it is known already.

    Returns:
        The documents; for each file that repeats one, the id of that document; what is left out.
    """
    documents: dict[str, Document] = {}
    by_words: dict[str, str] = {}
    repeated: dict[Path, str] = {}
    problems = []
    for path, document in found:
        words = digests[path] if digests else words_digest(document.text)
        first = by_words.get(words)
        if first is not None:
            repeated[path] = first
            kept = documents[first]
            documents[first] = replace(kept, sources=(*kept.sources, path.name))
        elif document.id in documents:
            problems.append(refusal(path, "name_taken", name=document.id))
        else:
            documents[document.id] = replace(document, sources=(path.name,))
            by_words[words] = document.id
    return (
        [
            document if len(document.sources) > 1 else replace(document, sources=())
            for document in documents.values()
        ],
        repeated,
        problems,
    )


def read_corpus(folder: Path) -> Corpus:
    """Reads every policy below ``folder``; a file that cannot be read is a problem, not the end.

    Raises:
        CorpusError: the folder does not exist, or holds no policy that can be read.
    """
    problems: list[CorpusError] = []
    sources = [source.path for source in scan(folder)]
    found = _read_all(sources, lambda path: (path, read_document(path)[0]), problems)
    documents, _, left_out = unite(found)
    problems.extend(left_out)
    if not documents:
        details = "".join(f"\n  {problem}" for problem in problems)
        raise refusal(folder, "no_policy", details=details)
    companions = read_companions(folder, {document.id for document in documents})
    return replace(
        companions,
        documents=resolve(documents),
        digest=corpus_digest(folder),
        problems=(*problems, *companions.problems),
    )


def read_companions(folder: Path, known: set[str]) -> Corpus:
    """All of a corpus but its documents, whose ids are ``known``, and its digest: translations,
    wordings, tables."""
    problems: list[CorpusError] = []
    translations, wordings = (
        _of_known(_files(folder / name, ending, problems), known, problems)
        for name, ending in ((TRANSLATIONS, "md"), (WORDINGS, "csv"))
    )
    terms = {
        name: _read_all([folder / name], read_terms, problems)
        for name in _TABLES
        if (folder / name).exists()
    }
    return Corpus(
        documents=(),
        translations=tuple(_read_all(translations, read_translation, problems)),
        wordings=tuple(
            wording for group in _read_all(wordings, read_wordings, problems) for wording in group
        ),
        departments=tuple(term for table in terms.get("departments.csv", ()) for term in table),
        glossary=tuple(term for table in terms.get("glossary.csv", ()) for term in table),
        digest="",
        problems=tuple(problems),
    )


_TABLES = ("departments.csv", "glossary.csv")
_SYSTEM = re.compile(r"\.|~\$|(?:thumbs\.db|desktop\.ini|readme(?:\..*)?)$", re.I)
"""Names of files that no one takes for a policy."""


def corpus_digest(folder: Path, sources: Iterable[SourceFile] | None = None) -> str:
    """SHA-256 over names and contents of all files of ``folder`` that an index is made from.

    ``sources`` is what ``scan`` has just found there, where that has been done.
    """
    if sources is None:
        sources = scan(folder) if folder.is_dir() else ()
    digest = hashlib.sha256()
    tables = [folder / name for name in _TABLES if (folder / name).exists()]
    companions = [*_files(folder / TRANSLATIONS, "md"), *_files(folder / WORDINGS, "csv")]
    others = (SourceFile(path, source_digest(path)) for path in [*companions, *tables])
    for source in [*sources, *others]:
        name = source.path.relative_to(folder).as_posix()
        digest.update(name.encode("utf-8", "surrogateescape") + source.digest.encode())
    return digest.hexdigest()


def source_digest(path: Path) -> str:
    """SHA-256 of a file and of its sidecar, where it has one."""
    digest = hashlib.sha256()
    for part in (path, sidecar_of(path)):
        if part is None:
            continue
        try:
            with part.open("rb") as file:
                contents = hashlib.file_digest(file, "sha256").digest()
        except OSError:  # left out of the corpus, and named there as a problem
            contents = b"unreadable"
        digest.update(contents)
    return digest.hexdigest()


def sidecar_of(path: Path) -> Path | None:
    """The file beside a policy that says what its text does not; None where there is none."""
    sidecar = path.with_name(f"{path.stem}{SIDECAR}")
    return sidecar if sidecar.is_file() else None


def _policies(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.is_file() or (path.is_symlink() and not path.exists()) or _is_closed(path))
        and not _is_companion(path.relative_to(folder))
        and not any(_SYSTEM.match(part) for part in path.relative_to(folder).parts)
    )


def _is_closed(path: Path) -> bool:
    """Whether a path is a folder that cannot be looked into: what is in it must not be lost in
    silence, so that it is refused as a file would be."""
    return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)


def _is_companion(path: Path) -> bool:
    return (
        path.as_posix() in _TABLES
        or path.name.endswith(SIDECAR)
        or not {TRANSLATIONS, WORDINGS, GOLD}.isdisjoint(path.parts[:-1])
    )


def _files(folder: Path, ending: str, problems: list[CorpusError] | None = None) -> list[Path]:
    """The companions in a folder; any file there that is none is a problem."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if not _SYSTEM.match(path.name))
    kept = [path for path in paths if path.suffix == f".{ending}"]
    if problems is not None:
        problems += [
            refusal(path, "no_companion", folder=folder.name, ending=ending)
            for path in paths
            if path.suffix != f".{ending}"
        ]
    return kept


def _of_known(paths: list[Path], known: set[str], problems: list[CorpusError]) -> list[Path]:
    """The companions whose policy is there; the others are problems."""
    kept = []
    for path in paths:
        document_id, _, language = path.stem.rpartition(".")
        if document_id in known or language not in LANGUAGES:
            kept.append(path)  # a wrong name is told when the file is read
        else:
            problems.append(refusal(path, "orphan"))
    return kept


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
            problems.append(refusal(path, "unreadable", detail=error.strerror or str(error)))
    return items


def make_document(
    identifier: str, text: str, title: str = "", sidecar: Path | None = None
) -> Document:
    """A document from its text: language, title and all that it says of itself are read from it.

    ``title`` is what the file itself says of its title; the text is asked first. What the file
    ``sidecar`` says goes before both.

    Raises:
        CorpusError: the sidecar cannot be used.
    """
    text = clean(text)
    found = _title(text)
    if title and not _TITLE_WORDS.search(found) and _TITLE_WORDS.search(title):
        found = title
    return describe(Document(identifier, detect_language(text), found, text), sidecar)


def _title(text: str) -> str:
    """The first line near the top that reads like the title of a policy, else the first line.

    A title that goes over several lines is put together; in text flattened to one line the gaps
    stand for the line breaks.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()][:_TITLE_LINES]
    if lines and all(len(line) > _LONGEST_TITLE for line in lines):
        lines = lines[0][: 4 * _LONGEST_TITLE].split()[:_TITLE_PARTS]
        lines[0] = lines[0].partition("。")[0]
        heads = [0 < len(line) <= _LONGEST_TITLE for line in lines]
        return "".join(lines[: _title_ends(lines, heads, 0) + 1]) if heads[0] else ""
    heads = [len(line) <= _LONGEST_TITLE and line[-1] not in "。；;：:" for line in lines]
    for index, line in enumerate(lines):
        if heads[index] and _TITLE_WORDS.search(line):
            first, last = _title_begins(lines, heads, index), _title_ends(lines, heads, index)
            return "".join(lines[first : last + 1])
    return next((line for line, head in zip(lines, heads, strict=True) if head), "")


def _title_begins(lines: list[str], heads: list[bool], index: int) -> int:
    """The first line of the title that goes on in the line ``index``: 某市人民政府 above 关于…,
    or …关于 and what it is about above the rest."""
    first = index
    if "关于" not in lines[index]:
        for above in range(index - 1, max(-1, index - 1 - _TITLE_PARTS), -1):
            if not heads[above] or _NO_PART.search(lines[above]):
                break
            if _OPEN_TITLE.search(lines[above]):
                first = above
                break
    above = first - 1
    issued = first > 0 and heads[above] and _ISSUES.match(lines[first])
    if issued and _ISSUER.search(lines[above]) and not _NO_PART.search(lines[above]):
        return above
    return first


def _title_ends(lines: list[str], heads: list[bool], index: int) -> int:
    """The last line of the title whose line ``index`` breaks off before its kind is said."""
    if not _OPEN_TITLE.search(lines[index]) or _TITLE_ENDS.search(lines[index]):
        return index
    for below in range(index + 1, min(len(lines), index + 1 + _TITLE_PARTS)):
        again = "关于" in lines[index] and "关于" in lines[below].partition("《")[0]
        if not heads[below] or again or _NO_PART.search(lines[below]):
            break
        if _TITLE_ENDS.search(lines[below]):
            return below
    return index


def read_translation(path: Path) -> DocumentTranslation:
    """A translation file: ``# title``, preamble, then ``## number title`` and one sentence a line.

    Lines that start with ``>`` are remarks; a last line in brackets is the note that names the
    departments.

    Raises:
        CorpusError: the name carries no known language, or a heading lacks its number.
    """
    document_id, _, language = path.stem.rpartition(".")
    if language not in LANGUAGES or not document_id:
        raise refusal(path, "language_name")
    title, blocks = "", [("", "", list[str]())]
    for number_of_line, raw in enumerate(decode(path).split("\n"), start=1):
        line = raw.strip()
        if line == "##" or line.startswith("## "):
            number, _, heading = line[3:].strip().partition(" ")
            if not number:
                raise refusal(path, "heading", line=str(number_of_line))
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
        CorpusError: it is not such a file; names the line.
    """
    document_id, _, _ = path.stem.rpartition(".")
    wordings = []
    columns = ("clause", "language", "question")
    for line, row in read_table(path, columns, columns):
        language = row["language"]
        if not row["question"]:
            continue
        if language not in LANGUAGES:
            raise refusal(path, "row", line=str(line), detail=f"unknown language {language!r}")
        wordings.append(Wording(document_id, row["clause"], language, row["question"]))
    return tuple(wordings)


def _translated(number: str, title: str, lines: list[str]) -> TranslatedClause:
    note = lines.pop() if lines and re.fullmatch(r"[(（].*[)）]", lines[-1]) else ""
    return TranslatedClause(number, title, tuple(lines), note)
