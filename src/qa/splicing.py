"""A lexical index made from the one before it: what stays is copied, and not inverted again.

To invert seventy million counts takes most of the time of a build in which one policy has changed.
What comes out is, to the byte, what ``LexicalWriter`` makes of the same texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qa.lexical import Counts, distinct_keys, norms
from qa.records import Array, ArrayFile, read_array, write_array

_BLOCK = 1 << 18
"""Entries that are copied at once: they stay in the cache of the processor."""


class Earlier:
    """The arrays of a lexical index, memory-mapped; ``keys`` and the others are its files."""

    def __init__(self, folder: Path, name: str) -> None:
        def mapped(part: str) -> Array:
            return read_array(folder / f"{name}.{part}.npy")

        self.keys: NDArray[np.uint64] = mapped("keys")
        self.lengths: NDArray[np.int32] = mapped("lengths")
        self.starts: NDArray[np.int64] = mapped("starts")
        self.texts: NDArray[np.int32] = mapped("texts")
        self.counts: NDArray[np.uint8] = mapped("counts")
        self.forward_starts: NDArray[np.int64] = mapped("forward_starts")
        self.forward_terms: NDArray[np.int32] = mapped("forward_terms")
        self.forward_counts: NDArray[np.uint8] = mapped("forward_counts")


@dataclass(frozen=True, slots=True)
class _Addition:
    """New texts: where they stand, before which text of the earlier index, and what they hold.

    ``inverted`` are their counts by term: column i has those of ``counts.keys[i]``.
    """

    position: int
    before: int
    counts: Counts
    inverted: sparse.csc_array

    @classmethod
    def of(cls, position: int, before: int, counts: Counts) -> _Addition:
        """The addition of ``counts``."""
        rows = sparse.csr_array(
            (counts.counts, counts.terms, counts.starts),
            shape=(len(counts.starts) - 1, len(counts.keys)),
        )
        return cls(position, before, counts, rows.tocsc())


class LexicalSplicer:
    """Writes the files of a ``LexicalIndex`` from stretches of an ``earlier`` one, in its order, and
    from counts of new texts."""

    def __init__(self, folder: Path, name: str, earlier: Earlier) -> None:
        self._folder, self._name, self._earlier = folder, name, earlier
        self._runs: list[range | _Addition] = []
        self._moved = np.full(len(earlier.lengths), -1, np.int32)
        self._end = self._taken = 0

    def take(self, texts: range) -> None:
        """Texts of the earlier index, behind those that were taken before."""
        self._moved[texts.start : texts.stop] = np.arange(self._end, self._end + len(texts))
        self._runs.append(texts)
        self._end += len(texts)
        self._taken = texts.stop

    def add(self, part: Counts) -> None:
        """New texts after those that were taken and added before."""
        addition = _Addition.of(self._end, self._taken, part)
        self._runs.append(addition)
        self._end += len(part.starts) - 1

    def abandon(self) -> None:
        """Nothing has been written yet."""

    def close(self) -> None:
        """Writes all files."""
        old, additions = self._earlier, [r for r in self._runs if isinstance(r, _Addition)]
        frequencies = self._frequencies_kept()
        keys = distinct_keys([old.keys[frequencies > 0], *(each.counts.keys for each in additions)])
        rows_of_old = np.searchsorted(keys, old.keys).astype(np.int32)
        found = np.zeros(len(keys), np.int64)
        found[rows_of_old[frequencies > 0]] = frequencies[frequencies > 0]
        for addition in additions:
            rows = np.searchsorted(keys, addition.counts.keys)
            found[rows] += np.diff(addition.inverted.indptr)
        self._write("keys", keys)
        self._write("starts", np.cumsum(np.concatenate([[0], found])))
        self._write_forward(keys, rows_of_old)
        self._write_postings(additions)
        lengths = np.concatenate([np.zeros((0, old.lengths.shape[1]), np.int32), *self._lengths()])
        self._write("lengths", lengths)
        self._write("norms", norms(lengths))

    def _path(self, part: str) -> Path:
        return self._folder / f"{self._name}.{part}.npy"

    def _write(self, part: str, array: Array) -> None:
        write_array(self._path(part), array)

    def _frequencies_kept(self) -> NDArray[np.int64]:
        """In how many of the texts that stay each term of the earlier index stands."""
        old = self._earlier
        gone = np.flatnonzero(self._moved < 0)
        sizes = np.diff(old.starts)
        for text in gone.tolist():
            begin, end = old.forward_starts[text : text + 2]
            sizes[old.forward_terms[begin:end]] -= 1  # a text has each term once
        return sizes

    def _lengths(self) -> Iterator[NDArray[np.int32]]:
        for run in self._runs:
            if isinstance(run, _Addition):
                yield run.counts.lengths
            else:
                yield self._earlier.lengths[run.start : run.stop]

    def _write_forward(self, keys: NDArray[np.uint64], rows_of_old: NDArray[np.int32]) -> None:
        old = self._earlier
        terms = ArrayFile(self._path("forward_terms"), np.int32)
        counts = ArrayFile(self._path("forward_counts"), np.uint8)
        sizes: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        for run in self._runs:
            if isinstance(run, _Addition):
                rows = np.searchsorted(keys, run.counts.keys)
                terms.add(rows[run.counts.terms])
                counts.add(run.counts.counts)
                sizes.append(np.diff(run.counts.starts))
                continue
            starts = old.forward_starts[run.start : run.stop + 1]
            sizes.append(np.diff(starts))
            for begin, end in _blocks(int(starts[0]), int(starts[-1])):
                terms.add(rows_of_old[old.forward_terms[begin:end]])
                counts.add(old.forward_counts[begin:end])
        terms.close()
        counts.close()
        self._write("forward_starts", np.cumsum(np.concatenate(sizes)))

    def _write_postings(self, additions: list[_Addition]) -> None:
        old = self._earlier
        texts = ArrayFile(self._path("texts"), np.int32)
        counts = ArrayFile(self._path("counts"), np.uint8)
        done = 0
        ends = [(len(old.texts), np.zeros(0, np.int32), np.zeros(0, np.uint8))]
        for place, new_texts, new_counts in [*self._insertions(additions), *ends]:
            for begin, end in _blocks(done, place):
                moved = self._moved[old.texts[begin:end]]
                stays = moved >= 0
                whole = bool(stays.all())
                texts.add(moved if whole else moved[stays])
                counts.add(old.counts[begin:end] if whole else old.counts[begin:end][stays])
            texts.add(new_texts)
            counts.add(new_counts)
            done = place
        texts.close()
        counts.close()

    def _insertions(
        self, additions: list[_Addition]
    ) -> list[tuple[int, NDArray[np.int32], NDArray[np.uint8]]]:
        """The new entries of all terms, each with its place among the earlier entries, in order."""
        old = self._earlier
        found = []
        for addition in additions:
            keys, inverted = addition.counts.keys, addition.inverted
            firsts = old.starts[np.searchsorted(old.keys, keys, "left")].tolist()
            lasts = old.starts[np.searchsorted(old.keys, keys, "right")].tolist()
            borders = inverted.indptr.tolist()
            for i, (key, first, last) in enumerate(zip(keys.tolist(), firsts, lasts, strict=True)):
                # A term that the earlier index does not have has no entries there.
                place = first + int(np.searchsorted(old.texts[first:last], addition.before))
                begin, end = borders[i], borders[i + 1]
                texts = inverted.indices[begin:end] + addition.position
                entry = (place, texts.astype(np.int32), inverted.data[begin:end])
                found.append((place, key, addition.position, entry))
        found.sort(key=lambda each: each[:3])
        return [entry for *_, entry in found]


def _blocks(begin: int, end: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + _BLOCK, end)) for start in range(begin, end, _BLOCK))
