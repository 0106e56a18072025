"""A conversation: what the page sends, and the turn that it gets back. Knows nothing of Gradio."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from time import perf_counter

from qa.assistant import Assistant
from qa.index import Index
from qa.journal import Journal, Reason, Thumb
from qa.live import carried_over
from qa.messages import catalogue
from qa.questions import Questions
from qa.types import LANGUAGES, Answer, Citation, Clause, Hit, Language, Outcome
from qa.web.cards import TAGS, Cards, render

_log = logging.getLogger(__name__)

_CARRIED = 6
"""Earlier steps of a conversation that are looked at: nobody leans on the seventh."""

_KEPT = 512
"""Conversations whose last answer is kept, so that it need not be found again."""

_OPENERS = 9
"""Questions to begin with, where no example is answered."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The reply to one question, rendered for each language of the interface.

    ``answer`` is what the next question may refer to; ``after`` the id of the clause that this one
    was taken to refer to; ``entry`` the id under which it stands in the journal, empty where
    nothing is written down.
    """

    language: Language
    html: dict[Language, str]
    answer: Answer | None
    after: str = ""
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody did in a conversation: asked a ``question``, or opened a ``clause`` in a
    ``language``. ``after`` is the clause that a shared follow-up was about."""

    language: Language
    question: str = ""
    after: str = ""
    clause: str = ""


class ClausesById(Mapping[str, Clause]):
    """The clauses of an index by their ids, each read when it is asked for."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __getitem__(self, clause_id: str) -> Clause:
        return self._index.clause(clause_id)

    def __iter__(self) -> Iterator[str]:
        return (clause.id for clause in self._index.clauses)

    def __len__(self) -> int:
        return len(self._index.clauses)


class View:
    """One index as the chat shows it. Nothing of it changes but the examples that are known."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.clauses = ClausesById(assistant.index)
        self.cards = Cards(assistant.index)
        self._examples: dict[Language, list[str]] = {}
        self._examples_lock = Lock()
        self._answers: OrderedDict[tuple[Step, ...], Answer | None] = OrderedDict()

    def recall(self, steps: tuple[Step, ...]) -> Answer | None:
        """The answer to the last step of a conversation: kept from when it was given, or found
        again, which takes milliseconds a step. None where the steps lead to no answer."""
        if not steps:
            return None
        with suppress(KeyError):
            return self._answers[steps]
        previous = self.recall(steps[:-1])
        answer = _dealt_with(self, steps[-1], previous)
        last = previous if answer.reply else answer
        self.keep(steps, last)
        return last

    def keep(self, steps: tuple[Step, ...], answer: Answer | None) -> None:
        """Keeps what ``recall`` gives for some steps."""
        self._answers[steps] = answer
        while len(self._answers) > _KEPT:
            with suppress(KeyError):  # another thread was first
                self._answers.popitem(last=False)

    @cached_property
    def questions(self) -> Questions:
        """The questions that people are known to ask."""
        return Questions(self.assistant.index)

    def examples(self, language: Language) -> list[str]:
        """The example questions of a language that the loaded documents answer; where there are
        none, questions that are known to be asked.

        The first call takes as long as loading the parts of that language: it warms them up.
        """
        with self._examples_lock:
            if language not in self._examples:
                texts = catalogue(language)
                asked = [texts[key] for key in sorted(texts) if key.startswith("example.")]
                self._examples[language] = self._answered(asked) or self._answered(
                    self.questions.openers(language, _OPENERS)
                )
            return self._examples[language]

    def known_examples(self, language: Language) -> list[str] | None:
        """The examples of a language; None where they have not been tried yet."""
        return self._examples.get(language)

    def _answered(self, questions: Sequence[str]) -> list[str]:
        answers = ((text, self.assistant.ask(text)) for text in questions)
        return [text for text, answer in answers if answer.outcome is Outcome.ANSWERED]


