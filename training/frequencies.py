"""Counts how common terms are, for ``qa.frequencies``: ``python -m training.frequencies --data DIR``.

The share of a term is the larger of its share among questions and its share among texts.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from qa.analysis import analyse
from qa.config import ROOT
from qa.frequencies import RAREST

_SAMPLE = 12_000
"""Sentences taken from each parallel file, so that none of them rules the table."""


def questions() -> Iterator[str]:
    """The questions that this project wrote for training."""
    for path in sorted((ROOT / "training" / "texts").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            for group in json.loads(line)["questions"].values():
                yield from group
    for path in sorted((ROOT / "training" / "questions").glob("*.jsonl")):
        yield from (json.loads(line)["question"] for line in path.read_text("utf-8").splitlines())


def texts(data: Path) -> Iterator[str]:
    """Sentences of the parallel training files, and the clauses that this project wrote."""
    for path in sorted((ROOT / "training" / "texts").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield from json.loads(line)["clause"].values()
    chooser = random.Random(0)
    for path in sorted((data / "parallel" / "train").glob("*.tsv")):
        lines = path.read_text("utf-8").splitlines()
        for line in chooser.sample(lines, min(_SAMPLE, len(lines))):
            yield from line.split("\t")


def shares(source: Iterable[str]) -> dict[str, float]:
    """The share of texts that hold each term, among the texts that hold its script at all.

    A Korean word is measured against Korean texts: the languages are not equally frequent.
    """
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for text in source:
        terms = set(analyse(text).terms)
        counts.update(terms)
        totals.update({_script(term) for term in terms})
    return {term: count / totals[_script(term)] for term, count in counts.items() if count > 2}


def _script(term: str) -> str:
    character = term[2:].strip("#")[:1]
    if term.startswith("s:") or "\u3400" <= character <= "\u9fff":
        return "han"
    return "hangul" if "\uac00" <= character <= "\ud7af" else "latin"


def main() -> None:
    """Writes ``src/qa/frequencies.tsv``: term, share of texts; the rarest are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with parallel/train")
    arguments = parser.parse_args()
    asked, written = shares(questions()), shares(texts(arguments.data))
    merged = {term: max(asked.get(term, 0), written.get(term, 0)) for term in asked | written}
    lines = [
        f"{term}\t{share:.2g}\n"
        for term, share in sorted(merged.items())
        if share > _least(term) and not any(character.isspace() for character in term)
    ]
    (ROOT / "src" / "qa" / "frequencies.tsv").write_text("".join(lines), encoding="utf-8")


def _least(term: str) -> float:
    """Grams and sounds are many: only the common ones are worth their place."""
    return RAREST if term.startswith("w:") else 20 * RAREST


if __name__ == "__main__":
    main()
