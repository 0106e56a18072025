"""The built artefact: its files, verified when opened, read on demand. ``indexing.py`` writes them.

    index/
      CURRENT, …              which build is in use: see ``builds.py``
      cache.db                what builds have worked out, for the next: see ``cache.py``
      <build>/manifest.json   format, model, corpus digest; size and digest of every file
      <build>/…               records, terms, vectors: memory-mapped (see ``records.py``)
      .building-…/            a build under way, or what a killed one left (removed by the next)

The name of a build is the digest of its contents: two builds of one corpus by one model have the
same name and the same bytes.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from qa.builds import held_corpus
from qa.config import Settings
from qa.errors import IndexDamaged, IndexMissing, IndexStale, IndexUnusable
from qa.glossary import Glossary, Term
from qa.lexical import LexicalIndex
from qa.records import (
    Names,
    Records,
    Texts,
    clause_of,
    document_of,
    read_array,
    read_json,
)
from qa.stores import Engine
from qa.stores.faiss import FaissStore
from qa.stores.local import LocalEngine
from qa.types import (
    LANGUAGES,
    PASSAGE_KINDS,
    Clause,
    Document,
    Language,
    Passage,
    Provision,
    Translation,
)

FORMAT = 6
"""Raised with every change of what is stored or how texts are analysed."""

VERIFIED_AT_ONCE = 1 << 28
"""Bytes of a build that are verified before it is used: a tenth of a second. Beyond, the small
files are, and a thread goes through the large ones while the first questions are answered."""

QUICK_UP_TO = 20_000
"""Passages up to which an answer is a few milliseconds of computation."""

_RECENT_DOCUMENTS = 64
_RECENT_CLAUSES = 4096
"""Clauses, their translations, and headings of documents, that are kept once read: a few MB. Questions come back to
the same ones, and to read one takes as long as to search."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made from and what it consists of.

    ``files`` has for each file its size and the XXH3 of its contents, which finds any damage, but
    is no protection from forgery (packs are signed). ``store`` names the engine that has the
    vectors and postings; empty where they are among the files.
    """

    format: int
    model: str
    model_fingerprint: str
    dimension: int
    corpus_digest: str
    documents: int
    clauses: int
    passages: int
    files: dict[str, tuple[int, str]]
    store: str = ""


class Verification:
    """Whether the large files of a build are what was built, found out beside other work."""

    def __init__(self, build: Path, names: Sequence[str], manifest: Manifest) -> None:
        self._damage: IndexDamaged | None = None
        self._thread = Thread(
            target=self._run, args=(build, names, manifest), name="verification", daemon=True
        )
        if names:
            self._thread.start()

    def _run(self, build: Path, names: Sequence[str], manifest: Manifest) -> None:
        try:
            for name in names:
                _verify_contents(build / name, manifest.files[name][1])
        except IndexDamaged as damage:
            self._damage = damage

    def check(self) -> None:
        """Raises IndexDamaged where damage has been found so far."""
        if self._damage:
            raise self._damage

    def finish(self) -> None:
        """Waits until all is verified; raises IndexDamaged where it is not what was built."""
        if self._thread.ident is not None:
            self._thread.join()
        self.check()


class Documents(Records[Document]):
    """The documents of an index; ``heading`` gives one without its text, which is cheap."""

    def __init__(self, build: Path) -> None:
        self._lines = Texts(build, "documents")
        self._texts = Texts(build, "texts")
        # The clauses of an answer are often neighbours: their document is read once.
        super().__init__(len(self._lines), lru_cache(maxsize=_RECENT_DOCUMENTS)(self._read))
        self._headed = lru_cache(maxsize=_RECENT_CLAUSES)(self._read_heading)

    def _read(self, position: int) -> Document:
        return document_of(read_json(self._lines[position]), self._texts[position])

    def heading(self, position: int) -> Document:
        """The document at ``position`` with an empty text."""
        return self._headed(position)

    def _read_heading(self, position: int) -> Document:
        return document_of(read_json(self._lines[position]))

    def headings(self) -> Iterator[Document]:
        """All documents with empty texts."""
        return map(self._read_heading, range(len(self)))


class Translations(Mapping[str, tuple[Translation, ...]]):
    """The translations of clauses by the clause's id."""

    def __init__(self, build: Path, positions: Names, ids: Sequence[Clause]) -> None:
        self._lines = Texts(build, "translations")
        self._clauses = read_array(build / "translated.npy")
        self._positions, self._ids = positions, ids
        self._of = lru_cache(maxsize=_RECENT_CLAUSES)(self._read)

    def __getitem__(self, clause_id: str) -> tuple[Translation, ...]:
        found = self._of(self._positions.position(clause_id))
        if not found:
            raise KeyError(clause_id)
        return found

    def _read(self, position: int) -> tuple[Translation, ...]:
        first, last = np.searchsorted(self._clauses, [position, position + 1])
        return tuple(_translation(read_json(self._lines[i])) for i in range(first, last))

    def __len__(self) -> int:
        return len(np.unique(self._clauses))

    def __iter__(self) -> Iterator[str]:
        return (self._ids[position].id for position in np.unique(self._clauses))


