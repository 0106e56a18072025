"""The command line: ``python -m qa ask | check | changes | clauses | evaluate | …``.

Exit codes: 0 done; 1 something is wrong with the files (the message says what to do); 2 the
command itself is wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa.config import Settings
from qa.errors import CorpusError, IndexStale, PolicyError
from qa.types import LANGUAGES

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from qa.scope import Scope
    from qa.types import Document


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
    _scope_options(ask)
    _index_options(ask, settings)
    ask.set_defaults(run=_ask)
    check = commands.add_parser("check", help="compare a quotation with the policies")
    check.add_argument(
        "texts", nargs="*", metavar="TEXT", help="without one: all of standard input"
    )
    check.add_argument("--json", action="store_true", help="one JSON object a sentence")
    check.add_argument("--on", type=_day, metavar="DAY", help="the status of the sources that day")
    _language_option(check)
    _index_options(check, settings)
    check.set_defaults(run=_check)
    changes = commands.add_parser("changes", help="show what changed between two versions")
    changes.add_argument("old", metavar="OLD", help="a file, or the id of a document of the index")
    changes.add_argument("new", metavar="NEW", help="the same")
    changes.add_argument("--json", action="store_true", help="one JSON object a clause")
    changes.add_argument("--index", type=Path, default=settings.index, metavar="DIR")
    _language_option(changes)
    changes.set_defaults(run=_changes)
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
    from qa.api import command as tools
    from qa.journal import command as journal
    from qa.operations import command as operations
    from qa.packs import command as packs

    access.add_command(commands, settings)
    journal.add_command(commands, settings)
    packs.add_command(commands, settings)
    operations.add_commands(commands, settings)
    tools.add_command(commands, settings)
    return parser


def _scope_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("search in some policies only")
    group.add_argument(
        "--document", action="append", metavar="ID", help="this policy (may be given again)"
    )
    group.add_argument("--issuer", default="", metavar="NAME", help="a part of the issuer's name")
    group.add_argument("--region", default="", metavar="PLACE", help="that hold in this place")
    group.add_argument("--since", type=_day, metavar="DAY", help="issued on this day or later")
    group.add_argument("--until", type=_day, metavar="DAY", help="issued on this day or earlier")
    group.add_argument("--on", type=_day, metavar="DAY", help="known to be in force on this day")
    group.add_argument("--department", default="", metavar="NAME", help="clauses that name it")


def _language_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language", choices=LANGUAGES, help="of the report; else that of the text"
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2020-03-05") from error


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
    limits = _Limits(options, assistant)
    several = len(options.questions) != 1
    for question, scope, day in limits.of(_records(options.questions)):
        answer = assistant.ask(question, scope=scope, today=day)
        if options.json:
            _print_json(render.record(answer))
            continue
        if several:
            print(f"\n? {question}")
        print(render.text(answer, assistant.index), flush=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    from qa import reports
    from qa.assistant import Assistant
    from qa.encoder import load_encoder
    from qa.messages import message
    from qa.quotes import QuoteChecker
    from qa.text import detect_language

    assistant = Assistant.open(options.index, load_encoder, options.model)
    _tell_if_stale(assistant, options.index)
    checker = QuoteChecker(assistant.index, assistant.catalogue)
    for text in options.texts or [sys.stdin.read()]:
        language = options.language or detect_language(text)
        findings = checker.check(text, options.on)
        for finding in findings:
            if options.json:
                _print_json(reports.finding_record(finding))
            else:
                print("\n".join(reports.finding_lines(finding, language)), flush=True)
        if not findings and not options.json:
            print(message(language, "quote.nothing"))
    return 0


def _changes(options: argparse.Namespace) -> int:
    from qa import reports
    from qa.changes import compare
    from qa.passages import all_clauses

    old, new = (_version(name, options.index) for name in (options.old, options.new))
    changes = compare(all_clauses(old), all_clauses(new))
    if options.json:
        for change in changes:
            _print_json(reports.change_record(change))
    else:
        print("\n".join(reports.change_lines(changes, options.language or new.language)))
    return 0


def _version(name: str, index: Path) -> Document:
    """The document of a file, or else of that id in the index."""
    from qa.corpus import read_document
    from qa.index import open_index

    if Path(name).is_file():
        return read_document(Path(name))[0]
    found = next((d for d in open_index(index).documents if d.id == name), None)
    if found is None:
        raise CorpusError(
            name, "is no file and no document of the index", "give the path of a file, or an id"
        )
    return found


def _tell_if_stale(assistant: Assistant, index: Path) -> None:
    """Says that the corpus has changed, where the index is the one of the configured corpus."""
    from qa.index import check_corpus

    settings = Settings.from_environment()
    if index == settings.index and settings.corpus.is_dir():
        try:
            check_corpus(assistant.index, settings.corpus)
        except IndexStale as error:
            print(f"qa: {error}", file=sys.stderr)


def _records(arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Questions from the arguments, else from standard input: objects with ``question``."""
    lines = arguments or (line.rstrip("\r\n") for line in sys.stdin)
    for line in lines:
        yield _record(line) or {"question": line}


class _Limits:
    """What limits each question: the options of the command, and what its own line says."""

    def __init__(self, options: argparse.Namespace, assistant: Assistant) -> None:
        self._options, self._catalogue = options, assistant.catalogue

    def of(self, records: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Scope, date | None]]:
        """Each question with its scope, and the day on which policies have to hold."""
        from qa.scope import Scope

        for record in records:
            try:
                yield record["question"], *self._limits(record)
            except ValueError as error:  # what is not understood must not widen the search
                print(f"qa: {error}", file=sys.stderr)
                yield record["question"], Scope(frozenset()), None

    def _limits(self, record: dict[str, Any]) -> tuple[Scope, date | None]:
        from qa.scope import Scope

        options = self._options
        values = {}
        for name in ("issuer", "region", "since", "until", "on", "department"):
            value = record.get(name)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{name} is {value!r}: write a text")
            values[name] = str(value or getattr(options, name) or "")
        on = values.pop("on")
        day = date.fromisoformat(on) if on else None
        documents = self._documents(record.get("documents", options.document))
        return Scope(documents, in_force_on=on, **values), day

    def _documents(self, names: list[str] | None) -> frozenset[str] | None:
        if names is None:
            return None
        for name in sorted(set(names)):
            if self._catalogue.position(name) < 0:
                print(f"qa: the index has no document {name!r}", file=sys.stderr)
        return frozenset(names)


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
