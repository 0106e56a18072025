"""One document → what a build needs of it: parsed, analysed, embedded; kept for the next build.

    file ──parse──▶ Parsed        text, clauses, receipt                  by its contents
    Parsed + companions ──analyse_parsed──▶ Analysed   passages, terms    and its companions, glossary
    Analysed ──embed──▶ Embedded  vectors                                 and the model

Each step is a pure function of what its key is made of, and its result is a few arrays in one
stretch of bytes (safetensors), before which comes a head of JSON: what a build has to know of every
document. So any of them can be done by another process, or in another build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from qa.alignment import clause_translations, clause_wordings, unmatched
from qa.analysis import Analyser
from qa.clauses import remainder, split
from qa.corpus import Corpus, read_document, sidecar_of, source_digest, words_digest
from qa.encoder import Encoder
from qa.errors import CorpusError
from qa.lexical import Counts, term_key
from qa.metadata import check_clauses, with_provisions
from qa.numbers import clause_number, is_article
from qa.passages import clause_sentences, passages, unnumbered_clauses
from qa.places import document_places
from qa.receipt import FileReceipt, file_receipt, refused_receipt
from qa.records import (
    clause_of,
    clause_record,
    document_of,
    document_record,
    encoded,
    json_line,
    read_json,
)
from qa.stores.faiss import Codes
from qa.types import (
    LANGUAGES,
    PASSAGE_KINDS,
    Clause,
    Document,
    Language,
    number_chain,
    number_path,
)

Arrays = Mapping[str, NDArray[Any]]

_OPENING = 40
"""Characters of a document without a title that stand for it."""


@cache
def code_digest() -> bytes:
    """Changes with the code and the tables that make shards: what other code made is not used."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(package.rglob("*")):
        made = path.suffix in (".py", ".csv", ".tsv") and "web" not in path.parts
        if made and path.is_file():
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.digest()


def key(*parts: object) -> bytes:
    """The key of what is made from ``parts`` by this code."""
    digest = hashlib.sha256(code_digest())
    for part in parts:
        data = part if isinstance(part, bytes) else encoded(repr(part))
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


# --- the file


