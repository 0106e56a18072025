"""BM25 over the terms of several channels, in memory-mapped arrays that are scored by the query's
own term weights.

The saturation is that of BM25 (Robertson & Zaragoza 2009, *The Probabilistic Relevance
Framework*). The weights are applied at query time, and each score is divided by the weight of
all terms of the question, seen or not, so that 1 means "all of it is here" and scores of different
questions can be compared: what a threshold needs and plain BM25 does not give.

Two indexes of the same counts lie side by side. The inverted one (term → texts) chooses
candidates; the forward one (text → terms) compares the candidates by all terms. So a term that
stands in very many texts need not be walked through to choose among them: see ``best``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from qa.analysis import CHANNELS
from qa.frequencies import importance
from qa.records import Array, read_array, write_array

Scores = NDArray[np.float32]
Positions = NDArray[np.int64]

_K1 = 1.2
_B = 0.6
_CHANNEL_BITS = 2
_MOST_COUNTED = 255
"""A count above is stored as this: its saturation is 1 in any text up to 400 times the mean."""

_BLOCK = 64

BUDGET = 200_000
"""Postings that are walked through to choose candidates by one channel: about 2 ms."""

_CACHED = 500_000
"""Texts up to which that is so; of more, half as many are walked through. Measured on 1,062,000
passages: the first clause is that of a search without a budget for 97 % of 150 questions (99 % with
the whole budget); p95 of an answer, one run after the other, 76 ms instead of 90."""


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """A term of a question: its row (−1 where no text has it) and its weight in [0, 1]."""

    term: str
    row: int
    weight: float


@lru_cache(maxsize=1 << 16)
def term_key(term: str) -> int:
    """The number that stands for a term: its channel in the highest bits, then 62 bits of its
    xxHash. That two of three million terms share one has a probability of 1 in 1,000,000."""
    digest = xxhash.xxh3_64_intdigest(term.encode("utf-8", "surrogatepass"))
    return CHANNELS.index(term[0]) << (64 - _CHANNEL_BITS) | digest >> _CHANNEL_BITS


def _channels(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (keys >> np.uint64(64 - _CHANNEL_BITS)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often which terms stand in some texts, as arrays that can be kept and joined.

    ``keys``: the distinct terms, ascending. Text i has the terms ``terms[starts[i]:starts[i + 1]]``
    (positions in ``keys``, ascending), as often as ``counts`` says there; ``lengths``, shape
    (texts, CHANNELS), is how many terms of each channel it has, repetitions counted.
    """

    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    terms: NDArray[np.int32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Iterable[Mapping[str, int]]) -> Counts:
        """The counts of texts, each given as the counts of its terms."""
        rows: dict[str, int] = {}
        terms: list[int] = []
        counts: list[int] = []
        starts = [0]
        for text in texts:
            terms += [rows.setdefault(term, len(rows)) for term in text]
            counts += text.values()
            starts.append(len(terms))
        unordered = np.array([term_key(term) for term in rows], np.uint64)
        keys, places = np.unique(unordered, return_inverse=True)
        return cls._ordered(
            keys,
            np.array(starts, np.int64),
            places.astype(np.int32)[np.array(terms, np.int64)],
            np.array(counts, np.int64),
        )

    @classmethod
    def _ordered(
        cls,
        keys: NDArray[np.uint64],
        starts: NDArray[np.int64],
        terms: NDArray[np.int32],
        counts: NDArray[np.int64],
    ) -> Counts:
        texts = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        order = np.lexsort((terms, texts))
        terms, counts = terms[order], counts[order]
        lengths = np.zeros((len(starts) - 1, len(CHANNELS)), np.int32)
        np.add.at(lengths, (texts, _channels(keys)[terms]), counts)
        return cls(keys, starts, terms, np.minimum(counts, _MOST_COUNTED).astype(np.uint8), lengths)


