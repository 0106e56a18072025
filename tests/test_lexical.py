"""BM25 with weights at query time."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.frequencies import importance
from qa.lexical import LexicalIndex, WeightedTerm

K1, B = 1.2, 0.6

TEXTS = (
    "w:kiln w:kiln w:subsidy",
    "w:kiln w:glaze",
    "w:tax w:refund w:kiln w:kiln w:kiln w:days w:forms",
)


def counted(texts: tuple[str, ...] | list[str]) -> list[Counter[str]]:
    return [Counter(text.split()) for text in texts]


def column(index: LexicalIndex, term: str) -> list[float]:
    """The entries of a term by text, 0 where the text has it not."""
    values = np.zeros(len(index))
    if index.row(term) >= 0:
        texts, saturated = index.posting(index.row(term))
        values[texts] = saturated
    return [float(value) for value in values]


def test_an_entry_is_saturated_by_hand() -> None:
    """Lengths 3, 2, 7, mean 4: tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / 4)), at most 1."""
    index = LexicalIndex.build(counted(TEXTS))
    long_text = 1 * 2.2 / (1 + 1.2 * (0.4 + 0.6 * 7 / 4))
    assert long_text == pytest.approx(0.802919708)
    assert column(index, "w:refund") == pytest.approx([0, 0, long_text])
    assert column(index, "w:kiln") == pytest.approx([1, 1, 1])


words = st.sampled_from([f"w:{letter}" for letter in "abcdefg"])


@given(st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=2, max_size=6))
def test_the_saturation_is_that_of_bm25s(texts: list[str]) -> None:
    """bm25s leaves out the factor k1 + 1, as Lucene does, and multiplies with its own idf: an
    entry is (k1 + 1) · score / idf, capped at 1."""
    oracle = bm25s.BM25(k1=K1, b=B, method="lucene")
    tokens = [text.split() for text in texts]
    oracle.index(tokens, show_progress=False)
    index = LexicalIndex.build(counted(texts))
    for term in index.terms():
        having = sum(term in text for text in tokens)
        idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        expected = np.minimum((K1 + 1) * oracle.get_scores([term]) / idf, 1)
        assert column(index, term) == pytest.approx(expected.tolist(), rel=1e-5)


def test_lengths_are_counted_by_channel() -> None:
    alone = LexicalIndex.build(counted(["w:a w:b", "w:a"]))
    beside = LexicalIndex.build(counted(["w:a w:b g:x g:y g:z", "w:a"]))
    assert column(beside, "w:a") == column(alone, "w:a")


def test_rare_words_weigh_more_and_unseen_ones_as_much_as_they_say_in_general() -> None:
    index = LexicalIndex.build(counted(TEXTS))
    kiln, glaze, unseen = index.weigh({"w:kiln": 1, "w:glaze": 1, "w:qqqq": 1})
    # Three texts; kiln stands in all of them, glaze in one.
    assert kiln.weight == pytest.approx((importance("w:kiln") + math.log(2) / math.log(4)) / 2)
    assert glaze.weight == pytest.approx((importance("w:glaze") + 1) / 2)
    assert unseen == WeightedTerm("w:qqqq", -1, importance("w:qqqq"))
    assert importance("w:qqqq") == 1


def test_a_score_is_the_share_of_the_question_that_a_text_holds() -> None:
    index = LexicalIndex.build(counted(TEXTS))
    terms = [
        WeightedTerm("w:glaze", index.row("w:glaze"), 0.5),
        WeightedTerm("w:kiln", index.row("w:kiln"), 0.25),
        WeightedTerm("w:unseen", -1, 0.25),
    ]
    assert index.score(terms).tolist() == pytest.approx([0.25, 0.75, 0.25])


def test_a_question_without_terms_scores_nothing() -> None:
    assert LexicalIndex.build(counted(TEXTS)).score([]).tolist() == [0, 0, 0]


@given(
    st.lists(st.lists(words, max_size=8).map(" ".join), max_size=5),
    st.lists(words | st.just("w:unseen"), max_size=6),
)
def test_scores_stay_between_nothing_and_all(texts: list[str], question: list[str]) -> None:
    index = LexicalIndex.build(counted(texts))
    scores = index.score(index.weigh(Counter(question)))
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()
    shared = [bool(set(text.split()) & set(question)) for text in texts]
    assert [score > 0 for score in scores] == shared


def test_rows_are_the_terms_in_order_whatever_the_order_of_texts() -> None:
    forwards, backwards = (
        LexicalIndex.build(counted(TEXTS)),
        LexicalIndex.build(counted(TEXTS[::-1])),
    )
    assert forwards.terms() == sorted({term for text in TEXTS for term in text.split()})
    assert backwards.terms() == forwards.terms()
    for term in forwards.terms():
        assert column(backwards, term)[::-1] == column(forwards, term)


@pytest.mark.parametrize("texts", [TEXTS, (), ("",), ("w:窑厂 g:窑厂", "")])
def test_what_is_saved_can_be_loaded(texts: tuple[str, ...], tmp_path: Path) -> None:
    index = LexicalIndex.build(counted(texts))
    index.save(tmp_path, "name")
    loaded = LexicalIndex.load(tmp_path, "name")
    assert len(loaded) == len(texts)
    assert loaded.terms() == index.terms()
    assert [column(loaded, term) for term in loaded.terms()] == [
        column(index, term) for term in index.terms()
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "name.postings.npz",
        "name.terms.txt",
    ]
