"""The measures, each by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from qa.assistant import Assistant
from qa.errors import CorpusError
from qa.evaluation import (
    Question,
    auroc,
    bootstrap_interval,
    evaluate,
    mean_reciprocal_rank,
    read_questions,
    recall_at,
    refused_at,
    top_probabilities,
)
from qa.types import Answer, Clause, Hit, Outcome


def answer(*numbers: str, best: float = 0.9) -> Answer:
    """An answer whose hits have these clause numbers; the first has the probability ``best``."""
    hits = tuple(
        Hit(Clause(f"d#{number}", "d", number, (), "", 0, 0, ""), best / rank, rank)
        for rank, number in enumerate(numbers, start=1)
    )
    return Answer("", "zh", Outcome.ANSWERED, hits)


def asked(*clauses: str) -> Question:
    return Question("", clauses)


ANSWERS = [
    answer("一", "二", "三"),
    answer("二", "一"),
    answer("三", "四", "一", "二"),
    answer(),
    answer("五"),
]
QUESTIONS = [asked("一"), asked("一"), asked("一", "二"), asked("一"), asked()]


@pytest.mark.parametrize(("k", "share"), [(1, 1 / 4), (2, 2 / 4), (3, 3 / 4), (10, 3 / 4)])
def test_recall_counts_the_answerable_with_a_right_clause_among_the_first_k(
    k: int, share: float
) -> None:
    assert recall_at(ANSWERS, QUESTIONS, k) == share


def test_mean_reciprocal_rank() -> None:
    assert mean_reciprocal_rank(ANSWERS, QUESTIONS) == pytest.approx((1 + 1 / 2 + 1 / 3 + 0) / 4)


def test_without_answerable_questions_there_is_no_recall() -> None:
    assert math.isnan(recall_at([answer("一")], [asked()], 1))
    assert math.isnan(mean_reciprocal_rank([answer("一")], [asked()]))


def test_the_top_probability_is_0_where_nothing_was_found() -> None:
    assert top_probabilities([answer("一", best=0.7), answer()]).tolist() == [0.7, 0.0]


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    answers = [answer("一", best=best) for best in (0.9, 0.6, 0.4, 0.7, 0.3)]
    questions = [asked("一"), asked("一"), asked("一"), asked(), asked()]
    # Of the six pairs (answerable, not) those of 0.6 and 0.4 with 0.7 are in the wrong order.
    assert auroc(answers, questions) == pytest.approx(4 / 6)
    assert auroc(answers, questions) == roc_auc_score([1, 1, 1, 0, 0], [0.9, 0.6, 0.4, 0.7, 0.3])


def test_with_one_kind_of_questions_nothing_can_be_told_apart() -> None:
    assert math.isnan(auroc([answer("一")], [asked("一")]))
    assert math.isnan(refused_at([answer("一")], [asked("一")], 0.95))


def test_refused_is_the_share_of_unanswerable_below_the_threshold() -> None:
    answers = [answer("一", best=best) for best in (0.8, 0.6, 0.4, 0.2, 0.7, 0.3, 0.1, 0.05)]
    questions = [asked("一")] * 4 + [asked()] * 4
    assert refused_at(answers, questions, 1.0) == 2 / 4  # threshold 0.2
    assert refused_at(answers, questions, 1 / 3) == 3 / 4  # threshold 0.6


def test_the_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    values = [1.0] * 80 + [0.0] * 20
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    # The normal approximation: 0.8 ± 1.96 · sqrt(0.8 · 0.2 / 100).
    assert low == pytest.approx(0.8 - 0.0784, abs=0.02)
    assert high == pytest.approx(0.8 + 0.0784, abs=0.02)
    assert bootstrap_interval([1.0] * 5) == (1.0, 1.0)


# --- the file of questions


def write(path: Path, *records: object) -> Path:
    path.write_text(
        "\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n\n", encoding="utf-8"
    )
    return path


def test_questions_are_read_by_split(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.jsonl",
        {"question": "甲", "clauses": ["一"], "split": "tune"},
        {
            "question": "乙",
            "clauses": [],
            "split": "report",
            "documents": ["d"],
            "outcome": "small_talk",
        },
    )
    assert read_questions(path, "report") == [
        Question("乙", (), "", frozenset({"d"}), "small_talk")
    ]
    assert [question.text for question in read_questions(path)] == ["甲", "乙"]


@pytest.mark.parametrize(
    "bad", [{"question": "甲"}, ["甲"], "甲", 3, {"question": "甲", "clauses": None}]
)
def test_a_line_that_is_no_question_is_named(bad: object, tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "甲", "clauses": []}, bad)
    with pytest.raises(CorpusError, match="in line 2"):
        read_questions(path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_questions(tmp_path / "q.jsonl")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        read_questions(tmp_path / "absent.jsonl")


# --- all of it


def test_every_question_but_small_talk_is_asked_and_scored(assistant: Assistant) -> None:
    questions = [
        Question("烧柴的炉子换成用电的能拿多少钱", ("五",)),
        Question("夜市营业时间", ("第一条",)),
        Question("夜市营业时间", ("第四条",)),
        Question("火星上的天气", ()),
        Question("你好", (), outcome="small_talk"),
    ]
    scores = evaluate(assistant, questions)
    assert (scores.questions, scores.answerable) == (4, 3)
    assert scores.recall_at_1 == pytest.approx(2 / 3)
    assert scores.auroc == 1
    assert scores.answered_wrongly == 0
    assert 0 < scores.p50 <= scores.p95
    lines = "\n".join(scores.lines())
    assert "4 (3 answerable)" in lines
    assert "right clause first                 0.667" in lines


def test_no_questions_give_no_measures(assistant: Assistant) -> None:
    scores = evaluate(assistant, [])
    assert scores.questions == 0
    assert math.isnan(scores.recall_at_1)
    assert math.isnan(scores.p95)


def test_a_question_may_name_its_documents(assistant: Assistant) -> None:
    question = Question("参展补贴", ("一",), documents=frozenset({"tangxi_market"}))
    assert evaluate(assistant, [question]).recall_at_3 == 0
