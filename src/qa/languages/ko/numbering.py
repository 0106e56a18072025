"""How Korean documents are numbered: 제1장, 제1조(목적), ① and 1. 가. 1) 가) (1) (가).

The order of levels is set by the Ministry of the Interior's rules for official documents
(행정업무의 운영 및 혁신에 관한 규정); documents deviate, so no order is fixed here.
"""

from __future__ import annotations

import re

from qa.languages.en.numbering import roman
from qa.languages.grammar import ARTICLE, MarkerKind, Numbering
from qa.languages.zh.numbering import numeral, symbol

_SYLLABLES = "가나다라마바사아자차카타파하"
_SYLLABLE = f"[{_SYLLABLES}]"


def syllable(printed: str) -> int:
    """``다.`` is 3."""
    return next((_SYLLABLES.index(char) + 1 for char in printed if char in _SYLLABLES), 0)


def sign(printed: str) -> int:
    """Read a Roman numeral, of one sign (``Ⅲ``) or of letters."""
    char = ord(printed[0])
    return char - 0x2160 + 1 if 0x2160 <= char <= 0x216B else roman(printed)


_REFERRED = re.compile(
    "제[0-9]|[에의와과및를을는은가이로,ㆍ·]|부터|까지"
    "|[ ]?(?:및|또는|부터|내지)[ ]|[ ]제[0-9]+[항호]"
)


def _division(name: str, units: str, division: int) -> MarkerKind:
    return MarkerKind(
        name,
        rf"제[ ]?[0-9]{{1,6}}[ ]?(?:{units})(?:의[0-9]{{1,2}})?",
        "[.]?",
        numeral,
        division=division,
        not_after=re.compile('[「『"“]$|(?:법|령|규칙|조례|같은|또는|및)[ ]$'),
        not_before=_REFERRED,
    )


NUMBERING = Numbering(
    kinds=(
        _division("part", "편", 1),
        _division("chapter", "장", 2),
        _division("section", "절|관", 3),
        _division("article", "조", ARTICLE),
        MarkerKind(
            "roman", r"(?<![A-Za-z])(?:[Ⅰ-Ⅻ]|[IVX]{1,5}(?=[.]))", "[.．]?", sign, glued=False
        ),
        MarkerKind(
            "arabic_dot",
            "(?<![0-9A-Za-z.])[0-9]{1,3}",
            r"[.．](?![ ]{0,2}[0-9]{1,2}[.])(?![0-9])",
            numeral,
            not_after=re.compile(r"[0-9]\.[ ]{0,2}$|(?:제|월|년|일자?|번|호)[ ]?$"),
        ),
        MarkerKind("syllable_dot", f"(?<![가-힣]){_SYLLABLE}", r"[.．](?=\s)", syllable),
        MarkerKind(
            "arabic_bracket",
            r"(?<![0-9A-Za-z.(])[0-9]{1,3}",
            r"\)",
            numeral,
            item=True,
            glued=False,
        ),
        MarkerKind(
            "syllable_bracket",
            rf"(?<![가-힣(]){_SYLLABLE}",
            r"\)",
            syllable,
            item=True,
            glued=False,
        ),
        MarkerKind("bracketed_arabic", r"\([0-9]{1,3}\)", "", numeral, item=True, glued=False),
        MarkerKind("bracketed_syllable", rf"\({_SYLLABLE}\)", "", syllable, item=True, glued=False),
        MarkerKind("circled", "[①-⑳]", "", symbol, item=True, not_before=re.compile("[·ㆍ,및]")),
    ),
    starts=f"제0-9(①-⑳Ⅰ-ⅫIVX{_SYLLABLES}",
    contents=re.compile(r"^[ \t]{0,40}(?:목[ ]{0,4}차|차[ ]{0,4}례)[ \t]{0,40}$", re.M),
    appendix=re.compile(
        r"^[ \t]{0,40}[\[<【]?(?:붙임|별표|별첨|별지|부록)[ ]?[0-9]{0,2}(?:호[ ]?서식)?[\]>】]?"
        r"[^\n.]{0,60}$",
        re.M,
    ),
    attachments=re.compile(r"^[ \t]{0,40}(?:붙임|첨부)[ ]{0,4}[:：]?[ ](?=[^\n])", re.M),
    signature=re.compile(
        r"^[ \t]{0,40}[0-9]{4}(?:\.|년)[ ]?[0-9]{1,2}(?:\.|월)[ ]?[0-9]{1,2}(?:\.|일)[ \t]{0,40}$"
        r"|^[ \t]{0,40}부[ ]{0,4}칙\b.{0,60}$",
        re.M,
    ),
    closing=re.compile(
        r"(?:\n\s{0,40}|[.)\]] )((?:이|본) (?:지침|조치|대책|시책|규정|고시|공고|계획|방안)"
        r"[^.\n]{0,40}(?:시행|적용|효력))"
    ),
    sentence_end=re.compile(r"[.!?](?=\s|$)"),
    title_limit=60,
    title_without=frozenset(',;"“「'),
)
