"""Korean morphemes, by Kiwi: particles and endings fall away, whatever the spacing."""

from __future__ import annotations

from functools import cache, lru_cache

from kiwipiepy import Kiwi

# Nouns, roots, verbs and adjectives, adverbs of content; Sejong tag set.
_CONTENT = ("NNG", "NNP", "NNB", "NR", "XR", "VV", "VA", "MAG", "SL", "SH", "SN", "XPN")


@cache
def _kiwi() -> Kiwi:
    # Without the dictionary of multi-word names loading takes half the time.
    return Kiwi(num_workers=1, load_multi_dict=False)


@lru_cache(maxsize=20_000)
def words(run: str) -> tuple[str, ...]:
    """The content morphemes of Korean text (with its spaces), in order; quick for what was asked
    before, since people use the same words again and again."""
    tokens = _kiwi().tokenize(run)
    return tuple(token.form for token in tokens if token.tag.split("-")[0] in _CONTENT)


def is_proper(noun: str) -> bool:
    """Whether a noun is one proper name, as 김철수 is and 유학생 (a student abroad) is not."""
    _, _, first, *_ = _kiwi().tokenize(f"저는 {noun}입니다")
    return bool(first.tag == "NNP" and first.form == noun)
