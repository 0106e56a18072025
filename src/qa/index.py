"""The built artefact: its files, verified when opened. ``indexing.py`` writes them.

    index/
      CURRENT, …              which build is in use: see ``builds.py``
      <build>/manifest.json   format, model, corpus digest, and the SHA-256 of every file
      <build>/…               records, terms, vectors
      .building-…/            a build under way, or what a killed one left (removed by the next)

The name of a build is the digest of its contents: two builds of one corpus by one model have the
same name and the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.builds import held_corpus
from qa.corpus import corpus_digest
from qa.errors import IndexDamaged, IndexMissing, IndexStale, IndexUnusable
from qa.glossary import Glossary, Term
from qa.lexical import LexicalIndex
from qa.stores.faiss import FaissStore
from qa.types import Clause, Document, Language, Passage, Translation

FORMAT = 4
"""Raised with every change of what is stored or how texts are analysed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made from and what it consists of."""

    format: int
    model: str
    model_fingerprint: str
    dimension: int
    corpus_digest: str
    documents: int
    clauses: int
    passages: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """An opened index. Passages stand in the order of their clauses.

    ``passage_clause`` and ``passage_kind`` have one entry a passage; ``document_of`` one a clause.
    ``words`` holds the vectors of the vocabulary: its i-th vector is that of the term in row
    ``vocabulary[i]`` of ``terms``. ``outside`` holds the vectors of the questions that are known
    to have no answer in the document at the same position of ``outside_documents``.
    """

    manifest: Manifest
    folder: Path
    documents: tuple[Document, ...]
    clauses: tuple[Clause, ...]
    passages: tuple[Passage, ...]
    translations: dict[str, tuple[Translation, ...]]
    titles: dict[tuple[str, str], str]
    departments: Glossary
    glossary: Glossary
    store: FaissStore
    document_titles: FaissStore
    words: FaissStore
    vocabulary: NDArray[np.int32]
    outside: FaissStore
    outside_documents: NDArray[np.int32]
    terms: LexicalIndex
    document_terms: LexicalIndex

    def translation(self, clause: Clause, language: Language) -> Translation | None:
        """The translation of a clause into a language, where there is one."""
        group = self.translations.get(clause.id, ())
        return next((each for each in group if each.language == language), None)


def open_index(folder: Path) -> Index:
    """The index in use, every file of it verified.

    Raises:
        IndexMissing: there is none in ``folder``.
        IndexStale: it was written by another version of the product.
        IndexDamaged: a file is missing or not what the manifest says.
    """
    build = _current(folder)
    try:
        return _read(build)
    except IndexDamaged:
        if _current(folder) == build:
            raise
        return _read(_current(folder))  # a new build has just replaced the one that was read


def _read(build: Path) -> Index:
    try:
        return _load(build, _verified(build))
    except _UNREADABLE as error:
        raise IndexDamaged(build.parent, f"cannot be read ({error})", _REBUILD) from error


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


def _verified(build: Path) -> Manifest:
    """The manifest of a build, once all its files are found to be what they were."""
    raw = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    if raw.get("format") != FORMAT:
        raise IndexStale(build.parent, "was written by another version", _REBUILD)
    if build_name(build) != build.name:
        raise IndexDamaged(build / "manifest.json", "is not the file that was built", _REBUILD)
    manifest = Manifest(**raw)
    for name, digest in manifest.files.items():
        if file_digest(build / name) != digest:
            raise IndexDamaged(build / name, "is not the file that was built", _REBUILD)
    return manifest


def is_intact(build: Path) -> bool:
    try:
        return bool(_verified(build))
    except (IndexUnusable, *_UNREADABLE):
        return False


def build_name(build: Path) -> str:
    """The name of a build: the digest of its manifest, which holds the digests of all its files."""
    return file_digest(build / "manifest.json")[:16]


def check_model(index: Index, fingerprint: str) -> None:
    """Raises IndexStale where the index was built by another model than ``fingerprint``."""
    if index.manifest.model_fingerprint != fingerprint:
        raise IndexStale(index.folder, "was built by another model", _REBUILD)


def check_corpus(index: Index, corpus_folder: Path) -> None:
    """Raises IndexStale where the corpus has changed since the index was built, or since it was
    chosen by hand."""
    known = {index.manifest.corpus_digest, held_corpus(index.folder.parent)}
    if corpus_digest(corpus_folder) not in known:
        raise IndexStale(index.folder, "was built before the corpus changed", _REBUILD)


_REBUILD = "run: python build_index.py"


def _current(folder: Path) -> Path:
    try:
        name = (folder / "CURRENT").read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise IndexMissing(folder, "holds no index", _REBUILD) from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(folder, f"cannot be read ({error})", _REBUILD) from error
    if not name.isalnum() or not (folder / name).is_dir():
        raise IndexDamaged(folder / "CURRENT", "names no build", _REBUILD)
    return folder / name


def _load(build: Path, manifest: Manifest) -> Index:
    documents = tuple(_document(record) for record in _read_lines(build / "documents.jsonl"))
    texts = {document.id: document.text for document in documents}
    translations: dict[str, list[Translation]] = {}
    for record in _read_lines(build / "translations.jsonl"):
        record["sentences"] = tuple(record["sentences"])
        translations.setdefault(record["clause_id"], []).append(Translation(**record))
    return Index(
        manifest=manifest,
        folder=build,
        documents=documents,
        clauses=tuple(_clause(record, texts) for record in _read_lines(build / "clauses.jsonl")),
        passages=tuple(Passage(**record) for record in _read_lines(build / "passages.jsonl")),
        translations={clause: tuple(group) for clause, group in translations.items()},
        titles={
            (record["document_id"], record["language"]): record["title"]
            for record in _read_lines(build / "titles.jsonl")
        },
        departments=Glossary(_terms(build / "departments.jsonl")),
        glossary=Glossary(_terms(build / "glossary.jsonl")),
        store=FaissStore.load(build / "passages.faiss"),
        document_titles=FaissStore.load(build / "titles.faiss"),
        words=FaissStore.load(build / "words.faiss"),
        vocabulary=np.load(build / "vocabulary.npy", allow_pickle=False),
        outside=FaissStore.load(build / "outside.faiss"),
        outside_documents=np.load(build / "outside.npy", allow_pickle=False),
        terms=LexicalIndex.load(build, "passages"),
        document_terms=LexicalIndex.load(build, "documents"),
    )


def _document(record: dict[str, Any]) -> Document:
    lists = {name: tuple(record[name]) for name in ("replaces", "sources")}
    return Document(**{**record, **lists})


def _clause(record: dict[str, Any], texts: dict[str, str]) -> Clause:
    text = texts[record["document_id"]][record["start"] : record["end"]]
    lists = {name: tuple(record[name]) for name in ("path", "departments", "lead")}
    notes = tuple((start, end) for start, end in record["notes"])
    return Clause(**{**record, **lists, "notes": notes, "text": text})


def _terms(path: Path) -> Iterator[Term]:
    for record in _read_lines(path):
        aliases = tuple((language, name) for language, name in record["aliases"])
        yield Term(record["zh"], record["en"], record["ko"], aliases, record.get("telephone", ""))


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
