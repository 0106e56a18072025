"""What the messengers share: the thread of each conversation, and answers that fit a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock

from cachetools import TTLCache

from qa import render
from qa.api import conversation
from qa.api.conversation import LONGEST_TEXT, MOST_EARLIER, Given, Question, Source
from qa.index import Index
from qa.journal import Face
from qa.messages import message
from qa.operations.limits import Rates
from qa.types import Answer, Citation, Focus, Outcome

_REMEMBERED_SECONDS = 1800
_REMEMBERED_PEOPLE = 10_000


@dataclass(frozen=True, slots=True)
class Thread:
    """What a person has said last: earlier questions, the clause that they chose to speak about,
    the ids of the clauses that they were offered."""

    earlier: tuple[str, ...] = ()
    about: str = ""
    offered: tuple[str, ...] = ()


class AskedTooMuch(Exception):
    """Somebody asks more than the limit allows."""


class Conversations:
    """Answers people, each in the thread of their own conversation, and within limits of their own:
    all of them come from the address of the platform.

    Threads are kept for half an hour under a digest of whoever it is; with several processes a
    question may reach one that does not know the thread: it is then answered by itself.
    """

    def __init__(self, source: Source, face: Face, rates: Rates | None = None) -> None:
        self._source, self._face, self._rates = source, face, rates
        self._threads: TTLCache[bytes, Thread] = TTLCache(_REMEMBERED_PEOPLE, _REMEMBERED_SECONDS)
        self._lock = Lock()

    def ask(self, person: str, text: str, chosen: str = "") -> Given:
        """The answer to what a person says.

        Args:
            chosen: the id of the clause that they have chosen in place of a text; one that there is
                not any more is passed over. The number of one that was offered chooses it, too.

        Raises:
            AskedTooMuch: this person has, lately.
        """
        if self._rates and self._rates.wait(f"{self._face} {person}"):
            raise AskedTooMuch
        key = sha256(person.encode()).digest()
        with self._lock:
            thread = self._threads.get(key) or Thread()
        chosen = chosen or _chosen(text, thread.offered)
        given = self._opened(chosen) if chosen else None
        if given is None:
            given = self._answered(person, text[: LONGEST_TEXT + 1], thread)
            thread = _continued(thread, given.answer)
        else:
            thread = Thread(about=chosen)
        if person:
            with self._lock:
                self._threads[key] = thread
        return given

    def _opened(self, clause: str) -> Given | None:
        assistant = self._source.assistant
        try:
            return Given(conversation.opened(assistant, clause, None), assistant)
        except KeyError:
            return None

    def _answered(self, person: str, text: str, thread: Thread) -> Given:
        session = f"{self._face} {person}"
        asked = Question(text, thread.earlier, about=thread.about)
        try:
            return conversation.answer(self._source, asked, face=self._face, session=session)
        except KeyError:  # a clause of documents that have been replaced since
            alone = replace(asked, about="")
            return conversation.answer(self._source, alone, face=self._face, session=session)


def _chosen(text: str, offered: tuple[str, ...]) -> str:
    number = text.strip().rstrip(".。)）")
    if number.isdecimal() and len(number) < 3 and 0 < int(number) <= len(offered):
        return offered[int(number) - 1]
    return ""


def _continued(thread: Thread, answer: Answer) -> Thread:
    offered = tuple(choice.clause.id for choice in answer.choices)
    if answer.reply:
        return replace(thread, offered=())
    if thread.about and answer.assumed:
        return replace(thread, offered=offered)
    earlier = (*thread.earlier, answer.question)[-MOST_EARLIER:]
    return Thread(earlier, offered=offered)


# --- an answer that fits


def choices_text(answer: Answer) -> str:
    """The clauses to choose from, numbered, one a line."""
    lines = [message(answer.language, "outcome.clarify")]
    lines += [f"{place}. {label(each, answer)}" for place, each in enumerate(answer.choices, 1)]
    return "\n".join([*lines, message(answer.language, "channel.choose")])


def label(choice: Citation, answer: Answer) -> str:
    """How a clause to choose is called."""
    title = choice.translation.title if choice.translation else ""
    return render.clause_label(choice.clause, answer.language, title)


def fitting(answer: Answer, index: Index, most: int, size: Callable[[str], int] = len) -> str:
    """The answer as text of at most ``most``, as ``size`` counts. Where not all of it fits, it has
    fewer clauses, then fewer sentences, then no translation, and says so; source and departments
    stay. A sentence that still does not fit ends in an ellipsis."""
    if answer.outcome is Outcome.CLARIFY:
        return cut(choices_text(answer), most, size)
    text = render.text(answer, index).strip()
    if size(text) <= most:
        return text
    for shorter in _shorter(answer):
        text = render.text(shorter, index).strip()
        if answer.focus not in (Focus.DUTIES, Focus.CONTENTS):  # these say how many are left out
            text += f"\n{message(answer.language, 'channel.shortened')}"
        if size(text) <= most:
            return text
    return cut(text, most, size)


def _shorter(answer: Answer) -> Iterator[Answer]:
    count = len(answer.citations)
    while count > 1:
        count = count * 3 // 4 if count > 4 else count - 1
        answer = replace(answer, citations=answer.citations[:count])
        yield answer
    for first in answer.citations[:1]:
        for sentences in range(len(first.quotes) - 1, 0, -1):
            first = replace(first, quotes=first.quotes[:sentences])
            yield replace(answer, citations=(first,))
        quote = replace(first.quotes[0], translation="")
        yield replace(answer, citations=(replace(first, quotes=(quote,)),))
        for share in (0.75, 0.5, 0.25, 0.1):
            begun = replace(quote, text=f"{quote.text[: int(len(quote.text) * share)]}…")
            yield replace(answer, citations=(replace(first, quotes=(begun,)),))


def cut(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """The longest beginning of a text of at most ``most``, as ``size`` counts, with an ellipsis
    where it is not all."""
    if size(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(f"{text[:middle]}…") <= most:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low].rstrip()}…"
