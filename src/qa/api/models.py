"""What the HTTP interface takes and gives, as pydantic models: its OpenAPI description."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from qa.api import conversation
from qa.api.conversation import LONGEST_TEXT, MOST_EARLIER
from qa.journal import Reason, Thumb
from qa.quotes import LONGEST_PASTE, Verdict
from qa.scope import Scope
from qa.types import Language, Outcome, Status

LONGEST_SEARCH = 2_000
"""Characters of the words to search for that count."""


def _well_formed(text: str) -> str:
    """Lone surrogates, which JSON can carry, are no characters: they become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _iso_day(value: object) -> object:
    """Only what the description calls a date: pydantic takes numbers and times for dates, too."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is written 2020-03-05")
    return value


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _number(value: object) -> object:
    """Only what the description calls an integer: pydantic takes texts and truth values, too."""
    if isinstance(value, str | bytes | bool):
        raise ValueError("write a whole number")
    return value


Count = Annotated[int, BeforeValidator(_number)]
Day = Annotated[date, BeforeValidator(_iso_day)]
Text = Annotated[str, AfterValidator(_well_formed)]
ClauseId = Annotated[Text, Field(max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScopeBody(_Body):
    """The limits of a question; what is left out does not limit."""

    documents: list[Text] | None = Field(None, max_length=1000, description="ids of policies")
    issuer: Text = Field("", max_length=200, description="a part of the issuer's name")
    region: Text = Field("", max_length=100, description="policies that hold in this place")
    since: Day | None = Field(None, description="issued on this day or later")
    until: Day | None = Field(None, description="issued on this day or earlier")
    in_force_on: Day | None = Field(None, description="known to be in force on this day")
    department: Text = Field("", max_length=200, description="clauses that name it")

    def scope(self) -> Scope:
        """The scope as the assistant takes it."""
        return Scope(
            documents=None if self.documents is None else frozenset(self.documents),
            issuer=self.issuer,
            region=self.region,
            since=_iso(self.since),
            until=_iso(self.until),
            in_force_on=_iso(self.in_force_on),
            department=self.department,
        )


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


Asked = Annotated[Text, Field(max_length=LONGEST_TEXT)]

_LANGUAGE = Field(
    default=None,
    description="of the answer; else that of Accept-Language, else that of the question",
)
_TODAY = Field(default=None, description="the day on which policies are to hold; else today")


class Question(_Body):
    """A question about the policies, and the conversation in which it is asked. Nothing of a
    conversation is kept on the server."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"question": "出口退税多久能办好？"},
                {
                    "question": "And which department?",
                    "earlier": ["How long does an export tax refund take?"],
                    "language": "en",
                },
            ]
        },
    )

    question: Asked = Field(description="in any words; from 2,000 characters it is too long")
    language: Language | None = _LANGUAGE
    earlier: list[Asked] = Field(
        default_factory=list,
        max_length=100,
        description="the questions asked before in this conversation, oldest first; the last "
        f"{MOST_EARLIER} count",
    )
    about: ClauseId = Field(
        "",
        description="id of the clause that the conversation is about, in place of `earlier`: one "
        "of the `choices` that was chosen",
    )
    scope: ScopeBody = Field(default_factory=ScopeBody)
    today: Day | None = _TODAY

    def asked(self, language: Language | None) -> conversation.Question:
        """The question as the assistant takes it, to be answered in ``language``."""
        return conversation.Question(
            self.question, tuple(self.earlier), language, self.scope.scope(), self.today, self.about
        )


class SearchRequest(_Body):
    """Words to search for: hits without a decision."""

    question: Asked = Field(examples=["出口信用保险"])
    language: Language | None = Field(None, description="of the words; else read from them")
    limit: Count = Field(10, ge=1, le=50, description="most hits")
    scope: ScopeBody = Field(default_factory=ScopeBody)
    today: Day | None = _TODAY


class Hit(BaseModel):
    """A clause that was found; ``start`` and ``end`` count characters of the policy's text."""

    clause: str = Field(description="its id", examples=["weihai_policy_2020#五"])
    document: str
    number: str
    title: str
    text: str
    start: int
    end: int
    probability: float = Field(ge=0, le=1, description="that it answers the question")
    departments: list[str]
    status: Status = Field(description="of its policy, on the day of the question")


