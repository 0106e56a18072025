"""One question in three languages leads to one clause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qa.assistant import Assistant
from qa.config import DEFAULT_MODEL, ROOT
from qa.encoder import Encoder
from qa.types import LANGUAGES

FLOOR = 0.80


@pytest.mark.slow
def test_three_languages_lead_to_one_clause(shipped_index: Path, shipped_encoder: Encoder) -> None:
    assistant = Assistant.open(shipped_index, lambda _: shipped_encoder, str(DEFAULT_MODEL))
    lines = (ROOT / "tests" / "eval" / "parity.jsonl").read_text(encoding="utf-8").splitlines()
    triples = [json.loads(line) for line in lines]
    same = right = 0
    for triple in triples:
        answers = [assistant.ask(triple[language]) for language in LANGUAGES]
        firsts = [answer.hits[0].clause.number if answer.hits else "" for answer in answers]
        same += len(set(firsts)) == 1 and firsts[0] != ""
        right += all(first in triple["clauses"] for first in firsts)
    share = same / len(triples)
    print(
        f"\n{len(triples)} triples: same clause {share:.3f}, the right one {right / len(triples):.3f}"
    )
    assert share >= FLOOR
