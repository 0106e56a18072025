"""The command that builds an index, with a progress bar and a report of what was left out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from qa.config import Settings
from qa.encoder import SentenceTransformerEncoder
from qa.errors import PolicyError
from qa.index import Manifest
from qa.indexing import build_index

_STAGES = {
    "read": "reading the corpus",
    "clauses": "splitting into clauses",
    "terms": "indexing terms",
    "vectors": "embedding passages",
    "done": "done",
}


class ProgressBar:
    """A bar on standard error, one a stage of the build."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        bar = self._bar
        if bar is None or stage != self._stage or total != bar.total:
            self.close()
            self._stage = stage
            bar = self._bar = tqdm(total=total, desc=f"{_STAGES[stage]:24}", file=sys.stderr)
        bar.update(done - bar.n)

    def close(self) -> None:
        """Ends the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def build(corpus: Path, index: Path, model: str) -> Manifest:
    """Builds an index, shows progress and names the files left out, on standard error."""
    progress = ProgressBar()
    try:
        manifest, problems = build_index(corpus, index, SentenceTransformerEncoder(model), progress)
    finally:
        progress.close()
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    return manifest


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    try:
        options = _parser(Settings.from_environment()).parse_args(arguments)
        manifest = build(options.corpus, options.index, options.model)
    except PolicyError as error:
        print(f"build_index.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build_index.py: interrupted; the old index is still in use", file=sys.stderr)
        return 130
    print(
        f"{options.index}: {manifest.documents} documents, {manifest.clauses} clauses, "
        f"{manifest.passages} passages"
    )
    return 0


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_index.py", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=settings.corpus, metavar="DIR")
    parser.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    parser.add_argument("--model", default=settings.model, metavar="NAME_OR_PATH")
    return parser
