"""Hits → what may be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import BagOfCharacters, plain_ranking

from qa.answering import (
    check_numbers,
    choose_outcome,
    cite,
    clauses_to_choose,
    clauses_to_cite,
    settling_sentences,
)
from qa.assistant import Assistant
from qa.retrieval import Result, Retriever
from qa.types import Clause, Document, Hit, Language, NumberCheck, Outcome, Translation

TEXT = "一、补贴\n\n按40%给予补贴。最高3万元。（责任单位：市商务局）"
DOCUMENT = Document("d", "zh", "", TEXT)
CLAUSE = Clause(
    "d#一", "d", "一", (), "补贴", 0, len(TEXT), TEXT, 2, 4, body_start=6,
    departments=("市商务局",), notes=((TEXT.index("（"), len(TEXT)),),
)  # fmt: skip


def hits(*probabilities: float) -> list[Hit]:
    return [
        Hit(Clause(f"d#{rank}", "d", str(rank), (), "", 0, 0, ""), probability, rank)
        for rank, probability in enumerate(probabilities, start=1)
    ]


@pytest.mark.parametrize(
    ("probabilities", "stable", "outcome"),
    [
        ((0.6,), True, Outcome.ANSWERED),
        ((0.59,), True, Outcome.CLARIFY),
        ((0.3,), True, Outcome.CLARIFY),
        ((0.29, 0.29), True, Outcome.NO_CLAUSE),
        ((0.9,), False, Outcome.CLARIFY),  # a rewording finds another clause
        ((0.1,), False, Outcome.NO_CLAUSE),
        ((), True, Outcome.NO_CLAUSE),
    ],
)
def test_the_band_of_the_best_hit(
    probabilities: tuple[float, ...], stable: bool, outcome: Outcome
) -> None:
    assert choose_outcome(hits(*probabilities), 0.6, 0.3, stable) is outcome


@pytest.mark.parametrize(
    ("probabilities", "cited"),
    [
        ((0.9,), ["1"]),
        ((0.9, 0.5), ["1"]),
        ((0.9, 0.7), ["1"]),  # high enough to answer, but far behind
        ((0.9, 0.8), ["1", "2"]),
        ((0.61, 0.59), ["1"]),  # close, but no answer by itself
        ((0.9, 0.9, 0.9), ["1", "2"]),
    ],
)
def test_a_second_clause_is_cited_only_beside_an_equal(
    probabilities: tuple[float, ...], cited: list[str]
) -> None:
    assert [clause.number for clause in clauses_to_cite(hits(*probabilities), 0.6)] == cited


# --- which sentences


def result(assistant: Assistant, number: str, support: dict[int, float]) -> Result:
    """A result whose only hit is a clause, with the given support of its Chinese sentences."""
    index = assistant.index
    position = next(i for i, clause in enumerate(index.clauses) if clause.number == number)
    passages = [
        i
        for i, passage in enumerate(index.passages)
        if passage.clause == position and passage.kind == "sentence" and passage.language == "zh"
    ]
    found = Retriever(index, BagOfCharacters(), plain_ranking()).search("窑", "zh")
    evidence = replace(
        found.evidence,
        passages=np.array(passages),
        passage_clauses=np.full(len(passages), position),
        support=np.array([support[index.passages[i].sentence] for i in passages], np.float32),
    )
    return replace(found, evidence=evidence, hits=(Hit(index.clauses[position], 0.9, 1),))


@pytest.mark.parametrize(
    ("support", "sentences"),
    [
        ({0: 0.9, 1: 0.1}, [0]),
        ({0: 0.1, 1: 0.9}, [1]),
        ({0: 0.8, 1: 0.9}, [0, 1]),  # nearly as good: both, in the order of the text
        ({0: 0.5, 1: 0.5}, [0, 1]),
        ({0: 0.0, 1: 0.0}, [0, 1]),
    ],
)
def test_the_sentences_that_support_best_are_quoted(
    assistant: Assistant, support: dict[int, float], sentences: list[int]
) -> None:
    found = result(assistant, "五", support)
    clause = found.hits[0].clause
    assert settling_sentences(found, assistant.index, [(clause, "zh")], "zh", quantity=False) == {
        clause.id: sentences
    }


def test_who_asks_for_a_number_is_quoted_the_sentence_that_has_one(assistant: Assistant) -> None:
    found = result(assistant, "二", {0: 0.5, 1: 0.55})  # 3个工作日 stands in the first
    clause = found.hits[0].clause
    sentences = settling_sentences(found, assistant.index, [(clause, "zh")], "zh", quantity=False)
    assert sentences == {clause.id: [0, 1]}
    found = result(assistant, "二", {0: 0.5, 1: 0.5})
    sentences = settling_sentences(found, assistant.index, [(clause, "zh")], "zh", quantity=True)
    assert sentences == {clause.id: [0]}


@pytest.mark.parametrize(
    ("probabilities", "offered"),
    [((0.5, 0.4, 0.3, 0.2), 3), ((0.5, 0.4, 0.05), 2), ((0.5, 0.01), 2), ((0.5,), 1)],
)
def test_two_clauses_are_offered_and_a_third_where_it_is_possible(
    probabilities: tuple[float, ...], offered: int
) -> None:
    hits = [Hit(CLAUSE, probability, rank) for rank, probability in enumerate(probabilities, 1)]
    assert len(clauses_to_choose(hits)) == offered


# --- quotations


def test_a_quote_is_a_slice_of_its_clause() -> None:
    citation = cite(CLAUSE, DOCUMENT, [1], (), "zh")
    (quote,) = citation.quotes
    assert quote.text == "最高3万元。" == CLAUSE.text[quote.start : quote.end]
    assert quote.translation == ""
    assert citation.translation is None


def translation(language: Language, *sentences: str, aligned: bool = True) -> Translation:
    return Translation("d#一", language, "t", sentences, aligned=aligned)


def test_a_quote_stands_beside_its_own_translation_in_the_language_of_the_asker() -> None:
    translations = (translation("en", "40%.", "At most 30,000."), translation("ko", "하나.", "둘."))
    citation = cite(CLAUSE, DOCUMENT, [0, 1], translations, "ko")
    assert [(quote.text, quote.translation) for quote in citation.quotes] == [
        ("按40%给予补贴。", "하나."),
        ("最高3万元。", "둘."),
    ]
    assert citation.translation is translations[1]


def test_a_translation_that_is_not_aligned_stands_for_the_clause_only() -> None:
    whole = translation("en", "All in one.", aligned=False)
    citation = cite(CLAUSE, DOCUMENT, [1], (whole,), "en")
    assert [quote.translation for quote in citation.quotes] == [""]
    assert citation.translation is whole


def test_without_sentences_the_whole_clause_is_quoted() -> None:
    for sentences in ([], [7]):
        (quote,) = cite(CLAUSE, DOCUMENT, sentences, (), "zh").quotes
        assert quote.text == CLAUSE.text


# --- numbers


@pytest.mark.parametrize(
    ("question", "checks"),
    [
        ("补贴是百分之四十吗", [NumberCheck("百分之四十", "40%", True)]),
        ("can I get 50%", [NumberCheck("50%", "50%", False)]),
        (
            "最高30,000元还是5万",
            [NumberCheck("30,000", "30000", True), NumberCheck("5万", "50000", False)],
        ),
        ("有补贴吗", []),
    ],
)
def test_numbers_of_the_question_are_looked_up_in_the_clause(
    question: str, checks: list[NumberCheck]
) -> None:
    assert list(check_numbers(question, CLAUSE, ())) == checks


def test_numbers_are_looked_up_in_translations_too() -> None:
    (check,) = check_numbers("within 3 days", CLAUSE, ["within 3 days"])
    assert check.found
