"""Where two texts differ, character by character, in what counts as a difference.

White space, full and half width, upper and lower case, and the variants of a punctuation mark do
not count. The alignment is that of the fewest edits (Levenshtein 1966), by rapidfuzz.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.distance import Levenshtein, Opcode

from qa.text import normalise

QUOTATION_MARKS = '“”„‟"«»「」『』〝〞'
_SHORTEST = 2
"""Characters that two changes must have between them: else they are one."""
_VARIANTS = str.maketrans({
    **dict.fromkeys(QUOTATION_MARKS, '"'), **dict.fromkeys("‘’‚‛'`´", "'"),
    **dict.fromkeys("〈﹤‹", "<"), **dict.fromkeys("〉﹥›", ">"), **dict.fromkeys("《", "<"), **dict.fromkeys("》", ">"),
    **dict.fromkeys("〔【［﹝[{", "("), **dict.fromkeys("〕】］﹞]}", ")"),
    **dict.fromkeys("—–―－‐‑−─", "-"), **dict.fromkeys("•‧・∙●", "·"), "。": ".", "｡": ".", "～": "~", "〜": "~",
    "○": "〇", "●": "〇", "⋯": "…", "﹑": "、",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of an alignment of two texts: what each of them has there.

    ``same``: they differ in nothing that counts.
    """

    before: str
    after: str
    same: bool


class Form:
    """A text as texts are compared: without white space and what is invisible, in half width and
    lower case, punctuation in one of its variants; ``simplified`` characters on demand."""

    def __init__(self, source: str, *, simplified: bool = False) -> None:
        self._source, self._table = source, _SIMPLIFIED if simplified else _COMPARABLE
        self.text = source.translate(self._table)

    @cached_property
    def _offsets(self) -> list[int]:
        """The offset in the text itself of each character of ``text``."""
        table = self._table
        return [
            offset
            for offset, character in enumerate(self._source)
            for _ in table[ord(character)]
        ]  # fmt: skip

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The offsets in the text itself of ``text[start:end]``."""
        if start < end:
            return self._offsets[start], self._offsets[end - 1] + 1
        place = self._offsets[start] if start < len(self._offsets) else self.end(start)
        return place, place

    def end(self, length: int) -> int:
        """The offset in the text itself after ``text[:length]``."""
        return self._offsets[length - 1] + 1 if length else 0


class _Comparable(dict[int, str]):
    """What each character is compared as, by its code point; filled in as characters turn up."""

    def __init__(self, *, simplified: bool) -> None:
        super().__init__()
        self._simplified = simplified

    def __missing__(self, code: int) -> str:
        character = normalise(chr(code)) if self._simplified else chr(code)
        character = unicodedata.normalize("NFKC", character.translate(_VARIANTS)).casefold()
        form = "".join(
            part
            for part in character.translate(_VARIANTS)
            if not part.isspace() and unicodedata.category(part) not in _UNSEEN
        )
        self[code] = form
        return form


_COMPARABLE = _Comparable(simplified=False)
_SIMPLIFIED = _Comparable(simplified=True)
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def differences(before: str, after: str) -> tuple[Change, ...]:
    """The alignment of two texts: changes that join up to both."""
    old, new = Form(before), Form(after)
    changes: list[Change] = []
    done_old = done_new = 0
    codes = _shifted(_joined(list(Levenshtein.opcodes(old.text, new.text))), old.text, new.text)
    for number, (same, (_, end_old), (_, end_new)) in enumerate(codes, start=1):
        last = number == len(codes)
        to_old = len(before) if last else max(old.end(end_old), done_old)
        to_new = len(after) if last else max(new.end(end_new), done_new)
        changes.append(Change(before[done_old:to_old], after[done_new:to_new], same))
        done_old, done_new = to_old, to_new
    if not changes and (before or after):  # nothing in them that counts
        return (Change(before, after, same=True),)
    return tuple(change for change in changes if change.before or change.after)


_Step = tuple[bool, tuple[int, int], tuple[int, int]]


def _joined(codes: Sequence[Opcode]) -> list[_Step]:
    """The steps of an edit script, with neighbouring changes, and those with next to nothing
    between them, made one."""
    steps: list[_Step] = []
    for position, code in enumerate(codes):
        inner = 0 < position < len(codes) - 1
        short = inner and code.src_end - code.src_start < _SHORTEST
        same = code.tag == "equal" and not short
        start_old, start_new = code.src_start, code.dest_start
        if steps and steps[-1][0] == same:
            _, (start_old, _), (start_new, _) = steps.pop()
        steps.append((same, (start_old, code.src_end), (start_new, code.dest_end)))
    return steps


def _shifted(steps: list[_Step], old: str, new: str) -> list[_Step]:
    """The steps with each pure insertion or deletion moved to where it reads best: of 市商务局、市财政局
    「、市财政局」 is new, and not 「局、市财政」, which is as true.

    The idea is the lossless clean-up of Fraser's diff-match-patch.
    """
    steps = list(steps)
    for i in range(1, len(steps) - 1):
        (_, before_old, before_new), (same, own_old, own_new), (_, next_old, next_new) = steps[
            i - 1 : i + 2
        ]
        in_new = own_old[0] == own_old[1]
        if same or not (in_new or own_new[0] == own_new[1]):
            continue
        text, (first, last), (lowest, _) = (
            (new, own_new, before_new) if in_new else (old, own_old, before_old)
        )
        shift = _best_shift(text, first, last, lowest, (next_new if in_new else next_old)[1])
        steps[i - 1] = (True, _moved(before_old, 0, shift), _moved(before_new, 0, shift))
        steps[i] = (same, _moved(own_old, shift, shift), _moved(own_new, shift, shift))
        steps[i + 1] = (True, _moved(next_old, shift, 0), _moved(next_new, shift, 0))
    return [step for step in steps if step[1][0] < step[1][1] or step[2][0] < step[2][1]]


def _moved(span: tuple[int, int], start: int, end: int) -> tuple[int, int]:
    return span[0] + start, span[1] + end


def _best_shift(text: str, first: int, last: int, lowest: int, highest: int) -> int:
    """By how much ``text[first:last]`` can be moved, within ``text[lowest:highest]`` and to the same
    effect, so that it begins or ends with a mark; 0 where it cannot."""
    left = 0
    while first + left > lowest and text[first + left - 1] == text[last + left - 1]:
        left -= 1
    right = 0
    while last + right < highest and text[first + right] == text[last + right]:
        right += 1
    marks = [
        shift
        for shift in range(left, right + 1)
        if not (text[first + shift].isalnum() and text[last + shift - 1].isalnum())
    ]
    return min(marks, key=abs, default=0)
