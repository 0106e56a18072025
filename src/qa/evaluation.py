"""How good the answers are: each measure a named function, over questions with known clauses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from qa.assistant import Assistant
from qa.errors import CorpusError
from qa.types import Answer, Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the printed numbers of the clauses that settle it; () where none does."""

    text: str
    clauses: tuple[str, ...]
    language: str = ""
    documents: frozenset[str] | None = None
    outcome: str = ""


def read_questions(path: Path, split: str = "") -> list[Question]:
    """The questions of a JSON lines file, of one ``split`` where it is given.

    Raises:
        CorpusError: a line is not an object with ``question`` and ``clauses``.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(path, f"cannot be read ({error})", "check its name") from error
    questions = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line) if line.strip() else None
            if record is not None and (not split or record.get("split") == split):
                questions.append(_question(record))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(
                path,
                f"has no question with clauses in line {number} ({error})",
                "see tests/eval for the format",
            ) from error
    if not questions:
        wanted = f" of the split {split!r}" if split else ""
        raise CorpusError(path, f"has no questions{wanted}", "see tests/eval for the format")
    return questions


def _question(record: dict[str, Any]) -> Question:
    documents = record.get("documents")
    return Question(
        record["question"],
        tuple(record["clauses"]),
        record.get("language", ""),
        frozenset(documents) if documents else None,
        record.get("outcome", ""),
    )


def recall_at(answers: Sequence[Answer], questions: Sequence[Question], k: int) -> float:
    """Share of the answerable questions with a right clause among the first ``k`` hits."""
    found = [
        any(hit.clause.number in question.clauses for hit in answer.hits[:k])
        for answer, question in zip(answers, questions, strict=True)
        if question.clauses
    ]
    return float(np.mean(found)) if found else float("nan")


def mean_reciprocal_rank(answers: Sequence[Answer], questions: Sequence[Question]) -> float:
    """Mean of 1 / rank of the first right clause among the hits (Voorhees 1999), 0 where none is."""
    ranks = [
        next((1 / hit.rank for hit in answer.hits if hit.clause.number in question.clauses), 0.0)
        for answer, question in zip(answers, questions, strict=True)
        if question.clauses
    ]
    return float(np.mean(ranks)) if ranks else float("nan")


def top_probabilities(answers: Sequence[Answer]) -> np.ndarray:
    """The probability of each answer's best hit; 0 where nothing was searched."""
    return np.array([answer.hits[0].probability if answer.hits else 0.0 for answer in answers])


def auroc(answers: Sequence[Answer], questions: Sequence[Question]) -> float:
    """Area under the ROC curve of the top probability, answerable against not."""
    truth = np.array([bool(question.clauses) for question in questions])
    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, top_probabilities(answers)))


def refused_at(answers: Sequence[Answer], questions: Sequence[Question], answered: float) -> float:
    """Share of the unanswerable refused by the threshold that answers ``answered`` of the rest."""
    truth = np.array([bool(question.clauses) for question in questions])
    if truth.all() or not truth.any():
        return float("nan")
    scores = top_probabilities(answers)
    return float((scores[~truth] < np.quantile(scores[truth], 1 - answered)).mean())


def bootstrap_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a mean (Efron & Tibshirani 1993), 1,000 resamples."""
    sample = np.random.default_rng(seed).choice(np.asarray(values, float), (1000, len(values)))
    low, high = np.quantile(sample.mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Scores:
    """The measures over one set of questions. Times in milliseconds a question."""

    questions: int
    answerable: int
    recall_at_1: float
    recall_at_3: float
    interval_at_1: tuple[float, float]
    mean_reciprocal_rank: float
    auroc: float
    refused_at_95: float
    answered_wrongly: float
    p50: float
    p95: float

    def lines(self) -> Iterator[str]:
        """The measures for a reader, one a line."""
        low, high = self.interval_at_1
        yield f"questions                          {self.questions} ({self.answerable} answerable)"
        yield f"right clause first                 {self.recall_at_1:.3f}  [{low:.3f}, {high:.3f}]"
        yield f"right clause among the first three {self.recall_at_3:.3f}"
        yield f"mean reciprocal rank               {self.mean_reciprocal_rank:.3f}"
        yield f"AUROC answerable / not             {self.auroc:.3f}"
        yield f"refused at 95 % answered           {self.refused_at_95:.3f}"
        yield f"unanswerable given an answer       {self.answered_wrongly:.3f}"
        yield f"time a question, ms                p50 {self.p50:.2f}  p95 {self.p95:.2f}"


def evaluate(assistant: Assistant, questions: Sequence[Question]) -> Scores:
    """Asks every question and scores the answers; small talk is left out of the measures."""
    searched = [question for question in questions if not question.outcome]
    answers, times = [], []
    for question in searched:
        start = time.perf_counter()
        answers.append(assistant.ask(question.text, documents=question.documents))
        times.append((time.perf_counter() - start) * 1000)
    first = [
        float(bool(answer.hits) and answer.hits[0].clause.number in question.clauses)
        for answer, question in zip(answers, searched, strict=True)
        if question.clauses
    ]
    wrongly = [
        answer.outcome is Outcome.ANSWERED
        for answer, question in zip(answers, searched, strict=True)
        if not question.clauses
    ]
    return Scores(
        questions=len(searched),
        answerable=len(first),
        recall_at_1=recall_at(answers, searched, 1),
        recall_at_3=recall_at(answers, searched, 3),
        interval_at_1=bootstrap_interval(first) if first else (float("nan"), float("nan")),
        mean_reciprocal_rank=mean_reciprocal_rank(answers, searched),
        auroc=auroc(answers, searched),
        refused_at_95=refused_at(answers, searched, 0.95),
        answered_wrongly=float(np.mean(wrongly)) if wrongly else float("nan"),
        p50=float(np.quantile(times, 0.5)) if times else float("nan"),
        p95=float(np.quantile(times, 0.95)) if times else float("nan"),
    )
