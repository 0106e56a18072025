"""How far a build has come: written into the index folder by the process that builds, read by
those that serve.

``STATUS.json`` is replaced in one step and stamped every few seconds: where the stamp is old, the
process has ended without a word and nothing is under way.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal, TypeAlias

from qa.builds import write_in_one_step
from qa.errors import BuildInProgress

FILE = "STATUS.json"

State: TypeAlias = Literal["building", "done", "failed"]

_SHARES = {"read": 0.05, "terms": 0.45, "vectors": 0.35, "index": 0.15}
"""How the time of a build is divided where no build has been measured here."""
_UNKNOWN_SHARE = 0.05
_STAMPED_SECONDS = 2.0
_WRITTEN_SECONDS = 0.5
_SILENT_SECONDS = 20.0
"""After which a process is taken to have ended: ten stamps are missing."""
_TELLING_SECONDS, _TELLING_SHARE = 2.0, 0.02
"""Before both have passed, any time left would be a guess."""


@dataclass(frozen=True, slots=True)
class BuildState:
    """The state of a build.

    ``done`` of ``total`` things of a ``stage`` are done, ``rate`` of them a second; ``share`` in
    [0, 1] is that of the whole build, ``remaining`` the seconds left (None: not known yet).
    ``started`` and ``updated`` are seconds since 1970, ``seconds`` how long each stage took.
    ``problem`` says why a build failed.
    """

    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    share: float = 0.0
    rate: float = 0.0
    remaining: float | None = None
    started: float = 0.0
    updated: float = 0.0
    pid: int = 0
    problem: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def read_state(folder: Path) -> BuildState | None:
    """The state of the last build in an index folder; None where none is known, or where the
    process that was building has ended without a word."""
    state = _read(folder)
    silent = state is not None and time.time() - state.updated > _SILENT_SECONDS
    return None if state and state.state == "building" and silent else state


def forget_failure(folder: Path) -> None:
    """Notes that the index is up to date though the last build failed: what it tried has been
    taken back."""
    state = _read(folder)
    if state and state.state == "failed":
        with suppress(OSError):
            _store(folder, replace(state, state="done", share=1.0, problem=""))


class BuildReport:
    """Writes the state of a build, for as long as the block lasts that it is the context of.

    Called with (stage, done, total), as ``build_index`` reports. Writes nothing where another
    process is building, and never keeps a build from succeeding.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._silent = False
        self._lock = Lock()
        self._ended = Event()
        self._stamper = Thread(target=self._stamp, name="build state", daemon=True)

    def __enter__(self) -> BuildReport:
        running = read_state(self._folder)
        self._silent = bool(running and running.state == "building" and running.pid != os.getpid())
        last = _read(self._folder)
        self._expected = dict(last.seconds) if last else {}
        self._seconds: dict[str, float] = {}
        self._stage_started = self._written = time.monotonic()
        self._state = BuildState("building", started=time.time(), pid=os.getpid())
        self._write()
        self._stamper.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._stamper.join()
        if isinstance(error, BuildInProgress):
            return
        with self._lock:
            self._close_stage()
            if error is None:
                changes: dict[str, Any] = {"state": "done", "share": 1.0, "remaining": 0.0}
            else:
                reason = str(error) if isinstance(error, Exception) else "interrupted"
                changes = {"state": "failed", "remaining": None, "problem": reason}
            seconds = self._seconds if error is None else self._expected
            self._state = replace(self._state, seconds=seconds, **changes)
            self._write()

    def __call__(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            now = time.monotonic()
            if stage != self._state.stage:
                self._close_stage()
                self._stage_started = now
            running = now - self._stage_started
            within = min(done / total, 1.0) if total > 0 else 0.0
            share = max(self._state.share, self._share(stage, within))
            self._state = replace(
                self._state,
                stage=stage,
                done=done,
                total=total,
                share=share,
                rate=done / running if running > 0 else 0.0,
                remaining=self._remaining(share),
            )
            if now - self._written >= _WRITTEN_SECONDS:
                self._write()

    def _share(self, stage: str, within: float) -> float:
        """The share of the build that is done: its stages weigh as long as they took last time."""
        expected: Mapping[str, float] = self._expected or _SHARES
        over = [expected.get(name, _UNKNOWN_SHARE) for name in self._seconds if name != stage]
        here = expected.get(stage, _UNKNOWN_SHARE)
        ahead = [
            seconds for name, seconds in expected.items() if name not in {*self._seconds, stage}
        ]
        whole = sum(over) + here + sum(ahead)
        return min((sum(over) + here * within) / whole, 0.99) if whole > 0 else 0.0

    def _remaining(self, share: float) -> float | None:
        elapsed = time.time() - self._state.started
        telling = elapsed > _TELLING_SECONDS and share > _TELLING_SHARE
        return elapsed * (1 - share) / share if telling else None

    def _close_stage(self) -> None:
        if stage := self._state.stage:
            took = time.monotonic() - self._stage_started
            self._seconds[stage] = self._seconds.get(stage, 0.0) + took

    def _stamp(self) -> None:
        while not self._ended.wait(_STAMPED_SECONDS):
            with self._lock:
                self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._silent:
            return
        self._state = replace(self._state, updated=time.time())
        with suppress(OSError):  # a full disk will be reported by the build itself
            _store(self._folder, self._state)


def _store(folder: Path, state: BuildState) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_in_one_step(folder / FILE, json.dumps(asdict(state)))


def _read(folder: Path) -> BuildState | None:
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
        state = BuildState(**record)
        usable = (
            state.state in ("building", "done", "failed")
            and all(isinstance(x, int | float) for x in (state.share, state.updated))
            and all(isinstance(x, int | float) for x in state.seconds.values())
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return state if usable else None
