"""What a printed page left in a text, read away: hard line breaks, page numbers, spaced letters;
and what a web page lost, read in again: line breaks that became blanks.

``reading`` gives a text of the same length, so that what is found in it is found in the
original at the same offsets. What is read away becomes ``FILLER``, which no pattern minds.
"""

from __future__ import annotations

import re
from collections import Counter

from qa.types import Language

FILLER = "\u200b"
"""A space without width: stands for a character that is read over. Inside a word it stands
behind the word, so that the word can be found."""

_BLANKS = dict.fromkeys(
    map(ord, "\xa0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"), " "
)
"""Blanks of other widths, which web pages and printers set in."""

_NARROWEST = 16  # characters; shorter lines are not the width of a page
_RAGGED = 3  # characters that full lines differ in: a stop may not begin a line
_FEW = 3  # full lines that a wrapped text has at least
_PAGE_NUMBER = re.compile(
    r"\n[ \t\u3000\xa0]{0,60}(?:[-—－–·][ ]?){1,2}[0-9０-９]{1,3}(?:[ ]?[-—－–·]){1,2}[ \t\u3000]{0,60}(?=\n)"
    r"|\n[ \t\u3000\xa0]{0,60}第?[ ]?[0-9]{1,3}[ ]?(?:页|/)[ ，,/]{0,3}共?[ ]?[0-9]{1,3}[ ]?页?[ \t]{0,60}(?=\n)"
)
_HAN = "\u4e00-\u9fff"
_SPACED = re.compile(
    rf"(?<![{_HAN}])[{_HAN}](?:[ \u3000{FILLER}]{{1,3}}[{_HAN}]){{2,30}}(?![{_HAN}])"
)
_BROKEN = re.compile(rf"(?<=[{_HAN}])({FILLER})([{_HAN}]{{1,12}})")
_SPACES = re.compile(rf"[ \u3000{FILLER}]")
_ENDED = re.compile(r"[。！？；：!?;:.…】］\]〕）)”\"]\s*$")

_BEGINS = re.compile(r"[ \t\u3000]|$|[（(\[【〔]?第?[一二三四五六七八九十0-9０-９①-⑳가-하IVX(]")
_OPENS = re.compile(  # a number with its punctuation, a label, an indent: a paragraph in any case
    r"[ \t\u3000]{0,8}(?:[（(][一二三四五六七八九十]{1,3}[）)]|[一二三四五六七八九十]{1,3}[ ]?、|[▲△●○■□◆◇★☆※►▶➢]"
    rf"|第[一二三四五六七八九十百]{{1,4}}[条章节](?=[ \u3000（(【：:])|[0-9]{{1,2}}[ ]?[.．、](?![0-9])|[{_HAN}]{{4}}[：:])|\u3000\u3000"
)

_FLATTENED = 120  # characters; a longer line with gaps between its sentences holds several
_GAPS = 2  # of them, from which on it was flattened
_NUMBER = (
    r"[（(][一二三四五六七八九十]{1,3}[）)]|[一二三四五六七八九十]{1,3}、|[0-9]{1,2}[.．、](?![0-9])"
    r"|第[一二三四五六七八九十百]{1,4}[条章节](?![的款项规和与、])"
)
_COUNT = "[0-9一二三四五六七八九十]{1,3}"
_DATE = rf"[0-9一二〇○零]{{4}}[ ]?年[ ]?{_COUNT}[ ]?月[ ]?{_COUNT}[ ]?日"
_GAP = r"[ \t\u3000]{1,80}"
_BETWEEN_SENTENCES = re.compile(rf"(?<=[。！？；]){_GAP}(?=[^\s」”’）)])")
_LOST_BREAK = re.compile(  # between sentences, before a number, around a date, an indent
    rf"{_BETWEEN_SENTENCES.pattern}"
    rf"|(?<=[^第见及和与、至]){_GAP}(?={_NUMBER}|附件?[0-9]?[：:])"
    rf"|(?<=[{_HAN}])(?<![自至到于从在截]){_GAP}(?={_DATE}(?:\s|[（(【]|印发|$))"
    rf"|(?<=[0-9一二三四五六七八九十 ]日){_GAP}(?=[（(【{_HAN}])"
    rf"|[ \t]*\u3000[ \t]*\u3000[ \t\u3000]*|[ \t]{{4,}}"
)
_LOST_AFTER_HEADING = re.compile(
    rf"(?P<heading>(?:{_NUMBER})[ \u3000]?"
    rf"(?:[^\s。！？；：:（(【\[《“]|《[^\s》]{{1,40}}》|“[^\s”]{{1,20}}”){{2,45}}(?<=[{_HAN}]))"
    rf"(?P<gap>{_GAP})(?=[{_HAN}《])"
)


