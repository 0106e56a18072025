"""Building again whenever the corpus changes.

    notified, or half a minute gone ──▶ sizes and times as last tried? ──no, and settled──▶ build

Notifications (watchfiles) only wake it: what decides are the sizes and times of the files, so that
network drives, which notify of nothing, are watched as well, if more slowly.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TypeAlias

from watchfiles import watch as notified

from qa.builds import current_name, held_corpus
from qa.corpus import corpus_digest
from qa.encoder import model_fingerprint
from qa.errors import BuildInProgress, CorpusError, PolicyError
from qa.index import FORMAT
from qa.progress import forget_failure

_log = logging.getLogger(__name__)

Look: TypeAlias = frozenset[tuple[str, int, int]]
"""Path, size and time of change of every file below a folder."""

SETTLED_SECONDS = 2.0
"""For which nothing may change before it is read: a file that is being copied grows."""
LOOK_SECONDS = 30.0
AGAIN_SECONDS = 60.0
"""After which a build is tried again that failed for another reason than the corpus."""


def watch(
    corpus: Path,
    index: Path,
    model: str,
    stop: Event,
    build: Callable[[], None],
    *,
    settled: float = SETTLED_SECONDS,
    look: float = LOOK_SECONDS,
    again: float = AGAIN_SECONDS,
) -> None:
    """Calls ``build`` at once where the index is not that of the corpus and the model, and after
    each change of the corpus, until ``stop`` is set.

    A build that fails is logged, and the watch goes on.

    Args:
        settled: seconds for which nothing may change before a build.
        look: seconds after which it looks without having been notified.
        again: seconds after which a build that failed though the corpus can be used is repeated.
    """
    tried: Look | None = None
    seen: Look | None = None
    retry = float("inf")
    while not stop.is_set():
        now = look_at(corpus)
        if now == tried and time.monotonic() < retry:
            _wait(corpus, stop, look)
        elif now != seen and now != tried:
            seen = now
            stop.wait(settled)
        else:
            tried, retry = now, time.monotonic() + _attempt(corpus, index, model, build, again)


def _attempt(
    corpus: Path, index: Path, model: str, build: Callable[[], None], again: float
) -> float:
    """Builds where that is needed; the seconds after which to try again without a change."""
    try:
        if up_to_date(corpus, index, model):
            forget_failure(index)
        else:
            build()
    except BuildInProgress:
        return min(again, LOOK_SECONDS)
    except CorpusError as error:
        _log.error("%s", error)
    except PolicyError as error:
        _log.error("%s", error)
        return again
    except Exception:  # of a file that breaks its reader: the next change may mend it
        _log.exception("the index could not be built")
        return again
    return float("inf")


def up_to_date(corpus: Path, index: Path, model: str) -> bool:
    """Whether the build in use is that of the corpus and the model, or was chosen by hand.

    Raises:
        CorpusError: there is no such folder.
    """
    try:
        text = (index / current_name(index) / "manifest.json").read_text(encoding="utf-8")
        manifest = json.loads(text)
        held = held_corpus(index)
        built_here = (
            manifest["format"] == FORMAT
            and manifest["model_fingerprint"] == model_fingerprint(model)
            and manifest["corpus_digest"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return corpus_digest(corpus) in {held, built_here} - {"", False}


def look_at(folder: Path) -> Look:
    """What the files below a folder look like from outside; hidden ones are left out."""
    return frozenset(_files(str(folder)))


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path)
                else:
                    state = entry.stat()
                    yield entry.path, state.st_size, state.st_mtime_ns
    except OSError:  # gone since it was listed: the next look will differ
        return


def _wait(corpus: Path, stop: Event, seconds: float) -> None:
    """Returns after a change that is notified of, at the latest after ``seconds``."""
    try:
        # Anew each time: the folder itself may have been replaced by another.
        next(
            notified(
                corpus,
                stop_event=stop,
                rust_timeout=int(seconds * 1000),
                yield_on_timeout=True,
                watch_filter=None,
                ignore_permission_denied=True,
            ),
            None,
        )
    except (OSError, RuntimeError):  # no such folder yet, or no notifications here
        stop.wait(min(seconds, 5.0))
