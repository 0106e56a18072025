"""English words, by the Snowball stemmer (Porter 2)."""

from __future__ import annotations

import re
from functools import cache

import Stemmer

STOP_WORDS = frozenset(
    "a about all also am an and any are as at be been being but by can could d did do does doing "
    "don each else for from get gets getting go going got had has have having he her here hers him "
    "his how i if in into is it its just ll m may me might more most much must my no not now of on "
    "one only or other our ours out over own please re s same shall she should so some still such "
    "t than that the their them then there these they this those to too up ve very was we were "
    "what when where which while who whom whose why will with would yes yet you your yours hi "
    "hello thanks thank anyone anything something someone".split()
)


_CONTRACTION = re.compile(r"'(s|t|ll|re|ve|d|m)$")

# Words that the stemmer would make one with another word of our field.
_EXCEPTIONS = {
    "customs": "customs",  # customer
    "goods": "goods",  # good
    "container": "container",  # contain
    "containers": "container",
    "policies": "policy",  # police
    "policy": "policy",
    "organic": "organic",  # organ
    "general": "general",  # generate
    **{place: place for place in ("nanning", "wanning", "xianning", "daye")},  # nan, wan, xian, day
}


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 50_000)


def words(run: str) -> list[str]:
    """The stem of a Latin word in lower case, as a list; empty for a stop word."""
    parts = _CONTRACTION.sub("", run.replace("’", "'")).replace("'", "").split("-")
    return [
        _EXCEPTIONS.get(part) or _stemmer().stemWord(part)
        for part in parts
        if part and part not in STOP_WORDS
    ]