def _translation(record: dict[str, Any]) -> Translation:
    return Translation(**{**record, "sentences": tuple(record["sentences"])})


@dataclass(frozen=True, slots=True)
class Labels:
    """Which items have which names: item i those of ``names`` at ``places[firsts[i]:firsts[i + 1]]``."""

    names: tuple[str, ...]
    firsts: NDArray[np.int64]
    places: NDArray[np.int32]

    @classmethod
    def read(cls, build: Path, name: str) -> Labels:
        """What ``assembly`` wrote as ``name``."""
        return cls(
            tuple(Texts(build, f"{name}_names")),
            read_array(build / f"{name}.firsts.npy"),
            read_array(build / f"{name}.places.npy"),
        )

    def of(self, item: int) -> frozenset[str]:
        """The names of an item."""
        places = self.places[self.firsts[item] : self.firsts[item + 1]]
        return frozenset(self.names[place] for place in places)

    def items(self, names: frozenset[str]) -> NDArray[np.int64]:
        """The items that have one of ``names``, ascending."""
        wanted = np.array([name in names for name in self.names], bool)
        entries = np.flatnonzero(wanted[self.places]) if len(wanted) else np.zeros(0, np.int64)
        return np.unique(np.searchsorted(self.firsts, entries, side="right") - 1)


@dataclass(frozen=True, slots=True)
class Index:
    """An opened index. Clauses stand in the order of their documents, passages in that of their
    clauses. Records are read when they are asked for; arrays are memory-mapped, not to be changed.

    Attributes:
        document_of: one a clause, as are the next seven: the position of its document.
        numbered: whether it has a printed number.
        languages: bit i is set where it stands, original or translated, in LANGUAGES[i].
        first_number: the value of the first of the numbers above it and its own, 0 for none;
            ``last_number`` that of the last, ``chain_length`` how many there are.
        article: whether it is an article, whose number no section repeats.
        id_rank: the rank of its id among all.
        clause_of: one a passage, as are the next three: the position of its clause.
        kind_of: the position of its kind in PASSAGE_KINDS; ``language_of`` that in LANGUAGES.
        sentence_of: the number of its sentence, −1 for other kinds.
        first_clause: documents + 1 positions; ``first_passage``: clauses + 1 positions.
        provisions: what is known of single clauses (by their positions, with their ids) where it
            is not what holds for their documents.
        departments: the glossary of departments; ``duties``: which clauses name which, by their
            canonical names.
        engine: searches the passages; ``terms`` are their terms: rows, frequencies, weights.
        document_terms: two texts a document: its titles (even), and all of it (odd).
        document_titles: the vectors of the titles.
        words: the vectors of the words of the corpus; the i-th is that of row ``vocabulary[i]``.
        outside: the vectors of the questions that are known to have no answer in the document at
            the same position of ``outside_documents``.
        places: the places in which documents say that they were issued.
    """

    manifest: Manifest
    folder: Path
    documents: Documents
    clauses: Records[Clause]
    passages: Records[Passage]
    translations: Translations
    provisions: dict[int, Provision]
    titles: dict[tuple[str, str], str]
    departments: Glossary
    glossary: Glossary
    engine: Engine
    terms: LexicalIndex
    document_terms: LexicalIndex
    document_titles: FaissStore
    words: FaissStore
    vocabulary: NDArray[np.int32]
    outside: FaissStore
    outside_documents: NDArray[np.int32]
    duties: Labels
    places: Labels
    document_of: NDArray[np.int32]
    numbered: NDArray[np.bool_]
    languages: NDArray[np.uint8]
    first_number: NDArray[np.int32]
    last_number: NDArray[np.int32]
    chain_length: NDArray[np.uint8]
    article: NDArray[np.bool_]
    id_rank: NDArray[np.int32]
    clause_of: NDArray[np.int32]
    kind_of: NDArray[np.uint8]
    language_of: NDArray[np.uint8]
    sentence_of: NDArray[np.int32]
    first_clause: NDArray[np.int64]
    first_passage: NDArray[np.int64]
    verification: Verification = field(compare=False)
    _document_names: Names = field(compare=False)
    _clause_names: Names = field(compare=False)

    @property
    def quick(self) -> bool:
        """Whether a question is answered within a few milliseconds, and without waiting for others."""
        return not self.manifest.store and self.manifest.passages <= QUICK_UP_TO

    def document(self, document_id: str) -> Document:
        """The document of an id; raises KeyError where there is none."""
        return self.documents[self.document_position(document_id)]

    def clause(self, clause_id: str) -> Clause:
        """The clause of an id; raises KeyError where there is none."""
        return self.clauses[self.position(clause_id)]

    def document_position(self, document_id: str) -> int:
        """The position of a document; raises KeyError where there is none of this id."""
        return self._document_names.position(document_id)

    def position(self, clause_id: str) -> int:
        """The position of a clause; raises KeyError where there is none of this id."""
        return self._clause_names.position(clause_id)

    def clause_range(self, document: int) -> range:
        """The positions of the clauses of the document at a position."""
        return range(int(self.first_clause[document]), int(self.first_clause[document + 1]))

    def clause_passages(self, clause: int) -> range:
        """The positions of the passages of the clause at a position."""
        return range(int(self.first_passage[clause]), int(self.first_passage[clause + 1]))

    def wordings(self) -> NDArray[np.int64]:
        """The positions of all passages that are ways in which people ask."""
        return np.flatnonzero(self.kind_of == PASSAGE_KINDS.index("wording"))

    def departments_of(self, clause: int) -> frozenset[str]:
        """The canonical names of the departments of the clause at a position."""
        return self.duties.of(clause)

    def clauses_of_departments(self, names: frozenset[str]) -> NDArray[np.int64]:
        """The positions of the clauses that name one of the departments, ascending."""
        return self.duties.items(names)

    def translation(self, clause: Clause, language: Language) -> Translation | None:
        """The translation of a clause into a language, where there is one."""
        group = self.translations.get(clause.id, ())
        return next((each for each in group if each.language == language), None)

    def check(self) -> None:
        """Raises IndexDamaged where a file has been found not to be what was built."""
        self.verification.check()

    def verify(self) -> None:
        """Waits until every file is verified; raises IndexDamaged where one is damaged."""
        self.verification.finish()


