"""Parsing and analysing spread over processes, where there is enough to do."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import ParamSpec, TypeVar

from qa.analysis import Analyser
from qa.corpus import Corpus
from qa.glossary import Glossary, Term
from qa.shards import analyse_parsed, parse
from qa.types import Document

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_WORTH_A_PROCESS = 1_000_000
"""Bytes of files for which a process is started: it needs some two seconds to begin."""

_AHEAD = 8
"""Tasks a process that are under way or done before their turn: results come in order."""


def parse_all(
    files: Iterable[tuple[Path, str]], size: int, workers: int | None
) -> Iterator[tuple[str, bytes, bytes]]:
    """``shards.parse`` of each (path, name), in order; ``size`` is that of all files in bytes."""
    return _spread(parse, files, _processes(size, workers), ())


def analyse_all(
    documents: Iterable[tuple[bytes, Document, Corpus]],
    terms: Sequence[Term],
    size: int,
    workers: int | None,
) -> Iterator[tuple[bytes, bytes]]:
    """``shards.analyse_parsed`` of each document by a glossary of ``terms``, in order."""
    return _spread(_analyse, documents, _processes(size, workers), tuple(terms))


def _processes(size: int, workers: int | None) -> int:
    """How many processes are started; 0: the work is done in this one."""
    processors = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    wanted = (processors or 1) if workers is None else workers
    worth = min(wanted, size // _WORTH_A_PROCESS)
    return worth if worth > 1 else 0


_analyser = Analyser()


def _begin(terms: tuple[Term, ...]) -> None:
    global _analyser
    _analyser = Analyser(Glossary(terms))


def _begin_process(terms: tuple[Term, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends this one
    Thread(target=_end_with_parent, daemon=True).start()
    _begin(terms)


def _end_with_parent() -> None:
    """A parent that is killed closes no queue: without this its processes would wait for ever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _analyse(data: bytes, heading: Document, companions: Corpus) -> tuple[bytes, bytes]:
    return analyse_parsed(data, heading, companions, _analyser)


def _spread(
    function: Callable[..., Result],
    tasks: Iterable[tuple[object, ...]],
    processes: int,
    terms: tuple[Term, ...],
) -> Iterator[Result]:
    if not processes:
        begun = False
        for task in tasks:
            if not begun:
                _begin(terms)
                begun = True
            yield function(*task)
        return
    # Spawned: a fork would share the locks of this process's threads.
    executor = ProcessPoolExecutor(processes, get_context("spawn"), _begin_process, (terms,))
    under_way: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            under_way.append(executor.submit(function, *task))
            if len(under_way) >= _AHEAD * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
