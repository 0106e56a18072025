"""A build beside the chat: ``python -m qa.build`` in a process of low priority, which ends with ours."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from qa.builds import current_name
from qa.config import Settings
from qa.errors import PolicyError
from qa.progress import read_state

_LOOK_SECONDS = 0.2
_END_SECONDS = 5.0


def wait_for_a_build(index: Path) -> None:
    """Returns when another process has built an index in a folder."""
    while not current_name(index):
        time.sleep(_LOOK_SECONDS)


class Builder:
    """Builds the index once, or whenever the corpus changes where the settings say watch."""

    def __init__(self, settings: Settings) -> None:
        self._index = settings.index
        self._started = time.time()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "qa.build", "--background"),
                *(["--watch"] if settings.watch else []),
                *("--corpus", str(settings.corpus), "--index", str(settings.index)),
                *("--model", settings.model),
            ],
            stdin=subprocess.PIPE,  # its end tells the process that we have ended, however we did
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to deal with
        )

    def wait(self) -> None:
        """Returns when there is a build.

        Raises:
            PolicyError: the index could not be built, and nothing will build it again.
        """
        while True:
            ended = self._process.poll()
            state = read_state(self._index)
            if state and state.updated < self._started:
                state = None
            if ended == 0 or (state and state.state == "done" and current_name(self._index)):
                return
            other_builds = state and state.state == "building"
            if ended is not None and not other_builds:
                raise PolicyError(
                    self._index,
                    f"could not be built: {state.problem}" if state else "could not be built",
                    "correct that and start again",
                )
            time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Ends the process; what it was building is resumed by the next build."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