def open_index(folder: Path, store: str | None = None) -> Index:
    """The index in use. Sizes of all files and the contents of the first 256 MB of them, small ones
    first, are verified before; a thread verifies the others: see ``Index.check``.

    Args:
        store: where the engine is that has the passages, if one has; the setting where it is None.

    Raises:
        IndexMissing: there is none in ``folder``.
        IndexStale: it was written by another version of the product.
        IndexDamaged: a file is missing or not what the manifest says, or the engine lost it.
        StoreUnavailable: the engine does not answer.
    """
    store = Settings.from_environment().store if store is None else store
    build = _current(folder)
    try:
        return _read(build, store)
    except IndexDamaged:
        if _current(folder) == build:
            raise
        return _read(_current(folder), store)  # a new build has just replaced the one that was read


def _read(build: Path, store: str) -> Index:
    try:
        return _load(build, store, *_verified(build, VERIFIED_AT_ONCE))
    except _UNREADABLE as error:
        raise IndexDamaged(build.parent, f"cannot be read ({error})", _REBUILD) from error


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)
_DAMAGED = "is not the file that was built"


def _verified(build: Path, at_once: int) -> tuple[Manifest, list[str]]:
    """The manifest of a build, and the files of it whose contents are left to be verified once
    ``at_once`` bytes, small files first, have been."""
    raw = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    if raw.get("format") != FORMAT:
        raise IndexStale(build.parent, "was written by another version", _REBUILD)
    if build_name(build) != build.name:
        raise IndexDamaged(build / "manifest.json", _DAMAGED, _REBUILD)
    files = {name: (int(size), digest) for name, (size, digest) in raw["files"].items()}
    for name, (size, _) in files.items():
        if (build / name).stat().st_size != size:
            raise IndexDamaged(build / name, _DAMAGED, _REBUILD)
    left = []
    for name, (size, digest) in sorted(files.items(), key=lambda item: item[1][0]):
        at_once -= size
        if at_once >= 0:
            _verify_contents(build / name, digest)
        else:
            left.append(name)
    return Manifest(**{**raw, "files": files}), left


def _verify_contents(path: Path, digest: str) -> None:
    try:
        found = file_digest(path)
    except OSError as error:
        raise IndexDamaged(path, f"cannot be read ({error})", _REBUILD) from error
    if found != digest:
        raise IndexDamaged(path, _DAMAGED, _REBUILD)


def is_intact(build: Path) -> bool:
    """Whether all files of a build are there and what was built."""
    try:
        _, left = _verified(build, 1 << 62)
        return not left
    except (IndexUnusable, *_UNREADABLE):
        return False


