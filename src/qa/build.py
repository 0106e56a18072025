"""The command that builds an index, once or whenever the corpus changes, and goes back to the one
before: ``python build_index.py``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

from tqdm import tqdm

from qa.builds import current_name, roll_back, write_in_one_step
from qa.config import Settings
from qa.corpus import corpus_digest
from qa.encoder import Encoder, load_encoder
from qa.errors import PolicyError
from qa.index import Manifest
from qa.indexing import build_index
from qa.messages import terminal_language
from qa.packs.install import mend
from qa.progress import BuildReport
from qa.receipt import Receipt

RECEIPT = "receipt.json"
"""The file of a build that says what became of every file of the corpus."""

_STAGES = {
    "read": ("looking at the corpus", "files"),
    "terms": ("reading and analysing", "documents"),
    "vectors": ("embedding passages", "passages"),
    "index": ("writing the index", "parts"),
    "done": ("done", "index"),
}
"""What the stages are called, and what is counted in them."""


class ProgressBar:
    """A bar on standard error, one a stage of the build, with its rate and the time left."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        bar = self._bar
        if bar is None or stage != self._stage or total != bar.total:
            self.close()
            self._stage = stage
            name, unit = _STAGES.get(stage, (stage, ""))
            bar = self._bar = tqdm(total=total, desc=f"{name:24}", unit=f" {unit}", file=sys.stderr)
        bar.update(done - bar.n)

    def close(self) -> None:
        """Ends the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def build(
    corpus: Path, index: Path, encoder: Encoder, *, quiet: bool = False, receipt: Path | None = None
) -> Manifest:
    """Builds an index, and tells how far it is: on standard error, where not ``quiet``, and in
    the folder of the index, for those who serve from it.

    Args:
        receipt: a file into which the receipt is written as JSON.

    Raises:
        PolicyError: see ``build_index``.
    """
    bar = ProgressBar()
    with BuildReport(index) as state:

        def report(stage: str, done: int, total: int) -> None:
            state(stage, done, total)
            if not quiet:
                bar(stage, done, total)

        try:
            built = build_index(corpus, index, encoder, report)
        finally:
            bar.close()
    tell_receipt(index, receipt)
    return built.manifest


def tell_receipt(index: Path, file: Path | None) -> None:
    """Says on standard error what became of the files that the build in use was made from, and
    writes it into ``file`` as JSON where one is named.

    Raises:
        PolicyError: the build has no receipt, or the file cannot be written.
    """
    source = index / current_name(index) / RECEIPT
    if source.is_file():
        text = source.read_text(encoding="utf-8")
        print(Receipt.from_json(json.loads(text)).page(terminal_language()), file=sys.stderr)
        if file:
            try:
                write_in_one_step(file, text)
            except OSError as error:
                raise PolicyError(
                    file,
                    f"cannot be written ({error.strerror or error}); the index is built",
                    "name another file with --receipt",
                ) from error
    elif file:
        raise PolicyError(index, "has a build without a receipt", "build it anew")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    try:
        options = _parser(Settings.from_environment()).parse_args(arguments)
        if options.background:
            _in_the_background()
        mend(options.index, options.corpus)
        if options.rollback:
            return _roll_back(options)
        if options.watch:
            return _watch(options)
        manifest = build(
            options.corpus,
            options.index,
            load_encoder(options.model),
            quiet=options.background and not sys.stderr.isatty(),
            receipt=options.receipt,
        )
    except PolicyError as error:
        if not options.background:  # who started it reads the state of the build
            print(f"build_index.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if not options.background:
            print("build_index.py: interrupted; the old index is still in use", file=sys.stderr)
        return 130
    if not options.background:
        print(f"{options.index}: {_summary(manifest)}")
    return 0


def _summary(manifest: Manifest) -> str:
    return (
        f"{manifest.documents} documents, {manifest.clauses} clauses, {manifest.passages} passages"
    )


def _roll_back(options: argparse.Namespace) -> int:
    name = roll_back(options.index, corpus_digest(options.corpus))
    manifest = json.loads((options.index / name / "manifest.json").read_text(encoding="utf-8"))
    print(
        f"{options.index}: back to build {name} with {manifest['documents']} documents and "
        f"{manifest['clauses']} clauses, until the corpus changes; --rollback again undoes it"
    )
    return 0


def _watch(options: argparse.Namespace) -> int:
    from qa.watch import watch

    logging.basicConfig(format="build_index.py: %(message)s")
    if not options.background:
        print(f"build_index.py: watching {options.corpus}; Ctrl-C ends it", file=sys.stderr)
    try:
        watch(options.corpus, options.index, options.model, Event(), _Rebuild(options))
    except KeyboardInterrupt:
        if not options.background:
            print("build_index.py: stopped", file=sys.stderr)
    return 0


class _Rebuild:
    """Builds again for a watch, with the encoder of the first time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._encoder: Encoder | None = None

    def __call__(self) -> None:
        options = self._options
        self._encoder = self._encoder or load_encoder(options.model)
        manifest = build(
            options.corpus,
            options.index,
            self._encoder,
            quiet=not sys.stderr.isatty(),
            receipt=options.receipt,
        )
        print(f"{options.index}: {_summary(manifest)}", file=sys.stderr)


def _in_the_background() -> None:
    """Yields to whoever answers questions, and ends with the process that holds our input."""
    with suppress(AttributeError, OSError):  # where the system has no such priorities
        os.nice(10)

    def end_with_parent() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not through sys.stdin, whose lock outlives us
            pass
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=end_with_parent, name="parent", daemon=True).start()


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_index.py", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=settings.corpus, metavar="DIR")
    parser.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    parser.add_argument("--model", default=settings.model, metavar="NAME_OR_PATH")
    parser.add_argument(
        "--receipt", type=Path, metavar="FILE", help="write what became of each file, as JSON"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--watch", action="store_true", help="go on, and build again whenever the corpus changes"
    )
    what.add_argument(
        "--rollback", action="store_true", help="put the build before the one in use into use"
    )
    parser.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
