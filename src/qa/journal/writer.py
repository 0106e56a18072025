"""A thread that stores what is queued; whoever queues never waits for it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from qa.journal.store import Store

Change: TypeAlias = "Callable[[Store], object]"

_log = logging.getLogger(__name__)

_LIMIT = 10_000
"""Changes that wait while nothing can be stored; those that come later are lost, and counted."""
_BATCH = 200
_LINGER = 0.2
"""Seconds for which a change waits for others: a transaction costs four times what a change does."""

_AGAIN = 5.0
"""Seconds between two attempts while nothing can be stored."""


class Writer:
    """Applies changes in their order, many in one transaction, and keeps those that could not be
    stored until they can."""

    def __init__(self, opened: Callable[[], Store], limit: int = _LIMIT) -> None:
        self._opened, self._limit = opened, limit
        self._waiting: deque[Change] = deque()
        self._changed = Condition()
        self._ending = False
        self._hurried = 0
        self._failing = False
        self._lost = 0
        self.lost = 0
        """Changes dropped since the beginning."""
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, change: Change) -> None:
        """Queues a change; drops it where too many wait already or the journal was closed."""
        with self._changed:
            if self._ending or len(self._waiting) >= self._limit:
                self._lost += 1
                self.lost += 1
                return
            self._waiting.append(change)
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Whether all that was queued got stored within ``seconds``; at once where nothing can be
        stored at present."""
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: not self._waiting or self._failing, seconds)
            finally:
                self._hurried -= 1
            return not self._waiting

    def close(self, seconds: float) -> None:
        """Stores what is queued, for at most ``seconds``, and ends the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._failing:  # wait for a better time, or the end
                    self._changed.wait_for(lambda: self._ending, _AGAIN)
                self._changed.wait_for(lambda: self._waiting or self._ending)
                self._changed.wait_for(self._worthwhile, _LINGER)
                batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
                ending = self._ending
            if not batch:
                return
            stored = self._store(batch)
            with self._changed:
                if stored:
                    for _ in batch:
                        self._waiting.popleft()
                self._failing = not stored
                self._changed.notify_all()
            if ending and not stored:
                return

    def _worthwhile(self) -> bool:
        """Whether there is no reason to wait for more changes."""
        return self._ending or self._hurried > 0 or len(self._waiting) >= _BATCH

    def _store(self, batch: list[Change]) -> bool:
        try:
            self._opened().apply(batch)
        except Exception as error:  # whatever it is, it must not reach an asker
            if not self._failing:
                _log.error("the journal cannot be written (%s); answers go on without it", error)
            return False
        if self._failing or self._lost:
            with self._changed:
                lost, self._lost = self._lost, 0
            _log.warning("the journal is written again; %d changes were lost", lost)
        return True
