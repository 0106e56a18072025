"""One question from a program: answered, put into the language asked for, written down.

Nothing of a conversation is kept here. It is the list of its earlier questions, which the client
sends along; they are asked again, which takes milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from time import perf_counter
from typing import Protocol, TypeVar

from starlette.concurrency import run_in_threadpool

from qa.assistant import Assistant
from qa.journal import Face, Journal
from qa.scope import Scope
from qa.types import Answer, Citation, Hit, Language, Outcome

Result = TypeVar("Result")

LONGEST_TEXT = 10_000
"""Characters of a question that are taken in. From 2,000 the answer is that it is too long."""

MOST_EARLIER = 8
"""Earlier questions of a conversation that are looked at: nobody leans on the ninth."""


_SHORT = 500
"""Characters of a conversation up to which an answer takes a few milliseconds."""


class Source(Protocol):
    """Where answers come from: the chat of the page, which may be given another index."""

    @property
    def assistant(self) -> Assistant:
        """The assistant that answers now: to be taken once a request."""

    @property
    def journal(self) -> Journal | None:
        """Where questions are written down."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what it rests on.

    Attributes:
        earlier: the questions asked before, oldest first.
        language: of the answer; that of the question where it is None.
        today: the day on which policies have to hold; the present day where it is None.
        about: id of the clause that the conversation is about, in place of ``earlier``.
    """

    text: str
    earlier: tuple[str, ...] = ()
    language: Language | None = None
    scope: Scope = field(default_factory=Scope)
    today: date | None = None
    about: str = ""

    @property
    def characters(self) -> int:
        """How much there is to look at."""
        return len(self.text) + sum(map(len, self.earlier[-MOST_EARLIER:]))


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, the assistant whose index it quotes, and its entry in the journal (or ``""``)."""

    answer: Answer
    assistant: Assistant
    entry: str = ""


async def worked_out(source: Source, characters: int, work: Callable[[], Result]) -> Result:
    """What ``work`` gives, worked out where it costs least; raises what it raises.

    An answer from a small index is a few milliseconds of computation. Beside the loop, on a thread
    of its own, it would have to hand the interpreter back and forth at each step: that takes half
    as long again, and two answers at once take no less than one after the other (measured with
    ``benchmarks/load.py``). What may take longer, or waits for an engine elsewhere, gets a thread.

    Args:
        characters: how many there are to look at.
    """
    if source.assistant.index.quick and characters <= _SHORT:
        await asyncio.sleep(0)  # who has come meanwhile gets a place in the queue, or is sent away
        return work()
    return await run_in_threadpool(work)


def answer(source: Source, question: Question, *, face: Face, session: str) -> Given:
    """Answers a question, and writes it down.

    Raises:
        KeyError: there is no clause of the id ``question.about``.

    Args:
        face: what it was asked at.
        session: tells clients apart in the journal, which stores a digest of it only.
    """
    began = perf_counter()
    assistant = source.assistant
    given = ask(assistant, question)
    journal = source.journal
    if journal is None:
        return Given(given, assistant)
    entry = journal.record(
        question.text,
        given,
        face=face,
        session=session,
        milliseconds=1000 * (perf_counter() - began),
    )
    return Given(given, assistant, entry)


def ask(assistant: Assistant, question: Question) -> Answer:
    """The answer to the last question of a conversation.

    Raises:
        KeyError: there is no clause of the id ``about``.
    """
    previous: Answer | None = None
    if question.about:
        previous = opened(assistant, question.about, question.language, question.today)
    for earlier in () if previous else question.earlier[-MOST_EARLIER:]:
        given = assistant.ask(
            earlier, scope=question.scope, today=question.today, previous=previous
        )
        # After a greeting the conversation is still about the clause before it.
        previous = previous if given.reply else given
    wanted = question.language
    # What holds no letters has no language of its own.
    spoken = None if any(map(str.isalpha, question.text)) else wanted
    given = assistant.ask(
        question.text,
        language=spoken,
        scope=question.scope,
        today=question.today,
        previous=previous,
    )
    return given if wanted is None else in_language(given, assistant, wanted, question.today)


def opened(
    assistant: Assistant, clause_id: str, language: Language | None, today: date | None = None
) -> Answer:
    """A clause in full as the answer, as if its number had been asked for.

    Raises:
        KeyError: there is no such clause.
    """
    clause = assistant.index.clause(clause_id)
    language = (
        language
        or assistant.catalogue.headings[assistant.catalogue.position(clause.document_id)].language
    )
    citation = assistant.cite_whole(clause, language, today)
    hits = (Hit(clause, 1.0, 1, citation.validity),)
    return Answer(clause.title, language, Outcome.ANSWERED, hits, citations=(citation,))


def in_language(
    answer: Answer, assistant: Assistant, language: Language, today: date | None = None
) -> Answer:
    """The same answer for a reader of another language: the same quotes, other translations."""
    if answer.language == language:
        return answer

    def again(citations: Sequence[Citation]) -> tuple[Citation, ...]:
        return tuple(_again(citation, assistant, language, today) for citation in citations)

    return replace(
        answer,
        language=language,
        citations=again(answer.citations),
        choices=again(answer.choices),
    )


def _again(
    citation: Citation, assistant: Assistant, language: Language, today: date | None
) -> Citation:
    whole = assistant.cite_whole(citation.clause, language, today)
    starts = {quote.start for quote in citation.quotes}
    quotes = tuple(quote for quote in whole.quotes if quote.start in starts)
    return replace(whole, quotes=quotes or whole.quotes)
