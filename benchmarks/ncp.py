"""Real questions on real policies, all in one index: ``python benchmarks/ncp.py ../shared/data/ncp/dev.jsonl``.

Each context is one document. Prints the share of questions whose answer stands in the first hit
and among the first ten, and whose document comes first; beside plain BM25 (bm25s, jieba words)
over the same clauses.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np

from qa.analysis import analyse
from qa.assistant import Assistant
from qa.config import Settings
from qa.encoder import SentenceTransformerEncoder, load_encoder
from qa.evaluation import bootstrap_interval
from qa.indexing import build_index
from qa.types import Clause


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its document and the words that answer it."""

    text: str
    document: str
    answer: str


def read(path: Path) -> tuple[dict[str, str], list[Question]]:
    """Contexts by document id, and the questions."""
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    contexts = {record["docid"]: record["context"] for record in records}
    questions = [
        Question(record["question"], record["docid"], record["answer"]["text"])
        for record in records
    ]
    return contexts, questions


def holds(clause: Clause, question: Question) -> bool:
    """Whether a clause of the right document has the answer, white space aside."""
    text, answer = "".join(clause.text.split()), "".join(question.answer.split())
    return clause.document_id == question.document and answer in text


def write_corpus(contexts: Mapping[str, str], folder: Path) -> None:
    """Writes each context as a policy into a new folder."""
    folder.mkdir()
    for document, context in contexts.items():
        (folder / f"{document}.txt").write_text(context, encoding="utf-8")


def measures(
    ranked: Sequence[Sequence[Clause]], questions: Sequence[Question]
) -> dict[str, list[float]]:
    """What came of each question, 1 or 0, by measure; ``ranked`` are its clauses, best first."""
    pairs = list(zip(ranked, questions, strict=True))
    return {
        "passage at 1": [float(any(holds(c, q) for c in found[:1])) for found, q in pairs],
        "passage at 10": [float(any(holds(c, q) for c in found[:10])) for found, q in pairs],
        "document at 1": [
            float(any(c.document_id == q.document for c in found[:1])) for found, q in pairs
        ],
    }


def report(name: str, ranked: Sequence[Sequence[Clause]], questions: Sequence[Question]) -> None:
    """Prints the measures of one system."""
    for measure, values in measures(ranked, questions).items():
        low, high = bootstrap_interval(values)
        print(f"{name:10} {measure:14} {np.mean(values):.3f}  [{low:.3f}, {high:.3f}]")


def words(text: str) -> list[str]:
    """The words of a text, each as often as it stands there."""
    return list(Counter(analyse(text).channel("w")).elements())


def bm25(clauses: Sequence[Clause], questions: Sequence[Question]) -> list[list[Clause]]:
    """Plain BM25 over the words of the same clauses."""
    retriever = bm25s.BM25()
    retriever.index([words(clause.text) for clause in clauses], show_progress=False)
    found, _ = retriever.retrieve([words(q.text) for q in questions], k=10, show_progress=False)
    return [[clauses[position] for position in row] for row in found]


def main() -> None:
    """Builds, asks and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default=Settings.from_environment().model)
    arguments = parser.parse_args()
    contexts, questions = read(arguments.file)
    with tempfile.TemporaryDirectory() as scratch:
        corpus, index = Path(scratch) / "corpus", Path(scratch) / "index"
        write_corpus(contexts, corpus)
        start = time.perf_counter()
        manifest, _ = build_index(corpus, index, SentenceTransformerEncoder(arguments.model))
        print(
            f"{manifest.documents} documents, {manifest.clauses} clauses, {manifest.passages} passages, built in {time.perf_counter() - start:.1f} s"
        )
        assistant = Assistant.open(index, load_encoder, arguments.model)
        ranked, times = [], []
        for question in questions:
            start = time.perf_counter()
            ranked.append([hit.clause for hit in assistant.ask(question.text).hits])
            times.append((time.perf_counter() - start) * 1000)
        report("this", ranked, questions)
        report("bm25s", bm25(assistant.index.clauses, questions), questions)
        print(
            f"time a question, ms: p50 {np.quantile(times, 0.5):.1f}  p95 {np.quantile(times, 0.95):.1f}"
        )


if __name__ == "__main__":
    main()
