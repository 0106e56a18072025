"""Evidence → the probability that each clause answers the question.

Two steps, both linear in evidence that people can read. The ranker is a conditional logit over
the candidates of one question (the listwise softmax of Cao et al. 2007, ListNet). The calibrator
is a logistic regression (Platt 1999) over the ranker's score, its lead over the other candidates
and how much of the question is covered at all. Weights are fitted by ``training/ranker.py`` and
stored with the model whose similarities they were fitted to.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.config import DEFAULT_MODEL
from qa.encoder import model_fingerprint
from qa.errors import ModelError
from qa.evidence import FEATURES, Evidence

Numbers = NDArray[np.float32]
logger = logging.getLogger(__name__)

FILE = "ranking.json"
MODES = ("native", "cross")
"""A clause that stands in the language of the question, original or translated; one that does not."""

SIGNALS = (
    "score", "lead", "words", "similar", "concepts", "dense", "sentence",
    "wording", "outside", "weakest", "uncovered", "length",
)  # fmt: skip
"""What the calibrator sees of a candidate."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one mode: ``rank`` over FEATURES; ``calibrate`` over SIGNALS and a bias."""

    rank: Numbers
    calibrate: Numbers


@dataclass(frozen=True, slots=True)
class Ranking:
    """The fitted weights by mode, and the two borders between the three bands of an answer.

    At or above ``answer`` the clause is given as the answer; from ``clarify`` up the asker
    chooses; below, no clause answers.
    """

    weights: Mapping[str, Weights]
    answer: float
    clarify: float

    @classmethod
    def load(cls, model: str) -> Ranking:
        """The weights in a model's folder; those of the default model where it has none, which is
        logged, since its probabilities then are not calibrated.

        Raises:
            ModelError: the file is damaged, or was fitted to other evidence or another model.
        """
        path = Path(model) / FILE
        if not path.is_file():
            logger.warning(
                "%s has no %s: that of the default model is used, whose probabilities may not fit; "
                "to fit it, run: python -m training.ranker --model %s",
                model, FILE, model,
            )  # fmt: skip
            path = DEFAULT_MODEL / FILE
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if (record["features"], record["signals"]) != (list(FEATURES), list(SIGNALS)):
                raise ValueError("it was fitted to other evidence")
            if record.get("model") not in (None, model_fingerprint(str(path.parent))):
                raise ValueError("it was fitted to another model")
            weights = {
                mode: Weights(
                    np.array(record[mode]["rank"], np.float32),
                    np.array(record[mode]["calibrate"], np.float32),
                )
                for mode in MODES
            }
            shapes = {(w.rank.shape, w.calibrate.shape) for w in weights.values()}
            if shapes != {((len(FEATURES),), (len(SIGNALS) + 1,))}:
                raise ValueError("it has a weight too few or too many")
            return cls(weights, float(record["answer"]), float(record["clarify"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                path, f"cannot be used ({error})", "run: python -m training.ranker"
            ) from error

    def scores(self, evidence: Evidence, native: NDArray[np.bool_]) -> Numbers:
        """The ranker's score of each candidate; ``native`` tells the mode of each."""
        by_mode = evidence.features @ np.stack([self.weights[mode].rank for mode in MODES], axis=1)
        return np.where(native, by_mode[:, 0], by_mode[:, 1]).astype(np.float32)

    def probabilities(self, evidence: Evidence, native: NDArray[np.bool_]) -> Numbers:
        """The probability of each candidate, shape (candidates,), in [0, 1]."""
        seen = signals(evidence, self.scores(evidence, native))
        logits = np.stack(
            [
                seen @ self.weights[mode].calibrate[:-1] + self.weights[mode].calibrate[-1]
                for mode in MODES
            ],
            axis=1,
        )
        return _sigmoid(np.where(native, logits[:, 0], logits[:, 1]))


def signals(evidence: Evidence, scores: Numbers) -> Numbers:
    """What the calibrator sees of each candidate, shape (candidates, SIGNALS)."""
    features = {name: evidence.features[:, column] for column, name in enumerate(FEATURES)}
    order = np.argsort(-scores, kind="stable")
    rival = np.full(len(scores), scores[order[0]] if len(scores) else 0, np.float32)
    if len(scores) > 1:
        rival[order[0]] = scores[order[1]]
    return np.stack(
        [
            scores,
            np.tanh((scores - rival) / 2),
            np.maximum(features["words_sentence"], features["words_clause"]),
            np.maximum(features["similar_sentence"], features["similar_clause"]),
            np.maximum(features["concepts_sentence"], features["concepts_clause"]),
            features["dense_clause"],
            np.maximum(features["dense_sentence"], features["dense_title"]),
            (features["dense_wording"] + features["similar_wording"]) / 2,
            evidence.outside,
            *_gaps(evidence),
            np.full(len(scores), np.log1p(len(evidence.words))),
        ],
        axis=1,
    ).astype(np.float32)


def _gaps(evidence: Evidence) -> tuple[Numbers, Numbers]:
    """How badly each candidate covers the worst covered word of the question, and all of them,
    each word as far as it says something."""
    if not evidence.words:
        nothing = np.ones(len(evidence.clauses), np.float32)
        return nothing, nothing
    gaps = (1 - np.minimum(evidence.coverage, 1)) * evidence.weights
    return gaps.max(axis=1), gaps.sum(axis=1) / max(float(evidence.weights.sum()), 1e-6)


def _sigmoid(logits: Numbers) -> Numbers:
    return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