class LexicalIndex:
    """An index that ``LexicalWriter`` wrote, memory-mapped.

    Args:
        postings: whether they are in the folder. Where they are not, an engine has them: terms can
            be looked up and weighed, texts neither found nor scored.
    """

    def __init__(self, folder: Path, name: str, postings: bool = True) -> None:
        def mapped(part: str) -> Array:
            return read_array(folder / f"{name}.{part}.npy")

        self._keys = mapped("keys")
        self._norms = mapped("norms")
        self._starts = mapped("starts")
        if not postings:
            return
        self._texts, self._counts = mapped("texts"), mapped("counts")
        self._forward_starts = mapped("forward_starts")
        self._forward_terms = mapped("forward_terms")
        self._forward_counts = mapped("forward_counts")
        self._sums = _Spare(len(self), np.float32)
        self._slots = _Spare(len(self._keys), np.int32)

    @classmethod
    def build(cls, texts: Iterable[Mapping[str, int]], folder: Path, name: str) -> LexicalIndex:
        """An index of texts given as the counts of their terms, written into ``folder``."""
        with LexicalWriter(folder, name) as writer:
            writer.add(Counts.of(texts))
        return cls(folder, name)

    def __len__(self) -> int:
        return int(self._norms.shape[1])

    @property
    def size(self) -> int:
        """How many terms there are."""
        return len(self._keys)

    def rows(self, terms: Iterable[str]) -> Positions:
        """The row of each term, −1 where no text has it."""
        keys = np.array([term_key(term) for term in terms], np.uint64)
        return self.rows_of_keys(keys)

    def rows_of_keys(self, keys: NDArray[np.uint64]) -> Positions:
        """The row of each ``term_key``, −1 where no text has it."""
        rows = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), bool)
        inside = rows < len(self._keys)
        known[inside] = self._keys[rows[inside]] == keys[inside]
        return np.where(known, rows, -1)

    def frequencies(self, rows: Positions) -> Positions:
        """How many texts hold each of ``rows``; 0 for −1."""
        found = self._starts[rows + 1] - self._starts[rows]
        return np.where(rows < 0, 0, found)

    def weigh(self, terms: Iterable[str]) -> list[WeightedTerm]:
        """The terms of a question with their weights: rare here and rare in general weigh more."""
        terms = list(terms)
        rows = self.rows(terms)
        texts = max(len(self), 2)
        rarity = np.log1p(texts / np.maximum(self.frequencies(rows), 1)) / np.log1p(texts)
        weighted = []
        for term, row, rare in zip(terms, rows.tolist(), rarity.tolist(), strict=True):
            general = importance(term)
            weighted.append(WeightedTerm(term, row, general if row < 0 else (general + rare) / 2))
        return weighted

    def score(self, terms: Iterable[WeightedTerm]) -> Scores:
        """How much of the weighted ``terms`` each text holds, shape (texts,), in [0, 1]."""
        terms = list(terms)
        total = sum(term.weight for term in terms)
        known = [term for term in terms if term.row >= 0]
        texts, values, _ = self._walk(
            np.array([term.row for term in known], np.int64),
            np.array([term.weight for term in known], np.float32),
        )
        scores = np.bincount(texts, values, minlength=len(self))
        return (scores / total if total else scores).astype(np.float32)

    def best(
        self,
        rows: Positions,
        weights: Scores,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Scores, Positions]:
        """The ``k`` texts with the highest sums of weight times saturated frequency, above zero.

        Of terms that stand in very many texts only those that tell most for their length are
        walked through, up to ``BUDGET`` postings: a text that holds none of the telling terms is no
        candidate. The terms left out are the non-essential lists of MaxScore (Turtle & Flood
        1995); stopping at a budget is the anytime ranking of Lin & Trotman 2015.

        Args:
            rows: of the terms; −1 is passed over.
            allowed: shape (texts,); others are left out before the best are chosen.

        Returns:
            Sums and positions; order: sum down, position up.
        """
        rows, weights = rows[rows >= 0], weights[rows >= 0]
        lengths = self.frequencies(rows)
        order = np.argsort(-weights / np.maximum(lengths, 1), kind="stable")
        budget = BUDGET if len(self) <= _CACHED else BUDGET // 2
        afford = np.cumsum(lengths[order]) <= budget
        afford[:1] = True
        essential = order[afford]
        texts, sums = self._summed(rows[essential], weights[essential])
        if allowed is not None:
            sums *= allowed[texts]
        return top(sums, k, texts)

    def _walk(
        self, rows: Positions, weights: Scores
    ) -> tuple[NDArray[np.int32], Scores, Positions]:
        """The postings of ``rows``, one list after the other: the texts, weight times saturated
        frequency, and where each list ends."""
        begins, ends = self._starts[rows], self._starts[rows + 1]
        slices = [slice(*each) for each in zip(begins.tolist(), ends.tolist(), strict=True)]
        texts = np.concatenate([self._texts[:0], *(self._texts[each] for each in slices)])
        counts = np.concatenate([self._counts[:0], *(self._counts[each] for each in slices)])
        sizes = ends - begins
        norms = self._norms[np.repeat(_channels(self._keys[rows]), sizes), texts]
        values = _saturated(counts, norms) * np.repeat(weights, sizes)
        return texts, values, np.cumsum(sizes)

    def _summed(self, rows: Positions, weights: Scores) -> tuple[NDArray[np.int32], Scores]:
        """The texts that hold any of ``rows``, and the sums of weight times saturated frequency:
        with the first mention of a text; the others have zero."""
        texts, values, ends = self._walk(rows, weights)
        with self._sums.borrowed() as sums:  # all zero, but for the time between these lines
            np.add.at(sums, texts, values)
            begin = 0
            for end in ends.tolist():
                values[begin:end] = sums[texts[begin:end]]
                sums[texts[begin:end]] = 0
                begin = end
        return texts, values

    def posting(self, row: int) -> tuple[NDArray[np.int32], Scores]:
        """The texts that hold the term of ``row``, and its saturated frequency in each."""
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        texts = self._texts[start:end]
        norms = self._norms[_channels(self._keys[row : row + 1])[0]]
        return texts, _saturated(self._counts[start:end], norms[texts])

    def saturated(self, rows: Positions, texts: Positions) -> Scores:
        """The saturated frequency of each of ``rows`` (−1: 0) in each of ``texts``, shape
        (rows, texts)."""
        known = np.flatnonzero(rows >= 0)
        distinct, places = np.unique(rows[known], return_inverse=True)
        entries, borders = self._entries(texts)
        # A table over all terms beats a search in the few that are asked for.
        with self._slots.borrowed() as asked:
            asked[distinct] = np.arange(1, len(distinct) + 1)
            slots = asked[self._forward_terms[entries]]
            asked[distinct] = 0
        found = np.flatnonzero(slots)
        slots = slots[found] - 1
        columns = np.searchsorted(borders, found, "right") - 1
        norms = self._norms[_channels(self._keys[distinct])[slots], texts[columns]]
        of_distinct = np.zeros((len(distinct), len(texts)), np.float32)
        counts = self._forward_counts[entries][found]
        of_distinct[slots, columns] = _saturated(counts, norms)
        if np.array_equal(distinct, rows):
            return of_distinct
        values = np.zeros((len(rows), len(texts)), np.float32)
        values[known] = of_distinct[places]
        return values

    def forward(self, texts: Positions) -> tuple[Positions, NDArray[np.int32], Scores]:
        """All terms of ``texts``: text i has ``rows[indptr[i]:indptr[i + 1]]``.

        Returns:
            indptr, the rows, and the saturated frequency of each.
        """
        entries, borders = self._entries(texts)
        rows = self._forward_terms[entries]
        columns = np.repeat(texts, np.diff(borders))
        norms = self._norms[_channels(self._keys[rows]), columns]
        return borders, rows, _saturated(self._forward_counts[entries], norms)

    def _entries(self, texts: Positions) -> tuple[Positions | slice, Positions]:
        """Where in the forward index all terms of ``texts`` stand, and the borders between those of
        one text and of the next, shape (texts + 1,)."""
        starts = self._forward_starts[texts]
        sizes = self._forward_starts[texts + 1] - starts
        borders = np.concatenate([[0], np.cumsum(sizes)])
        if len(texts) and (np.diff(texts) == 1).all():  # a slice costs no copy
            return slice(int(starts[0]), int(starts[0] + borders[-1])), borders
        return np.arange(borders[-1]) + np.repeat(starts - borders[:-1], sizes), borders


