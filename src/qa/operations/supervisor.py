"""Several processes that answer at one address.

    supervisor ─ listens, builds ─┬─ worker   each a Python of its own that accepts connections
                                  ├─ worker   from the same socket; the index is memory-mapped, so
                                  └─ …        that its pages are in memory once

A worker that ends is started again, later each time it ends at once. SIGTERM and Ctrl-C end all of
them, each when what it deals with is finished; SIGHUP replaces them one after another.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qa.errors import PolicyError
from qa.operations.metrics import FOLDER

_LOOK_SECONDS = 0.2
_LIVED = 20.0
"""Seconds after which a worker's end is no failure to start."""
_MOST_FAILURES = 5


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    began: float


class Supervisor:
    """Keeps workers running.

    Args:
        command: starts a worker, given the number of the socket it is to accept from.
        listener: the number of the listening socket.
        count: how many workers.
        patience: seconds that a worker may take to end.
    """

    def __init__(self, command: Sequence[str], listener: int, count: int, patience: float) -> None:
        self._command, self._listener = [*command], listener
        self._count, self._patience = count, patience
        self._workers: list[_Worker] = []
        self._failures = 0
        self._replacing = False
        self._ending = False

    def run(self) -> None:
        """Returns when it has been told to end and all workers have.

        Raises:
            PolicyError: workers end as soon as they have been started.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_ending", True))
        signal.signal(signal.SIGHUP, lambda *_: setattr(self, "_replacing", True))
        with _folder_of_figures() as folder:
            try:
                self._workers = [self._start(folder) for _ in range(self._count)]
                while not self._ending:
                    time.sleep(_LOOK_SECONDS)
                    self._keep(folder)
                    if self._replacing:
                        self._replacing = False
                        self._replace(folder)
            finally:
                self._end(self._workers)

    def _start(self, folder: Path) -> _Worker:
        process = subprocess.Popen(
            [*self._command, str(self._listener)],
            pass_fds=[self._listener],
            env={**os.environ, FOLDER: str(folder)},
            start_new_session=True,  # Ctrl-C comes to us, who end them in order
        )
        return _Worker(process, time.monotonic())

    def _keep(self, folder: Path) -> None:
        for place, worker in enumerate(self._workers):
            if worker.process.poll() is None:
                continue
            _forget(worker.process.pid, folder)
            lived = time.monotonic() - worker.began >= _LIVED
            self._failures = 0 if lived else self._failures + 1
            if self._failures > _MOST_FAILURES:
                raise PolicyError(
                    "the workers",
                    f"end as soon as they are started (exit code {worker.process.returncode})",
                    "see what they said above; python -m qa config checks the settings",
                )
            print(
                f"app.py: worker {worker.process.pid} ended ({worker.process.returncode}): "
                "starting another",
                file=sys.stderr,
            )
            self._wait(0.0 if lived else 0.5 * 2**self._failures)
            if self._ending:
                return
            self._workers[place] = self._start(folder)

    def _replace(self, folder: Path) -> None:
        """Replaces the workers one by one, so that one always answers."""
        for place, old in enumerate(self._workers):
            new = self._start(folder)
            self._wait(_LIVED / 2)  # to become ready
            if self._ending or new.process.poll() is not None:
                self._end([new])
                return
            self._workers[place] = new
            self._end([old])
            _forget(old.process.pid, folder)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._ending:
            time.sleep(_LOOK_SECONDS)

    def _end(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            worker.process.terminate()
        until = time.monotonic() + self._patience + 5.0
        for worker in workers:
            try:
                worker.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


@contextmanager
def _folder_of_figures() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="qa-figures-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forget(pid: int, folder: Path) -> None:
    """Takes what a process that has ended held at that moment out of the figures; its counts stay."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
