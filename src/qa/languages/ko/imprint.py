"""How Korean policies name their number, issuer and time of validity."""

from __future__ import annotations

import re

from qa.dates import DATE, SPAN
from qa.languages.imprint import NEVER, Imprint, labelled

_KIND = "(?:조례|규정|규칙|고시|훈령|예규|지침|법률?|시행령|시행규칙|공고|방안|조치|정책|요령|계획)"

_CITED = r"제\s?\d+\s?조(?:의\s?\d+)?"
_CLAUSES = rf"{_CITED}(?:(?:,\s?|·|\s?및\s|[와과]\s|부터\s){_CITED}){{0,20}}"
_PART = r"(?:\s?제\s?\d+\s?[항호]|\s?중)"

IMPRINT = Imprint(
    number=re.compile(
        r"(?P<number>[가-힣]{2,14}\s?(?:고시|공고|훈령|예규|조례|규칙|지침|법률|령|규정)?\s?제\s?\d{4}-\d{1,5}\s?호|(?:법률|대통령령|[가-힣]{2,10}(?:령|조례|고시|훈령))\s?제\s?\d{1,6}\s?호)"
    ),
    labels={
        "number": labelled("문서\\s?번호|고시\\s?번호|공고\\s?번호|발령\\s?번호"),
        "issuer": labelled("발령\\s?기관|발행\\s?기관|소관\\s?부처|제정\\s?기관|발신"),
        "issued": labelled("제정일|발령일자?|공포일자?|발행일|공고일|제정일자"),
        "effective": labelled("시행일자?|발효일"),
        "expires": labelled("만료일|유효\\s?기한|존속\\s?기한"),
        "repealed": labelled("폐지일자?"),
        "state": labelled("효력\\s?상태|상태"),
        "source": labelled("출처|원문\\s?주소"),
    },
    subject=re.compile(
        rf"이\s?[가-힣\s]{{0,10}}{_KIND}|^제?\d*조?\s?\(?(?:시행일|유효기간|재검토)"
    ),
    effective=re.compile(
        rf"(?P<day>{DATE})\s?(?:부터|에)\s?(?:시행|발효|적용)|(?:공포|고시|발령|공고|발표)한?\s?날\s?(?:부터|로부터)\s?(?:(?P<span>{SPAN})\s?(?:이|가)?\s?(?:경과한|지난)\s?날부터\s?)?시행|\[시행\s(?P<from>{DATE})\]"
    ),
    until=re.compile(
        rf"(?P<day>{DATE})\s?까지\s?(?:효력|유효|시행|적용|존속)|유효\s?기간[^.]{{0,20}}?(?P<until>{DATE})\s?까지"
    ),
    lasting=re.compile(rf"유효\s?기간은?\s?(?:[^.]{{0,16}}부터\s)?(?P<span>{SPAN})"),
    eventual=re.compile(r"(?:종료|해제)(?:될|되는|시)\s?때?\s?까지"),
    repeals=re.compile(r"(?:을|를|은|는)\s?(?:이에\s)?(?:각각\s)?폐지(?:한다|하며|함)"),
    repealing=re.compile(r"폐지(?:조례|규정|고시|규칙|에 관한)"),
    ended=re.compile(r"[(\[](?:폐지|실효|만료)[^)\]]{0,20}[)\]]"),
    draft=re.compile(r"입법\s?예고|초안|\(안\)"),
    amended=NEVER,
    issuer=NEVER,
    itself=re.compile(r"^[이본]\s?(?:조|항목)(?:는|은|의\s규정은)\s?"),
    alone=re.compile(
        rf"^(?:유효\s?기간|적용\s?기간|시행\s?기간)\s?(?:은|:)?\s?(?:(?P<from>{DATE})\s?(?:부터|~)\s?)?(?:(?P<day>{DATE})(?:\s?까지)?(?:로\s한다|이다)?|(?P<span>{SPAN})(?:으?로\s한다|이다)?)$"
    ),
    own_clause=re.compile(
        rf"이\s?(?:[가-힣]{{1,10}}\s)?{_KIND}(?:의)?\s?(?P<clauses>{_CLAUSES})(?!{_PART})(?:의\s규정)?(?:는|은)"
    ),
    other_clause=re.compile(
        rf"(?:「(?P<title>[^」]{{4,120}})」\s?(?P<numbers>\([^()]{{2,40}}\))?)\s?(?P<clauses>{_CLAUSES})(?P<part>{_PART})?(?:[을를은는])\s?"
        rf"(?:(?P<ends>(?:{DATE}\s?(?:부터|자로)\s)?(?:각각\s)?(?:폐지|삭제)(?:한다|하며|함))|(?P<changes>다음과\s같이\s(?:한다|개정한다)))"
    ),
    amending=NEVER,
    amended_clause=NEVER,
)
