"""A corpus → an index on the disk: written beside the one in use, swapped in by one rename.

    scan ──▶ read: parse what is new ──▶ unite, resolve ──▶ terms: analyse what is new
         ──▶ vectors: embed what is new ──▶ index: assemble all ──▶ put in use

What is worked out of a document is kept in ``cache.db`` beside the builds, by the contents that it
depends on: a build does only what no build before it has done, and one that was killed is taken up
where it was. What comes out is the same whether the cache was full, empty or damaged.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qa.assembly import Same, Shards, assemble
from qa.builds import build_lock, current_name, put_in_use
from qa.cache import Cache
from qa.config import Settings, portable_model
from qa.corpus import Corpus, SourceFile, Wording, corpus_digest, read_companions, scan, unite
from qa.encoder import Encoder
from qa.errors import CorpusError, PolicyError, StoreUnavailable
from qa.glossary import Term, builtin_terms
from qa.index import FORMAT, Manifest, build_name, file_digest, has_postings, is_intact, stores_in
from qa.readers import refusal
from qa.receipt import FileReceipt, Receipt, refused_receipt
from qa.shards import (
    Analysed,
    AnalysedHead,
    Embedded,
    Parsed,
    ParsedHead,
    embed,
    key,
    parse,
    title_of,
)
from qa.status import resolve
from qa.stores.faiss import EXACT_UP_TO
from qa.types import Document
from qa.workers import analyse_all, parse_all

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) while an index is built: ``read`` files, ``terms`` and ``vectors``
documents, ``index`` documents, ``done``."""


class Built(NamedTuple):
    """What a build made: the manifest of the index, and what became of every file."""

    manifest: Manifest
    receipt: Receipt


def build_index(
    corpus_folder: Path,
    index_folder: Path,
    encoder: Encoder,
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    store: str | None = None,
    compressed: bool = False,
) -> Built:
    """Builds an index of a corpus and puts it in use; the one in use stays until then.

    Args:
        workers: processes that parse and analyse; as many as there are processors where it is
            None. For little work none is started. Each imports the main module again: a script
            that builds needs ``if __name__ == "__main__":``.
        store: the engine for vectors and terms, empty for the folder; the setting where it is None.
        compressed: whether vectors are compressed even where they are few: for a part of many.

    Raises:
        StoreUnavailable: the engine does not answer; the index in use stays.
        CorpusError: there is nothing to index.
        BuildInProgress: another process builds into the same folder.
        PolicyError: the disk is full or the folder cannot be written.
    """
    report = progress or _silent
    store = Settings.from_environment().store if store is None else store
    report("read", 0, 1)
    sources = scan(corpus_folder)
    digest = corpus_digest(corpus_folder, sources)
    try:
        with build_lock(index_folder), Cache(index_folder / "cache.db") as cache:
            build = _Build(corpus_folder, encoder, cache, report, workers, store, compressed)
            return build.run(sources, digest, index_folder)
    except OSError as error:
        raise PolicyError(
            index_folder,
            f"cannot be written ({error.strerror or error})",
            "make room on the disk or choose another folder with --index; the old index is still in use",
        ) from error


def _silent(_stage: str, _done: int, _total: int) -> None:
    """The progress that nobody watches."""


