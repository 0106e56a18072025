"""An assistant that follows its index: another build that is put in use answers from then on.

    index/CURRENT ──look, each second──▶ another name? ──open, beside the old──▶ prepare ──▶ current

Whoever deals with a question takes ``current`` once: a question under way finishes on the index
it began with, which is forgotten when nobody holds it any more. An index that cannot be used is
reported, and the one in use stays.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread

from qa.assistant import Assistant
from qa.builds import current_name
from qa.encoder import Encoder, model_fingerprint
from qa.errors import PolicyError
from qa.types import Answer, Citation, Clause

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 30.0
"""After which an index that could not be used is tried again: its files may still be arriving."""


class LiveAssistant:
    """Hands out the assistant of the index in use.

    Args:
        folder: the folder of the index.
        load_encoder: gives the encoder of a model's name or folder.
        model: the model; the one that built the index where it is empty.

    Raises:
        IndexMissing, IndexStale, IndexDamaged, ModelError: the index that there is cannot be used.
    """

    def __init__(
        self, folder: Path, load_encoder: Callable[[str], Encoder], model: str = ""
    ) -> None:
        self._folder, self._model = folder, model
        self._load_encoder = load_encoder
        self._encoder: Encoder | None = None
        self._followers: list[Callable[[Assistant], None]] = []
        self._replacing = Lock()
        self._stopped = Event()
        self._failed = ""
        self._again = 0.0
        self.problem: PolicyError | None = None
        """Why the build that ``CURRENT`` names does not answer; None where it does."""
        self.current: Assistant = self._open()

    @property
    def build(self) -> str:
        """The name of the build that answers."""
        return self.current.index.folder.name

    def follow(self, prepare: Callable[[Assistant], None]) -> None:
        """Has every further assistant prepared by ``prepare`` before it is handed out."""
        self._followers.append(prepare)

    def refresh(self) -> bool:
        """Replaces the assistant where another build has been put in use; whether it did.

        Raises nothing: what keeps the build from answering is logged, and is ``problem``.
        """
        with self._replacing:
            name = current_name(self._folder)
            if name in ("", self.build):
                self._failed, self.problem = "", None
                return False
            try:
                assistant = self._open()
                for prepare in self._followers:
                    prepare(assistant)
            except Exception as error:
                self._report(name, error)
                return False
            self.current = assistant
            self._failed, self.problem = "", None
        _log.info("the index %s is in use", self.build)
        _forget_the_old()
        return True

    def start(self) -> None:
        """Looks for another build each second from now on, in a thread of its own."""
        Thread(target=self._look, name="index", daemon=True).start()

    def stop(self) -> None:
        """Looks no more."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            waits = self._failed and self._failed == current_name(self._folder)
            if not waits or time.monotonic() >= self._again:
                self.refresh()

    def _open(self) -> Assistant:
        return Assistant.open(self._folder, self._same_encoder, self._model)

    def _same_encoder(self, name: str) -> Encoder:
        """The encoder of a model, loaded once as long as its files stay the same."""
        kept = self._encoder
        if kept is None or kept.name != name or kept.fingerprint != model_fingerprint(name):
            kept = self._encoder = self._load_encoder(name)
        return kept

    def _report(self, name: str, error: Exception) -> None:
        self.problem = (
            error
            if isinstance(error, PolicyError)
            else PolicyError(self._folder / name, f"cannot be used ({error})", "build it again")
        )
        self._again = time.monotonic() + _AGAIN_SECONDS
        if name != self._failed:  # said once
            self._failed = name
            _log.warning("%s (the index in use stays: %s)", self.problem, self.build)


def _forget_the_old() -> None:
    """What start-up made was set aside from the search for garbage; the old index is part of it."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def carried_over(
    answer: Answer | None, assistant: Assistant, clauses: Mapping[str, Clause]
) -> Answer | None:
    """An answer given from an index that may have been replaced since, as this one has it.

    Clauses that are no longer there are left out; None where that takes away all that was cited
    or offered. ``clauses`` are those of the assistant by id.
    """
    if answer is None or all(clauses.get(each.id) == each for each in _clauses_of(answer)):
        return answer
    hits = tuple(
        replace(hit, clause=clauses[hit.clause.id])
        for hit in answer.hits
        if hit.clause.id in clauses
    )
    carried = replace(
        answer,
        hits=hits,
        citations=_carried(answer.citations, answer, assistant, clauses),
        choices=_carried(answer.choices, answer, assistant, clauses),
        assumed=clauses.get(answer.assumed.id) if answer.assumed else None,
    )
    emptied = (answer.citations and not carried.citations) or (
        answer.choices and not carried.choices
    )
    return None if emptied else carried


def _clauses_of(answer: Answer) -> list[Clause]:
    citations = (*answer.citations, *answer.choices)
    assumed = [answer.assumed] if answer.assumed else []
    return [*(hit.clause for hit in answer.hits), *(each.clause for each in citations), *assumed]


def _carried(
    citations: tuple[Citation, ...],
    answer: Answer,
    assistant: Assistant,
    clauses: Mapping[str, Clause],
) -> tuple[Citation, ...]:
    """The citations as this index has them, with their quotes where the clause reads the same."""
    carried = []
    for citation in citations:
        clause = clauses.get(citation.clause.id)
        if clause is None:
            continue
        whole = assistant.cite_whole(clause, answer.language)
        same = clause.text == citation.clause.text
        carried.append(replace(whole, quotes=citation.quotes) if same else whole)
    return tuple(carried)
