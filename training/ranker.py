"""Fits the ranker and its calibration to questions with known answers: ``python -m training.ranker``.

Two corpora, so that neither the one document we ship nor the lack of a translation is a special
case: the shipped policy with its translations and the ``tune`` half of the gold questions
(``tests/eval``), and the policies of ``--data`` without translations and the questions of
``training/questions``. The ``report`` half of the gold questions is never read here.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from qa.config import DEFAULT_MODEL, ROOT
from qa.encoder import Encoder, SentenceTransformerEncoder, model_fingerprint
from qa.evidence import FEATURES, Evidence
from qa.index import Index, open_index
from qa.indexing import build_index
from qa.ranking import FILE, MODES, SIGNALS, Ranking, Weights, signals
from qa.retrieval import Retriever
from qa.scope import Scope
from qa.types import Clause, Language

Numbers = NDArray[np.float64]

RANK_PENALTY = 0.0002
"""L2 penalty on the ranker's weights, a question: chosen by leaving documents out."""


_LAWS = 120
"""Laws laid among the policies, so that "which document" is a real question."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its evidence; ``gold``: shape (candidates,), which of them settle it."""

    corpus: str
    question: str
    mode: str
    language: Language
    evidence: Evidence
    gold: NDArray[np.bool_]


def shipped_examples(index: Index, encoder: Encoder, split: str) -> Iterator[Example]:
    """Examples of the gold questions of one split on the shipped policy."""
    retriever = Retriever(index, encoder, _blank())
    for language in ("zh", "en", "ko"):
        for line in (ROOT / "tests" / "eval" / f"{language}.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            if record["split"] == split and record["kind"] != "small-talk":
                wanted = set(record["clauses"])
                yield _example(
                    retriever,
                    record["question"],
                    language,
                    None,
                    "native",
                    "shipped",
                    partial(_numbered, wanted),
                )


def _numbered(wanted: set[str], clause: Clause) -> bool:
    return clause.number in wanted


def policy_examples(index: Index, encoder: Encoder, questions: Iterable[Path]) -> Iterator[Example]:
    """Examples of the training questions; English and Korean ones have no translation to lean on.

    Each question is asked twice: of its own document, and of all documents at once.
    """
    retriever = Retriever(index, encoder, _blank())
    for path in questions:
        for line in path.read_text("utf-8").splitlines():
            record = json.loads(line)
            language = record["language"]
            wanted = {(item["number"], _squeeze(item["path"])) for item in record["clauses"]}

            def is_gold(clause: Clause, record: Any = record, wanted: Any = wanted) -> bool:
                key = (clause.number, _squeeze(clause.path))
                return clause.document_id == record["document"] and key in wanted

            mode = "native" if language == "zh" else "cross"
            for documents in (frozenset({record["document"]}), None):
                if documents is None and not wanted:
                    continue  # another document may well answer it
                yield _example(
                    retriever,
                    record["question"],
                    language,
                    documents,
                    mode,
                    record["document"],
                    is_gold,
                )


def _squeeze(path: Iterable[str]) -> str:
    return "".join("".join(path).split())


def _blank() -> Ranking:
    zeros = Weights(np.zeros(len(FEATURES), np.float32), np.zeros(len(SIGNALS) + 1, np.float32))
    return Ranking(dict.fromkeys(MODES, zeros), 0.5, 0.3)


def _example(
    retriever: Retriever,
    question: str,
    language: Language,
    documents: frozenset[str] | None,
    mode: str,
    corpus: str,
    is_gold: Callable[[Clause], bool],
) -> Example:
    evidence = retriever.collector.collect(
        retriever.collector.query(question), retriever.catalogue.mask(Scope(documents))
    )
    gold = np.array([is_gold(retriever.index.clauses[c]) for c in evidence.clauses], bool)
    return Example(corpus, question, mode, language, evidence, gold)


def fit_ranker(examples: list[Example], penalty: float = RANK_PENALTY) -> Numbers:
    """Weights over FEATURES that maximise the likelihood of the clauses that settle the questions.

    Evidence never speaks against a clause, but for its having no number or another place.
    """
    answerable = [example for example in examples if example.gold.any()]

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        total, gradient = 0.0, np.zeros(len(FEATURES))
        for example in answerable:
            features = example.evidence.features.astype(np.float64)
            scores = features @ weights
            everything, wanted = logsumexp(scores), logsumexp(scores[example.gold])
            share = np.exp(scores - everything)
            share[example.gold] -= np.exp(scores[example.gold] - wanted)
            total += everything - wanted
            gradient += share @ features
        count = max(len(answerable), 1)
        return (
            total / count + penalty / 2 * float(weights @ weights),
            gradient / count + penalty * weights,
        )

    against = [name in ("unnumbered", "elsewhere") for name in FEATURES]
    bounds = [(None, 0.0) if negative else (0.0, None) for negative in against]
    start = np.where(against, -1.0, 1.0)
    return np.asarray(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x)


def fit_calibrator(examples: list[Example], rank: Numbers) -> Numbers:
    """Weights over SIGNALS and a bias: whether the best-ranked clause settles the question."""
    rows, labels = [], []
    for example in examples:
        scores = (example.evidence.features @ rank).astype(np.float32)
        seen = signals(example.evidence, scores)
        for candidate in np.argsort(-scores, kind="stable")[:3]:
            rows.append(seen[candidate])
            labels.append(bool(example.gold[candidate]))
    model = LogisticRegression(C=3.0, max_iter=2000).fit(np.array(rows), labels)
    return np.concatenate([model.coef_[0], model.intercept_])


def fit(examples: list[Example]) -> dict[str, Weights]:
    """The weights of each mode, fitted to the examples of that mode."""
    fitted = {}
    for mode in MODES:
        of_mode = [example for example in examples if example.mode == mode]
        rank = fit_ranker(of_mode)
        fitted[mode] = Weights(
            rank.astype(np.float32), fit_calibrator(of_mode, rank).astype(np.float32)
        )
    return fitted


@dataclass(frozen=True, slots=True)
class Report:
    """How a ranking does on examples: shares of answerable questions, and AUROC of answering."""

    answerable: int
    first: float
    among_three: float
    auroc: float
    refused_at_95: float


def report(examples: list[Example], ranking: Ranking) -> Report:
    """Measures of ``ranking`` on ``examples``."""
    first, three, tops, labels = [], [], [], []
    for example in examples:
        native = np.full(len(example.gold), example.mode == "native")
        probabilities = ranking.probabilities(example.evidence, native)
        order = np.argsort(-probabilities, kind="stable")
        tops.append(float(probabilities[order[0]]) if len(order) else 0.0)
        labels.append(bool(example.gold.any()))
        if example.gold.any():
            first.append(bool(example.gold[order[0]]))
            three.append(bool(example.gold[order[:3]].any()))
    scores, truth = np.array(tops), np.array(labels)
    auroc = refused = float("nan")
    if truth.any() and not truth.all():
        auroc = float(roc_auc_score(truth, scores))
        refused = float((scores[~truth] < np.quantile(scores[truth], 0.05)).mean())
    return Report(len(first), float(np.mean(first)), float(np.mean(three)), auroc, refused)


def bands(examples: list[Example], ranking: Ranking) -> tuple[float, float]:
    """The borders of the three bands: answered from where 19 of 20 top clauses above are right;
    refused below where one answerable question in twenty would be."""
    tops, right, answerable = [], [], []
    for example in examples:
        native = np.full(len(example.gold), example.mode == "native")
        probabilities = ranking.probabilities(example.evidence, native)
        best = int(np.argmax(probabilities))
        tops.append(float(probabilities[best]))
        right.append(bool(example.gold[best]))
        answerable.append(bool(example.gold.any()))
    scores, correct = np.array(tops), np.array(right)
    clarify = float(np.quantile(scores[np.array(answerable)], 0.05))
    borders = [b for b in np.unique(scores) if b >= clarify and correct[scores >= b].mean() >= 0.95]
    return float(borders[0]) if borders else 0.9, clarify


def save(folder: Path, ranking: Ranking) -> None:
    """Writes the ranking beside the model that it was fitted to."""
    record: dict[str, Any] = {
        "model": model_fingerprint(str(folder)),
        "features": list(FEATURES),
        "signals": list(SIGNALS),
        "answer": round(ranking.answer, 4),
        "clarify": round(ranking.clarify, 4),
    }
    for mode, weights in ranking.weights.items():
        record[mode] = {
            "rank": [round(float(value), 4) for value in weights.rank],
            "calibrate": [round(float(value), 4) for value in weights.calibrate],
        }
    (folder / FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Fits the ranking of one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with policies/")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    fit_model(arguments.data, arguments.model)


def fit_model(data: Path, model: Path) -> None:
    """Fits the ranking to a model, reports on documents left out, and saves it in its folder."""
    encoder = SentenceTransformerEncoder(str(model))
    with tempfile.TemporaryDirectory() as scratch:
        examples = list(_examples(data, encoder, Path(scratch)))
    for held_out in sorted({example.corpus for example in examples}):
        rest = [example for example in examples if example.corpus != held_out]
        weights = Ranking(fit(rest), 0.5, 0.3)
        for language in ("zh", "en", "ko"):
            part = [e for e in examples if e.corpus == held_out and e.language == language]
            print(f"left out {held_out[:22]:22} {language} {report(part, weights)}")
    ranking = Ranking(fit(examples), 0.5, 0.3)
    shipped = [example for example in examples if example.corpus == "shipped"]
    answer, clarify = bands(shipped, ranking)
    save(model, Ranking(ranking.weights, answer, clarify))
    print(f"saved {model / FILE}: answer {answer:.3f}, clarify {clarify:.3f}")


def _examples(data: Path, encoder: Encoder, scratch: Path) -> Iterator[Example]:
    build_index(ROOT / "corpus", scratch / "shipped", encoder)
    yield from shipped_examples(open_index(scratch / "shipped"), encoder, "tune")
    _policies_among_laws(data, scratch / "corpus")
    build_index(scratch / "corpus", scratch / "policies", encoder)
    questions = sorted((ROOT / "training" / "questions").glob("*.jsonl"))
    yield from policy_examples(open_index(scratch / "policies"), encoder, questions)


def _policies_among_laws(data: Path, corpus: Path) -> None:
    """The policies and some laws: a question has to find its document before its clause."""
    corpus.mkdir()
    for path in sorted((data / "policies").glob("*.txt")):
        shutil.copy(path, corpus)
    with tarfile.open(data / "laws.tar.xz") as archive:
        members = [m for m in archive if m.name.endswith(".md") and 3_000 < m.size < 30_000]
        for number, member in enumerate(random.Random(0).sample(members, _LAWS)):
            file = archive.extractfile(member)
            if file is not None:
                (corpus / f"law_{number}.txt").write_bytes(file.read())


if __name__ == "__main__":
    main()
