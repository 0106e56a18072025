"""BM25 over the terms of several channels, in one sparse matrix that is scored by the query's
own term weights.

The saturation is that of BM25 (Robertson & Zaragoza 2009, *The Probabilistic Relevance
Framework*). The weights are applied at query time, and each score is divided by the weight of
all terms of the question, seen or not, so that 1 means "all of it is here" and scores of different
questions can be compared: what a threshold needs and plain BM25 does not give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qa.analysis import CHANNELS
from qa.frequencies import importance

Scores = NDArray[np.float32]

_K1 = 1.2
_B = 0.6


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """A term of a question: its row (−1 where no text has it) and its weight in [0, 1]."""

    term: str
    row: int
    weight: float


class LexicalIndex:
    """Texts as columns, terms as rows; an entry is the saturated frequency of term in text."""

    def __init__(self, rows: Mapping[str, int], postings: sparse.csr_array) -> None:
        self._rows = rows
        self._postings = postings
        texts = max(postings.shape[1], 2)
        frequencies = np.diff(postings.indptr)
        self._rarity = np.log1p(texts / np.maximum(frequencies, 1)) / np.log1p(texts)

    @classmethod
    def build(cls, texts: Iterable[Mapping[str, int]]) -> LexicalIndex:
        """An index of texts given as the counts of their terms."""
        rows: dict[str, int] = {}
        columns = [
            ([rows.setdefault(term, len(rows)) for term in counts], list(counts.values()))
            for counts in texts
        ]
        ordered = {term: row for row, term in enumerate(sorted(rows))}
        renumber = np.zeros(len(rows), np.int64)
        for term, row in rows.items():
            renumber[row] = ordered[term]
        channel_of = np.array([CHANNELS.index(term[0]) for term in ordered], np.int8)
        return cls(ordered, _saturated(columns, renumber, channel_of))

    def __len__(self) -> int:
        return int(self._postings.shape[1])

    def weigh(self, terms: Mapping[str, int]) -> list[WeightedTerm]:
        """The terms of a question with their weights: rare here and rare in general weigh more."""
        weighted = []
        for term in terms:
            row = self._rows.get(term, -1)
            general = importance(term)
            weight = general if row < 0 else (general + float(self._rarity[row])) / 2
            weighted.append(WeightedTerm(term, row, weight))
        return weighted

    def score(self, terms: Iterable[WeightedTerm]) -> Scores:
        """How much of the weighted ``terms`` each text holds, shape (texts,), in [0, 1]."""
        scores = np.zeros(len(self), np.float32)
        total = 0.0
        for term in terms:
            total += term.weight
            if term.row >= 0:
                columns, values = self.posting(term.row)
                scores[columns] += term.weight * values
        return scores / total if total else scores

    def posting(self, row: int) -> tuple[NDArray[np.int32], Scores]:
        """The texts that hold the term of ``row``, and its saturated frequency in each."""
        start, end = self._postings.indptr[row], self._postings.indptr[row + 1]
        return self._postings.indices[start:end], self._postings.data[start:end]

    def row(self, term: str) -> int:
        """The row of ``term``, −1 where no text has it."""
        return self._rows.get(term, -1)

    def terms(self) -> list[str]:
        """All terms in the order of their rows."""
        return list(self._rows)

    def save(self, folder: Path, name: str) -> None:
        """Writes ``<name>.terms.txt`` and ``<name>.postings.npz`` into ``folder``."""
        (folder / f"{name}.terms.txt").write_text(
            "\n".join(self._rows), encoding="utf-8", newline="\n"
        )
        with (folder / f"{name}.postings.npz").open("wb") as file:
            sparse.save_npz(file, self._postings, compressed=False)

    @classmethod
    def load(cls, folder: Path, name: str) -> LexicalIndex:
        """The index that ``save`` wrote."""
        terms = (folder / f"{name}.terms.txt").read_text(encoding="utf-8")
        rows = {term: row for row, term in enumerate(terms.split("\n"))} if terms else {}
        with (folder / f"{name}.postings.npz").open("rb") as file:
            return cls(rows, sparse.csr_array(sparse.load_npz(file)))


def _saturated(
    columns: list[tuple[list[int], list[int]]],
    renumber: NDArray[np.int64],
    channel_of: NDArray[np.int8],
) -> sparse.csr_array:
    """tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length)), capped at 1, as terms × texts:
    a term that stands once in a text of mean length counts fully.

    Lengths are counted by channel: a text has many more grams than concepts.
    """
    sizes = [len(rows) for rows, _ in columns]
    rows = renumber[np.fromiter((row for rows, _ in columns for row in rows), np.int64, sum(sizes))]
    counts = np.fromiter(
        (count for _, counts in columns for count in counts), np.float32, sum(sizes)
    )
    texts = np.repeat(np.arange(len(columns)), sizes)
    channels = channel_of[rows]
    lengths = np.zeros((len(CHANNELS), len(columns)), np.float32)
    np.add.at(lengths, (channels, texts), counts)
    means = np.maximum(
        [length[length > 0].mean() if length.any() else 1 for length in lengths], 1e-6
    )
    relative = lengths[channels, texts] / np.asarray(means)[channels]
    values = counts * (_K1 + 1) / (counts + _K1 * (1 - _B + _B * relative))
    shape = (len(renumber), len(columns))
    matrix = sparse.csr_array(
        (np.minimum(values, 1).astype(np.float32), (rows, texts)), shape=shape
    )
    matrix.sort_indices()
    return matrix
