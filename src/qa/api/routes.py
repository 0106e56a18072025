"""``/api/v1``: questions, searches, policies, clauses, departments, terms, quotations, feedback.

Stateless: a conversation is the list of its earlier questions, which the client keeps. Whoever
deals with a request takes the chat's ``view`` once, so that one reply comes from one index.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from time import perf_counter
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response

from qa import render
from qa.api import models
from qa.api.problems import Problem, add_problems
from qa.api.models import language_of
from qa.journal import Reason, Thumb
from qa.quotes import QuoteChecker
from qa.reports import finding_record
from qa.text import detect_language
from qa.types import LANGUAGES, Answer, Clause, Document, Language, Outcome
from qa.web.chat import Chat, View

PREFIX = "/api/v1"

_DESCRIPTION = """Questions about policies, answered by quotation. Every answer is a clause of a
policy, word for word, with its source and the departments responsible; where no clause answers,
the outcome says so. No sentence is made up. Errors are problem details (RFC 9457)."""

_Wrong: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "content": {"application/problem+json": {}}} for code in (404, 422)
}
_ClauseId = Annotated[str, Path(max_length=500, examples=["weihai_policy_2020#五"])]


def api(chat: Chat) -> FastAPI:
    """The HTTP interface of a chat, to be mounted at ``PREFIX``."""
    app = FastAPI(
        title="Policy question answering",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
        responses={422: _Wrong[422]},
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
    )
    add_problems(app)
    _add_questions(app, chat)
    _add_policies(app, lambda: chat.view)
    _add_vocabulary(app, lambda: chat.view)
    return app


# --- questions


def _add_questions(app: FastAPI, chat: Chat) -> None:
    @app.post("/answer")
    def answer(body: models.Question, request: Request) -> models.Answer:
        """The clause that settles a question."""
        began = perf_counter()
        view = chat.view
        given = replay(view, body, _language(body.language, body.question, request))
        entry = ""
        if chat.journal:
            entry = chat.journal.record(
                body.question,
                given,
                face="api",
                session=_client(request),
                milliseconds=1000 * (perf_counter() - began),
            )
        return answer_body(given, view, entry)

    @app.post("/search")
    def search(body: models.SearchRequest, request: Request) -> models.Found:
        """The clauses nearest to some words, whether or not they answer."""
        view = chat.view
        language = _language(body.language, body.question, request)
        result = view.assistant.search(
            body.question, language or "zh", body.limit, body.scope.scope(), body.today
        )
        empty = Answer(body.question, language or "zh", Outcome.NO_CLAUSE, hits=result.hits)
        return models.Found(hits=_hits(empty))

    @app.post("/quote-check")
    def quote_check(body: models.Quotation) -> models.Findings:
        """Whether sentences that are said to be policy stand in one, word for word."""
        assistant = chat.view.assistant
        checker = QuoteChecker(assistant.index, assistant.catalogue)
        found = checker.check(body.text, body.today)
        return models.Findings(findings=[finding_record(each) for each in found])

    @app.post("/feedback", status_code=204)
    def feedback(body: models.Feedback) -> Response:
        """Judges an answer by the id that came with it."""
        if chat.journal:
            thumb = Thumb(body.thumb) if body.thumb else None
            reason = Reason(body.reason) if thumb and body.reason else None
            chat.journal.rate(body.id, thumb, reason, body.comment)
        return Response(status_code=204)


def replay(view: View, body: models.Question, language: Language | None) -> Answer:
    """The answer to the last question of a conversation, whose earlier ones are asked again: the
    server keeps nothing of it, and they take milliseconds."""
    previous: Answer | None = None
    scope, today = body.scope.scope(), body.today
    for earlier in body.earlier[-models.MOST_EARLIER :]:
        given = view.assistant.ask(earlier, scope=scope, today=today, previous=previous)
        previous = previous if given.reply else given
    return view.assistant.ask(
        body.question, language=language, scope=scope, today=today, previous=previous
    )


def answer_body(answer: Answer, view: View, entry: str = "") -> models.Answer:
    """An answer as the interface gives it: ``qa ask --json`` with ids, names and a text."""
    index = view.assistant.index
    record = render.record(answer)
    quoted = [(c, q) for c in answer.citations for q in c.quotes]
    first = answer.citations[0] if answer.citations else None
    return models.Answer(
        id=entry,
        question=answer.question,
        language=answer.language,
        outcome=record["outcome"],
        hits=_hits(answer),
        citations=[
            models.Citation(**{**fields, "clause": citation.clause.id})
            for fields, (citation, _) in zip(record["citations"], quoted, strict=True)
        ],
        choices=[choice.clause.id for choice in answer.choices],
        departments=[
            render.department_name(index, name, answer.language, first.document)
            for name in first.clause.departments
        ]
        if first
        else [],
        text=render.text(answer, index).strip(),
    )


def _hits(answer: Answer) -> list[models.Hit]:
    return [
        models.Hit(**{**fields, "clause": hit.clause.id})
        for fields, hit in zip(render.record(answer)["hits"], answer.hits, strict=True)
    ]


def _language(given: Language | None, text: str, request: Request) -> Language | None:
    """The language to answer in: as asked for, else the question's own, else the client's."""
    if given:
        return given
    if any(character.isalpha() for character in text):
        return detect_language(text)
    return language_of(request.headers.get("accept-language", ""))


def _client(request: Request) -> str:
    """Tells clients apart in the journal, which stores a digest of it only."""
    return f"api {request.client.host if request.client else ''}"


# --- policies


def _add_policies(app: FastAPI, view: Callable[[], View]) -> None:
    @app.get("/documents")
    def documents(
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> models.Documents:
        """The policies of the index."""
        now = view()
        index = now.assistant.index
        places = range(offset, min(offset + limit, len(index.documents)))
        return models.Documents(
            total=len(index.documents),
            documents=[_document(index.documents.heading(place), now) for place in places],
        )

    @app.get("/documents/{document_id}", responses={404: _Wrong[404]})
    def document(document_id: Annotated[str, Path(max_length=500)]) -> models.Document:
        """One policy."""
        now = view()
        place = now.assistant.catalogue.position(document_id)
        if place < 0:
            raise HTTPException(404, "no such document: see /api/v1/documents for their ids")
        return _document(now.assistant.catalogue.headings[place], now)

    @app.get("/clauses/{clause_id:path}", responses={404: _Wrong[404]})
    def clause(clause_id: _ClauseId) -> models.Clause:
        """One clause in full; # and / of its id are written %23 and %2F."""
        now = view()
        try:
            found = now.clauses[clause_id]
        except KeyError as error:
            raise HTTPException(404, "no such clause: ids come with hits and citations") from error
        return _clause(found, now)


