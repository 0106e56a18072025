"""BM25 with weights at query time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias
from unittest import mock

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa.lexical
from qa.frequencies import importance
from qa.lexical import Counts, LexicalIndex, LexicalWriter, WeightedTerm, top

K1, B = 1.2, 0.6

TEXTS = (
    "w:kiln w:kiln w:subsidy",
    "w:kiln w:glaze",
    "w:tax w:refund w:kiln w:kiln w:kiln w:days w:forms",
)


def counted(texts: tuple[str, ...] | list[str]) -> list[Counter[str]]:
    return [Counter(text.split()) for text in texts]


Texts: TypeAlias = Sequence[Mapping[str, int]]
Build: TypeAlias = Callable[[Texts], LexicalIndex]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return lambda texts: LexicalIndex.build(texts, tmp_path_factory.mktemp("lexical"), "name")


def column(index: LexicalIndex, term: str) -> list[float]:
    """The entries of a term by text, 0 where the text has it not."""
    values = np.zeros(len(index))
    (row,) = index.rows([term])
    if row >= 0:
        texts, saturated = index.posting(row)
        values[texts] = saturated
    return [float(value) for value in values]


def test_an_entry_is_saturated_by_hand(build: Build) -> None:
    """Lengths 3, 2, 7, mean 4: tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / 4)), at most 1."""
    index = build(counted(TEXTS))
    long_text = 1 * 2.2 / (1 + 1.2 * (0.4 + 0.6 * 7 / 4))
    assert long_text == pytest.approx(0.802919708)
    assert column(index, "w:refund") == pytest.approx([0, 0, long_text])
    assert column(index, "w:kiln") == pytest.approx([1, 1, 1])


letters = "abcdefg"
words = st.sampled_from([f"w:{letter}" for letter in letters])


@given(st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=2, max_size=6))
def test_the_saturation_is_that_of_bm25s(build: Build, texts: list[str]) -> None:
    """bm25s leaves out the factor k1 + 1, as Lucene does, and multiplies with its own idf: an
    entry is (k1 + 1) · score / idf, capped at 1."""
    oracle = bm25s.BM25(k1=K1, b=B, method="lucene")
    tokens = [text.split() for text in texts]
    oracle.index(tokens, show_progress=False)
    index = build(counted(texts))
    for term in sorted({term for text in tokens for term in text}):
        having = sum(term in text for text in tokens)
        idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        expected = np.minimum((K1 + 1) * oracle.get_scores([term]) / idf, 1)
        assert column(index, term) == pytest.approx(expected.tolist(), rel=1e-5)


def test_lengths_are_counted_by_channel(build: Build) -> None:
    alone = build(counted(["w:a w:b", "w:a"]))
    beside = build(counted(["w:a w:b g:x g:y g:z", "w:a"]))
    assert column(beside, "w:a") == column(alone, "w:a")


def test_rare_words_weigh_more_and_unseen_ones_as_much_as_they_say_in_general(
    build: Build,
) -> None:
    index = build(counted(TEXTS))
    kiln, glaze, unseen = index.weigh(["w:kiln", "w:glaze", "w:qqqq"])
    # Three texts; kiln stands in all of them, glaze in one.
    assert kiln.weight == pytest.approx((importance("w:kiln") + math.log(2) / math.log(4)) / 2)
    assert glaze.weight == pytest.approx((importance("w:glaze") + 1) / 2)
    assert unseen == WeightedTerm("w:qqqq", -1, importance("w:qqqq"))
    assert importance("w:qqqq") == 1


def test_a_term_has_a_row_and_a_frequency_where_a_text_has_it(build: Build) -> None:
    index = build(counted(TEXTS))
    rows = index.rows(["w:kiln", "w:days", "w:unseen", "g:kiln"])
    assert index.frequencies(rows).tolist() == [3, 1, 0, 0]
    assert sorted(rows.tolist())[:2] == [-1, -1]
    assert all(0 <= row < index.size for row in rows[:2])


def test_a_score_is_the_share_of_the_question_that_a_text_holds(build: Build) -> None:
    index = build(counted(TEXTS))
    glaze, kiln = index.rows(["w:glaze", "w:kiln"]).tolist()
    terms = [
        WeightedTerm("w:glaze", glaze, 0.5),
        WeightedTerm("w:kiln", kiln, 0.25),
        WeightedTerm("w:unseen", -1, 0.25),
    ]
    assert index.score(terms).tolist() == pytest.approx([0.25, 0.75, 0.25])


def test_a_question_without_terms_scores_nothing(build: Build) -> None:
    assert build(counted(TEXTS)).score([]).tolist() == [0, 0, 0]


@given(
    st.lists(st.lists(words, max_size=8).map(" ".join), max_size=5),
    st.lists(words | st.just("w:unseen"), max_size=6),
)
def test_scores_stay_between_nothing_and_all(
    build: Build, texts: list[str], question: list[str]
) -> None:
    index = build(counted(texts))
    scores = index.score(index.weigh(Counter(question)))
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()
    shared = [bool(set(text.split()) & set(question)) for text in texts]
    assert [score > 0 for score in scores] == shared


@given(
    st.lists(st.lists(words, max_size=8).map(" ".join), max_size=5),
    st.lists(words | st.just("w:unseen"), max_size=9),
    st.data(),
)
def test_the_terms_of_given_texts_are_those_of_the_postings(
    build: Build, texts: list[str], question: list[str], data: st.DataObject
) -> None:
    index = build(counted(texts))
    asked = data.draw(
        st.lists(st.sampled_from(range(len(texts))), max_size=6) if texts else st.just([])
    )
    found = index.saturated(index.rows(question), np.array(asked, np.int64))
    assert found.shape == (len(question), len(asked))
    expected = [[column(index, term)[text] for text in asked] for term in question]
    assert found.tolist() == expected


@given(
    st.lists(st.lists(words, max_size=8).map(" ".join), min_size=1, max_size=8),
    st.dictionaries(words, st.floats(0.125, 1, width=16), min_size=1),
    st.integers(1, 9),
    st.none() | st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_the_best_texts_are_those_with_the_highest_sums(
    build: Build,
    texts: list[str],
    question: dict[str, float],
    k: int,
    chosen: list[bool] | None,
) -> None:
    index = build(counted(texts))
    allowed = np.array(chosen[: len(texts)]) if chosen else None
    weights = np.array(list(question.values()), np.float32)
    sums, positions = index.best(index.rows(question), weights, k, allowed)
    expected = np.zeros(len(texts))
    for term, weight in question.items():
        expected += weight * np.array(column(index, term))
    if allowed is not None:
        expected *= allowed
    assert sums.tolist() == pytest.approx(sorted(expected[expected > 0], reverse=True)[:k])
    assert expected[positions].tolist() == pytest.approx(sums.tolist())
    for (first, second), (a, b) in zip(pairwise(sums), pairwise(positions), strict=True):
        assert first > second or a < b


def test_beyond_the_budget_the_telling_terms_choose(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa.lexical, "BUDGET", 3)
    index = build(counted(["w:all w:rare", *["w:all"] * 5]))
    rows, weights = index.rows(["w:all", "w:rare"]), np.array([1, 1], np.float32)
    assert index.best(rows, weights, 5)[1].tolist() == [0]
    # A question of common words only is not left without candidates.
    assert index.best(rows[:1], weights[:1], 5)[1].tolist() == [1, 2, 3, 4, 5]


def test_rows_do_not_depend_on_the_order_of_texts(build: Build) -> None:
    forwards, backwards = build(counted(TEXTS)), build(counted(TEXTS[::-1]))
    for term in {term for text in TEXTS for term in text.split()}:
        assert backwards.rows([term]).tolist() == forwards.rows([term]).tolist()
        assert column(backwards, term)[::-1] == column(forwards, term)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.lists(st.lists(words, max_size=8).map(" ".join), max_size=6), st.data())
def test_texts_written_in_parts_give_the_same_files(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    folders = []
    for borders in ([], sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=3)))):
        folders.append(tmp_path_factory.mktemp("parts"))
        with LexicalWriter(folders[-1], "name") as writer:
            for start, end in pairwise([0, *borders, len(texts)]):
                writer.add(Counts.of(counted(texts[start:end])))
    assert contents(folders[0]) == contents(folders[1])


@pytest.mark.parametrize("texts", [TEXTS, (), ("",), ("w:窑厂 g:窑厂", "")])
def test_what_is_written_can_be_read(texts: tuple[str, ...], build: Build) -> None:
    index = build(counted(texts))
    assert len(index) == len(texts)
    for position, text in enumerate(texts):
        for term in text.split():
            assert column(index, term)[position] > 0


def test_counts_beyond_a_byte_are_as_full_as_any(build: Build) -> None:
    index = build([{"w:a": 3000}, {"w:a": 1, "w:b": 2999}])
    assert column(index, "w:a")[0] == 1
    assert column(index, "w:b") == [0, 1]


@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(1, 14), st.sampled_from([1, 2, 64]))
def test_top_is_a_stable_sort_of_what_is_above_zero(scores: list[int], k: int, block: int) -> None:
    expected = sorted((i for i, s in enumerate(scores) if s > 0), key=lambda i: (-scores[i], i))
    with mock.patch("qa.lexical._BLOCK", block):
        assert top(np.array(scores, float), k)[1].tolist() == expected[:k]
