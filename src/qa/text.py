"""Text as the matchers see it: one normal form, runs of one script, sentences with offsets.

What people read is always the untouched original; what is compared is the normal form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Literal, TypeAlias

from qa.types import Language

Script: TypeAlias = Literal["han", "hangul", "latin", "number"]

_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff〇\U00020000-\U0003ffff"
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_LETTER = rf"[^\W\d_{_HAN}{_HANGUL}]"
_RUN = re.compile(
    rf"(?P<han>[{_HAN}]+)"
    rf"|(?P<hangul>[{_HANGUL}]+)"
    r"|(?P<number>\d+(?:[.,:]\d+)*)"
    rf"|(?P<latin>{_LETTER}+(?:['’-]{_LETTER}+)*)"
)
# A closing quotation mark or bracket belongs to the sentence that it closes.
_SENTENCE = re.compile(r"[^。！？!?\n]*(?:[。！？!?]+[”’」』）)》\"']*|\n|$)")
_LATIN_SENTENCE = re.compile(r"(?:[^.!?。\n]|[.](?=\S))*(?:[.!?。]+[”’\"')]*(?=\s|$)|\n|$|[!?])")


@cache
def _simplified() -> dict[int, str]:
    """Traditional → simplified characters, one to one, from OpenCC's own table."""
    from importlib.resources import files

    table = files("opencc") / "dictionary" / "TSCharacters.txt"
    pairs = (line.split() for line in table.read_text(encoding="utf-8").splitlines() if line)
    once = {ord(pair[0]): pair[1] for pair in pairs if len(pair[0]) == 1 and len(pair[1]) == 1}
    # 藴 → 苧 → 苎: a normal form has no other normal form.
    return {code: once.get(ord(simple), simple) for code, simple in once.items()}


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC, lower case, simplified, nothing invisible."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    # Twice, as folding may leave letters and marks apart that have a form of their own.
    return unicodedata.normalize("NFKC", text).translate(_simplified())


def runs(text: str) -> Iterator[tuple[Script, str, int]]:
    """The stretches of ``text`` written in one script, in order, each with its offset.

    Punctuation and white space belong to none.
    """
    for match in _RUN.finditer(text):
        yield match.lastgroup, match.group(), match.start()  # type: ignore[misc]


def detect_language(text: str, default: Language = "zh") -> Language:
    """The language of a question, by the script that carries most of it.

    Hangul decides for Korean and Han for Chinese even beside Latin abbreviations (``AEO是什么``):
    a Latin letter weighs a quarter of a character, as a Latin word is about four times as long.
    """
    weights: dict[Language, float] = {"zh": 0.0, "en": 0.0, "ko": 0.0}
    for script, run, _ in runs(text):
        if script == "han":
            weights["zh"] += len(run)
        elif script == "hangul":
            weights["ko"] += len(run)
        elif script == "latin":
            weights["en"] += len(run) / 4
    best = max(weights, key=lambda language: weights[language])
    return best if weights[best] else default


def sentence_spans(text: str, language: Language) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of ``text``, white space trimmed, empty ones dropped."""
    pattern = _SENTENCE if language == "zh" else _LATIN_SENTENCE
    spans = []
    for match in pattern.finditer(text):
        sentence = match.group()
        start = match.start() + len(sentence) - len(sentence.lstrip())
        end = match.start() + len(sentence.rstrip())
        if any(character.isalnum() for character in text[start:end]):
            spans.append((start, end))
    return spans
