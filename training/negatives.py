"""Hard negatives: pairs that are easily mistaken for each other are put into the same batches.

A negative teaches when it is close. Negatives are drawn from the batch, so pairs whose texts a
searcher confuses are grouped, and a group never leaves its batch (as in Hofstätter et al. 2021,
"topic-aware sampling"). Two searchers find them: BM25 over the tokens, which confuses texts of the
same words, and an earlier model, which confuses what it has not learned yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
import numpy as np
import numpy.typing as npt
from sentence_transformers import SentenceTransformer

Ints = npt.NDArray[np.int64]

NEIGHBOURS = 15
"""Mistaken texts that are looked at for each pair."""
ROWS = 2048
"""Questions that are compared with all texts at once."""


def confused_by_words(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> Ints:
    """For each pair of token ids, the pairs whose right sides BM25 finds for its left side, best
    first: shape (pairs, NEIGHBOURS)."""
    retriever = bm25s.BM25()
    retriever.index([[str(token) for token in row] for row in right], show_progress=False)
    questions = [[str(token) for token in row] or [""] for row in left]
    count = min(NEIGHBOURS, len(right))
    found, _ = retriever.retrieve(questions, k=count, show_progress=False)
    return np.asarray(found, np.int64)


def confused_by_model(left: list[str], right: list[str], folder: str) -> Ints:
    """The same for texts, by the cosines of an earlier model."""
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    questions, texts = (
        model.encode(side, normalize_embeddings=True, show_progress_bar=False)
        for side in (left, right)
    )
    count = min(NEIGHBOURS, len(right))
    nearest = []
    for start in range(0, len(questions), ROWS):
        scores = questions[start : start + ROWS] @ texts.T
        found = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1)
        nearest.append(np.take_along_axis(found, order, axis=1))
    return np.concatenate(nearest)


def groups(neighbours: Ints, size: int, rng: np.random.Generator) -> Ints:
    """The group of each pair: a pair, in random order, takes those of its neighbours that no other
    has taken, ``size`` pairs in all at most."""
    group = np.full(len(neighbours), -1)
    for number, row in enumerate(rng.permutation(len(neighbours))):
        if group[row] >= 0:
            continue
        group[row] = number
        free = [other for other in neighbours[row] if group[other] < 0]
        group[free[: size - 1]] = number
    return group
