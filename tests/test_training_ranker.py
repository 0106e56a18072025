"""The ranker learns from lists in which clauses with and without a translation stand side by side."""

from __future__ import annotations

import numpy as np

from qa.evidence import FEATURES, Evidence
from qa.ranking import MODES
from training.ranker import Example, bands, fit, fit_ranker, report

CHANCE = np.random.default_rng(0)
WORDING, SENTENCE = FEATURES.index("dense_wording"), FEATURES.index("dense_sentence")


def example(gold: int | None, native: list[bool], corpus: str = "shipped") -> Example:
    """Three clauses. The one that settles the question has a like sentence; those in the language
    of the question have a like wording whether they settle it or not."""
    features = CHANCE.uniform(0, 0.2, (3, len(FEATURES))).astype(np.float32)
    features[:, WORDING] = np.array(native) * CHANCE.uniform(0.6, 0.9, 3)
    if gold is not None:
        features[gold, SENTENCE] = 0.9
    evidence = Evidence(
        clauses=np.arange(3),
        features=features,
        passages=np.zeros(0, np.int64),
        passage_clauses=np.zeros(0, np.int64),
        support=np.zeros(0, np.float32),
        words=(),
        weights=np.zeros(0, np.float32),
        coverage=np.zeros((3, 0), np.float32),
        outside=np.zeros(3, np.float32),
    )
    settles = np.arange(3) == gold
    return Example(corpus, "d", True, "?", "zh", evidence, np.array(native), settles)


MIXED = [
    example(gold, native)
    for gold, native in [
        (0, [True, False, True]),
        (1, [True, False, True]),
        (2, [True, False, False]),
        (None, [True, False, True]),
    ]
    * 12
]


def test_a_wording_does_not_outweigh_what_the_clause_says() -> None:
    native, cross = fit_ranker(MIXED)
    for features in (each.evidence.features for each in MIXED):
        assert features.shape == (3, len(FEATURES))
    assert native[SENTENCE] > native[WORDING]
    assert cross[SENTENCE] > 0


def test_evidence_never_speaks_against_a_clause_but_for_two_kinds() -> None:
    weights = fit_ranker(MIXED)
    against = [name in ("unnumbered", "elsewhere") for name in FEATURES]
    assert weights.shape == (len(MODES), len(FEATURES))
    assert (weights[:, against] <= 0).all()
    assert (weights[:, np.invert(against)] >= 0).all()


def test_a_fitted_ranking_tells_who_is_answered_from_who_is_not() -> None:
    ranking = fit(MIXED)
    measured = report(MIXED, ranking)
    assert measured.answerable == 36
    assert measured.first == 1
    assert measured.auroc > 0.9
    answer, clarify = bands(MIXED, ranking)
    assert 0 < clarify <= answer < 1
