"""A conversation: what the page sends, and the turn that it gets back. Knows nothing of Gradio."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from qa.assistant import Assistant
from qa.messages import catalogue
from qa.types import LANGUAGES, Answer, Clause, Hit, Language, Outcome
from qa.web.cards import TAGS, Cards, render

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """The reply to one question, rendered for each language of the interface.

    ``answer`` is what the next question may refer to.
    """

    language: Language
    html: dict[Language, str]
    answer: Answer | None


class Chat:
    """Answers the questions of any number of conversations, each told by its last answer."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._clauses = {clause.id: clause for clause in assistant.index.clauses}
        self.cards = Cards(assistant.index)
        self._examples: dict[Language, list[str]] = {}
        self._examples_lock = Lock()

    def ask(self, question: str, previous: Answer | None, interface: Language) -> Turn:
        """The turn for a question; one that says so where the question could not be dealt with."""
        return self._turn(
            lambda: self._assistant.ask(question, previous=previous), previous, interface
        )

    def open(self, clause_id: str, language: Language, previous: Answer | None) -> Turn:
        """The turn that shows a clause which the asker has chosen."""
        return self._turn(
            lambda: self._opened(self._clauses[clause_id], language, previous), previous, language
        )

    def examples(self, language: Language) -> list[str]:
        """The example questions of a language that the loaded documents answer.

        The first call takes as long as loading the parts of that language: it warms them up.
        """
        with self._examples_lock:
            if language not in self._examples:
                texts = catalogue(language)
                asked = [texts[key] for key in sorted(texts) if key.startswith("example.")]
                answers = ((text, self._assistant.ask(text)) for text in asked)
                self._examples[language] = [
                    text for text, answer in answers if answer.outcome is Outcome.ANSWERED
                ]
            return self._examples[language]

    def known_examples(self, language: Language) -> list[str] | None:
        """The examples of a language; None where they have not been tried yet."""
        return self._examples.get(language)

    def _opened(self, clause: Clause, language: Language, previous: Answer | None) -> Answer:
        """The clause as the answer: as it was offered to choose from, else all of it."""
        offered = previous.choices if previous else ()
        chosen = next((choice for choice in offered if choice.clause.id == clause.id), None)
        if previous and chosen:
            return replace(previous, outcome=Outcome.ANSWERED, citations=(chosen,), choices=())
        whole = self._assistant.cite_whole(clause, language)
        hits = (Hit(clause, 1.0, 1),)
        return Answer(clause.title, language, Outcome.ANSWERED, hits, citations=(whole,))

    def _turn(
        self, answer: Callable[[], Answer], previous: Answer | None, language: Language
    ) -> Turn:
        try:
            given = answer()
            html = {each: self.cards.answer(given, each) for each in LANGUAGES}
        except Exception:  # the asker must get a reply, the operator the cause
            _log.exception("a question could not be answered")
            return Turn(language, failure("error.internal"), previous)
        # After a greeting the conversation is still about the clause before it.
        return Turn(given.language, html, previous if given.reply else given)


def failure(key: str) -> dict[Language, str]:
    """What is shown where there is no answer, by language; ``key`` names its message."""
    return {language: render("failure.html", language, key=key) for language in TAGS}