def _document(document: Document, view: View) -> models.Document:
    assistant = view.assistant
    titles = {each: assistant.index.titles.get((document.id, each), "") for each in LANGUAGES}
    fields = {name: getattr(document, name) for name in models.Document.model_fields.keys() - _MADE}
    return models.Document(
        **fields,
        titles={each: title for each, title in titles.items() if title},
        status=str(assistant.catalogue.validity(document.id, date.today()).status),
        clauses=view.cards.count(document.id),
    )


_MADE = {"titles", "status", "clauses"}


def _clause(clause: Clause, view: View) -> models.Clause:
    index, catalogue = view.assistant.index, view.assistant.catalogue
    fields = render.clause_record(clause)
    return models.Clause(
        **fields,
        id=clause.id,
        document=clause.document_id,
        status=str(catalogue.validity(clause.document_id, date.today()).status),
        translations={
            each.language: models.ClauseTranslation(title=each.title, text=each.text)
            for each in index.translations.get(clause.id, ())
        },
    )


# --- departments and terms


def _add_vocabulary(app: FastAPI, view: Callable[[], View]) -> None:
    @app.get("/departments")
    def departments() -> models.Departments:
        """The departments that clauses name, the most often named first."""
        index = view().assistant.index
        found = [
            models.Department(
                name=name,
                names={each: render.department_name(index, name, each) for each in LANGUAGES},
                clauses=len(index.clauses_of_departments(frozenset({name}))),
            )
            for name in index.department_names
        ]
        return models.Departments(
            departments=sorted(found, key=lambda each: (-each.clauses, each.name))
        )

    @app.get("/glossary")
    def glossary(
        text: Annotated[str, Query(min_length=1, max_length=500, examples=["出口信用保险"])],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> models.Terms:
        """The terms of the field that a text holds, in three languages."""
        terms = view().assistant.index.glossary
        places = list(dict.fromkeys(terms.find(text)))[:limit]
        found = (terms.terms[place] for place in places)
        return models.Terms(
            terms=[models.GlossaryTerm(zh=term.zh, en=term.en, ko=term.ko) for term in found]
        )
