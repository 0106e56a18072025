"""How English texts name the number, the issuer and the time of validity of a policy."""

from __future__ import annotations

import re

from qa.dates import DATE, SPAN
from qa.languages.imprint import NEVER, Imprint, labelled


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


_POLICY = "(?:measures?|notice|polic(?:y|ies)|regulations?|rules?|provisions?|act|law|order|ordinance|directive|plan|opinions?|guidelines?|circular|decision)"

_CLAUSES = r"(?:articles?|sections?|clauses?)\s\d+(?:(?:,\s?|,?\sand\s|\sto\s)(?:(?:articles?|sections?|clauses?)\s)?\d+){0,20}"
_PART = r"(?:\s?\(\w{1,3}\)|,?\sparagraph\s\w+)"

IMPRINT = Imprint(
    number=_pattern(
        r"\b(?P<number>(?:No\.|Decree No\.|Order No\.)\s?\d{1,5}\s?(?:\[\d{4}\]|\(\d{4}\)|of \d{4}))"
    ),
    labels={
        "number": labelled("document (?:no\\.?|number)|reference (?:no\\.?|number)"),
        "issuer": labelled("issued by|issuing (?:authority|body|agency)|issuer|publisher"),
        "issued": labelled(
            "date of issue|issued(?: on)?|issue date|date published|published(?: on)?"
        ),
        "effective": labelled("effective date|effective from|effective|in force from"),
        "expires": labelled("expir(?:y|ation) date|expires(?: on)?|valid until"),
        "repealed": labelled("repealed(?: on)?|withdrawn(?: on)?"),
        "state": labelled("status"),
        "source": labelled("source|url"),
    },
    subject=_pattern(rf"\b(?:this|these|the present)\b(?:\s\w+){{0,3}}\s{_POLICY}"),
    effective=_pattern(
        rf"(?:come|comes|enter|enters|take|takes|be|is|are)\s(?:in)?(?:to\s)?(?:force|effect|effective)\s(?:on|as of|as from|from)\s(?:and after\s)?(?P<day>{DATE})"
        r"|(?:come|comes|enter|enters|take|takes|be|is|are)\s(?:in)?(?:to\s)?(?:force|effect|effective)\s(?:on|as of|from|upon)\s(?:the date of (?:its |their )?)?(?:promulgation|issuance|issue|publication)"
        rf"|effective\s(?:as of|from|on)\s(?P<from>{DATE})"
    ),
    until=_pattern(
        rf"(?:valid|in force|effective|remain in (?:force|effect)|apply|applies)\s(?:[^.;]{{0,40}}\s)?(?:until|till|through|to)\s(?P<day>{DATE})|(?:expires?|cease to have effect|terminates?)\son\s(?P<end>{DATE})"
    ),
    lasting=_pattern(
        rf"(?:valid|in force|effective|remain in (?:force|effect)) for (?:a (?:period|term) of )?(?P<span>{SPAN})"
    ),
    eventual=_pattern(
        r"(?:valid|in force|effective|remain in (?:force|effect))\s(?:[^.;]{0,30}\s)?until\s(?:further notice|the end of|otherwise)"
    ),
    repeals=_pattern(
        r"\b(?:is|are|shall be)\s(?:hereby\s|simultaneously\s|thereupon\s)?(?:repealed|abolished|annulled|revoked|superseded|rescinded)(?: (?:simultaneously|at the same time))?"
    ),
    repealing=_pattern(r"\b(?:repeal|abolition|annulment) of\b"),
    ended=_pattern(
        r"[(\[](?:repealed|expired|no longer in force|withdrawn|superseded)[^)\]]{0,30}[)\]]"
    ),
    draft=_pattern(r"\bdraft\b|for comments?\b"),
    amended=_pattern(rf"^\(?(?:amended|revised)\s(?:on\s)?(?P<day>{DATE})\)?\s*$"),
    issuer=NEVER,
    itself=_pattern(
        r"^this\s(?:article|section|clause|measure)\s(?=(?:is|shall|applies|remains|expires|takes|enters|comes|ceases)\b)"
    ),
    alone=_pattern(
        rf"^(?:valid|in force|effective|applicable|applies)(?:\sfrom\s(?P<from>{DATE}))?(?:\s(?:until|till|to|through)\s(?P<day>{DATE})|\sfor\s(?P<span>{SPAN}))$"
    ),
    own_clause=_pattern(
        rf"\b(?P<clauses>{_CLAUSES})\sof\s(?:this|these|the present)(?:\s\w+){{0,3}}\s{_POLICY}"
    ),
    other_clause=_pattern(
        rf"\b(?P<clauses>{_CLAUSES})(?P<part>{_PART})?\sof\s(?:the\s)?(?:[“\"](?P<title>[^”\"]{{4,120}})[”\"]\s?)?\(?(?P<number>(?:(?:Decree|Order)\s)?No\.\s?\d{{1,5}}\s?(?:\[\d{{4}}\]|\(\d{{4}}\)|of\s\d{{4}}))?\)?\s"
        rf"(?:(?P<ends>(?:is|are|shall be)\s(?:hereby\s)?(?:repealed|abolished|annulled|revoked|rescinded)(?:\s(?:on|as of|from|with effect from)\s{DATE})?)"
        r"|(?P<changes>(?:is|are|shall be)\s(?:hereby\s)?(?:amended to read|replaced by)))"
    ),
    amending=NEVER,
    amended_clause=NEVER,
)
