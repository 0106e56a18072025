"""Fits the ranker and its calibration to questions with known answers: ``python -m training.ranker``.

Several corpora, so that neither the one document we ship, nor its wordings, nor a translation is a
special case: the shipped policy, alone, and bare of its translations and wordings, with the
``tune`` half of the gold questions (``tests/eval``); the policies of ``--data``, which have
neither, with the questions of ``training/questions``; and all of these policies in one index, where
one that has wordings must not outshine the others. The ``report`` half of the gold questions is
never read here.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from qa.types import LANGUAGES, Clause, Language

Numbers = NDArray[np.float64]

RANK_PENALTY = 0.0002
"""L2 penalty on the ranker's weights, a question: chosen by leaving documents out."""


SHIPPED = "weihai_policy_2020"

_LAWS = 120
"""Laws laid among the policies, so that "which document" is a real question."""
_REFUSED = 0.1
"""Of the answerable questions, those that are refused: with fewer, a choice of clauses is offered
where there is nothing to choose."""
_FOLDS = 4
"""Parts into which the documents are divided: each is left out once, for the report."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its evidence. Shape (candidates,): ``gold``, which of them settle it, and
    ``native``, which stand in its language. ``corpus`` is where it was asked, ``document`` whose
    question it is, ``alone`` whether it was asked of that document only."""

    corpus: str
    document: str
    alone: bool
    question: str
    language: Language
    evidence: Evidence
    native: NDArray[np.bool_]
    gold: NDArray[np.bool_]


class Asker:
    """Asks questions of one corpus."""

    def __init__(self, corpus: str, index: Index, encoder: Encoder) -> None:
        self._corpus, self._index = corpus, index
        self._retriever = Retriever(index, encoder, _blank())

    def gold(self, split: str) -> Iterator[Example]:
        """Examples of the gold questions of one split, on the shipped policy; among other policies
        of those only that it answers: another one may well answer the others."""
        alone = len(self._index.documents) == 1
        for language in LANGUAGES:
            path = ROOT / "tests" / "eval" / f"{language}.jsonl"
            for record in map(json.loads, path.read_text("utf-8").splitlines()):
                wanted = set(record["clauses"])
                if record["split"] != split or record["kind"] == "small-talk":
                    continue
                if wanted or alone:
                    is_gold = partial(_numbered, wanted)
                    yield self._ask(record["question"], language, SHIPPED, alone, is_gold)

    def training(self, questions: Iterable[Path]) -> Iterator[Example]:
        """Examples of the training questions, each asked twice: of its own document, and of all."""
        for record in (json.loads(line) for path in questions for line in _lines(path)):
            wanted = {(item["number"], _squeeze(item["path"])) for item in record["clauses"]}

            def is_gold(clause: Clause, record: Any = record, wanted: Any = wanted) -> bool:
                key = (clause.number, _squeeze(clause.path))
                return clause.document_id == record["document"] and key in wanted

            for alone in (True, False) if wanted else (True,):
                document, language = record["document"], record["language"]
                yield self._ask(record["question"], language, document, alone, is_gold)

    def _ask(
        self,
        question: str,
        language: Language,
        document: str,
        alone: bool,
        is_gold: Callable[[Clause], bool],
    ) -> Example:
        ids = frozenset({document}) if alone else None
        evidence = self._retriever.collector.collect(
            self._retriever.collector.query(question), self._retriever.catalogue.mask(Scope(ids))
        )
        native = self._index.languages[evidence.clauses] & (1 << LANGUAGES.index(language)) > 0
        gold = np.array([is_gold(self._index.clauses[c]) for c in evidence.clauses], bool)
        return Example(self._corpus, document, alone, question, language, evidence, native, gold)


def _numbered(wanted: set[str], clause: Clause) -> bool:
    return clause.document_id == SHIPPED and clause.number in wanted


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _squeeze(path: Iterable[str]) -> str:
    return "".join("".join(path).split())


def _blank() -> Ranking:
    zeros = Weights(np.zeros(len(FEATURES), np.float32), np.zeros(len(SIGNALS) + 1, np.float32))
    return Ranking(dict.fromkeys(MODES, zeros), 0.5, 0.3)


def fit_ranker(examples: Iterable[Example], penalty: float = RANK_PENALTY) -> Numbers:
    """Weights that maximise the likelihood of the clauses that settle the questions, shape
    (MODES, FEATURES): of both modes together, since candidates of both stand in one list.

    Evidence never speaks against a clause, but for its having no number or another place.
    """
    answerable = [(_by_mode(each), each.gold) for each in examples if each.gold.any()]
    count = max(len(answerable), 1)

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        total, gradient = 0.0, np.zeros(len(weights))
        for features, gold in answerable:
            scores = features @ weights
            everything, wanted = logsumexp(scores), logsumexp(scores[gold])
            share = np.exp(scores - everything)
            share[gold] -= np.exp(scores[gold] - wanted)
            total += everything - wanted
            gradient += share @ features
        return (
            total / count + penalty / 2 * float(weights @ weights),
            gradient / count + penalty * weights,
        )

    against = [name in ("unnumbered", "elsewhere") for name in FEATURES] * len(MODES)
    bounds = [(None, 0.0) if negative else (0.0, None) for negative in against]
    start = np.where(against, -1.0, 1.0)
    fitted = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return np.asarray(fitted).reshape(len(MODES), len(FEATURES))