@dataclass(frozen=True, slots=True)
class ParsedHead:
    """What became of a file; of one that was read the document without its text, and the digest of
    its words."""

    receipt: FileReceipt
    heading: Document | None
    words: str

    @classmethod
    def read(cls, data: bytes) -> ParsedHead:
        """The head that ``parse`` gave."""
        record = read_json(data.decode("utf-8", "surrogatepass"))
        heading = record["heading"]
        receipt = FileReceipt.from_record(record["receipt"])
        return cls(receipt, document_of(heading) if heading else None, record["words"])


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text and the clauses of a document; nothing of a refused file.

    ``departments`` is what each clause prints; ``numbers``, shape (clauses, 4): the values of the
    first and the last of the numbers above a clause and its own, how many these are, and whether
    it is an article.
    """

    text: bytes
    places: tuple[str, ...]
    clauses: bytes
    clause_sizes: NDArray[np.int32]
    ids: tuple[str, ...]
    departments: tuple[tuple[str, ...], ...]
    numbers: NDArray[np.int32]

    def document(self, heading: Document) -> Document:
        """The document of ``heading`` with its text."""
        return replace(heading, text=self.text.decode("utf-8", "surrogatepass"))

    def clause_list(self, document: Document) -> list[Clause]:
        """The clauses of ``document``, which is this one."""
        ends = np.cumsum(self.clause_sizes).tolist()
        starts = [0, *ends[:-1]]
        return [
            clause_of(read_json(self.clauses[a:b].decode("utf-8", "surrogatepass")), document)
            for a, b in zip(starts, ends, strict=True)
        ]

    @classmethod
    def read(cls, data: bytes) -> Parsed:
        """What ``parse`` gave."""
        arrays = load(data)
        record = _record(arrays["record"])
        return cls(
            arrays["text"].tobytes(),
            tuple(record["places"]),
            arrays["clauses"].tobytes(),
            arrays["clause_sizes"],
            tuple(record["ids"]),
            tuple(map(tuple, record["departments"])),
            arrays["numbers"],
        )


def parse(path: Path, name: str) -> tuple[str, bytes, bytes]:
    """A file of the corpus → its digest, a ``ParsedHead`` and a ``Parsed``.

    A file that cannot be used is no error here: its receipt tells.

    Args:
        name: its path from the folder of the corpus on.
    """
    digest = source_digest(path)
    for _ in range(_TRIES):
        head, data = _parse(path, name)
        before, digest = digest, source_digest(path)
        if digest == before:
            break  # nobody has written to it meanwhile
    return digest, head, data


_TRIES = 3


def _parse(path: Path, name: str) -> tuple[bytes, bytes]:
    try:
        document, reading = read_document(path)
        numbered = split(document)
        if sidecar := sidecar_of(path):
            check_clauses(sidecar, [number_path(clause) for clause in numbered])
    except CorpusError as error:
        return _head(refused_receipt(name, error)), _parsed(None, [])
    document = with_provisions(document, sentences_by_number(numbered, document.language))
    outside = unnumbered_clauses(document, remainder(document, numbered))
    clauses = sorted([*numbered, *outside], key=lambda clause: clause.start)
    receipt = file_receipt(name, reading, document, clauses)
    return _head(receipt, document), _parsed(document, clauses)


def sentences_by_number(
    clauses: Iterable[Clause], language: Language
) -> Iterator[tuple[str, list[str]]]:
    """The number of each clause with those above it, and its sentences, the first of which may be
    its title, too."""
    for clause in clauses:
        spans = clause_sentences(clause, language)
        runs_on = clause.text[clause.title_end :].startswith(("。", ".", "；", ";"))
        if clause.title and runs_on and spans[:1] != [(clause.title_start, clause.title_end + 1)]:
            spans.insert(0, (clause.title_start, clause.title_end))
        yield number_path(clause), [clause.text[start:end] for start, end in spans]


def _head(receipt: FileReceipt, document: Document | None = None) -> bytes:
    record = {
        "receipt": receipt.as_record(),
        "heading": document and document_record(document),
        "words": words_digest(document.text) if document else "",
    }
    return encoded(json_line(record))


def _parsed(document: Document | None, clauses: Sequence[Clause]) -> bytes:
    lines = [encoded(json_line(clause_record(clause))) for clause in clauses]
    chains = [number_chain(clause) if clause.number else [] for clause in clauses]
    record = {
        "places": sorted(document_places(document)) if document else [],
        "ids": [clause.id for clause in clauses],
        "departments": [clause.departments for clause in clauses],
    }
    return save(
        {
            "record": _bytes(encoded(json_line(record))),
            "text": _bytes(encoded(document.text) if document else b""),
            "clauses": _bytes(b"".join(lines)),
            "clause_sizes": np.array([len(line) for line in lines], np.int32),
            "numbers": np.array(
                [
                    (
                        clause_number(chain[0]) if chain else 0,
                        clause_number(chain[-1]) if chain else 0,
                        len(chain),
                        is_article(clause.number),
                    )
                    for clause, chain in zip(clauses, chains, strict=True)
                ],
                np.int64,
            )
            .clip(0, 2**31 - 1)
            .astype(np.int32)
            .reshape(len(clauses), 4),
        }
    )


# --- its passages and terms


@dataclass(frozen=True, slots=True)
class AnalysedHead:
    """How many passages a document has, and what of its companions belongs to none of its
    clauses."""

    passages: int
    unmatched: tuple[CorpusError, ...]

    @classmethod
    def read(cls, data: bytes) -> AnalysedHead:
        """The head that ``analyse_parsed`` gave."""
        record = read_json(data.decode("utf-8", "surrogatepass"))
        return cls(record["passages"], tuple(CorpusError(**each) for each in record["unmatched"]))


@dataclass(frozen=True, slots=True)
class Analysed:
    """The passages of a document and their terms.

    ``table``, shape (passages, 4): the position of the clause in the document, of the kind in
    PASSAGE_KINDS, of the language in LANGUAGES, and the number of the sentence. ``languages``, one a
    clause: bit i is set where it stands in LANGUAGES[i]. ``terms`` are those of the passages,
    ``document_terms`` those of two texts: its titles, and all of it. ``outside`` are the questions
    that are known to have no answer. ``surfaces`` are the words of ``surface_keys`` as written, a line each.
    """

    table: NDArray[np.int32]
    texts: bytes
    text_sizes: NDArray[np.int32]
    languages: NDArray[np.uint8]
    terms: Counts
    document_terms: Counts
    surface_keys: NDArray[np.uint64]
    surfaces: bytes
    translations: tuple[dict[str, Any], ...]
    translated: NDArray[np.int32]
    titles: dict[str, str]
    outside: tuple[str, ...]

    def passage_texts(self) -> list[str]:
        """The texts of the passages in order."""
        ends = np.cumsum(self.text_sizes).tolist()
        starts = [0, *ends[:-1]]
        return [
            self.texts[a:b].decode("utf-8", "surrogatepass")
            for a, b in zip(starts, ends, strict=True)
        ]

    @classmethod
    def read(cls, data: bytes) -> Analysed:
        """What ``analyse_parsed`` gave."""
        arrays = load(data)
        record = _record(arrays["record"])
        return cls(
            arrays["table"],
            arrays["texts"].tobytes(),
            arrays["text_sizes"],
            arrays["languages"],
            _counts(arrays, "terms"),
            _counts(arrays, "document_terms"),
            arrays["surface_keys"],
            arrays["surfaces"].tobytes(),
            tuple(record["translations"]),
            arrays["translated"],
            record["titles"],
            tuple(record["outside"]),
        )


def analyse_parsed(
    data: bytes, heading: Document, companions: Corpus, analyser: Analyser
) -> tuple[bytes, bytes]:
    """The ``Parsed`` of a document → an ``AnalysedHead`` and an ``Analysed``; ``companions`` are
    those of this document only."""
    parsed = Parsed.read(data)
    document = parsed.document(heading)
    clauses = parsed.clause_list(document)
    corpus = replace(companions, documents=(document,))
    translations = clause_translations(corpus, clauses)
    wordings = clause_wordings(corpus, clauses)
    found = list(passages(clauses, {document.id: document}, translations, wordings))
    titles = " | ".join([document.title, *(each.title for each in companions.translations)])
    analyses = [analyser.analyse(passage.text) for passage in found]
    surfaces: dict[str, str] = {}
    for analysis in analyses:
        for term, surface in analysis.surfaces.items():
            surfaces.setdefault(term, surface)
    texts = [encoded(passage.text) for passage in found]
    laid = [(i, t) for i, clause in enumerate(clauses) for t in translations.get(clause.id, ())]
    record = {
        "translations": [asdict(translation) for _, translation in laid],
        "titles": {each.language: each.title for each in companions.translations},
        "outside": [wording.question for wording in companions.wordings if not wording.clause],
    }
    head = {
        "passages": len(found),
        "unmatched": [_error_record(error) for error in unmatched(corpus, clauses)],
    }
    return encoded(json_line(head)), save(
        {
            "record": _bytes(encoded(json_line(record))),
            "table": np.array(
                [
                    (
                        passage.clause,
                        PASSAGE_KINDS.index(passage.kind),
                        LANGUAGES.index(passage.language),
                        passage.sentence,
                    )
                    for passage in found
                ],
                np.int32,
            ).reshape(len(found), 4),
            "texts": _bytes(b"".join(texts)),
            "text_sizes": np.array([len(text) for text in texts], np.int32),
            "languages": np.array(
                [
                    _bits([document.language, *(t.language for t in translations.get(c.id, ()))])
                    for c in clauses
                ],
                np.uint8,
            ),
            "translated": np.array([position for position, _ in laid], np.int32),
            "surfaces": _bytes(encoded("\n".join(surfaces.values()))),
            "surface_keys": np.array([term_key(term) for term in surfaces], np.uint64),
            **_arrays(Counts.of(analysis.terms for analysis in analyses), "terms"),
            **_arrays(
                Counts.of(analyser.analyse(text).terms for text in (titles, document.text)),
                "document_terms",
            ),
        }
    )


def _error_record(error: CorpusError) -> dict[str, Any]:
    return {
        "where": error.where,
        "what": error.what,
        "remedy": error.remedy,
        "reason": error.reason,
        "values": dict(error.values),
    }


def _bits(languages: Iterable[Language]) -> int:
    return sum(1 << LANGUAGES.index(language) for language in set(languages))


# --- its vectors


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of a document: of its passages (compressed or as they are), of its title, shape
    (1, dimension), and of the questions that are known to have no answer."""

    passages: NDArray[np.float32] | Codes
    title: NDArray[np.float32]
    outside: NDArray[np.float32]

    @classmethod
    def read(cls, data: bytes) -> Embedded:
        """What ``embed`` gave."""
        arrays = load(data)
        return cls(_vectors(arrays), arrays["title"], arrays["outside"])