class Chat:
    """Answers the questions of any number of conversations, each told by its last answer.

    ``replace`` puts another index in place of the one in use: questions under way finish on the
    old, so that whoever deals with a question takes ``view`` once.
    """

    def __init__(self, assistant: Assistant, journal: Journal | None = None) -> None:
        self.view = View(assistant)
        self.journal = journal

    @property
    def assistant(self) -> Assistant:
        """The assistant that answers now."""
        return self.view.assistant

    @property
    def cards(self) -> Cards:
        """The cards of the index that answers now."""
        return self.view.cards

    def replace(self, assistant: Assistant) -> None:
        """Lets another assistant answer from now on, once the languages in use are warm in it."""
        view = View(assistant)
        for language in LANGUAGES:
            if self.view.known_examples(language) is not None:
                view.examples(language)
        self.view = view

    def ask(
        self,
        question: str,
        previous: Answer | None,
        interface: Language,
        *,
        after: str = "",
        session: str = "",
    ) -> Turn:
        """The turn for a question; one that says so where the question could not be dealt with.

        Args:
            question: any text.
            previous: the answer before, to which the question may refer.
            interface: the language of the page.
            after: in place of ``previous`` the id of a clause: that of a shared follow-up.
            session: tells conversations apart in the journal.
        """
        view = self.view
        step = Step(interface, question, after)
        return self._turn(
            view, lambda: _dealt_with(view, step, previous), question, previous, interface, session
        )

    def go_on(
        self, steps: Sequence[Step], step: Step, *, session: str = ""
    ) -> tuple[Turn, tuple[Step, ...]]:
        """A further step of a conversation.

        Nothing of a conversation is here but what is quicker kept: any process answers it, whoever
        answered the steps before.

        Returns:
            The turn, and the steps that lead to the next.
        """
        view, before = self.view, tuple(steps)[-_CARRIED:]
        try:
            previous = view.recall(before)
        except Exception:  # it could not be answered then, either
            _log.exception("an earlier question could not be answered again")
            previous = None

        def answer() -> Answer:
            return _dealt_with(view, step, previous)

        turn = self._turn(view, answer, step.question, previous, step.language, session)
        if turn.answer is previous:  # nothing new to lean on
            return turn, before
        after = (*before, step)[-_CARRIED:]
        view.keep(after, turn.answer)
        return turn, after

    def open(
        self, clause_id: str, language: Language, previous: Answer | None, *, session: str = ""
    ) -> Turn:
        """The turn that shows a clause which the asker has chosen."""
        view = self.view

        def answer() -> Answer:
            return _opened(view, clause_id, language, previous)

        return self._turn(view, answer, "", previous, language, session)

    def duties(
        self, department: str, clause_id: str, answered: Language, interface: Language
    ) -> str:
        """What else a department of a clause is responsible for, as HTML."""
        view = self.view
        return view.cards.further_duties(department, view.clauses[clause_id], answered, interface)

    def citations(
        self, chosen: Sequence[tuple[str, Sequence[int]]], language: Language
    ) -> list[Citation]:
        """Clauses as they were cited, by their ids and the offsets at which the quotes begin.

        Raises:
            KeyError: there is no such clause (any more).
        """
        view = self.view
        return [
            cite_again(view.assistant, view.clauses[clause], starts, language)
            for clause, starts in chosen
        ]

    def rate(self, entry: str, thumb: str, reason: str) -> None:
        """Writes down how an answer was judged; without a thumb it is taken back.

        Raises:
            ValueError: there is no such thumb or reason.
        """
        if self.journal and entry:
            given = Thumb(thumb) if thumb else None
            self.journal.rate(entry, given, Reason(reason) if given and reason else None)

    def examples(self, language: Language) -> list[str]:
        """See ``View.examples``."""
        return self.view.examples(language)

    def known_examples(self, language: Language) -> list[str] | None:
        """See ``View.known_examples``."""
        return self.view.known_examples(language)

    def _turn(
        self,
        view: View,
        answer: Callable[[], Answer],
        question: str,
        previous: Answer | None,
        interface: Language,
        session: str,
    ) -> Turn:
        """The turn for an answer, written down; for a clause that was opened without ``question``
        under its title, as looked up."""
        began = perf_counter()
        try:
            given = answer()
            suggestions = view.questions.suggestions(given)
            html = {each: view.cards.answer(given, each, suggestions) for each in LANGUAGES}
        except Exception:  # the asker must get a reply, the operator the cause
            _log.exception("a question could not be answered")
            return Turn(interface, failure("error.internal"), previous)
        entry = ""
        if self.journal:
            entry = self.journal.record(
                question or given.question,
                given if question else None,
                face="chat",
                session=session,
                milliseconds=1000 * (perf_counter() - began),
            )
        # After a greeting the conversation is still about the clause before it.
        last = previous if given.reply else given
        after = given.assumed.id if given.assumed else ""
        return Turn(given.language, html, last, after, entry)


def _dealt_with(view: View, step: Step, previous: Answer | None) -> Answer:
    """The answer to a step of a conversation after another answer."""
    if step.clause:
        return _opened(view, step.clause, step.language, previous)
    before = carried_over(previous, view.assistant, view.clauses)
    if step.after in view.clauses:
        before = _opened(view, step.after, step.language, None)
    return view.assistant.ask(step.question, previous=before)


def _opened(view: View, clause_id: str, language: Language, previous: Answer | None) -> Answer:
    """The clause as the answer: as it was offered to choose from, else all of it."""
    clause = view.clauses.get(clause_id)
    if clause is None:  # of documents that have been replaced since the page showed it
        return Answer("", language, Outcome.INVALID, reply="clause_gone")
    previous = carried_over(previous, view.assistant, view.clauses)
    offered = previous.choices if previous else ()
    chosen = next((choice for choice in offered if choice.clause.id == clause.id), None)
    if previous and chosen:
        return replace(previous, outcome=Outcome.ANSWERED, citations=(chosen,), choices=())
    whole = view.assistant.cite_whole(clause, language)
    hits = (Hit(clause, 1.0, 1),)
    return Answer(clause.title, language, Outcome.ANSWERED, hits, citations=(whole,))


def cite_again(
    assistant: Assistant, clause: Clause, starts: Sequence[int], language: Language
) -> Citation:
    """The citation of a clause whose quotes begin at ``starts``; of all of it where none does."""
    whole = assistant.cite_whole(clause, language)
    quotes = tuple(quote for quote in whole.quotes if quote.start in starts)
    return replace(whole, quotes=quotes or whole.quotes)


def failure(key: str) -> dict[Language, str]:
    """What is shown where there is no answer, by language; ``key`` names its message."""
    return {language: render("failure.html", language, key=key) for language in TAGS}
