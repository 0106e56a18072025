"""How good the sentence encoder is: translation retrieval, similarity, search, speed, size.

    python benchmarks/encoder.py --data ../shared/data [--model PATH ...] [--english PATH]
                                 [--json FILE]

One table: the models, BM25 where a question and what answers it share a language, and an
English-only model (``--english``) where only English is asked for. Every figure comes with a 95 %
interval from 1,000 bootstrap samples over its sentences, pairs or questions. None of the data read
here is used to train the encoder.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from sentence_transformers import SentenceTransformer

from qa.analysis import analyse
from qa.clauses import split
from qa.corpus import read_document
from qa.passages import passages
from qa.types import Clause, Document

Floats = npt.NDArray[np.float64]
Encode = Callable[[list[str]], npt.NDArray[np.float32]]
Score = Callable[[list[str], list[str]], npt.NDArray[np.float32]]
"""Questions, passages → how well each passage answers each question: shape (questions, passages)."""

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_MODEL = REPOSITORY / "models" / "trilingual-static"
RETRIEVAL = {
    "tatoeba zh→en": "tatoeba_laser.zh-en.tsv",
    "tatoeba ko→en": "tatoeba_laser.ko-en.tsv",
    "tico19 zh→en": "tico19.zh-en.tsv",
    "park news ko→en": "koen_park_news_test.ko-en.tsv",
    "jhe ko→en": "koen_jhe_eval.ko-en.tsv",
}
SAMPLES = 1000
PASSAGE_LENGTH = 350
SENTENCE = re.compile(r".+?(?:[。！？；!?;]|$)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int


def bootstrap(count: int, measure: Callable[[npt.NDArray[np.int64]], float]) -> Figure:
    """``measure`` over all rows, and its 2.5 and 97.5 percentiles over resampled rows."""
    rng = np.random.default_rng(0)
    samples = [measure(rng.integers(0, count, count)) for _ in range(SAMPLES)]
    low, high = np.percentile(samples, [2.5, 97.5])
    return Figure(measure(np.arange(count)), float(low), float(high), count)


def mean_figure(scores: Floats) -> Figure:
    """The mean of ``scores`` with its interval."""
    return bootstrap(len(scores), lambda rows: float(scores[rows].mean()))


def spearman_figure(predicted: Floats, gold: Floats) -> Figure:
    """Spearman's rank correlation with its interval."""

    def measure(rows: npt.NDArray[np.int64]) -> float:
        ranks = rankdata(predicted[rows]), rankdata(gold[rows])
        return float(np.corrcoef(*ranks)[0, 1])

    return bootstrap(len(gold), measure)


def read_columns(path: Path) -> list[list[str]]:
    """The columns of a tab-separated file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [list(column) for column in zip(*rows, strict=True)]


def translation_retrieval(encode: Encode, path: Path) -> Figure:
    """accuracy@1 of finding each sentence's translation among all of the file (Artetxe & Schwenk
    2019); a translation that equals the expected one letter for letter counts as found."""
    sources, targets = read_columns(path)
    best = (encode(sources) @ encode(targets).T).argmax(axis=1)
    found = [targets[row] == target for row, target in zip(best, targets, strict=True)]
    return mean_figure(np.array(found, float))


def semantic_similarity(encode: Encode, path: Path) -> dict[str, Figure]:
    """Spearman correlation of cosine and human score: within English, within Korean, across."""
    score, ko_first, ko_second, en_first, en_second = (column[1:] for column in read_columns(path))
    gold = np.array(score, float)
    vectors = {
        name: encode(texts)
        for name, texts in zip(
            ("ko1", "ko2", "en1", "en2"),
            (ko_first, ko_second, en_first, en_second),
            strict=True,
        )
    }

    def cosine(first: str, second: str) -> Floats:
        return np.asarray((vectors[first] * vectors[second]).sum(axis=1), float)

    across = (cosine("ko1", "en2") + cosine("en1", "ko2")) / 2
    return {
        "sts-b en": spearman_figure(cosine("en1", "en2"), gold),
        "korsts ko": spearman_figure(cosine("ko1", "ko2"), gold),
        "sts ko-en": spearman_figure(across, gold),
    }


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Pieces of at most ``PASSAGE_LENGTH`` characters at sentence borders, as (start, end)."""
    start = end = 0
    for sentence in SENTENCE.finditer(text):
        if sentence.end() - start > PASSAGE_LENGTH and end > start:
            yield start, end
            start = end
        while sentence.end() - start > PASSAGE_LENGTH:
            yield start, start + PASSAGE_LENGTH
            start += PASSAGE_LENGTH
        end = sentence.end()
    if end > start:
        yield start, end


