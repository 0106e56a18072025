"""What the HTTP interface takes and gives, as pydantic models: its OpenAPI description."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qa.scope import Scope
from qa.types import LANGUAGES, Language

LONGEST_QUESTION = 2_000
"""Characters; what is longer is no question. (A pasted quotation may be longer: see quotes.)"""

MOST_EARLIER = 8
"""Earlier questions of a conversation that are looked at: nobody leans on the ninth."""


def _well_formed(text: str) -> str:
    """Lone surrogates, which JSON can carry, are no characters: they become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(_well_formed)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScopeBody(_Body):
    """The limits of a question; what is left out does not limit."""

    documents: list[Text] | None = Field(None, max_length=1000, description="ids of policies")
    issuer: Text = Field("", max_length=200, description="a part of the issuer's name")
    region: Text = Field("", max_length=100, description="policies that hold in this place")
    since: date | None = Field(None, description="issued on this day or later")
    until: date | None = Field(None, description="issued on this day or earlier")
    in_force_on: date | None = Field(None, description="known to be in force on this day")
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


class Question(_Body):
    """A question about the policies."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"question": "出口退税多久能办好？"},
                {"question": "And which department?", "earlier": ["How fast are tax refunds?"]},
            ]
        },
    )

    question: Text = Field(max_length=LONGEST_QUESTION, description="in any words")
    language: Language | None = Field(
        None, description="of the answer; else Accept-Language where the question tells none"
    )
    earlier: list[Annotated[Text, Field(max_length=LONGEST_QUESTION)]] = Field(
        default_factory=list,
        max_length=100,
        description="the questions asked before in this conversation, oldest first: a question may "
        "lean on them. Nothing of a conversation is kept on the server.",
    )
    scope: ScopeBody = Field(default_factory=ScopeBody)
    today: date | None = Field(None, description="the day on which policies are to hold; else today")


class SearchRequest(_Body):
    """Words to search for: hits without a decision, as one types."""

    question: Text = Field(max_length=LONGEST_QUESTION, examples=["出口信用保险"])
    language: Language | None = None
    limit: int = Field(10, ge=1, le=50, description="most hits")
    scope: ScopeBody = Field(default_factory=ScopeBody)
    today: date | None = None


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
    status: str = Field(description="in_force, not_yet, expired, repealed, replaced or unknown")


class Citation(BaseModel):
    """A sentence of a clause, word for word, and its translation (may be empty)."""

    clause: str
    document: str
    number: str
    quote: str
    translation: str
    status: str


class Answer(BaseModel):
    """What may be said to a question. ``outcome``: answered, clarify (choose among ``choices``),
    no_clause, small_talk or invalid."""

    id: str = Field(description="for /feedback; empty where nothing is written down")
    question: str
    language: Language
    outcome: str
    hits: list[Hit]
    citations: list[Citation]
    choices: list[str] = Field(description="ids of the clauses to choose from")
    departments: list[str] = Field(
        description="responsible for the first clause cited, in the asker's language"
    )
    text: str = Field(description="all of it as plain text for people")


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
    status: str = Field(description="today")
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
    status: str
    translations: dict[Language, ClauseTranslation]


class Department(BaseModel):
    """A responsible department: its names and the clauses that name it."""

    name: str = Field(description="as the clauses print it, or as the directory has it")
    names: dict[Language, str]
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
    """The glossary's terms that a text holds, or that begin like it."""

    terms: list[GlossaryTerm]


class Quotation(_Body):
    """A text that is said to be policy."""

    text: Text = Field(min_length=1, max_length=20_000)
    today: date | None = None


class Findings(BaseModel):
    """What was found of each sentence: verbatim, other_script, altered or absent, with its source
    and the characters that differ."""

    findings: list[dict[str, Any]]


class Feedback(_Body):
    """A judgement of an answer; without a thumb an earlier one is taken back."""

    id: Text = Field(min_length=1, max_length=64, description="of the answer")
    thumb: str | None = Field(None, pattern="^(up|down)$")
    reason: str | None = Field(
        None, pattern="^(irrelevant|wrong_department|not_detailed|out_of_date|not_hoped)$"
    )
    comment: Text = Field("", max_length=1_000)


def language_of(accepted: str) -> Language | None:
    """The first of our languages in an Accept-Language header (RFC 9110, 12.5.4), by weight."""
    weighed: list[tuple[float, int, Language]] = []
    for position, part in enumerate(accepted[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        language = next((each for each in LANGUAGES if tag.lower().startswith(each)), None)
        if language:
            weighed.append((-_weight(parameters), position, language))
    return min(weighed)[2] if weighed else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 1.0