def _by_mode(example: Example) -> Numbers:
    """The features of each candidate in the columns of its mode, shape (candidates, 2 · FEATURES)."""
    features, native = example.evidence.features.astype(np.float64), example.native[:, None]
    return np.concatenate([features * native, features * ~native], axis=1)


def fit_calibrators(examples: Iterable[Example], ranking: Ranking) -> list[Numbers]:
    """For each mode weights over SIGNALS and a bias: whether a clause that is ranked among the best
    three settles the question."""
    rows: dict[bool, list[NDArray[np.float32]]] = {True: [], False: []}
    labels: dict[bool, list[bool]] = {True: [], False: []}
    for example in examples:
        scores = ranking.scores(example.evidence, example.native)
        seen = signals(example.evidence, scores)
        for candidate in np.argsort(-scores, kind="stable")[:3]:
            native = bool(example.native[candidate])
            rows[native].append(seen[candidate])
            labels[native].append(bool(example.gold[candidate]))
    models = [
        LogisticRegression(C=3.0, max_iter=3000).fit(np.array(rows[native]), labels[native])
        for native in (True, False)
    ]
    return [np.concatenate([model.coef_[0], model.intercept_]) for model in models]


def fit(examples: Sequence[Example]) -> Ranking:
    """A ranking fitted to examples; its bands are to be set."""
    ranked = [example for example in examples if example.corpus != "policies"]
    ranks = fit_ranker(ranked)
    nothing = np.zeros(len(SIGNALS) + 1)
    ranker = Ranking(_weights(ranks, [nothing] * len(MODES)), 0.5, 0.3)
    # Of what nobody answers it is known among the policies of one corpus only.
    decided = [example for example in examples if example.corpus != "all"]
    return Ranking(_weights(ranks, fit_calibrators(decided, ranker)), 0.5, 0.3)


def _weights(ranks: Iterable[Numbers], calibrators: Iterable[Numbers]) -> dict[str, Weights]:
    return {
        mode: Weights(rank.astype(np.float32), calibrator.astype(np.float32))
        for mode, rank, calibrator in zip(MODES, ranks, calibrators, strict=True)
    }


@dataclass(frozen=True, slots=True)
class Report:
    """How a ranking does on examples: shares of answerable questions, and AUROC of answering."""

    answerable: int
    first: float
    among_three: float
    auroc: float
    refused_at_95: float


def report(examples: Iterable[Example], ranking: Ranking) -> Report:
    """Measures of ``ranking`` on ``examples``."""
    first, three, tops, labels = [], [], [], []
    for example in examples:
        probabilities = ranking.probabilities(example.evidence, example.native)
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


def bands(examples: Iterable[Example], ranking: Ranking) -> tuple[float, float]:
    """The borders of the three bands: answered from where 19 of 20 top clauses above are right;
    refused below where ``_REFUSED`` of the answerable questions would be."""
    tops, right, answerable = [], [], []
    for example in examples:
        probabilities = ranking.probabilities(example.evidence, example.native)
        best = int(np.argmax(probabilities))
        tops.append(float(probabilities[best]))
        right.append(bool(example.gold[best]))
        answerable.append(bool(example.gold.any()))
    scores, correct = np.array(tops), np.array(right)
    clarify = float(np.quantile(scores[np.array(answerable)], _REFUSED))
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
    """Fits the ranking to a model, saves it in its folder, and reports on documents left out."""
    encoder = SentenceTransformerEncoder(str(model))
    with tempfile.TemporaryDirectory() as scratch:
        asked = _examples(data, encoder, Path(scratch))
        # Of two copies of a policy one has all clauses, the other none.
        examples = [example for example in asked if len(example.gold)]
    ranking = fit(examples)
    single = (each for each in examples if each.alone and each.corpus != "all")
    answer, clarify = bands(single, ranking)
    save(model, replace(ranking, answer=answer, clarify=clarify))
    print(f"saved {model / FILE}: answer {answer:.3f}, clarify {clarify:.3f}", flush=True)
    _report_folds(examples)


def _report_folds(examples: Sequence[Example]) -> None:
    """Prints how a ranking does on documents that it was not fitted to."""
    for fold in range(_FOLDS):
        held_out = set(sorted({example.document for example in examples})[fold::_FOLDS])
        ranking = fit([example for example in examples if example.document not in held_out])
        for corpus in dict.fromkeys(example.corpus for example in examples):
            for language in LANGUAGES:
                part = [
                    each
                    for each in examples
                    if (each.corpus, each.language) == (corpus, language)
                    and each.document in held_out
                ]
                if part:
                    print(
                        f"fold {fold + 1} {corpus:8} {language} {report(part, ranking)}", flush=True
                    )


def _examples(data: Path, encoder: Encoder, scratch: Path) -> Iterator[Example]:
    questions = sorted((ROOT / "training" / "questions").glob("*.jsonl"))
    shipped, bare = ROOT / "corpus", scratch / "bare corpus"
    policies, everything = scratch / "policies corpus", scratch / "all corpus"
    shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("wordings", "translations"))
    _policies_among_laws(data, policies)
    shutil.copytree(policies, everything)
    shutil.copytree(shipped, everything, dirs_exist_ok=True)

    def asker(corpus: str, folder: Path) -> Asker:
        build_index(folder, scratch / corpus, encoder)
        return Asker(corpus, open_index(scratch / corpus), encoder)

    yield from asker("shipped", shipped).gold("tune")
    yield from asker("bare", bare).gold("tune")
    yield from asker("policies", policies).training(questions)
    together = asker("all", everything)
    yield from together.training(questions)
    yield from together.gold("tune")


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
