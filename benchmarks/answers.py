"""Quality and time of answers on the gold questions: ``python benchmarks/answers.py``.

The ``report`` half of ``tests/eval`` (never read by any training), on the shipped policy: as it is
shipped, without its wordings, and without wordings and translations; beside BM25 over the words of
clauses and translations. Then the share of triples that land on one clause in three languages.
Run it on one core for the times: ``taskset -c 0 python benchmarks/answers.py``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np

from qa.analysis import analyse
from qa.assistant import Assistant
from qa.config import ROOT, Settings
from qa.encoder import SentenceTransformerEncoder, load_encoder
from qa.evaluation import Question, Scores, evaluate, read_questions
from qa.index import Index
from qa.indexing import build_index
from qa.types import LANGUAGES

GOLD = ROOT / "tests" / "eval"
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "as shipped": (),
    "without wordings": ("wordings",),
    "original only": ("wordings", "translations"),
}


def main() -> None:
    """Builds the three variants and prints a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpus")
    parser.add_argument("--model", default=Settings.from_environment().model)
    parser.add_argument("--split", default="report")
    arguments = parser.parse_args()
    gold = {
        language: read_questions(GOLD / f"{language}.jsonl", arguments.split)
        for language in LANGUAGES
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, left_out in LEFT_OUT.items():
            corpus, index = Path(scratch) / name / "corpus", Path(scratch) / name / "index"
            shutil.copytree(arguments.corpus, corpus, ignore=shutil.ignore_patterns(*left_out))
            build_index(corpus, index, SentenceTransformerEncoder(arguments.model))
            assistant = Assistant.open(index, load_encoder, arguments.model)
            print(f"\n{name}\n{_HEADER}")
            for language, questions in gold.items():
                evaluate(assistant, questions[:20])  # warm
                print(_row(language, evaluate(assistant, questions)))
            everything = [question for questions in gold.values() for question in questions]
            print(_row("all", evaluate(assistant, everything)))
            if not left_out:
                for language, questions in gold.items():
                    print(f"BM25 {language}: {bm25(assistant.index, questions):.3f}")
                print(f"parity: {parity(assistant):.3f} of the triples land on one clause")


_HEADER = "     first [95 % interval]   first three  AUROC  refused at 95 %  answered wrongly  p50 ms  p95 ms"


def _row(name: str, scores: Scores) -> str:
    low, high = scores.interval_at_1
    return (
        f"{name:4} {scores.recall_at_1:.3f} [{low:.3f}, {high:.3f}]   {scores.recall_at_3:.3f}"
        f"        {scores.auroc:.3f}  {scores.refused_at_95:.3f}            "
        f"{scores.answered_wrongly:.3f}             {scores.p50:.2f}    {scores.p95:.2f}"
    )


def bm25(index: Index, questions: Sequence[Question]) -> float:
    """Share of questions whose clause BM25 puts first: words of clauses and their translations."""
    texts = [
        (passage.clause, passage.text) for passage in index.passages if passage.kind == "clause"
    ]
    retriever = bm25s.BM25()
    retriever.index([_words(text) for _, text in texts], show_progress=False)
    right = []
    for question in questions:
        if question.clauses:
            scores = retriever.get_scores(_words(question.text))
            best = index.clauses[texts[int(np.argmax(scores))][0]]
            right.append(best.number in question.clauses)
    return float(np.mean(right))


def _words(text: str) -> list[str]:
    return list(Counter(analyse(text).channel("w")).elements()) or [""]


def parity(assistant: Assistant) -> float:
    """Share of the triples of ``parity.jsonl`` whose three questions find the same clause first."""
    same = []
    for line in (GOLD / "parity.jsonl").read_text("utf-8").splitlines():
        triple = json.loads(line)
        answers = [assistant.ask(triple[language]) for language in LANGUAGES]
        firsts = {answer.hits[0].clause.id if answer.hits else "" for answer in answers}
        same.append(len(firsts) == 1)
    return float(np.mean(same))


if __name__ == "__main__":
    main()