def dense(encode: Encode) -> Score:
    """Scores by cosine."""
    return lambda questions, texts: encode(questions) @ encode(texts).T


def bm25(questions: list[str], texts: list[str]) -> npt.NDArray[np.float32]:
    """Scores by BM25 over words (jieba's for Chinese)."""
    retriever = bm25s.BM25()
    retriever.index([_words(text) for text in texts], show_progress=False)
    scores = [retriever.get_scores(_words(q)) for q in questions]
    return np.stack(scores).astype(np.float32)


def _words(text: str) -> list[str]:
    return list(analyse(text).channel("w")) or [""]


def passage_search(score: Score, path: Path) -> dict[str, Figure]:
    """Real questions against all passages of all documents: is the passage that holds (most of)
    the answer first, or among the first ten?"""
    lines = path.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    documents = {item["docid"]: item["context"] for item in questions}
    places = [(docid, start, end) for docid, text in documents.items() for start, end in cut(text)]
    texts = [documents[docid][start:end] for docid, start, end in places]
    scores = score([item["question"] for item in questions], texts)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = []
    for item, ranked in zip(questions, order, strict=True):
        first, last = item["answer"]["span"]
        overlaps = [
            min(end, last) - max(start, first) if docid == item["docid"] else 0
            for docid, start, end in places
        ]
        ranks.append(1 + int(np.flatnonzero(ranked == int(np.argmax(overlaps)))[0]))
    rank = np.array(ranks)
    return {
        "ncp passage@1": mean_figure((rank <= 1).astype(float)),
        "ncp passage@10": mean_figure((rank <= 10).astype(float)),
        "ncp MRR@10": mean_figure(np.where(rank <= 10, 1 / rank, 0.0)),
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a document, and the numbers (and headings) of the clauses that settle it."""

    text: str
    language: str
    document: str
    right: frozenset[tuple[str, str]]


def gold_questions() -> Iterator[Asked]:
    """The report half of the gold questions on the shipped policy, those that a clause answers."""
    for language in ("zh", "en", "ko"):
        path = REPOSITORY / "tests" / "eval" / f"{language}.jsonl"
        for record in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            if record["split"] == "report" and record["clauses"]:
                right = frozenset((number, "") for number in record["clauses"])
                yield Asked(record["question"], language, "", right)


def policy_questions() -> Iterator[Asked]:
    """The questions on fourteen policies that the ranker, but never the encoder, is fitted to."""
    for path in sorted((REPOSITORY / "training" / "questions").glob("*.jsonl")):
        for record in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            right = {(c["number"], "".join("".join(c["path"]).split())) for c in record["clauses"]}
            if right:
                question = record["question"], record["language"], record["document"]
                yield Asked(*question, frozenset(right))


def clause_search(score: Score, documents: list[Document], asked: list[Asked]) -> Floats:
    """1 where the first clause of a question's document settles it, else 0. A clause scores as its
    best passage of the original text does; translations and wordings are left out."""
    found = np.zeros(len(asked))
    for document in documents:
        rows = [i for i, one in enumerate(asked) if one.document in ("", document.id)]
        if not rows:
            continue
        clauses = split(document)
        parts = list(passages(clauses, {document.id: document}, {}, {}))
        scores = score([asked[i].text for i in rows], [part.text for part in parts])
        owners = np.array([part.clause for part in parts])
        best = owners[scores.argmax(axis=1)]
        for row, position in zip(rows, best, strict=True):
            found[row] = _settles(clauses[position], asked[row])
    return found


def _settles(clause: Clause, asked: Asked) -> bool:
    heading = "".join("".join(clause.path).split()) if asked.document else ""
    return (clause.number, heading) in asked.right


def question_search(score: Score, data: Path) -> dict[str, Figure]:
    """Questions in three languages → Chinese clauses of the document asked about, right one first:
    the gold questions, and those on policies without translation."""
    figures = {}
    for name, folder, questions in (
        ("gold", REPOSITORY / "corpus", list(gold_questions())),
        ("policies", data / "policies", list(policy_questions())),
    ):
        paths = [p for p in sorted(folder.glob("*.txt")) if "LICENSE" not in p.name]
        documents = [read_document(path)[0] for path in paths]
        found = clause_search(score, documents, questions)
        for language in ("zh", "en", "ko"):
            of_language = np.array([one.language == language for one in questions])
            figures[f"{name} {language}→zh clause"] = mean_figure(found[of_language])
    return figures


def speed(model: SentenceTransformer, sentences: list[str]) -> dict[str, float]:
    """Median milliseconds of one query on one core, and sentences per second on two cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for sentence in sentences[:220]:
        began = time.perf_counter()
        model.encode([sentence], show_progress_bar=False)
        times.append(time.perf_counter() - began)
    torch.set_num_threads(2)
    many = (sentences * (1 + 20_000 // len(sentences)))[:20_000]
    many = many[:1000] if float(np.median(times)) > 0.003 else many
    began = time.perf_counter()
    model.encode(many, batch_size=256, show_progress_bar=False)
    rate = len(many) / (time.perf_counter() - began)
    torch.set_num_threads(threads)
    return {"query ms": 1000 * float(np.median(times[20:])), "sentences/s": rate}


def megabytes(path: Path) -> float:
    """Size of a model's folder on disk."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def load(path: Path) -> tuple[SentenceTransformer, Encode]:
    """The model in a folder, never fetched from elsewhere, and its encoder to unit vectors."""
    model = SentenceTransformer(str(path), device="cpu", local_files_only=True)

    def encode(texts: list[str]) -> npt.NDArray[np.float32]:
        vectors = model.encode(
            texts, batch_size=256, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, np.float32)

    return model, encode


def evaluate(path: Path, data: Path) -> dict[str, Figure | float]:
    """All figures of the model in folder ``path``.

    Raises ``FileNotFoundError`` when a benchmark's file is missing under ``data``.
    """
    model, encode = load(path)
    folder = data / "parallel" / "eval"
    figures: dict[str, Figure | float] = {
        name: translation_retrieval(encode, folder / file) for name, file in RETRIEVAL.items()
    }
    figures |= semantic_similarity(encode, folder / "sts_test.ko-en.scored.tsv")
    figures |= passage_search(dense(encode), data / "ncp" / "dev.jsonl")
    figures |= question_search(dense(encode), data)
    figures |= speed(model, read_columns(folder / RETRIEVAL["tico19 zh→en"])[0])
    return figures | {"megabytes": megabytes(path)}


def evaluate_english(path: Path, data: Path) -> dict[str, Figure | float]:
    """The figures that make sense for an English-only model, for comparison."""
    model, encode = load(path)
    folder = data / "parallel" / "eval"
    score, _, _, first, second = (
        column[1:] for column in read_columns(folder / "sts_test.ko-en.scored.tsv")
    )
    cosine = np.asarray((encode(first) * encode(second)).sum(axis=1), float)
    figures: dict[str, Figure | float] = {
        "sts-b en": spearman_figure(cosine, np.array(score, float))
    }
    figures |= speed(model, read_columns(folder / RETRIEVAL["tico19 zh→en"])[1])
    return figures | {"megabytes": megabytes(path)}


def evaluate_bm25(data: Path) -> dict[str, Figure | float]:
    """The figures of BM25, to set beside those of a model. Across languages it can match no more
    than numbers and names."""
    return {**passage_search(bm25, data / "ncp" / "dev.jsonl"), **question_search(bm25, data)}


def table(results: dict[str, dict[str, Figure | float]]) -> Iterator[str]:
    """Lines of a Markdown table: a row a figure, a column a model."""
    names = list(dict.fromkeys(name for figures in results.values() for name in figures))
    counts = {
        n: f.count for figs in results.values() for n, f in figs.items() if isinstance(f, Figure)
    }
    yield "| figure | n | " + " | ".join(results) + " |"
    yield "|---|---|" + "---|" * len(results)
    for name in names:
        cells = [_cell(figures.get(name)) for figures in results.values()]
        yield f"| {name} | {counts.get(name, '')} | " + " | ".join(cells) + " |"


def _cell(figure: Figure | float | None) -> str:
    if figure is None:
        return "–"
    if isinstance(figure, Figure):
        return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def main() -> None:
    """Measure the models named on the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the shared data")
    parser.add_argument("--model", type=Path, nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--english", type=Path, help="an English-only model to set beside it")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    results = {path.name: evaluate(path, arguments.data) for path in arguments.model}
    results["BM25"] = evaluate_bm25(arguments.data)
    if arguments.english:
        results["English only"] = evaluate_english(arguments.english, arguments.data)
    print("\n".join(table(results)))
    if arguments.json:
        plain = {
            path: {k: asdict(v) if isinstance(v, Figure) else v for k, v in figures.items()}
            for path, figures in results.items()
        }
        arguments.json.write_text(json.dumps(plain, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
