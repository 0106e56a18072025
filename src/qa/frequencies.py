"""How much a word says in general, by how rare it is in questions and policies at large.

In a policy of fourteen clauses "thanks" is as rare as "unemployment": what a word weighs cannot
be learned from the corpus alone. The table is counted by ``training/frequencies.py`` from the
training texts of this project.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

_UNKNOWN = 1.0


@cache
def _table() -> dict[str, float]:
    source = files("qa") / "frequencies.tsv"
    if not source.is_file():
        return {}
    lines = source.read_text(encoding="utf-8").splitlines()
    total = int(lines[0])
    return {
        term: math.log(total / int(count)) / math.log(total)
        for term, count in (line.split("\t") for line in lines[1:])
    }


def importance(term: str) -> float:
    """The weight of a term (``w:出口``) in [0, 1]: 0 stands in every text, 1 in none."""
    return _table().get(term, _UNKNOWN)
