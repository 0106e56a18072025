"""A corpus → an index on the disk: written beside the one in use, swapped in by one rename."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.alignment import clause_translations, clause_wordings, unmatched
from qa.analysis import analyse
from qa.builds import build_lock, put_in_use
from qa.clauses import remainder, split
from qa.config import portable_model
from qa.corpus import Corpus, read_corpus
from qa.encoder import Encoder
from qa.errors import CorpusError, PolicyError
from qa.glossary import Glossary, builtin_terms
from qa.index import FORMAT, Manifest, build_name, file_digest, is_intact
from qa.lexical import LexicalIndex
from qa.passages import passages, unnumbered_clauses
from qa.stores.faiss import FaissStore
from qa.types import Clause, Passage, Translation

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) while an index is built."""


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
        with build_lock(index_folder):
            clauses = _clauses(corpus, report)
            manifest = _build(corpus, clauses, index_folder, encoder, report)
            return manifest, (*corpus.problems, *unmatched(corpus, clauses))
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
    folder.chmod(0o755)  # who builds is not always who serves
    try:
        manifest = _write(corpus, clauses, folder, encoder, report)
        name = build_name(folder)
        target = index_folder / name
        if is_intact(target):  # nothing has changed: the build in use stays where it is
            shutil.rmtree(folder)
        else:
            shutil.rmtree(target, ignore_errors=True)  # what is left of it
            folder.rename(target)
        put_in_use(index_folder, name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    report("done", 1, 1)
    return manifest


def _write(
    corpus: Corpus, clauses: Sequence[Clause], folder: Path, encoder: Encoder, report: Progress
) -> Manifest:
    translations = clause_translations(corpus, clauses)
    documents = {document.id: document for document in corpus.documents}
    all_passages = list(
        passages(clauses, documents, translations, clause_wordings(corpus, clauses))
    )
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
        model=portable_model(encoder.name),
        model_fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        corpus_digest=corpus.digest,
        documents=len(corpus.documents),
        clauses=len(clauses),
        passages=len(all_passages),
        files={path.name: file_digest(path) for path in sorted(folder.iterdir())},
    )


def _clauses(corpus: Corpus, report: Progress) -> list[Clause]:
    clauses: list[Clause] = []
    for done, document in enumerate(corpus.documents, start=1):
        numbered = split(document)
        outside = unnumbered_clauses(document, remainder(document, numbered))
        clauses += sorted((*numbered, *outside), key=lambda clause: clause.start)
        report("clauses", done, len(corpus.documents))
    return clauses


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


def _write_lines(path: Path, records: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{_json(record)}\n" for record in records)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent)


def _flush(path: Path) -> None:
    """Waits until the file is on the disk: CURRENT must never name a build that is not."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
