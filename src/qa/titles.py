"""The title of a clause: on its own line, in brackets, or run in before the first full stop."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import Literal

from qa.languages.grammar import Numbering
from qa.layout import FILLER

_BLANK = " \t\u3000\xa0*_\n" + FILLER
_BRACKETS = {"（": "）", "(": ")", "【": "】", "[": "]", "〔": "〕"}
_COMMAS = "，,；;"
_USUAL = 0.62  # of the longest title: what the titles of a document do not exceed as a rule
_RARE = 0.5  # run-in titles to clauses with a long first sentence: fewer are but short sentences
_BRIEF = 0.27  # of the longest title: what is a title even where most clauses have none
_FEW = 2


@dataclass(frozen=True, slots=True)
class Title:
    """Where a title stands, where the wording after it begins, and how it is set off.

    Offsets within the document. ``run_in`` titles are sentences: whether they are titles at all
    depends on what the other clauses of the document begin with. ``short`` clauses are one
    sentence, and tell nothing about it.
    """

    start: int
    end: int
    body: int
    form: Literal["own", "run_in", "none", "short"]


def find(text: str, start: int, end: int, rules: Numbering, *, article: bool) -> Title:
    """The title in ``text[start:end]``, what follows a printed number, without its notes."""
    start = _skip(text, start, end)
    nothing = Title(start, start, start, "none")
    line_end = text.find("\n", start, end)
    line_end = end if line_end < 0 else line_end
    bracket = _bracketed(text, start, line_end, article=article)
    if bracket:
        return bracket
    stop = rules.sentence_end.search(text, start, min(line_end, start + 4 * rules.title_limit))
    line = text[start:line_end].rstrip(_BLANK.replace(FILLER, ""))
    if _skip(text, line_end, end) < end and (not stop or stop.end() >= start + len(line)):
        bare = line.rstrip("：:。. ")
        if 0 < len(bare) <= rules.title_limit + 15 and _stands_alone(line, article=article):
            return Title(start, start + len(bare), _skip(text, line_end, end), "own")
    limit = rules.title_limit // 2 if article else rules.title_limit
    run_in = _run_in(text, start, line_end, end, rules, stop)
    if run_in and run_in.end - start <= limit:
        return run_in
    return nothing if run_in or article else Title(start, start, start, "short")


def _stands_alone(line: str, *, article: bool) -> bool:
    """Whether a line can be a heading: no sentence, and nothing that a list follows."""
    last = line[-1]
    listing = last in "：:" and (article or bool(set(line) & set(_COMMAS)))
    return not (last in _COMMAS + "。." or listing)


def _run_in(
    text: str, start: int, line_end: int, end: int, rules: Numbering, stop: re.Match[str] | None
) -> Title | None:
    sentence = stop.start() if stop else line_end
    limit = start + rules.title_limit // 2
    separator = rules.title_separator.search(text, start, min(sentence, limit))
    for mark in (separator, stop):
        if mark is None or (
            mark is separator and not _is_phrase(text[start : mark.start()], rules)
        ):
            continue
        body = _skip(text, mark.end(), end)
        if body < end:
            return Title(start, mark.start(), body, "run_in")
    return None


def _is_phrase(words: str, rules: Numbering) -> bool:
    """Whether words before a colon or gap can be a title: one phrase, with nothing quoted."""
    return len(words) >= _FEW and words[-1] != "的" and not set(words) & rules.title_without


def _bracketed(text: str, start: int, line_end: int, *, article: bool) -> Title | None:
    """``第三条（适用范围）`` and ``1.【扩大进口】``."""
    opening = text[start : start + 1]
    if opening not in _BRACKETS or not (article or opening == "【"):
        return None
    closing = text.find(_BRACKETS[opening], start, min(line_end, start + 60))
    if closing < start + _FEW:
        return None
    return Title(start + 1, closing, _skip(text, closing + 1, line_end), "own")


def _skip(text: str, start: int, end: int) -> int:
    while start < end and text[start] in _BLANK:
        start += 1
    return start


def settle(text: str, titles: list[Title], rules: Numbering) -> list[Title]:
    """Keep the run-in titles where the document uses titles, and where each reads like one.

    Where most clauses have none, only a brief one does: the others are first sentences.
    """
    lengths = [title.end - title.start for title in titles if title.form == "run_in"]
    others = sum(title.form == "none" for title in titles)
    without = others + sum(title.form == "short" for title in titles)
    usual = len(lengths) > others * _RARE and median(lengths) <= rules.title_limit * _USUAL
    limit = rules.title_limit * (1 if len(lengths) > without else _BRIEF)
    return [
        title
        if title.form != "run_in" or (usual and _reads_like_title(text, title, limit, rules))
        else Title(title.start, title.start, title.start, "none")
        for title in titles
    ]


def _reads_like_title(text: str, title: Title, limit: float, rules: Numbering) -> bool:
    words = text[title.start : title.end]
    commas = sum(char in _COMMAS for char in words)
    return 0 < len(words) <= limit and commas <= rules.title_commas