class _Spare:
    """Arrays of zeros that are used again and again: to have a million zeros made takes longer than
    to search. Who borrows one leaves zeros in it. There are as many as are in use at once."""

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self._size, self._dtype = size, dtype
        self._arrays: list[Array] = []

    @contextmanager
    def borrowed(self) -> Iterator[Array]:
        """An array of zeros; what is raised meanwhile costs the array."""
        try:
            array = self._arrays.pop()
        except IndexError:
            array = np.zeros(self._size, self._dtype)
        yield array
        self._arrays.append(array)


def top(
    scores: NDArray[np.floating], k: int, texts: NDArray[np.integer] | None = None
) -> tuple[Scores, Positions]:
    """The ``k`` best scores above zero and their positions, or ``texts`` there; order: score down,
    position up.

    As many blocks have a maximum of ``bound`` at least as are wanted: no score below it is among
    the best. So most are passed over without being sorted.
    """
    whole = len(scores) // _BLOCK * _BLOCK
    maxima = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
    bound = max(float(np.partition(maxima, -k)[-k]), 0.0) if len(maxima) >= k else 0.0
    places = np.flatnonzero(scores >= bound if bound else scores > 0)
    found = scores[places]
    positions = places if texts is None else texts[places].astype(np.int64)
    if len(positions) > k:
        border = np.partition(found, -k)[-k]
        above, equal = np.flatnonzero(found > border), np.flatnonzero(found == border)
        first = equal[np.argsort(positions[equal], kind="stable")[: k - len(above)]]
        chosen = np.concatenate([above, first])
        found, positions = found[chosen], positions[chosen]
    order = np.lexsort((positions, -found))
    return found[order].astype(np.float32), positions[order]


