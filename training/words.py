"""What single tokens mean, according to larger models: where training starts, and what stands in
for tokens that the training texts hardly have.

Three quarters of a language's vocabulary are rare in any training text of ours. A multilingual
transformer has seen them. Its vectors of single tokens are carried by a linear map into the space
of the English teacher (as Mikolov et al. 2013 carried words between languages), which sentences are
trained towards, and are the start of training. Afterwards a second map, from the same vectors to
the trained ones, predicts the tokens that were seldom trained (as in Khodak et al. 2018, "A La
Carte Embedding").
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from training.teacher import teach

Floats = npt.NDArray[np.float32]

ENGLISH = re.compile(r"[a-z]{3,}")
RIDGE = 0.01
"""L2 penalty of the maps, a row of unit length."""
FREQUENT = 200
"""Trainings after which a token is an example of what trained tokens look like."""


def linear_map(sources: Floats, targets: Floats, weights: Floats | None = None) -> Floats:
    """The matrix, with a last row for the constant, that carries rows of ``sources`` to rows of
    ``targets`` with the least (weighted) squares, by ridge regression."""
    extended = with_constant(sources)
    scaled = extended if weights is None else extended * weights[:, None]
    penalty = RIDGE * len(sources) / sources.shape[1] * np.eye(extended.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(scaled.T @ extended + penalty, scaled.T @ targets))


def with_constant(rows: Floats) -> Floats:
    """``rows`` with a last column of ones."""
    return np.hstack([rows, np.ones((len(rows), 1), np.float32)])


def unit(rows: Floats) -> Floats:
    """``rows`` at length one (zero rows stay)."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12))


def token_vectors(tokenizer: Tokenizer, multilingual: str, english: str, work: Path) -> Floats:
    """Unit vectors of all tokens in the English teacher's space, shaped (vocabulary, dimension).

    ``multilingual`` and ``english`` are the packages of the two models; ``work`` keeps what they
    say between runs.
    """
    tokens = [str(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]
    vectors = teach(tokens, multilingual, work / f"{multilingual}.npz").astype(np.float32)
    vectors = unit(vectors - vectors.mean(axis=0))
    known = np.array([i for i, token in enumerate(tokens) if ENGLISH.fullmatch(token)])
    targets = teach([tokens[i] for i in known], english, work / f"{english}.npz")
    carried = unit(with_constant(vectors) @ linear_map(vectors[known], targets.astype(np.float32)))
    # An English word is known in the English teacher's own terms.
    carried[known] = unit(carried[known] + targets)
    return carried


def complete(weights: Floats, words: Floats, counts: npt.NDArray[np.int64], prior: float) -> Floats:
    """``weights`` with the vectors of tokens seen in training ``counts`` times drawn towards what
    ``words`` predict of them: a prediction counts as much as ``prior`` sightings."""
    frequent = counts >= FREQUENT
    if not prior or frequent.sum() <= words.shape[1]:
        return weights
    fit = linear_map(words[frequent], unit(weights[frequent]))
    lengths = np.linalg.norm(weights, axis=1)
    usual = np.median(lengths[frequent & (counts < 10 * FREQUENT)])
    predicted = unit(with_constant(words) @ fit) * usual
    share = (counts / (counts + prior))[:, None].astype(np.float32)
    return np.asarray(share * weights + (1 - share) * predicted)
