"""How Korean documents name the departments responsible for a clause."""

from __future__ import annotations

import re

from qa.languages.grammar import NoteGrammar

_KIND = "(?:부서|부처|기관|과|국|실)"
_ORGANISATION = re.compile(
    "(?:[부처청원실국과팀단회소관]|공사|공단|센터|은행|세관|본부|위원회|기관|부서|시|도|군|구)$"
)

_UNFINISHED = re.compile("^[시도군구읍면동·ㆍ]+$")


def divide(name: str) -> list[str]:
    """Take names joined by 및, 와, 과 apart where both are organisations.

    >>> divide("기획재정부 및 관세청")
    ['기획재정부', '관세청']
    """
    parts: list[str] = []
    start = 0
    for joint in re.finditer(
        "[ ](?:및|그리고)[ ]|(?<=[부처청원팀회])[와과][ ]|(?<=[국과실])와[ ]", name
    ):
        left, right = name[start : joint.start()], name[joint.end() :]
        if _ORGANISATION.search(left) and _ORGANISATION.search(right):
            parts.append(name[start : joint.start()])
            start = joint.end()
    return [*parts, name[start:]]


def belongs(name: str, following: str) -> bool:
    """Whether the dot is inside one name, as in 시·군: what follows is too short for a name."""
    return len(following) < 2 and bool(_UNFINISHED.match(name))


NOTES = NoteGrammar(
    labels=(
        (rf"(?:주관|총괄|주무|선도)[ ]?{_KIND}?", "lead"),
        (
            rf"(?:담당|소관|협조|협력|관계|관련|책임|지원|시행|참여|추진|실행)[ ]?{_KIND}?"
            r"(?:[ ]?\([가-힣]{1,4}\))?",
            "plain",
        ),
        ("추진[ ]?(?:시기|일정)|시행[ ]?시기|기한|일정|담당자|문의처?|연락처", "skip"),
    ),
    roles=re.compile(
        "[ ]?(?:이|가|에서)?[ ]?(?:(?P<lead>주관|총괄)|협조|협력|담당|지원|소관|참여)(?:한다|함)?$"
    ),
    copula="(?!)",
    told=re.compile("(?!)"),
    role_ends=frozenset(),
    turn=re.compile("(?!)"),
    separators=",，;；·ㆍ、\n\t/",
    groups=",;",
    stops="",
    before=re.compile("(?:및|그리고)[ ]"),
    after=re.compile("[ ]?등(?:[ ]?관계[ ]?(?:부처|부서|기관))?$|[.:*]$"),
    remark=re.compile(
        r"[ ]?[(\[](?:(?P<lead>(?P<all>공동[ ]?)?(?:주관|총괄))(?:[ ]?부서)?|(?:협조|협력|이하|포함).{0,40})[)\]]$"
    ),
    organisation=_ORGANISATION,
    collective=re.compile("각|관계|관련|전[ ]"),
    name_limit=45,
    noise=re.compile("이하[ ]?같|[0-9]{4}년|.{0,20}(?:까지|주관[ ]?(?:부서|기관))$"),
    section=re.compile("(?!)"),
    first_leads=re.compile("(?:첫[ ]?번째|맨[ ]?앞|처음|먼저)[^.;)\n]{0,20}(?:주관|총괄)"),
    first_group_leads=re.compile("쉼표[ ]?앞[^.;)\n]{0,20}(?:주관|총괄)"),
    divide=divide,
    complete=lambda name, _following: name,
    unfinished=_UNFINISHED,
    belongs=belongs,
)
