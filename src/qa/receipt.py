"""The ingest receipt of a build: what became of every file of the corpus, for people and as JSON.

    Reading + Document + clauses ──▶ FileReceipt        one a file, kept from build to build
    FileReceipts + companions    ──▶ Receipt ──▶ receipt.json, and a page for people

Silent loss is a defect: a file is read, or it is named here with the reason and the remedy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from qa.errors import CorpusError
from qa.messages import catalogue, message
from qa.readers import Reading, Remark
from qa.readers.reading import printed
from qa.types import Clause, Document, Language

METADATA = ("title", "number", "issued", "issuer", "region")
"""What a policy should say about itself."""

_THIN = 0.9  # of the text; where clauses cover less, somebody should look
_LISTED = 20  # files that a page for people names of a kind; receipt.json names all


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is left out and what to do: in English, and by key and values where the
    catalogue has the texts."""

    where: str
    what: str
    remedy: str
    reason: str = ""
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, error: CorpusError, where: str = "") -> Refusal:
        """The refusal that an error tells of, ``where`` in place of the path on this machine."""
        values = tuple(error.values.items())
        return cls(where or error.where, error.what, error.remedy, error.reason, values)

    def told(self, language: Language) -> str:
        """The refusal as a sentence, in English where there is no text in ``language``."""
        what, remedy = self.what, self.remedy
        if f"refused.{self.reason}" in catalogue(language):
            what = message(language, f"refused.{self.reason}", **dict(self.values))
            remedy = message(language, f"remedy.{self.reason}", **dict(self.values))
        return message(language, "receipt.error", where=self.where, what=what, remedy=remedy)


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """What became of one file.

    Attributes:
        path: from the folder of the corpus on, with ``/``.
        document: the id of its document; empty where it was refused.
        refused: why it is left out; None where it was read.
        characters: printed ones of the text that is indexed.
        removed: printed ones that were left out as residue.
        covered: the share of ``characters`` in clauses, their headings or the title, in [0, 1].
        clauses: numbered ones; ``unnumbered`` counts the passages cut from text without numbers.
        missing: of ``METADATA``, what neither text nor sidecar says.
        duplicate_of: the document with the same words, which stands for this file, too.
    """

    path: str
    format: str = ""
    encoding: str = ""
    document: str = ""
    refused: Refusal | None = None
    characters: int = 0
    removed: int = 0
    covered: float = 0.0
    clauses: int = 0
    unnumbered: int = 0
    without_department: int = 0
    tables: int = 0
    missing: tuple[str, ...] = ()
    duplicate_of: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def indexed(self) -> bool:
        """Whether its own text is in the index."""
        return not self.refused and not self.duplicate_of

    def as_record(self) -> dict[str, Any]:
        """The receipt as JSON has it."""
        record = asdict(self)
        record["remarks"] = [
            {"key": remark.key, "values": dict(remark.values)} for remark in self.remarks
        ]
        if self.refused:
            record["refused"]["values"] = dict(self.refused.values)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FileReceipt:
        """The receipt that ``as_record`` wrote."""
        known = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        refused = known.get("refused")
        if refused:
            known["refused"] = Refusal(**{**refused, "values": _pairs(refused["values"])})
        known["missing"] = tuple(known.get("missing", ()))
        known["remarks"] = tuple(
            Remark(remark["key"], _pairs(remark["values"])) for remark in known.get("remarks", ())
        )
        return cls(**known)