def _saturated(counts: NDArray[np.uint8], norms: Scores) -> Scores:
    """tf · (k1 + 1) / (tf + norm), capped at 1."""
    frequencies = counts.astype(np.float32)
    return np.minimum(frequencies * np.float32(_K1 + 1) / (frequencies + norms), np.float32(1))


class LexicalWriter:
    """Writes the files ``<name>.….npy`` of a ``LexicalIndex`` from counts that come in parts.

    Which part a text came in makes no difference to the files. All counts are held in memory: to
    invert them needs all.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._keys: list[NDArray[np.uint64]] = []
        self._terms: list[NDArray[np.int32]] = []
        self._counts = [np.zeros(0, np.uint8)]
        self._starts = [np.zeros(1, np.int64)]
        self._end = 0
        self._lengths = [np.zeros((0, len(CHANNELS)), np.int32)]

    def __enter__(self) -> LexicalWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()

    def add(self, part: Counts) -> None:
        """Texts after those that were added before."""
        self._starts.append(part.starts[1:] + self._end)
        self._end += int(part.starts[-1])
        # Copies: what a part is made of holds more than these.
        self._lengths.append(part.lengths.copy())
        self._keys.append(part.keys.copy())
        self._terms.append(part.terms.copy())
        self._counts.append(part.counts.copy())

    def close(self) -> None:
        """Writes all files."""
        keys = distinct_keys(self._keys)
        starts = np.concatenate(self._starts)
        counts = np.concatenate(self._counts)
        lengths = np.concatenate(self._lengths)
        terms = self._renumbered(keys)
        shape = (len(lengths), len(keys))
        # SciPy widens the terms to the type of the starts: twice the time.
        narrow = starts.astype(np.int32) if starts[-1] < 1 << 31 else starts
        inverted = sparse.csr_array((counts, terms, narrow), shape=shape).tocsc()
        for part, array in (
            ("keys", keys),
            ("norms", norms(lengths)),
            ("lengths", lengths),
            ("forward_starts", starts),
            ("forward_terms", terms),
            ("forward_counts", counts),
            ("starts", inverted.indptr.astype(np.int64)),
            ("texts", inverted.indices.astype(np.int32, copy=False)),
            ("counts", inverted.data),
        ):
            write_array(self._folder / f"{self._name}.{part}.npy", array)

    def abandon(self) -> None:
        """Nothing has been written yet."""

    def _renumbered(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The terms of all parts, one after the other: of each its position among all ``keys``."""
        ends = np.cumsum([0, *map(len, self._terms)]).tolist()
        terms = np.empty(ends[-1], np.int32)

        def renumber(part: int) -> None:
            rows = np.searchsorted(keys, self._keys[part]).astype(np.int32)
            terms[ends[part] : ends[part + 1]] = rows[self._terms[part]]

        with ThreadPoolExecutor() as threads:  # NumPy does this beside the lock of Python
            list(threads.map(renumber, range(len(self._terms))))
        return terms


def distinct_keys(parts: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """The keys of all parts, ascending; ``np.unique`` takes six times as long."""
    keys = np.concatenate([np.zeros(0, np.uint64), *parts])
    keys.sort()
    first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def norms(lengths: NDArray[np.int32]) -> Scores:
    """k1 · (1 − b + b · length / mean length), shape (CHANNELS, texts): a term that stands once in
    a text of mean length counts fully. Lengths are counted by channel: a text has many more grams
    than concepts."""
    totals, texts = lengths.sum(axis=0, dtype=np.int64), np.count_nonzero(lengths, axis=0)
    means = np.maximum(totals, 1) / np.maximum(texts, 1)
    relative = (lengths / means).T.astype(np.float32)
    return np.ascontiguousarray(_K1 * (1 - _B + _B * relative), dtype=np.float32)
