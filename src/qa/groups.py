"""Questions → groups of questions that ask the same, by the vectors of the encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qa.encoder import Encoder

DISTANCE = 0.6
"""Mean cosine distance up to which two groups become one. Over the shipped wordings, with their
clauses as the truth, groups are nearly pure (homogeneity 0.94 Chinese, 0.91
English, 0.89 Korean, 0.95 mixed); at 0.7 it falls to 0.75: a wrong group costs more than two."""

MOST = 2000
"""Questions that are compared; their number squared is the memory (32 MB)."""


def group(
    questions: Sequence[str], encoder: Encoder, distance: float = DISTANCE
) -> list[list[int]]:
    """Positions of questions that ask the same, the one most like the others first.

    Agglomerative clustering with average linkage over cosine distances: it needs no number of
    groups, and leaves a question alone that is like no other.
    https://scikit-learn.org/stable/modules/clustering.html#hierarchical-clustering

    Args:
        questions: at most ``MOST``; more raise ValueError.
        encoder: gives the vectors.
        distance: up to which groups are united, in [0, 2].

    Returns:
        The groups in the order of their first question; each question is in exactly one.
    """
    if len(questions) > MOST:
        raise ValueError(f"{len(questions)} questions, at most {MOST}")
    if len(questions) < 2:
        return [[position] for position in range(len(questions))]
    from sklearn.cluster import AgglomerativeClustering

    vectors = encoder.encode(questions).astype(np.float64)
    # A text that says nothing has no direction: it is like nothing but itself.
    distances = np.clip(1 - vectors @ vectors.T, 0, 2)
    labels = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=distance
    ).fit_predict(distances)
    groups: dict[int, list[int]] = {}
    for position, label in enumerate(labels):
        groups.setdefault(int(label), []).append(position)
    return [_central_first(members, distances) for members in groups.values()]


def _central_first(members: list[int], distances: NDArray[np.float64]) -> list[int]:
    inner = distances[np.ix_(members, members)].sum(axis=1)
    central = members[int(np.argmin(inner))]
    return [central, *(member for member in members if member != central)]
