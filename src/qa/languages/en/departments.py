"""How English documents name the departments responsible for a clause."""

from __future__ import annotations

import re

from qa.languages.grammar import NoteGrammar

_HEAD = (
    "Bureaus?|Departments?|Ministry|Ministries|Commissions?|Offices?|Customs|Administrations?|Committees?|"
    "Authority|Authorities|Agency|Agencies|Cent(?:er|re)s?|Banks?|Branch(?:es)?|Governments?|Council|Board|"
    "Division|Court|Procuratorate|Federation|Unions?|Association|Company|Corporation|Group|Institute|Services?|College|University|"
    "School|Chamber|Society|Police|Port|Fund|Foundation|Secretariat|Inspectorate|Treasury"
)
_ORGANISATION = re.compile(
    rf"\b(?:{_HEAD})\b|^[A-Z]{{3,8}}$"
    r"|^(?i:all|each|relevant|local) (?:\w+ ){0,4}(?:governments?|departments?|agencies|authorities)$"
)
_UNFINISHED = re.compile(rf"\b(?:{_HEAD}) (?:of|for) ")
_TRAILING = re.compile(rf"\b(?:{_HEAD})(?: of [A-Z]\w+| \([^)]{{1,30}}\))?$")
_UNIT = (
    "(?:departments?|units?|agency|agencies|authorit(?:y|ies)|bod(?:y|ies)|ministr(?:y|ies)"
    "|offices?|organi[sz]ations?)"
)


def divide(name: str) -> list[str]:
    """Take "X Bureau and Y Bureau" apart, but not "Bureau of Housing and Construction".

    >>> divide("Ministry of Finance and Ministry of Commerce")
    ['Ministry of Finance', 'Ministry of Commerce']
    """
    parts: list[str] = []
    start = 0
    for joint in re.finditer(r" (?:and|as well as|together with) (?:the )?", name):
        left, right = name[start : joint.start()], name[joint.end() :]
        ended = _TRAILING.search(left) or _TRAILING.search(right) or " of " in right
        if ended and _ORGANISATION.search(left) and _ORGANISATION.search(right):
            parts.append(left)
            start = joint.end()
    return [*parts, name[start:]]


def belongs(name: str, following: str) -> bool:
    """Whether the comma is inside a name such as "Bureau of Culture, Radio and Tourism"."""
    return (
        bool(_UNFINISHED.search(name))
        and bool(following)
        and not _ORGANISATION.search(following)
        and not re.match("(?:all|each|other|relevant|local) |etc|and ", following, re.I)
    )


NOTES = NoteGrammar(
    labels=(
        (rf"(?:lead(?:ing)?|primary|principal|main)(?: responsible)?(?: {_UNIT})?", "lead"),
        (
            rf"(?:responsible|supporting|co-?operating|co-?ordinating|participating|assisting"
            rf"|implementing|competent|in[- ]charge|other|joint)(?: {_UNIT})?(?: in charge)?"
            rf"|responsibility|{_UNIT} (?:responsible|in charge)|support(?:ed by)?",
            "plain",
        ),
        ("(?:deadline|time limit|completion date|contact|due)(?: [a-z]+)?", "skip"),
    ),
    roles=re.compile(
        r"^(?P<lead>led by|under the lead of)\b"
        r"|[,]? ?(?:shall |will |to |is |are |jointly )*(?:(?P<lead_after>"
        r"(?:tak(?:e|es|ing) the lead|leads?(?: agency| department| unit)?|leading))"
        r"|(?:be )?(?:responsible|in charge)"
        r"(?: according to their (?:respective )?(?:duties|functions))?"
        r"|co-?operat(?:e|es|ing)|assist(?:s|ing)?|participat(?:e|es|ing)|support(?:s|ing)?)$",
        re.I,
    ),
    copula="(?!)",
    told=re.compile("(?!)"),
    role_ends=frozenset(),
    turn=re.compile("(?!)"),
    separators=",;\n\t/",
    groups=";",
    stops="",
    before=re.compile(
        r"(?:the|and|with the (?:co-?operation|support|participation) of|by|with|also)\s+", re.I
    ),
    after=re.compile(
        r"(?:,? (?:etc\.?|and others|and other (?:relevant |related |competent )?\w+)|[.:*])$", re.I
    ),
    remark=re.compile(
        r" ?[(\[](?:(?P<lead>(?P<all>joint )?lead(?:ing)?(?: \w+)?)|(?:including|hereinafter).{0,60})[)\]]$",
        re.I,
    ),
    organisation=_ORGANISATION,
    collective=re.compile("(?:all|each|every|other|relevant|related|local|the relevant) ", re.I),
    name_limit=100,
    noise=re.compile(
        r"by (?:the end of )?(?:[A-Z]|[0-9])|before |same below|the first"
        r"|.{0,20}first[- ](?:listed|named)|etc\b|and so on",
        re.I,
    ),
    section=re.compile("(?!)"),
    first_leads=re.compile(
        r"\b(?:first[- ](?:listed|named|mentioned)|listed first|named first)[^.;)\n]{0,60}\blead",
        re.I,
    ),
    first_group_leads=re.compile(r"\bbefore the (?:first )?comma[^.;)\n]{0,60}\blead", re.I),
    divide=divide,
    complete=lambda name, _following: name,
    unfinished=_UNFINISHED,
    belongs=belongs,
)
