"""The built artefact: written beside, swapped in atomically, verified when opened.

    index/
      CURRENT                 the name of the build in use, replaced in one step
      <build>/manifest.json   format, model, corpus digest, and the SHA-256 of every file
      <build>/…               records, terms, vectors
      .building-…/            a build under way, or what a killed one left (removed by the next)

The name of a build is the digest of its contents: two builds of one corpus by one model have the
same name and the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from qa.analysis import analyse
from qa.clauses import remainder, split
from qa.corpus import Corpus, DocumentTranslation, Wording, corpus_digest, read_corpus
from qa.encoder import Encoder
from qa.errors import (
    BuildInProgress,
    CorpusError,
    IndexDamaged,
    IndexMissing,
    IndexStale,
    IndexUnusable,
    PolicyError,
)
from qa.glossary import Glossary, Term, builtin_terms
from qa.lexical import LexicalIndex
from qa.passages import clause_sentences, passages, unnumbered_clauses
from qa.stores.faiss import FaissStore
from qa.types import Clause, Document, Passage, Translation

FORMAT = 1
"""Raised with every change of what is stored or how texts are analysed."""

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) while an index is built."""


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


def build_index(
    corpus_folder: Path, index_folder: Path, encoder: Encoder, progress: Progress | None = None
) -> tuple[Manifest, tuple[CorpusError, ...]]:
    """Builds an index of a corpus and puts it in use; the one in use stays until then.

    Returns:
        The manifest, and the files of the corpus that were left out.

    Raises:
        CorpusError: there is nothing to index.
        BuildInProgress: another process builds into the same folder.
        PolicyError: the disk is full or the folder cannot be written.
    """
    report = progress or _silent
    report("read", 0, 1)
    corpus = read_corpus(corpus_folder)
    try:
        index_folder.mkdir(parents=True, exist_ok=True)
        with FileLock(index_folder / ".lock", timeout=0):
            clauses = _clauses(corpus, report)
            manifest = _build(corpus, clauses, index_folder, encoder, report)
            return manifest, (*corpus.problems, *_unmatched(corpus, clauses))
    except Timeout as error:
        raise BuildInProgress(
            index_folder, "is being built by another process", "wait until it has finished"
        ) from error
    except OSError as error:
        raise PolicyError(
            index_folder,
            f"cannot be written ({error.strerror or error})",
            "make room on the disk or choose another folder with --index; the old index is still in use",
        ) from error


def _silent(_stage: str, _done: int, _total: int) -> None:
    """The progress that nobody watches."""


