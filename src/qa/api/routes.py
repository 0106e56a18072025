"""``/api/v1``: questions, searches, policies, clauses, departments, terms, quotations, feedback.

Whoever deals with a request takes the assistant once, so that one reply comes from one index.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response

from qa import render
from qa.api import conversation, models
from qa.api.conditional import Conditional
from qa.api.conversation import Source, worked_out
from qa.api.markdown import markdown
from qa.api.negotiation import language_of
from qa.api.problems import Problem, Refused, add_problems, describe_problems
from qa.assistant import Assistant
from qa.quotes import Finding, QuoteChecker
from qa.reports import finding_record
from qa.text import detect_language
from qa.types import LANGUAGES, Answer, Clause, Document, Language, Outcome

MOUNT = "/api"
VERSION = "/v1"

_DESCRIPTION = """Questions about policies, answered by quotation. Every answer is a clause of a
policy, word for word, with its source and the departments responsible; where no clause answers,
the outcome says so. No sentence is made up.

Errors are problem details (RFC 9457). Members may be added to replies; none is taken away or
changes its meaning within `/v1`."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON"},
    401: {"model": Problem, "description": "A key is needed"},
    413: {"model": Problem, "description": "The request is too large"},
    422: {"model": Problem, "description": "The request is not as described here"},
    429: {"model": Problem, "description": "Too many requests: see Retry-After"},
    503: {"model": Problem, "description": "Busy, or the index is being built: see Retry-After"},
}
_NONE: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is none"}}

_DocumentId = Annotated[str, Path(max_length=500, examples=["weihai_policy_2020"])]
_ClauseId = Annotated[
    str,
    Path(
        max_length=500,
        examples=["weihai_policy_2020#五"],
        description="`#` and `/` of an id are written `%23` and `%2F`",
    ),
]
_Offset = Annotated[int, Query(ge=0, le=10**9, description="how many to pass over")]
_Limit = Annotated[int, Query(ge=1, le=500, description="how many to give at most")]


def api(source: Source) -> FastAPI:
    """The HTTP interface of a chat, to be mounted at ``MOUNT``."""
    app = FastAPI(
        title="Policy question answering",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=_PROBLEMS,
    )
    add_problems(app)
    router = APIRouter(prefix=VERSION)
    _add_questions(router, source)
    _add_policies(router, lambda: source.assistant)
    _add_vocabulary(router, lambda: source.assistant)
    app.include_router(router)
    app.add_middleware(Conditional)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe_problems(describe())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def client_of(request: Request, face: str) -> str:
    """Tells clients apart in the journal, which stores a digest of it only."""
    return f"{face} {request.client.host if request.client else ''}"


def language_for(given: Language | None, request: Request) -> Language | None:
    """The language to answer in: as the body says, else as the client accepts; None where neither
    says anything."""
    return given or language_of(request.headers.get("accept-language", ""))


# --- questions


def _add_questions(router: APIRouter, source: Source) -> None:
    @router.post("/answer", responses=_NONE)
    async def answer(body: models.Question, request: Request, response: Response) -> models.Answer:
        """The clause that settles a question."""
        asked = body.asked(language_for(body.language, request))
        session = client_of(request, "api")

        def answered() -> models.Answer:
            given = conversation.answer(source, asked, face="api", session=session)
            return answer_body(given.answer, given.assistant, given.entry)

        try:
            given = await worked_out(source, asked.characters, answered)
        except KeyError as error:
            raise Refused(404, "clause") from error
        response.headers["content-language"] = given.language
        response.headers["vary"] = "accept-language"
        return given

    @router.post("/search")
    async def search(body: models.SearchRequest) -> models.Found:
        """The clauses nearest to some words, whether or not they answer a question."""
        return await worked_out(source, len(body.question), lambda: found(source.assistant, body))

    @router.post("/quote-check")
    def quote_check(body: models.Quotation) -> models.Findings:
        """Whether sentences that are said to be policy stand in one, word for word."""
        assistant = source.assistant
        checker = QuoteChecker(assistant.index, assistant.catalogue)
        findings = checker.check(body.text, body.today)
        return models.Findings(findings=[_finding(each) for each in findings])

    @router.post("/feedback", status_code=204, responses=_NONE)
    def feedback(body: models.Feedback) -> Response:
        """Judges an answer by the id that came with it. An id that is not known is passed over."""
        if source.journal is None or not source.journal.enabled:
            raise Refused(404, "journal")
        reason = body.reason if body.thumb else None
        source.journal.rate(body.id, body.thumb, reason, body.comment)
        return Response(status_code=204)


def found(assistant: Assistant, body: models.SearchRequest) -> models.Found:
    """What a search finds."""
    language = body.language or detect_language(body.question)
    text = body.question[: models.LONGEST_SEARCH]
    result = assistant.search(text, language, body.limit, body.scope.scope(), body.today)
    answer = Answer(text, language, Outcome.NO_CLAUSE, hits=result.hits)
    return models.Found(hits=_hits(answer))


