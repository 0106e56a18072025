"""The shipped corpus, model and ranking on questions that were never used to fit them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.assistant import Assistant
from qa.config import DEFAULT_MODEL, ROOT
from qa.encoder import Encoder
from qa.evaluation import evaluate, read_questions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shipped(shipped_index: Path, shipped_encoder: Encoder) -> Assistant:
    return Assistant.open(shipped_index, lambda _: shipped_encoder, str(DEFAULT_MODEL))


# Floors against regressions, well below what is measured; the figures stand in the README.
@pytest.mark.parametrize(
    ("language", "recall_at_1", "recall_at_3"),
    [("zh", 0.88, 0.95), ("en", 0.80, 0.89), ("ko", 0.88, 0.95)],
)
def test_the_right_clause_comes_first(
    language: str, recall_at_1: float, recall_at_3: float, shipped: Assistant
) -> None:
    questions = read_questions(ROOT / "tests" / "eval" / f"{language}.jsonl", "report")
    scores = evaluate(shipped, questions)
    print(f"\n{language}", *scores.lines(), sep="\n  ")
    assert scores.answerable >= 50
    assert scores.recall_at_1 >= recall_at_1
    assert scores.recall_at_3 >= recall_at_3


@pytest.mark.parametrize(
    "question", ["那律师费呢", "那养老金呢？", "what about pensions?", "연금은요?"]
)
def test_the_question_before_does_not_answer_one_about_something_else(
    question: str, shipped: Assistant
) -> None:
    before = shipped.ask("出口退税多久能办好？")
    answer = shipped.ask(question, previous=before)
    assert before.citations
    assert before.citations[0].clause not in [each.clause for each in answer.citations]
