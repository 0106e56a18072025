"""How much a word says in general, by how rare it is in questions and in texts at large.

In a policy of fourteen clauses "thanks" is as rare as "unemployment": what a word weighs cannot
be learned from the corpus alone. The table is counted by ``training/frequencies.py``; a word that
is common either in questions or in official texts says little.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

RAREST = 3e-5
"""Share of texts; terms rarer than this are not in the table and weigh 1."""


@cache
def _table() -> dict[str, float]:
    source = files("qa") / "frequencies.tsv"
    lines = source.read_text(encoding="utf-8").splitlines()
    return {
        term: min(1.0, math.log(float(share)) / math.log(RAREST))
        for term, share in (line.split("\t") for line in lines)
    }


def importance(term: str) -> float:
    """The weight of a term (``w:出口``) in [0, 1]: 0 stands in every text, 1 in next to none."""
    return _table().get(term, 1.0)