def answer_body(answer: Answer, assistant: Assistant, entry: str = "") -> models.Answer:
    """An answer as the interface gives it: ``qa ask --json`` with ids, names and texts."""
    index = assistant.index
    record = render.record(answer)
    quoted = [citation for citation in answer.citations for _ in citation.quotes]
    first = answer.citations[0] if answer.citations else None
    return models.Answer(
        id=entry,
        question=answer.question,
        language=answer.language,
        outcome=answer.outcome,
        hits=_hits(answer),
        citations=[
            models.Citation(**fields, clause=citation.clause.id)
            for fields, citation in zip(record["citations"], quoted, strict=True)
        ],
        choices=[
            models.Choice(
                clause=choice.clause.id,
                document=choice.clause.document_id,
                label=render.clause_label(
                    choice.clause,
                    answer.language,
                    choice.translation.title if choice.translation else "",
                ),
            )
            for choice in answer.choices
        ],
        context=list(answer.context),
        departments=[
            render.department_name(index, name, answer.language, first.document)
            for name in first.clause.departments
        ]
        if first
        else [],
        text=render.text(answer, index).strip(),
        markdown=markdown(answer, index),
    )


def _hits(answer: Answer) -> list[models.Hit]:
    return [
        models.Hit(**fields, clause=hit.clause.id)
        for fields, hit in zip(render.record(answer)["hits"], answer.hits, strict=True)
    ]


def _finding(finding: Finding) -> models.Finding:
    clause = finding.clause.id if finding.clause else ""
    return models.Finding(**finding_record(finding), clause=clause)


# --- policies


def _add_policies(router: APIRouter, current: Callable[[], Assistant]) -> None:
    @router.get("/documents")
    def documents(offset: _Offset = 0, limit: _Limit = 100) -> models.Documents:
        """The policies of the index."""
        assistant = current()
        headings = assistant.catalogue.headings
        return models.Documents(
            total=len(headings),
            documents=[_document(each, assistant) for each in headings[offset : offset + limit]],
        )

    @router.get("/documents/{document_id}", responses=_NONE)
    def document(document_id: _DocumentId) -> models.Document:
        """One policy."""
        assistant = current()
        place = _place(assistant, document_id)
        return _document(assistant.catalogue.headings[place], assistant)

    @router.get("/documents/{document_id}/clauses", responses=_NONE)
    def clauses(
        document_id: _DocumentId, offset: _Offset = 0, limit: _Limit = 100
    ) -> models.Clauses:
        """The clauses of a policy, its unnumbered parts included."""
        assistant = current()
        places = assistant.catalogue.clauses(_place(assistant, document_id))
        listed = (assistant.index.clauses[each] for each in places[offset : offset + limit])
        return models.Clauses(
            total=len(places), clauses=[_clause(each, assistant) for each in listed]
        )

    @router.get("/clauses/{clause_id:path}", responses=_NONE)
    def clause(clause_id: _ClauseId) -> models.Clause:
        """One clause in full."""
        assistant = current()
        try:
            found = assistant.index.clause(clause_id)
        except KeyError as error:
            raise Refused(404, "clause") from error
        return _clause(found, assistant)


def _place(assistant: Assistant, document_id: str) -> int:
    place = assistant.catalogue.position(document_id)
    if place < 0:
        raise Refused(404, "document")
    return place


_MADE = {"titles", "status", "clauses"}
_PRINTED = models.Document.model_fields.keys() - _MADE


def _document(document: Document, assistant: Assistant) -> models.Document:
    index, catalogue = assistant.index, assistant.catalogue
    titles = {each: index.titles.get((document.id, each), "") for each in LANGUAGES}
    places = catalogue.clauses(catalogue.position(document.id))
    return models.Document(
        **{name: getattr(document, name) for name in _PRINTED},
        titles={each: title for each, title in titles.items() if title},
        status=catalogue.validity(document.id, date.today()).status,
        clauses=int(index.numbered[places.start : places.stop].sum()),
    )


def _clause(clause: Clause, assistant: Assistant) -> models.Clause:
    index = assistant.index
    return models.Clause(
        **render.clause_record(clause),
        id=clause.id,
        document=clause.document_id,
        status=assistant.catalogue.clause_validity(clause, date.today()).status,
        translations={
            each.language: models.ClauseTranslation(title=each.title, text=each.text)
            for each in index.translations.get(clause.id, ())
        },
    )


# --- departments and terms


def _add_vocabulary(router: APIRouter, current: Callable[[], Assistant]) -> None:
    @router.get("/departments")
    def departments() -> models.Departments:
        """The departments that clauses name, the most often named first."""
        return departments_of(current())

    @router.get("/glossary")
    def glossary(
        text: Annotated[
            str,
            Query(
                max_length=500,
                examples=["出口信用保险"],
                description="the terms that this text holds; without it all",
            ),
        ] = "",
        offset: _Offset = 0,
        limit: _Limit = 100,
    ) -> models.Terms:
        """Terms of the field in three languages."""
        terms = current().index.glossary
        found = (
            [terms.terms[place] for place in dict.fromkeys(terms.find(text))]
            if text
            else terms.terms
        )
        listed = found[offset : offset + limit]
        return models.Terms(
            total=len(found),
            terms=[models.GlossaryTerm(zh=term.zh, en=term.en, ko=term.ko) for term in listed],
        )


def departments_of(assistant: Assistant) -> models.Departments:
    """The departments of an index."""
    index = assistant.index
    found = []
    for name in index.duties.names:
        term = render.department_term(index, name)
        names = {each: term.name(each) if term else "" for each in LANGUAGES}
        found.append(
            models.Department(
                name=name,
                names={each: text for each, text in names.items() if text},
                telephone=term.telephone if term else "",
                clauses=len(index.clauses_of_departments(frozenset({name}))),
            )
        )
    return models.Departments(
        departments=sorted(found, key=lambda each: (-each.clauses, each.name))
    )
