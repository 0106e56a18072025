"""The command line: ``python -m qa ask | clauses | evaluate``.

Exit codes: 0 done; 1 something is wrong with the files (the message says what to do); 2 the
command itself is wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa.config import Settings
from qa.errors import IndexStale, PolicyError

if TYPE_CHECKING:
    from qa.assistant import Assistant


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # whatever the locale, questions are UTF-8
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        options = _parser(Settings.from_environment()).parse_args(arguments)
        return int(options.run(options))
    except PolicyError as error:
        print(f"qa: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has gone (| head): nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qa", description="Questions about policies, answered by quotation."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    ask = commands.add_parser("ask", help="answer questions")
    ask.add_argument(
        "questions",
        nargs="*",
        metavar="QUESTION",
        help="without one: a question a line on standard input",
    )
    ask.add_argument("--json", action="store_true", help="one JSON object a question")
    _index_options(ask, settings)
    ask.set_defaults(run=_ask)
    clauses = commands.add_parser("clauses", help="show how a document is split into clauses")
    clauses.add_argument("file", type=Path)
    clauses.add_argument("--json", action="store_true", help="one JSON object a clause")
    clauses.set_defaults(run=_clauses)
    evaluate = commands.add_parser("evaluate", help="score a file of questions with known answers")
    evaluate.add_argument(
        "file", type=Path, help='lines of {"question": …, "clauses": [number, …]}'
    )
    evaluate.add_argument("--split", default="", help="score only the questions of this split")
    _index_options(evaluate, settings)
    evaluate.set_defaults(run=_evaluate)
    from qa import access
    from qa.journal import command as journal
    from qa.packs import command as packs

    access.add_command(commands, settings)
    journal.add_command(commands, settings)
    packs.add_command(commands, settings)
    return parser


def _index_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    parser.add_argument(
        "--model",
        default=os.environ.get("QA_MODEL", ""),
        metavar="NAME_OR_PATH",
        help="the model that built the index, where it has moved",
    )


def _ask(options: argparse.Namespace) -> int:
    from qa import render
    from qa.assistant import Assistant
    from qa.encoder import load_encoder

    assistant = Assistant.open(options.index, load_encoder, options.model)
    _tell_if_stale(assistant, options.index)
    known = {document.id for document in assistant.index.documents}
    for question, documents in _questions(options.questions, known):
        answer = assistant.ask(question, documents=documents)
        if options.json:
            _print_json(render.record(answer))
        else:
            print(render.text(answer, assistant.index), flush=True)
    return 0


def _tell_if_stale(assistant: Assistant, index: Path) -> None:
    """Says that the corpus has changed, where the index is the one of the configured corpus."""
    from qa.index import check_corpus

    settings = Settings.from_environment()
    if index == settings.index and settings.corpus.is_dir():
        try:
            check_corpus(assistant.index, settings.corpus)
        except IndexStale as error:
            print(f"qa: {error}", file=sys.stderr)


def _questions(
    arguments: Sequence[str], known: set[str]
) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Questions from the arguments, else from standard input, with the documents to search in."""
    lines = arguments or (line.rstrip("\r\n") for line in sys.stdin)
    for line in lines:
        record = _record(line)
        if record is None:
            yield line, None
            continue
        documents = record.get("documents")
        if documents is not None:
            for unknown in sorted(set(documents) - known):
                print(f"qa: the index has no document {unknown!r}", file=sys.stderr)
            documents = frozenset(documents)
        yield record["question"], documents


def _record(line: str) -> dict[str, Any] | None:
    """The object of a line that is one with a question; any other line is itself the question."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    question, documents = record.get("question"), record.get("documents")
    if isinstance(documents, str):
        documents = record["documents"] = [documents]
    if not isinstance(question, str):
        return None
    listed = isinstance(documents, list) and all(isinstance(name, str) for name in documents)
    return record if documents is None or listed else {"question": question}


def _clauses(options: argparse.Namespace) -> int:
    from qa import render
    from qa.clauses import split
    from qa.corpus import read_document

    for clause in split(read_document(options.file)[0]):
        if options.json:
            _print_json(render.clause_record(clause))
        else:
            departments = "、".join(clause.departments) or "-"
            print(f"{' / '.join((*clause.path, clause.number))}  {clause.title}\n    {departments}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from qa.assistant import Assistant
    from qa.encoder import load_encoder
    from qa.evaluation import evaluate, read_questions

    assistant = Assistant.open(options.index, load_encoder, options.model)
    for line in evaluate(assistant, read_questions(options.file, options.split)).lines():
        print(line)
    return 0


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