def _build(
    corpus: Corpus,
    clauses: Sequence[Clause],
    index_folder: Path,
    encoder: Encoder,
    report: Progress,
) -> Manifest:
    for left_over in index_folder.glob(".building-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".building-", dir=index_folder))
    try:
        manifest = _write(corpus, clauses, folder, encoder, report)
        name = _name(folder)
        target = index_folder / name
        if _is_intact(target):  # nothing has changed: the build in use stays where it is
            shutil.rmtree(folder)
        else:
            shutil.rmtree(target, ignore_errors=True)  # what is left of it
            folder.rename(target)
        _replace_text(index_folder / "CURRENT", name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for other in index_folder.iterdir():
        if other.is_dir() and other.name != name and (other / "manifest.json").exists():
            shutil.rmtree(other, ignore_errors=True)
    report("done", 1, 1)
    return manifest


def _write(
    corpus: Corpus, clauses: Sequence[Clause], folder: Path, encoder: Encoder, report: Progress
) -> Manifest:
    translations = _translations(corpus, clauses)
    documents = {document.id: document for document in corpus.documents}
    all_passages = list(passages(clauses, documents, translations, _wordings(corpus, clauses)))
    glossary = Glossary((*builtin_terms(), *corpus.glossary))
    _write_records(folder, corpus, clauses, all_passages, translations)
    terms, surfaces = _index_terms(all_passages, glossary, report)
    terms.save(folder, "passages")
    _document_terms(corpus, glossary).save(folder, "documents")
    vocabulary = [row for row, term in enumerate(terms.terms()) if term in surfaces]
    np.save(folder / "vocabulary.npy", np.array(vocabulary, np.int32))
    outside = _write_outside(folder, corpus)
    names = terms.terms()
    for name, texts in (
        ("passages", [passage.text for passage in all_passages]),
        ("titles", _document_titles(corpus)),
        ("words", [surfaces[names[row]] for row in vocabulary]),
        ("outside", outside),
    ):
        vectors = _encode(encoder, texts, report)
        FaissStore.build(vectors).save(folder / f"{name}.faiss")
    manifest = _describe(folder, corpus, clauses, all_passages, encoder)
    (folder / "manifest.json").write_text(_json(asdict(manifest), indent=1), encoding="utf-8")
    for path in folder.iterdir():
        _flush(path)
    return manifest


def _write_outside(folder: Path, corpus: Corpus) -> list[str]:
    """The questions known to have no answer; the positions of their documents are written."""
    outside = [wording for wording in corpus.wordings if not wording.clause]
    order = {document.id: position for position, document in enumerate(corpus.documents)}
    positions = [order[wording.document_id] for wording in outside]
    np.save(folder / "outside.npy", np.array(positions, np.int32))
    return [wording.question for wording in outside]


def _describe(
    folder: Path,
    corpus: Corpus,
    clauses: Sequence[Clause],
    all_passages: Sequence[Passage],
    encoder: Encoder,
) -> Manifest:
    return Manifest(
        format=FORMAT,
        model=encoder.name,
        model_fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        corpus_digest=corpus.digest,
        documents=len(corpus.documents),
        clauses=len(clauses),
        passages=len(all_passages),
        files={path.name: _digest(path) for path in sorted(folder.iterdir())},
    )


def _clauses(corpus: Corpus, report: Progress) -> list[Clause]:
    clauses: list[Clause] = []
    for done, document in enumerate(corpus.documents, start=1):
        numbered = split(document)
        outside = unnumbered_clauses(document, remainder(document, numbered))
        clauses += sorted((*numbered, *outside), key=lambda clause: clause.start)
        report("clauses", done, len(corpus.documents))
    return clauses


def _clause_keys(clauses: Sequence[Clause]) -> dict[tuple[str, str], Clause]:
    """Clauses by document and printed number, and by document and path of numbers (一/（二）)."""
    keys: dict[tuple[str, str], Clause] = {}
    for clause in reversed(clauses):
        if clause.number:
            keys[clause.document_id, clause.number] = clause
            keys[clause.document_id, clause.id.partition("#")[2]] = clause
    return keys


def _translations(corpus: Corpus, clauses: Sequence[Clause]) -> dict[str, list[Translation]]:
    """Translations by clause id; a block belongs to the clause with its number or its path."""
    found: dict[str, list[Translation]] = {}
    keys = _clause_keys(clauses)
    languages = {document.id: document.language for document in corpus.documents}
    for document_translation in corpus.translations:
        language = languages[document_translation.document_id]
        for block in document_translation.clauses:
            clause = keys.get((document_translation.document_id, block.number))
            if clause is None:
                continue
            found.setdefault(clause.id, []).append(
                Translation(
                    clause.id,
                    document_translation.language,
                    block.title,
                    block.sentences,
                    block.note,
                    aligned=len(block.sentences) == len(clause_sentences(clause, language)),
                )
            )
        preamble = _preamble_translation(document_translation, clauses)
        if preamble:
            found.setdefault(preamble.clause_id, []).append(preamble)
    return found


def _unmatched(corpus: Corpus, clauses: Sequence[Clause]) -> Iterator[CorpusError]:
    """The translations and wordings that name a clause which their policy does not have."""
    keys = _clause_keys(clauses)
    blocks = [
        ("translation", t.document_id, b.number) for t in corpus.translations for b in t.clauses
    ]
    rows = [("wordings", w.document_id, w.clause) for w in corpus.wordings if w.clause]
    for kind, document, number in dict.fromkeys((*blocks, *rows)):
        if (document, number) not in keys:
            yield CorpusError(
                f"the {kind} of {document}",
                f"name the clause {number!r}, which it does not have",
                "write the number as printed; `python -m qa clauses` shows them",
            )


def _wordings(corpus: Corpus, clauses: Sequence[Clause]) -> dict[str, list[Wording]]:
    """Wordings by clause id; those that name no clause of their document are left out."""
    keys = _clause_keys(clauses)
    found: dict[str, list[Wording]] = {}
    for wording in corpus.wordings:
        clause = keys.get((wording.document_id, wording.clause))
        if clause is not None:
            found.setdefault(clause.id, []).append(wording)
    return found


def _preamble_translation(
    translation: DocumentTranslation, clauses: Sequence[Clause]
) -> Translation | None:
    first = next((c for c in clauses if c.document_id == translation.document_id), None)
    if first is None or first.number or not translation.preamble:
        return None
    return Translation(first.id, translation.language, "", translation.preamble, aligned=False)


def _index_terms(
    all_passages: Sequence[Passage], glossary: Glossary, report: Progress
) -> tuple[LexicalIndex, dict[str, str]]:
    surfaces: dict[str, str] = {}

    def counts() -> Iterator[dict[str, int]]:
        for done, passage in enumerate(all_passages, start=1):
            analysis = analyse(passage.text, glossary)
            for term, surface in analysis.surfaces.items():
                surfaces.setdefault(term, surface)
            if done % 500 == 0 or done == len(all_passages):
                report("terms", done, len(all_passages))
            yield analysis.terms

    return LexicalIndex.build(counts()), surfaces


def _document_titles(corpus: Corpus) -> list[str]:
    return [document.title or document.text[:40] for document in corpus.documents]


def _document_terms(corpus: Corpus, glossary: Glossary) -> LexicalIndex:
    """Two texts a document: its title (even columns), and all of it (odd columns)."""
    titles = {document.id: [document.title] for document in corpus.documents}
    for translation in corpus.translations:
        titles[translation.document_id].append(translation.title)
    texts = (
        text
        for document in corpus.documents
        for text in (" | ".join(titles[document.id]), document.text)
    )
    return LexicalIndex.build(analyse(text, glossary).terms for text in texts)


def _encode(encoder: Encoder, texts: Sequence[str], report: Progress) -> NDArray[np.float32]:
    """Vectors of ``texts``, in steps that a progress bar can follow."""
    step = 2048
    parts = [np.zeros((0, encoder.dimension), np.float32)]
    for start in range(0, len(texts), step):
        parts.append(encoder.encode(texts[start : start + step]))
        report("vectors", min(start + step, len(texts)), len(texts))
    return np.concatenate(parts)


def _write_records(
    folder: Path,
    corpus: Corpus,
    clauses: Sequence[Clause],
    all_passages: Sequence[Passage],
    translations: dict[str, list[Translation]],
) -> None:
    _write_lines(folder / "documents.jsonl", (asdict(document) for document in corpus.documents))
    # The text of a clause is a slice of its document: it is not stored twice.
    _write_lines(folder / "clauses.jsonl", (asdict(replace(clause, text="")) for clause in clauses))
    _write_lines(folder / "passages.jsonl", (asdict(passage) for passage in all_passages))
    _write_lines(
        folder / "translations.jsonl",
        (asdict(translation) for group in translations.values() for translation in group),
    )
    _write_lines(
        folder / "titles.jsonl",
        (
            {"document_id": t.document_id, "language": t.language, "title": t.title}
            for t in corpus.translations
        ),
    )
    _write_lines(folder / "departments.jsonl", (asdict(term) for term in corpus.departments))
    _write_lines(
        folder / "glossary.jsonl", (asdict(t) for t in (*builtin_terms(), *corpus.glossary))
    )


def open_index(folder: Path) -> Index:
    """The index in use, every file of it verified.

    Raises:
        IndexMissing: there is none in ``folder``.
        IndexStale: it was written by another version of the product.
        IndexDamaged: a file is missing or not what the manifest says.
    """
    build = _current(folder)
    try:
        return _load(build, _verified(build))
    except _UNREADABLE as error:
        raise IndexDamaged(folder, f"cannot be read ({error})", _REBUILD) from error


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


def _verified(build: Path) -> Manifest:
    """The manifest of a build, once all its files are found to be what they were."""
    raw = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    if raw.get("format") != FORMAT:
        raise IndexStale(build.parent, "was written by another version", _REBUILD)
    if _name(build) != build.name:
        raise IndexDamaged(build / "manifest.json", "is not the file that was built", _REBUILD)
    manifest = Manifest(**raw)
    for name, digest in manifest.files.items():
        if _digest(build / name) != digest:
            raise IndexDamaged(build / name, "is not the file that was built", _REBUILD)
    return manifest


def _is_intact(build: Path) -> bool:
    try:
        return bool(_verified(build))
    except (IndexUnusable, *_UNREADABLE):
        return False


def _name(build: Path) -> str:
    """The name of a build: the digest of its manifest, which holds the digests of all its files."""
    return _digest(build / "manifest.json")[:16]


def check_model(index: Index, fingerprint: str) -> None:
    """Raises IndexStale where the index was built by another model than ``fingerprint``."""
    if index.manifest.model_fingerprint != fingerprint:
        raise IndexStale(index.folder, "was built by another model", _REBUILD)


def check_corpus(index: Index, corpus_folder: Path) -> None:
    """Raises IndexStale where the corpus has changed since the index was built."""
    if index.manifest.corpus_digest != corpus_digest(corpus_folder):
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
    documents = tuple(Document(**record) for record in _read_lines(build / "documents.jsonl"))
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


def _clause(record: dict[str, Any], texts: dict[str, str]) -> Clause:
    text = texts[record["document_id"]][record["start"] : record["end"]]
    lists = {name: tuple(record[name]) for name in ("path", "departments", "lead")}
    notes = tuple((start, end) for start, end in record["notes"])
    return Clause(**{**record, **lists, "notes": notes, "text": text})


def _terms(path: Path) -> Iterator[Term]:
    for record in _read_lines(path):
        aliases = tuple((language, name) for language, name in record["aliases"])
        yield Term(record["zh"], record["en"], record["ko"], aliases)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent)


def _write_lines(path: Path, records: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{_json(record)}\n" for record in records)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Waits until the file is on the disk: CURRENT must never name a build that is not."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace_text(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