def reading(text: str, language: Language) -> str:
    """``text`` as it is meant to be read, character for character at the same offsets."""
    text = text.translate(_BLANKS)
    text = _PAGE_NUMBER.sub(lambda match: FILLER * len(match.group()), text)
    text = _unwrapped(text, " " if language == "en" else FILLER)
    if language != "zh":
        return text
    text = "\n".join(map(_with_breaks, text.split("\n")))
    return _SPACED.sub(_closed_up, _BROKEN.sub(r"\2\1", text))


def _with_breaks(line: str) -> str:
    """A line, with the breaks that were lost in it where it holds several."""
    if len(line) < _FLATTENED or len(_BETWEEN_SENTENCES.findall(line)) < _GAPS:
        return line
    line = _LOST_BREAK.sub(lambda match: _break(match.group()), line)
    return _LOST_AFTER_HEADING.sub(
        lambda match: match.group("heading") + _break(match.group("gap")), line
    )


def _break(gap: str) -> str:
    """A line break of the length of a gap."""
    return "\n" + " " * (len(gap) - 1)


def is_blank(text: str, printed: str, index: int) -> bool:
    """Whether nothing is printed where ``text`` is read over: a filler may have moved there."""
    return text[index] != FILLER or not re.match(f"[{_HAN}]", printed[index])


def _closed_up(match: re.Match[str]) -> str:
    """``责 任 单 位`` closed up, its spaces put behind."""
    printed = match.group()
    letters = _SPACES.sub("", printed)
    return letters + FILLER * (len(printed) - len(letters))


def _unwrapped(text: str, filler: str) -> str:
    """The text with each line break in the middle of a paragraph read away.

    A text is hard-wrapped where its longest lines are of one length, and most of them break off
    before a sentence ends; then a line of that length goes on in the next.
    """
    lines = text.split("\n")
    lengths = [len(line.replace(FILLER, "").rstrip()) for line in lines]
    width = _width(lengths, ragged=_RAGGED if filler == FILLER else _NARROWEST)
    if not width:
        return text
    full = [index for index, length in enumerate(lengths[:-1]) if length >= width]
    broken = [index for index in full if not _ENDED.search(lines[index])]
    if len(broken) < _FEW or 2 * len(broken) < len(full):
        return text
    joints = {
        index
        for index in full
        if not (_ENDED.search(lines[index]) and _BEGINS.match(lines[index + 1]))
        and not _OPENS.match(lines[index + 1])
    }
    return (
        "".join(
            line + (filler if index in joints else "\n") for index, line in enumerate(lines[:-1])
        )
        + lines[-1]
    )


def _width(lengths: list[int], *, ragged: int) -> int:
    """The least length of a full line; 0 where the longest lines are of no common length."""
    counts = Counter(length for length in lengths if length >= _NARROWEST)
    if not counts:
        return 0
    longest = max(counts)
    near = sum(count for length, count in counts.items() if length >= longest - ragged)
    return longest - ragged if near >= _FEW and 3 * near >= sum(counts.values()) else 0