def has_postings(build: Path) -> bool:
    """Whether the terms of a build lie in its folder, as they were built."""
    names = [f"{name}." for name in ("terms", "document_terms")]
    try:
        raw = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
        if raw["format"] != FORMAT or raw["store"] or build_name(build) != build.name:
            return False
        for name, (_, digest) in raw["files"].items():
            if name.startswith(tuple(names)):
                _verify_contents(build / name, digest)
    except (IndexUnusable, *_UNREADABLE):
        return False
    return True


def stores_in(index_folder: Path) -> set[str]:
    """What ``Manifest.store`` says in the builds of an index folder."""
    found = set()
    for path in index_folder.glob("*/manifest.json"):
        try:
            found.add(str(json.loads(path.read_text(encoding="utf-8")).get("store", "")))
        except (OSError, ValueError, AttributeError):
            continue  # of a build that cannot be opened
    return found


def build_name(build: Path) -> str:
    """The name of a build: the digest of its manifest, which holds the digests of all its files."""
    return file_digest(build / "manifest.json")[:16]


def file_digest(path: Path) -> str:
    """The XXH3 (128 bits) of a file's contents."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return xxhash.xxh3_128_hexdigest(b"")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return xxhash.xxh3_128_hexdigest(data)


def check_model(index: Index, fingerprint: str) -> None:
    """Raises IndexStale where the index was built by another model than ``fingerprint``."""
    if index.manifest.model_fingerprint != fingerprint:
        raise IndexStale(index.folder, "was built by another model", _REBUILD)


def check_corpus(index: Index, corpus_folder: Path) -> None:
    """Raises IndexStale where the corpus has changed since the index was built, or since it was
    chosen by hand."""
    from qa.corpus import corpus_digest  # to answer takes none of it

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


def _load(build: Path, store: str, manifest: Manifest, unverified: list[str]) -> Index:
    arrays = {name: read_array(build / f"{name}.npy") for name in _ARRAYS}
    documents = Documents(build)
    clause_lines = Texts(build, "clauses")
    passage_texts = Texts(build, "passages")

    @lru_cache(maxsize=_RECENT_CLAUSES)
    def clause(position: int) -> Clause:
        document = documents[int(arrays["document_of"][position])]
        return clause_of(read_json(clause_lines[position]), document)

    def passage(position: int) -> Passage:
        return Passage(
            int(arrays["clause_of"][position]),
            PASSAGE_KINDS[arrays["kind_of"][position]],
            LANGUAGES[arrays["language_of"][position]],
            passage_texts[position],
            int(arrays["sentence_of"][position]),
        )

    def document_id(position: int) -> str:
        return documents.heading(position).id

    def clause_id(position: int) -> str:
        return clause(position).id

    clauses = Records(len(clause_lines), clause)
    clause_names = Names(build, "clause_ids", clause_id)
    terms = LexicalIndex(build, "terms", postings=not manifest.store)
    return Index(
        manifest=manifest,
        folder=build,
        documents=documents,
        clauses=clauses,
        passages=Records(len(passage_texts), passage),
        translations=Translations(build, clause_names, clauses),
        provisions={
            record["position"]: Provision(**record["provision"])
            for record in map(read_json, Texts(build, "provisions"))
        },
        titles={
            (record["document_id"], record["language"]): record["title"]
            for record in map(read_json, Texts(build, "titles"))
        },
        departments=Glossary(map(_term, Texts(build, "departments"))),
        glossary=Glossary(map(_term, Texts(build, "glossary"))),
        engine=_engine(build, manifest, store, terms),
        terms=terms,
        document_terms=LexicalIndex(build, "document_terms"),
        document_titles=FaissStore(build, "titles"),
        words=FaissStore(build, "words"),
        outside=FaissStore(build, "outside"),
        duties=Labels.read(build, "duties"),
        places=Labels.read(build, "places"),
        verification=Verification(build, unverified, manifest),
        _document_names=Names(build, "document_ids", document_id),
        _clause_names=clause_names,
        **arrays,
    )


def _engine(build: Path, manifest: Manifest, store: str, terms: LexicalIndex) -> Engine:
    if not manifest.store:
        return LocalEngine(FaissStore(build, "passages"), terms)
    from qa.stores.milvus import open_engine

    engine = open_engine(manifest.store, store)
    if len(engine) != manifest.passages:
        found = f"has {len(engine)} of {manifest.passages} passages"
        raise IndexDamaged(manifest.store, found, _REBUILD)
    return engine


_ARRAYS = (
    "vocabulary", "outside_documents", "document_of", "numbered", "languages", "first_number",
    "last_number", "chain_length", "article", "id_rank", "clause_of", "kind_of", "language_of",
    "sentence_of", "first_clause", "first_passage",
)  # fmt: skip


def _term(line: str) -> Term:
    record = read_json(line)
    aliases = tuple((language, name) for language, name in record["aliases"])
    return Term(**{**record, "aliases": aliases})
