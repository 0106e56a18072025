"""Figures for Prometheus: how long requests take, what became of questions, which index answers.

Nothing that a client sends becomes a label: the routes are those of a closed list.
https://prometheus.io/docs/practices/naming/

The library is loaded when the page is open (``load``); what is counted before then is kept.
With several processes the figures of all are summed up in the folder that
``PROMETHEUS_MULTIPROC_DIR`` names (see ``supervisor.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qa.types import Answer

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MOST_KEPT = 10_000

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The figures of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loaded: _Loaded | None = None
        self._kept: list[Callable[[_Loaded], None]] = []

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request that has been dealt with."""
        self._count(lambda loaded: loaded.request(route, method, status, seconds))

    def answer(self, answer: Answer | None, face: str) -> None:
        """Counts what became of a question; None: it was only looked up."""
        outcome, language = (answer.outcome, answer.language) if answer else ("looked_up", "")
        self._count(lambda loaded: loaded.answers.labels(str(face), language, str(outcome)).inc())

    def refused(self, reason: str) -> None:
        """Counts a request that was not dealt with."""
        self._count(lambda loaded: loaded.refused.labels(reason).inc())

    def state(self, waiting: int, within: int, build: str, built: float, lost: int) -> None:
        """Notes how things are: questions that wait and that are dealt with, the build that answers
        and when it was built (seconds since 1970), lines that the journal lost."""
        self._count(lambda loaded: loaded.state(waiting, within, build, built, lost))

    def page(self) -> bytes:
        """All figures in Prometheus' text format."""
        return self.load().page()

    def load(self) -> _Loaded:
        """Loads the library, once."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded()
                for each in self._kept:
                    each(self._loaded)
                self._kept.clear()
            return self._loaded

    def _count(self, count: Callable[[_Loaded], None]) -> None:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    if len(self._kept) < _MOST_KEPT:
                        self._kept.append(count)
                    return
        count(self._loaded)


class _Loaded:
    """The figures, in a registry of their own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = registry = CollectorRegistry()
        self._seconds = Histogram(
            "qa_request_seconds",
            "Time from a request to its reply",
            ["route", "method", "status"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.answers = Counter(
            "qa_answers",
            "Questions by face, language and what became of them",
            ["face", "language", "outcome"],
            registry=registry,
        )
        self.refused = Counter(
            "qa_refused", "Requests that were not dealt with", ["reason"], registry=registry
        )

        def gauge(name: str, text: str, mode: Any, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode=mode)

        self._waiting = gauge("qa_waiting", "Questions that wait for their turn", "livesum")
        self._within = gauge("qa_within", "Questions that are dealt with", "livesum")
        self._lost = gauge("qa_journal_lost", "Lines that the journal lost", "livesum")
        self._built = gauge(
            "qa_index_built_timestamp_seconds", "When the index was built", "livemostrecent"
        )
        self._index = gauge("qa_index_info", "The index that answers", "livemax", ("build",))
        self._build = ""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._seconds.labels(route, method, f"{status // 100}xx").observe(seconds)

    def state(self, waiting: int, within: int, build: str, built: float, lost: int) -> None:
        self._waiting.set(waiting)
        self._within.set(within)
        self._lost.set(lost)
        if build:
            if self._build not in ("", build):
                self._index.labels(self._build).set(0)
            self._index.labels(build).set(1)
            self._built.set(built)
            self._build = build

    def page(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if not os.environ.get(FOLDER):
            return bytes(generate_latest(self.registry))
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return bytes(generate_latest(together))
