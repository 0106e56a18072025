"""How English documents, and English translations of policies, are numbered."""

from __future__ import annotations

import re

from qa.languages.grammar import ARTICLE, MarkerKind, Numbering

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_ROMAN_NUMERAL = "[IVXL]{1,7}"


def numeral(printed: str) -> int:
    """Read the Arabic number or, without one, the Roman numeral at the end of a printed number.

    >>> numeral("Article 12"), numeral("Part IV")
    (12, 4)
    """
    digits = re.findall("[0-9]+", printed)
    return int(digits[-1]) if digits else roman(printed.rsplit(" ", 1)[-1])


def roman(printed: str) -> int:
    """Read a Roman numeral of either case; 0 where it is none."""
    values = [_ROMAN.get(char, 0) for char in printed.lower() if char.isalpha()]
    return sum(
        -value if value < max(values[index:]) else value for index, value in enumerate(values)
    )


def letter(printed: str) -> int:
    """``(c)`` is 3."""
    return next((ord(char) - ord("a") + 1 for char in printed.lower() if char.isalpha()), 0)


_REFERRING = re.compile(
    r"\b(?:in|of|under|by|to|with|and|or|see|per|from|this|that|the|than|paragraphs?|items?|nos?\.?|or|also|former|latter)$",
    re.I,
)
_REFERRED = re.compile(
    r"\([0-9a-z]{1,3}\)|[,;]? ?(?:of|and|or|to|through|above|below|hereof)\b|[-–][0-9]"
)


def _division(name: str, words: str, division: int) -> MarkerKind:
    return MarkerKind(
        name,
        rf"\b(?:{words})[ \xa0](?:[0-9]{{1,6}}|{_ROMAN_NUMERAL})\b",
        r"[.:]?(?![0-9])",
        numeral,
        division=division,
        not_after=_REFERRING,
        not_before=_REFERRED,
    )


NUMBERING = Numbering(
    kinds=(
        _division("part", "Part|PART|Title|TITLE", 1),
        _division("chapter", "Chapter|CHAPTER", 2),
        _division("section", "Section|SECTION|Sec\\.", 3),
        _division("article", "Article|ARTICLE|Clause|CLAUSE|Measure|Rule", ARTICLE),
        MarkerKind(
            "arabic_level",
            r"(?<![\w.])[0-9]{1,2}(?:\.[0-9]{1,2}){1,3}",
            r"[.)]?(?= )",
            lambda printed: int(printed.rsplit(".", 1)[-1]),
            glued=False,
            not_after=re.compile(r"[$€£¥]$"),
            not_before=re.compile(
                r" ?(?:%|percent|per cent|million|billion|times|hours|days|months|years)"
            ),
        ),
        MarkerKind(
            "arabic_dot",
            r"(?<![\w.])[0-9]{1,3}",
            r"\.(?=\s)",
            numeral,
            not_after=re.compile(
                rf"[$€£¥]$|\b(?:No|Nos|Art|Sec|para|pp?|[JFMASOND][a-z]{{2}})\.? ?$"
                rf"|\b(?:sections?|articles?|parts?|[JFMASOND][a-z]{{2,8}}) ?$|{_REFERRING.pattern}"
            ),
        ),
        MarkerKind("arabic_bracket", r"(?<![\w.(])[0-9]{1,3}", r"\)", numeral, glued=False),
        MarkerKind(
            "bracketed_arabic",
            r"(?<!\w)\([0-9]{1,3}\)",
            "",
            numeral,
            item=True,
            not_after=_REFERRING,
        ),
        MarkerKind(
            "bracketed_roman",
            r"(?<!\w)\([ivx]{1,5}\)",
            "",
            roman,
            item=True,
            not_after=_REFERRING,
            continues="bracketed_letter",
        ),
        MarkerKind(
            "bracketed_roman_capital",
            r"(?<!\w)\([IVX]{1,6}\)",
            "",
            roman,
            not_after=_REFERRING,
            continues="bracketed_letter",
        ),
        MarkerKind(
            "bracketed_letter", r"(?<!\w)\([a-zA-Z]\)", "", letter, item=True, not_after=_REFERRING
        ),
        MarkerKind(
            "roman_dot",
            rf"\b{_ROMAN_NUMERAL}",
            r"\.(?=\s)",
            roman,
            glued=False,
            continues="letter_dot",
        ),
        MarkerKind("letter_dot", r"\b[A-Z]", r"\.(?=\s)", letter, glued=False),
        MarkerKind(
            "letter_bracket", r"(?<![\w(])[a-zA-Z]", r"[.)](?=\s)", letter, item=True, glued=False
        ),
    ),
    starts="0-9(a-zA-Z",
    contents=re.compile(r"^[ \t]{0,40}(?:Table of )?Contents[ \t]{0,40}$", re.M | re.I),
    appendix=re.compile(
        r"^[ \t]{0,40}(?:Appendix|Annex|Attachment|Schedule)"
        r"(?: (?:[0-9]{1,2}|[A-Z]|[IVX]{1,4}))?\b[^\n.]{0,80}$",
        re.M | re.I,
    ),
    attachments=re.compile(
        r"^[ \t]{0,40}(?:Attachments?|Annexes|Enclosures?)[ \t]{0,4}:(?=[^\n])", re.M | re.I
    ),
    signature=re.compile(
        r"^(?:[ \t]{0,40}(?![(\d])[A-Z][^\n\t.;:!?]{2,80}\n(?:[ \t]{0,40}\n){0,3}){0,3}"
        r"[ \t]{0,40}(?:Date:? ?)?(?:[0-9]{1,2} [A-Z][a-z]{2,8},? [0-9]{4}"
        r"|[A-Z][a-z]{2,8} [0-9]{1,2}, [0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})[ \t]{0,40}$"
        r"|^[ \t]{0,40}(?:Done at|Signed|\(Signed\)|Contact)\b",
        re.M,
    ),
    closing=re.compile(
        r"(?:\n\s{0,40}|[.)\]] )((?:These|This|The above|The present) "
        r"(?:measures?|policy|policies|regulations?|rules|notice|provisions|plan)"
        r" [^.\n]{0,40}(?:effect|force|valid|applicable|interpret|expire|implemented))",
        re.I,
    ),
    sentence_end=re.compile(r"(?<!\b[A-Z])(?<!\bNo)[.!?](?=\s|$)"),
    title_limit=110,
    title_commas=4,
    title_separator=re.compile(":"),
    title_without=frozenset(',;"“'),
)