NO_COMPANIONS = Corpus((), (), (), (), (), "")


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the corpus, its name there, and the key of what was parsed of it."""

    path: Path
    name: str
    parsed: bytes


@dataclass(frozen=True, slots=True)
class _Work:
    """A document under way: its file and that file's name in the corpus, its heading as the index
    has it, its companions, and the keys of its results."""

    path: Path
    name: str
    heading: Document
    parsed: bytes
    companions: Corpus = NO_COMPANIONS
    analysed: bytes = b""
    embedded: bytes = b""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a build is written from: documents with the numbers of their passages, the tables of the
    corpus, what became of its files."""

    works: Sequence[_Work]
    passages: Sequence[int]
    companions: Corpus
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A build before, and its documents by the keys of what was analysed of them."""

    build: Path
    documents: Mapping[bytes, Same]


_FEW_CHANGED = 0.05
"""Share of new and lost documents up to which the terms of the others are copied."""


class _Build:
    """One build: its parts share the corpus, the model, the cache and the progress."""

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        cache: Cache,
        report: Progress,
        workers: int | None,
        store: str,
        compressed: bool,
    ) -> None:
        self._folder, self._encoder, self._cache = folder, encoder, cache
        self._report, self._workers, self._store = report, workers, store
        self._terms: tuple[Term, ...] = ()
        self._compressed = compressed

    def run(self, sources: Sequence[SourceFile], digest: str, index_folder: Path) -> Built:
        """All steps; the last puts the build in use."""
        files = self._read(sources)
        works, receipts, duplicates = self._unite(files)
        companions = read_companions(self._folder, {work.heading.id for work in works})
        self._terms = (*builtin_terms(), *companions.glossary)
        works = self._analyse(works, companions)
        heads = [AnalysedHead.read(self._head_of(work)) for work in works]
        self._compressed |= sum(head.passages for head in heads) > EXACT_UP_TO
        works = self._embed(works)
        unmatched = [error for head in heads for error in head.unmatched]
        receipt = Receipt.of(receipts, [*companions.problems, *unmatched], duplicates)
        passages = [head.passages for head in heads]
        parts = _Parts(works, passages, replace(companions, digest=digest), receipt)
        manifest, used = self._put_in_use(parts, index_folder)
        kept = {key for work in works for key in (work.parsed, work.analysed, work.embedded)}
        self._cache.keep_only({*kept, *used, *(file.parsed for file in files)})
        self._report("done", 1, 1)
        return Built(manifest, receipt)

    # --- read

    def _read(self, sources: Sequence[SourceFile]) -> list[_File]:
        """All files, parsed now or before."""
        files = []
        for source in sources:
            name = source.path.relative_to(self._folder).as_posix()
            files.append(_File(source.path, name, _parsed_key(name, source.digest)))
        missing = [i for i, file in enumerate(files) if self._cache.head(file.parsed) is None]
        done = len(files) - len(missing)
        self._report("read", done, len(files))
        tasks = [(files[i].path, files[i].name) for i in missing]
        size = sum(_size(path) for path, _ in tasks)
        for i, (digest, head, data) in zip(
            missing, parse_all(tasks, size, self._workers), strict=True
        ):
            # Somebody may have written to the file since it was looked at.
            files[i] = replace(files[i], parsed=_parsed_key(files[i].name, digest))
            self._cache.put(files[i].parsed, data, head)
            done += 1
            self._report("read", done, len(files))
        return files

    def _unite(
        self, files: Sequence[_File]
    ) -> tuple[list[_Work], list[FileReceipt], dict[str, str]]:
        """The documents of the corpus in order, the receipts of all files, and for each that
        repeats a document the id of that one."""
        heads = {file.path: ParsedHead.read(self._head_of(file)) for file in files}
        found = [(path, head.heading) for path, head in heads.items() if head.heading]
        documents, repeated, refused = unite(found, {path: h.words for path, h in heads.items()})
        refusals = {error.where: error for error in refused}
        receipts = [
            refused_receipt(file.name, refusals[str(file.path)])
            if str(file.path) in refusals
            else heads[file.path].receipt
            for file in files
        ]
        if not documents:
            raise _no_policy(self._folder, receipts)
        kept = {
            head.heading.id: file
            for file, head in zip(reversed(files), reversed(heads.values()), strict=True)
            if head.heading and file.path not in repeated and str(file.path) not in refusals
        }
        works = [
            _Work(kept[each.id].path, kept[each.id].name, each, kept[each.id].parsed)
            for each in resolve(documents)
        ]
        names = {file.path: file.name for file in files}
        return works, receipts, {names[path]: first for path, first in repeated.items()}

    # --- terms and vectors

    def _analyse(self, works: Sequence[_Work], companions: Corpus) -> list[_Work]:
        """The documents with their companions and the key of their passages and terms."""
        of_document = _by_document(companions)
        terms = key("glossary", *self._terms)
        works = [
            replace(
                work,
                companions=(own := of_document.get(work.heading.id, NO_COMPANIONS)),
                analysed=key("analysed", work.parsed, own, terms),
            )
            for work in works
        ]
        missing = [work for work in works if self._cache.head(work.analysed) is None]
        done = len(works) - len(missing)
        self._report("terms", done, len(works))
        tasks = ((self._parsed_data(work), work.heading, work.companions) for work in missing)
        size = sum(_size(work.path) for work in missing)
        results = analyse_all(tasks, self._terms, size, self._workers)
        for work, (head, data) in zip(missing, results, strict=True):
            self._cache.put(work.analysed, data, head)
            done += 1
            self._report("terms", done, len(works))
        return works

    def _embed(self, works: Sequence[_Work]) -> list[_Work]:
        """The documents with the key of their vectors."""
        model = self._encoder.fingerprint
        works = [
            replace(
                work,
                embedded=key("embedded", work.parsed, work.companions, model, self._compressed),
            )
            for work in works
        ]
        missing = [work for work in works if self._cache.head(work.embedded) is None]
        done = len(works) - len(missing)
        self._report("vectors", done, len(works))
        for work in missing:
            self._embedded(work)
            done += 1
            self._report("vectors", done, len(works))
        return works

    # --- results, from the cache or worked out now

    def _head_of(self, work: _File | _Work) -> bytes:
        """The head of the last result of a file or document."""
        wanted = work.analysed if isinstance(work, _Work) else work.parsed
        head = self._cache.head(wanted)
        if head is None and isinstance(work, _Work):
            self._analysed(work)
        elif head is None:
            self._parsed_data(work)
        return head if head is not None else self._cache.head(wanted) or b""

    def _parsed_data(self, work: _File | _Work) -> bytes:
        data = self._cache.get(work.parsed)
        if data is None:
            _, head, data = parse(work.path, work.name)
            self._cache.put(work.parsed, data, head)
        return data

    def _parsed(self, work: _Work) -> Parsed:
        return Parsed.read(self._parsed_data(work))

    def _analysed(self, work: _Work) -> Analysed:
        data = self._cache.get(work.analysed)
        if data is None:
            task = (self._parsed_data(work), work.heading, work.companions)
            ((head, data),) = analyse_all([task], self._terms, 0, 1)
            self._cache.put(work.analysed, data, head)
        return Analysed.read(data)

    def _embedded(self, work: _Work) -> Embedded:
        data = self._cache.get(work.embedded)
        if data is None:
            title = title_of(work.heading, self._parsed(work))
            data = embed(title, self._analysed(work), self._encoder, self._compressed)
            self._cache.put(work.embedded, data)
        return Embedded.read(data)

    # --- the build

    def _put_in_use(self, parts: _Parts, index_folder: Path) -> tuple[Manifest, list[bytes]]:
        for left_over in index_folder.glob(".building-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".building-", dir=index_folder))
        folder.chmod(0o755)  # who builds is not always who serves
        try:
            manifest, used = self._write(folder, parts, self._earlier(index_folder, parts))
            name = build_name(folder)
            target = index_folder / name
            if is_intact(target):  # nothing has changed: the build in use stays where it is
                shutil.rmtree(folder)
            else:
                shutil.rmtree(target, ignore_errors=True)  # what is left of it
                folder.rename(target)
            put_in_use(index_folder, name)
            used.append(self._remember(name, parts))
            self._remove_unused(index_folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return manifest, used

    def _move_passages(self, build: Path) -> str:
        """Moves what is searched to the engine, if there is one; what opens it there."""
        if not self._store:
            return ""
        from qa.stores.remote import move_passages

        return move_passages(self._store, build.parent, build, self._encoder.dimension)

    def _remove_unused(self, index_folder: Path) -> None:
        if self._store:
            from qa.stores.milvus import remove_unused

            with suppress(StoreUnavailable):  # the next build tries again
                remove_unused(self._store, index_folder, stores_in(index_folder))

    def _remember(self, build: str, parts: _Parts) -> bytes:
        """Keeps which documents a build is made of; the key of that."""
        wanted = key("documents of", build)
        sizes = np.array(parts.passages, np.int64).tobytes()
        self._cache.put(wanted, b"".join(work.analysed for work in parts.works), sizes)
        return wanted

    def _earlier(self, index_folder: Path, parts: _Parts) -> _Earlier | None:
        """The build in use with its documents, where most of the new ones are among them."""
        build = index_folder / current_name(index_folder)
        wanted = key("documents of", build.name)
        documents, sizes = self._cache.get(wanted), self._cache.head(wanted)
        if not documents or sizes is None or not has_postings(build):
            return None
        names = [documents[i : i + len(wanted)] for i in range(0, len(documents), len(wanted))]
        borders = np.cumsum([0, *np.frombuffer(sizes, np.int64).tolist()]).tolist()
        known = {
            name: Same(place, range(*borders[place : place + 2]))
            for place, name in enumerate(names)
        }
        new = sum(work.analysed not in known for work in parts.works)
        gone = len(known.keys() - {work.analysed for work in parts.works})
        return _Earlier(build, known) if new + gone <= _FEW_CHANGED * len(names) else None

    def _write(
        self, folder: Path, parts: _Parts, earlier: _Earlier | None
    ) -> tuple[Manifest, list[bytes]]:
        works = parts.works
        shards = [
            Shards(
                work.heading,
                partial(self._parsed, work),
                partial(self._analysed, work),
                partial(self._embedded, work),
                earlier.documents.get(work.analysed) if earlier else None,
            )
            for work in works
        ]
        clauses, passages, used = assemble(
            folder,
            shards,
            parts.companions,
            self._terms,
            self._encoder,
            self._compressed,
            self._cache,
            lambda done: self._report("index", done, len(works)),
            earlier.build if earlier else None,
        )
        _write_json(folder / "receipt.json", parts.receipt.as_json())
        reference = self._move_passages(folder)
        manifest = Manifest(
            format=FORMAT,
            model=portable_model(self._encoder.name),
            model_fingerprint=self._encoder.fingerprint,
            dimension=self._encoder.dimension,
            corpus_digest=parts.companions.digest,
            documents=len(works),
            clauses=clauses,
            passages=passages,
            store=reference,
            files={
                path.name: (path.stat().st_size, file_digest(path))
                for path in sorted(folder.iterdir())
            },
        )
        _write_json(folder / "manifest.json", asdict(manifest))
        for path in folder.iterdir():
            _flush(path)
        return manifest, used


def _parsed_key(name: str, digest: str) -> bytes:
    return key("parsed", name, digest)


def _by_document(companions: Corpus) -> dict[str, Corpus]:
    """The translations and wordings of each document that has some."""
    found: dict[str, Corpus] = {}
    for translation in companions.translations:
        own = found.setdefault(translation.document_id, NO_COMPANIONS)
        own = replace(own, translations=(*own.translations, translation))
        found[translation.document_id] = own
    wordings: dict[str, list[Wording]] = {}
    for wording in companions.wordings:
        wordings.setdefault(wording.document_id, []).append(wording)
    for document_id, group in wordings.items():
        own = found.get(document_id, NO_COMPANIONS)
        found[document_id] = replace(own, wordings=tuple(group))
    return found


def _no_policy(folder: Path, receipts: Iterable[FileReceipt]) -> CorpusError:
    details = "".join(f"\n  {each.refused.told('en')}" for each in receipts if each.refused)
    return refusal(folder, "no_policy", details=details)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _write_json(path: Path, record: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(record, ensure_ascii=False, sort_keys=True, indent=1),
        encoding="utf-8",
        errors="surrogatepass",
        newline="\n",
    )


def _flush(path: Path) -> None:
    """Waits until the file is on the disk: CURRENT must never name a build that is not."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
