"""Plain policies beside one that has translations and wordings: ``python -m benchmarks.beside``.

Three policies as a city would publish them, without anything laid beside them, go into one index
with the shipped one, and are asked 90 questions that one clause of them or of the shipped one
settles, and 30 that none does, in the words of chats and of a hotline (``tests/eval/beside``,
written for this purpose by one who had seen neither code nor ranking). A ranking that favours what
is well equipped shows here, and nowhere else.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qa.assistant import Assistant
from qa.config import ROOT, Settings
from qa.encoder import load_encoder
from qa.indexing import build_index
from qa.types import LANGUAGES, Answer, Clause, Outcome

FOLDER = ROOT / "tests" / "eval" / "beside"
_HEAD = (
    "| | questions | right first | among three | answered and settled | answered wrongly | refused |"
    "\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Builds the index, asks, and prints a line for each language and one for what none answers."""
    settings = Settings.from_environment()
    questions = [json.loads(line) for line in (FOLDER / "questions.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as scratch:
        corpus, index = Path(scratch) / "corpus", Path(scratch) / "index"
        shutil.copytree(ROOT / "corpus", corpus)
        for path in FOLDER.glob("*.txt"):
            shutil.copy(path, corpus)
        build_index(corpus, index, load_encoder(settings.model))
        assistant = Assistant.open(index, load_encoder, settings.model)
        asked = [(each, assistant.ask(each["question"])) for each in questions]
    print(_HEAD)
    settled = [pair for pair in asked if pair[0]["document"]]
    for language in LANGUAGES:
        print(_line(language, [pair for pair in settled if pair[0]["language"] == language]))
    print(_line("all", settled))
    print(_line("settled by none", [pair for pair in asked if not pair[0]["document"]]))


def _line(name: str, asked: Iterable[tuple[dict[str, Any], Answer]]) -> str:
    asked = list(asked)
    total: Counter[str] = Counter()
    for question, answer in asked:
        answered = answer.outcome is Outcome.ANSWERED
        right = [_is_right(hit.clause, question) for hit in answer.hits[:3]]
        first = bool(answer.citations) and _is_right(answer.citations[0].clause, question)
        quoted = " ".join(quote.text for cited in answer.citations[:1] for quote in cited.quotes)
        total["first"] += right[:1] == [True]
        total["three"] += any(right)
        total["settled"] += answered and first and question["settles"] in quoted
        total["wrong"] += answered and not first
        total["refused"] += answer.outcome is Outcome.NO_CLAUSE
    figures = (total[key] for key in ("first", "three", "settled", "wrong", "refused"))
    return f"| {name} | {len(asked)} | {' | '.join(map(str, figures))} |"


def _is_right(clause: Clause, question: dict[str, Any]) -> bool:
    wanted = (question["document"], question["path"], question["number"])
    return (clause.document_id, list(clause.path), clause.number) == wanted


if __name__ == "__main__":
    main()