def title_of(heading: Document, parsed: Parsed) -> str:
    """The title that a document is known by, or how it begins."""
    return heading.title or parsed.document(heading).text[:_OPENING]


def embed(title: str, analysed: Analysed, encoder: Encoder, compressed: bool) -> bytes:
    """An ``Embedded``: the vectors of the passages, of ``title``, and of the questions without an
    answer."""
    texts = analysed.passage_texts()
    vectors = encoder.encode([*texts, title, *analysed.outside])
    found, of_title, outside = np.split(vectors, [len(texts), len(texts) + 1])
    arrays = {"title": of_title, "outside": outside, **_vector_arrays(found, compressed)}
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def embed_words(words: Sequence[str], encoder: Encoder, compressed: bool) -> bytes:
    """The vectors of words, which ``read_vectors`` reads."""
    return save(_vector_arrays(encoder.encode(words), compressed))


def read_vectors(data: bytes) -> NDArray[np.float32] | Codes:
    """What ``embed_words`` gave."""
    return _vectors(load(data))


def _vector_arrays(vectors: NDArray[np.float32], compressed: bool) -> dict[str, NDArray[Any]]:
    if not compressed:
        return {"passages": vectors}
    codes = Codes.of(vectors)
    return {"sketches": codes.sketches, "codes": codes.codes, "scales": codes.scales}


def _vectors(arrays: Arrays) -> NDArray[np.float32] | Codes:
    if "sketches" in arrays:
        return Codes(arrays["sketches"], arrays["codes"], arrays["scales"])
    return arrays["passages"]


# --- bytes


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _record(array: NDArray[np.uint8]) -> dict[str, Any]:
    return read_json(array.tobytes().decode("utf-8", "surrogatepass"))


def _arrays(counts: Counts, name: str) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.keys": counts.keys,
        f"{name}.starts": counts.starts,
        f"{name}.terms": counts.terms,
        f"{name}.counts": counts.counts,
        f"{name}.lengths": counts.lengths,
    }


def _counts(arrays: Arrays, name: str) -> Counts:
    parts = ("keys", "starts", "terms", "counts", "lengths")
    return Counts(*(arrays[f"{name}.{part}"] for part in parts))