class Citation(BaseModel):
    """A sentence of a clause, word for word, and its translation (may be empty)."""

    clause: str
    document: str
    number: str
    quote: str
    translation: str
    status: Status


class Choice(BaseModel):
    """A clause to choose."""

    clause: str = Field(description="its id", examples=["weihai_policy_2020#五"])
    document: str
    label: str = Field(description="number and title, in the language of the answer")


class Answer(BaseModel):
    """What may be said to a question: what `python -m qa ask --json` prints, and more.

    `clarify`: the asker should choose among `choices`.
    """

    id: str = Field(description="for /feedback; empty where nothing is written down")
    question: str
    language: Language
    outcome: Outcome
    hits: list[Hit]
    citations: list[Citation]
    choices: list[Choice]
    context: list[str] = Field(description="the earlier questions that this one leans on")
    departments: list[str] = Field(
        description="responsible for the first clause cited, in the asker's language"
    )
    text: str = Field(description="all of it as plain text for people")
    markdown: str = Field(description="all of it as CommonMark for people")


class Found(BaseModel):
    """The hits of a search, best first."""

    hits: list[Hit]


class Document(BaseModel):
    """A policy of the index, without its text; dates are YYYY-MM-DD or empty."""

    id: str
    title: str
    titles: dict[Language, str] = Field(description="translations of the title")
    language: Language
    number: str
    issuer: str
    region: str
    issued: str
    effective: str
    expires: str
    repealed: str
    replaced_by: str
    source: str
    status: Status = Field(description="today")
    clauses: int = Field(description="how many numbered clauses it has")


class Documents(BaseModel):
    """A page of the policies, in the order of the index."""

    total: int
    documents: list[Document]


class ClauseTranslation(BaseModel):
    """An unofficial translation of a clause."""

    title: str
    text: str


class Clause(BaseModel):
    """A clause in full."""

    id: str
    document: str
    number: str
    path: list[str] = Field(description="the headings above it")
    title: str
    text: str
    start: int
    end: int
    departments: list[str]
    lead: list[str] = Field(description="the leading ones of its departments")
    status: Status = Field(description="of its policy, today")
    translations: dict[Language, ClauseTranslation]


class Department(BaseModel):
    """A responsible department: its names and the clauses that name it."""

    name: str = Field(description="as the clauses print it, or as the directory has it")
    names: dict[Language, str] = Field(description="where the directory has them")
    telephone: str = Field(description="from the directory; empty where it has none")
    clauses: int = Field(description="how many clauses name it")


class Departments(BaseModel):
    """All departments that a clause names."""

    departments: list[Department]


class GlossaryTerm(BaseModel):
    """A concept of the field in three languages."""

    zh: str
    en: str
    ko: str


class Terms(BaseModel):
    """Terms of the glossary."""

    total: int
    terms: list[GlossaryTerm]


class Quotation(_Body):
    """A text that is said to be policy."""

    text: Text = Field(min_length=1, max_length=LONGEST_PASTE)
    today: Day | None = _TODAY


class Clauses(BaseModel):
    """Clauses of a policy, in its order."""

    total: int
    clauses: list[Clause]


class Finding(BaseModel):
    """What was found of a sentence: verbatim, other_script, altered or absent."""

    model_config = ConfigDict(extra="allow")

    text: str
    start: int = Field(description="of the text that was sent, in characters")
    end: int
    verdict: Verdict
    clause: str = Field(description="id of the clause that it is from, or empty")
    document: str
    number: str
    title: str
    original: str = Field(description="what the policy says")
    similarity: float
    changes: list[dict[str, Any]] = Field(description="`original` and `pasted`, piece by piece")
    status: Status


class Findings(BaseModel):
    """What was found of each sentence, in the order of the text."""

    findings: list[Finding]


class Feedback(_Body):
    """A judgement of an answer; without a thumb an earlier one is taken back."""

    id: Text = Field(min_length=1, max_length=64, description="of the answer")
    thumb: Thumb | None = None
    reason: Reason | None = Field(None, description="for thumb down")
    comment: Text = Field("", max_length=1_000)
