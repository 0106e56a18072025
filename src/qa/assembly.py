"""The shards of all documents → the files of a build, which ``index.py`` reads.

Everything is written front to back in the order of the documents, one shard in memory at a time;
what depends on all documents (rarity, ranks, look-ups) is worked out from arrays at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.cache import Cache
from qa.corpus import Corpus
from qa.encoder import Encoder
from qa.glossary import Glossary, Term
from qa.lexical import LexicalIndex, LexicalWriter
from qa.provisions import clauses_of, joined
from qa.records import Names, TextFile, document_record, write_array
from qa.shards import Analysed, Embedded, Parsed, embed_words, key, read_vectors
from qa.splicing import Earlier, LexicalSplicer
from qa.stores.faiss import FaissWriter
from qa.types import Document, Provision

_WORDS_EXACT_UP_TO = 5_000
"""Words whose vectors are kept as they are: a question looks up several, 0.5 ms each."""

_BUCKETS = 64
"""Groups of words that are embedded together, by their keys: a new word costs one group."""


class Same(NamedTuple):
    """A document of an earlier build: its position and those of its passages."""

    document: int
    passages: range


@dataclass(frozen=True, slots=True)
class Shards:
    """The three results of one document, as functions that read them; and which document and
    which passages of the earlier build it is word for word, where it stood there."""

    heading: Document
    parsed: Callable[[], Parsed]
    analysed: Callable[[], Analysed]
    embedded: Callable[[], Embedded]
    same: Same | None = None


def assemble(
    folder: Path,
    shards: Sequence[Shards],
    companions: Corpus,
    glossary: Sequence[Term],
    encoder: Encoder,
    compressed: bool,
    cache: Cache,
    progress: Callable[[int], None],
    earlier: Path | None = None,
) -> tuple[int, int, list[bytes]]:
    """Writes all files of a build but the manifest and the receipt.

    Args:
        companions: of the corpus: its tables of departments and terms.
        glossary: all terms that texts were analysed with.
        compressed: whether the vectors of the shards are.
        progress: told how many documents are written.
        earlier: the build of which ``Shards.same`` speaks: most documents are in it.

    Returns:
        How many clauses and passages there are, and the keys of what was used of the cache.
    """
    _write_terms(folder, "departments", companions.departments)
    _write_terms(folder, "glossary", glossary)
    writer = _Writer(
        folder, Glossary(companions.departments), encoder.dimension, compressed, earlier
    )
    try:
        for done, shard in enumerate(shards, start=1):
            writer.add(shard)
            progress(done)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    used = _write_words(folder, writer, encoder, cache)
    return len(writer.ids), writer.passages, used


def _write_terms(folder: Path, name: str, terms: Iterable[Term]) -> None:
    file = TextFile(folder, name)
    for term in terms:
        file.add_record(asdict(term))
    file.close()


class _Writer:
    """Writes documents one after the other."""

    def __init__(
        self,
        folder: Path,
        departments: Glossary,
        dimension: int,
        compressed: bool,
        earlier: Path | None,
    ) -> None:
        self._folder, self._departments = folder, departments
        self._canonical: dict[str, frozenset[str]] = {}
        self._records = {name: TextFile(folder, name) for name in _RECORDS}
        self._lexical = _lexical_writer(folder, "terms", earlier)
        self._document_lexical = _lexical_writer(folder, "document_terms", earlier)
        self._taken = -1
        self._vectors = {
            "passages": FaissWriter(folder, "passages", dimension, compressed),
            "titles": FaissWriter(folder, "titles", dimension, compressed=False),
            "outside": FaissWriter(folder, "outside", dimension, compressed=False),
        }
        self._parts: tuple[TextFile | LexicalWriter | LexicalSplicer | FaissWriter, ...] = (
            *self._records.values(),
            self._lexical,
            self._document_lexical,
            *self._vectors.values(),
        )
        self._arrays: dict[str, list[NDArray[np.generic]]] = {}
        self._document_ids: list[str] = []
        self.ids: list[str] = []
        self.passages = 0
        self._duties: list[frozenset[str]] = []
        self._places: list[frozenset[str]] = []
        self.surface_keys: list[NDArray[np.uint64]] = []
        self.surfaces: list[bytes] = []

    def add(self, shard: Shards) -> None:
        """The next document."""
        parsed, analysed, embedded = shard.parsed(), shard.analysed(), shard.embedded()
        position = len(self._document_ids)
        self._document_ids.append(shard.heading.id)
        self._add_records(shard.heading, parsed, analysed)
        self._add_arrays(position, parsed, analysed)
        self._duties += map(self._named, parsed.departments)
        self._places.append(frozenset(parsed.places))
        self._add_terms(analysed, shard.same)
        self._vectors["passages"].add(embedded.passages)
        self._vectors["titles"].add(embedded.title)
        self._vectors["outside"].add(embedded.outside)
        self.surface_keys.append(analysed.surface_keys)
        self.surfaces.append(analysed.surfaces)
        self.ids += parsed.ids
        self.passages += len(analysed.table)

    def _add_terms(self, analysed: Analysed, same: Same | None) -> None:
        passages, documents = self._lexical, self._document_lexical
        if (
            isinstance(passages, LexicalSplicer)
            and isinstance(documents, LexicalSplicer)
            and same is not None
            and same.document > self._taken
        ):
            passages.take(same.passages)
            documents.take(range(2 * same.document, 2 * same.document + 2))
            self._taken = same.document
        else:
            passages.add(analysed.terms)
            documents.add(analysed.document_terms)

    def _add_records(self, heading: Document, parsed: Parsed, analysed: Analysed) -> None:
        self._records["documents"].add_record(document_record(heading))
        self._records["texts"].add_many(parsed.text, np.array([len(parsed.text)]))
        self._records["clauses"].add_many(parsed.clauses, parsed.clause_sizes)
        self._records["passages"].add_many(analysed.texts, analysed.text_sizes)
        for record in analysed.translations:
            self._records["translations"].add_record(record)
        for language, title in analysed.titles.items():
            self._records["titles"].add_record(
                {"document_id": heading.id, "language": language, "title": title}
            )
        for clause, provision in _laid(heading, parsed.ids):
            self._records["provisions"].add_record(
                {"position": len(self.ids) + clause, "provision": asdict(provision)}
            )

    def _add_arrays(self, position: int, parsed: Parsed, analysed: Analysed) -> None:
        first, last, length, article = parsed.numbers.T
        clause, kind, language, sentence = analysed.table.T
        clauses = len(self.ids)
        for name, array in (
            ("document_of", np.full(len(parsed.ids), position, np.int32)),
            ("numbered", length > 0),
            ("languages", analysed.languages),
            ("first_number", first.astype(np.int32)),
            ("last_number", last.astype(np.int32)),
            ("chain_length", np.minimum(length, 255).astype(np.uint8)),
            ("article", article.astype(bool)),
            ("clause_of", (clause + clauses).astype(np.int32)),
            ("kind_of", kind.astype(np.uint8)),
            ("language_of", language.astype(np.uint8)),
            ("sentence_of", sentence.astype(np.int32)),
            ("translated", (analysed.translated + clauses).astype(np.int32)),
            ("outside_documents", np.full(len(analysed.outside), position, np.int32)),
        ):
            self._arrays.setdefault(name, []).append(array)

    def _named(self, printed: Sequence[str]) -> frozenset[str]:
        """Canonical names of the departments that a clause prints; its own where unknown."""
        found = frozenset[str]().union(*map(self._canonical_names, printed))
        return found or frozenset(printed)

    def _canonical_names(self, printed: str) -> frozenset[str]:
        if printed not in self._canonical:
            glossary = self._departments
            positions = glossary.find(printed)
            self._canonical[printed] = frozenset(glossary.terms[p].zh for p in positions)
        return self._canonical[printed]

    def close(self) -> None:
        """Writes what depends on all documents."""
        for part in self._parts:
            part.close()
        arrays = {name: np.concatenate(parts) for name, parts in self._arrays.items()}
        arrays["first_clause"] = _firsts(arrays["document_of"], len(self._document_ids))
        arrays["first_passage"] = _firsts(arrays["clause_of"], len(self.ids))
        order = sorted(range(len(self.ids)), key=self.ids.__getitem__)
        arrays["id_rank"] = np.zeros(len(order), np.int32)
        arrays["id_rank"][order] = np.arange(len(order), dtype=np.int32)
        for name, array in arrays.items():
            write_array(self._folder / f"{name}.npy", array)
        Names.write(self._folder, "document_ids", self._document_ids)
        Names.write(self._folder, "clause_ids", self.ids)
        _write_labels(self._folder, "duties", self._duties)
        _write_labels(self._folder, "places", self._places)

    def abandon(self) -> None:
        """Closes all files as they are."""
        for part in self._parts:
            part.abandon()


_RECORDS = (
    "documents", "texts", "clauses", "passages", "translations", "titles", "provisions",
)  # fmt: skip


def _lexical_writer(
    folder: Path, name: str, earlier: Path | None
) -> LexicalWriter | LexicalSplicer:
    return (
        LexicalSplicer(folder, name, Earlier(earlier, name))
        if earlier
        else LexicalWriter(folder, name)
    )


def _laid(heading: Document, ids: Sequence[str]) -> list[tuple[int, Provision]]:
    """What is known of single clauses of a document, each with the position of its clause among
    ``ids``."""
    paths = [clause.partition("#")[2] for clause in ids] if heading.provisions else []
    found = [
        replace(provision, clause=ids[place])
        for provision in heading.provisions
        for place in clauses_of(provision.clause, paths)
    ]
    return [(ids.index(provision.clause), provision) for provision in joined(found)]


def _firsts(groups: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """Where each of ``count`` groups begins in the ascending ``groups``, and where the last ends."""
    return np.searchsorted(groups, np.arange(count + 1)).astype(np.int64)


def _write_labels(folder: Path, name: str, labels: Sequence[frozenset[str]]) -> None:
    names = sorted(frozenset[str]().union(*labels))
    place = {each: position for position, each in enumerate(names)}
    file = TextFile(folder, f"{name}_names")
    for each in names:
        file.add(each)
    file.close()
    sizes = np.array([0, *map(len, labels)], np.int64)
    write_array(folder / f"{name}.firsts.npy", np.cumsum(sizes))
    places = [place[each] for group in labels for each in sorted(group)]
    write_array(folder / f"{name}.places.npy", np.array(places, np.int32))


# --- the words of the corpus


def _write_words(folder: Path, writer: _Writer, encoder: Encoder, cache: Cache) -> list[bytes]:
    """Writes the vectors of all words, each as it is written where it occurs first."""
    keys, surfaces = _first_surfaces(writer)
    rows = LexicalIndex(folder, "terms").rows_of_keys(keys)
    write_array(folder / "vocabulary.npy", rows.astype(np.int32))
    compressed = len(keys) > _WORDS_EXACT_UP_TO
    store = FaissWriter(folder, "words", encoder.dimension, compressed)
    used = []
    for bucket in _buckets(keys):
        words = [surfaces[position] for position in bucket]
        wanted = key("words", encoder.fingerprint, compressed, *words)
        data = cache.get(wanted)
        if data is None:
            data = embed_words(words, encoder, compressed)
            cache.put(wanted, data)
        used.append(wanted)
        store.add(read_vectors(data))
    store.close()
    return used


def _first_surfaces(writer: _Writer) -> tuple[NDArray[np.uint64], list[str]]:
    """The keys of all words, ascending, and how each is written where it occurs first."""
    joined = np.concatenate([np.zeros(0, np.uint64), *writer.surface_keys])
    keys, firsts = np.unique(joined, return_index=True)
    ends = np.cumsum([len(part) for part in writer.surface_keys])
    shards = np.searchsorted(ends, firsts, side="right")
    surfaces = [""] * len(keys)
    for shard in np.unique(shards).tolist():
        words = writer.surfaces[shard].decode("utf-8", "surrogatepass").split("\n")
        start = int(ends[shard]) - len(words)
        for position in np.flatnonzero(shards == shard).tolist():
            surfaces[position] = words[int(firsts[position]) - start]
    return keys, surfaces


def _buckets(keys: NDArray[np.uint64]) -> Iterator[range]:
    """Neighbouring positions in groups, such that a key more or less changes one group only."""
    # All words share their channel, in the two highest bits: the next six tell the group.
    groups = (keys >> np.uint64(56)).astype(np.int64) & (_BUCKETS - 1)
    borders = np.searchsorted(groups, np.arange(_BUCKETS + 1)).tolist()
    for start, end in pairwise(borders):
        if end > start:
            yield range(start, end)