def _pairs(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(values.items())


def file_receipt(
    path: str, reading: Reading, document: Document, clauses: Sequence[Clause]
) -> FileReceipt:
    """The receipt of a file that was read; ``clauses`` are all of its document, in order."""
    numbered = [clause for clause in clauses if not _is_cut(clause)]
    characters = printed(document.text)
    return FileReceipt(
        path=path,
        format=reading.format,
        encoding=reading.encoding,
        document=document.id,
        characters=characters,
        removed=max(0, reading.characters - characters),
        covered=round(covered(document, clauses), 4),
        clauses=len(numbered),
        unnumbered=len(clauses) - len(numbered),
        without_department=sum(not clause.departments for clause in numbered),
        tables=reading.tables,
        missing=tuple(name for name in METADATA if not getattr(document, name)),
        remarks=reading.remarks,
    )


def _is_cut(clause: Clause) -> bool:
    """Whether a clause was cut from text outside all numbered clauses."""
    return clause.id.partition("#")[2].startswith("+")


def refused_receipt(path: str, error: CorpusError) -> FileReceipt:
    """The receipt of a file that is left out."""
    return FileReceipt(path=path, refused=Refusal.of(error, path))


def covered(document: Document, clauses: Iterable[Clause]) -> float:
    """The share of the printed characters that stand in a clause, a heading above one or the
    title of the document, in [0, 1]."""
    total = printed(document.text)
    if not total:
        return 0.0
    inside = 0
    position = 0
    title = document.title if document.title in document.text else ""
    headings = {title: document.text.find(title)} if title else {}
    for clause in clauses:
        for heading in clause.path:
            headings.setdefault(heading, document.text.rfind(heading, 0, clause.start))
        start = max(position, clause.start)
        inside += printed(document.text[start : clause.end])
        position = max(position, clause.end)
    spans = [(clause.start, clause.end) for clause in clauses]
    inside += sum(
        printed(heading)
        for heading, start in headings.items()
        if start >= 0 and not any(first <= start < last for first, last in spans)
    )
    return min(1.0, inside / total)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of all files of a corpus."""

    files: tuple[FileReceipt, ...]
    companions: tuple[Refusal, ...] = ()

    @classmethod
    def of(
        cls,
        files: Iterable[FileReceipt],
        companions: Iterable[CorpusError] = (),
        duplicates: Mapping[str, str] | None = None,
    ) -> Receipt:
        """The receipt of a build; ``duplicates`` maps paths to the documents that they repeat."""
        repeated = duplicates or {}
        return cls(
            tuple(replace(file, duplicate_of=repeated.get(file.path, "")) for file in files),
            tuple(Refusal.of(error) for error in companions),
        )

    @property
    def refused(self) -> list[Refusal]:
        """All that is left out, policies first."""
        return [*(file.refused for file in self.files if file.refused), *self.companions]

    def totals(self) -> dict[str, Any]:
        """The figures of the whole build."""
        indexed = [file for file in self.files if file.indexed]
        characters = sum(file.characters for file in indexed)
        inside = sum(file.covered * file.characters for file in indexed)
        return {
            "files": len(self.files),
            "read": sum(not file.refused for file in self.files),
            "refused": sum(bool(file.refused) for file in self.files),
            "companions_refused": len(self.companions),
            "duplicates": sum(bool(file.duplicate_of) for file in self.files),
            "documents": len(indexed),
            "clauses": sum(file.clauses for file in indexed),
            "unnumbered": sum(file.unnumbered for file in indexed),
            "without_department": sum(file.without_department for file in indexed),
            "tables": sum(file.tables for file in indexed),
            "characters": characters,
            "covered": round(inside / characters, 4) if characters else 0.0,
            "formats": dict(Counter(file.format for file in self.files if file.format)),
            "encodings": dict(Counter(file.encoding for file in self.files if file.encoding)),
            "missing": dict(Counter(name for file in indexed for name in file.missing)),
        }

    def as_json(self) -> dict[str, Any]:
        """The receipt as a JSON object: ``totals``, ``files``, ``companions``."""
        return {
            "totals": self.totals(),
            "files": [file.as_record() for file in self.files],
            "companions": [
                {**asdict(refusal), "values": dict(refusal.values)} for refusal in self.companions
            ],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Receipt:
        """The receipt that ``as_json`` wrote."""
        return cls(
            tuple(FileReceipt.from_record(file) for file in record["files"]),
            tuple(
                Refusal(**{**refusal, "values": _pairs(refusal["values"])})
                for refusal in record["companions"]
            ),
        )

    def page(self, language: Language) -> str:
        """The receipt for people: what was read, what was left out, what is worth a look."""
        return "\n".join(self._lines(language))

    def _lines(self, language: Language) -> Iterator[str]:
        totals = self.totals()
        formats = ", ".join(f"{count} {name}" for name, count in sorted(totals["formats"].items()))
        yield message(language, "receipt.read", count=totals["read"], formats=formats)
        yield message(
            language,
            "receipt.documents",
            documents=totals["documents"],
            clauses=totals["clauses"],
            covered=_percent(totals["covered"]),
            tables=totals["tables"],
        )
        refused = [refusal.told(language) for refusal in self.refused]
        if not refused:
            yield message(language, "receipt.nothing_lost")
        yield from _listed(language, "receipt.refused", refused)
        yield from _listed(
            language,
            "receipt.duplicates",
            [
                message(language, "receipt.duplicate", path=file.path, document=file.duplicate_of)
                for file in self.files
                if file.duplicate_of
            ],
        )
        yield from _listed(
            language,
            "receipt.look",
            [
                message(language, "receipt.file", path=file.path, remarks="; ".join(words))
                for file in self.files
                if file.indexed and (words := list(_remarks(file, language)))
            ],
        )
        for name, count in totals["missing"].items():
            field = message(language, f"receipt.field.{name}")
            yield message(language, "receipt.missing_in", count=count, name=field)


def _listed(language: Language, heading: str, entries: list[str]) -> Iterator[str]:
    if not entries:
        return
    yield message(language, heading, count=len(entries))
    yield from (f"  {entry}" for entry in entries[:_LISTED])
    if len(entries) > _LISTED:
        yield "  " + message(language, "receipt.more", count=len(entries) - _LISTED)


def _remarks(file: FileReceipt, language: Language) -> Iterator[str]:
    """What is worth a look in a file that was read."""
    for remark in file.remarks:
        yield message(language, f"remark.{remark.key}", **dict(remark.values))
    if not file.clauses:
        yield message(language, "receipt.no_clauses")
    elif file.without_department:
        yield message(
            language,
            "receipt.no_departments",
            count=file.without_department,
            clauses=file.clauses,
        )
    if file.covered < _THIN:
        yield message(language, "receipt.uncovered", covered=_percent(file.covered))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
