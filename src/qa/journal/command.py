"""``python -m qa journal export | delete | stats``."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

from qa.config import Settings
from qa.errors import JournalUnavailable
from qa.journal.journal import Journal
from qa.journal.records import Span
from qa.types import LANGUAGES


def add_command(commands: argparse._SubParsersAction[Any], settings: Settings) -> None:
    """Adds ``qa journal`` to the command line."""
    parser = commands.add_parser("journal", help="what was asked: export, delete, count")
    parser.add_argument(
        "--journal",
        type=Path,
        default=settings.journal,
        metavar="FILE",
        help="default: QA_JOURNAL, else %(default)s",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write questions, calls and work orders to Excel")
    export.add_argument("file", type=Path, help="the .xlsx file to write")
    export.add_argument("--language", choices=LANGUAGES, default="zh", help="of the headings")
    _days(export)
    export.set_defaults(run=_export)
    delete = actions.add_parser("delete", help="delete for good, with calls and work orders")
    delete.add_argument("--id", action="append", default=[], help="a question; may be repeated")
    delete.add_argument("--all", action="store_true", help="everything")
    _days(delete)
    delete.set_defaults(run=_delete, parser=delete)
    stats = actions.add_parser("stats", help="count questions, outcomes and ratings")
    _days(stats)
    stats.set_defaults(run=_stats)


def _days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="YYYY-MM-DD")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="YYYY-MM-DD")


def _opened(options: argparse.Namespace) -> Journal:
    """The journal; it must exist, or the answer would be about an empty one."""
    path: Path = options.journal
    if not path.is_file():
        raise JournalUnavailable(
            path, "does not exist", "name the file with --journal or QA_JOURNAL"
        )
    return Journal(path, Settings.from_environment().retention_days)


def _span(options: argparse.Namespace) -> Span:
    return Span(options.first, options.last)


def _export(options: argparse.Namespace) -> int:
    journal = _opened(options)
    data = journal.workbook(_span(options), options.language)
    beside = options.file.with_name(f".{options.file.name}.part")
    try:
        beside.write_bytes(data)
        beside.replace(options.file)
    except OSError as error:
        raise JournalUnavailable(
            options.file, f"cannot be written ({error.strerror})", "choose another file"
        ) from error
    print(options.file)
    return 0


def _delete(options: argparse.Namespace) -> int:
    ranged = options.first or options.last
    if sum(map(bool, (options.id, options.all, ranged))) != 1:
        options.parser.error("say what to delete: --id, or --from and --to, or --all")
    journal = _opened(options)
    if options.all:
        count = journal.delete_all()
    else:
        count = journal.delete(options.id, _span(options) if ranged else None)
    print(f"{count} questions deleted")
    return 0 if count or not options.id else _none(options)


def _none(options: argparse.Namespace) -> int:
    print(f"qa: {options.journal} has no such question", file=sys.stderr)
    return 1


def _stats(options: argparse.Namespace) -> int:
    from qa.journal.statistics import Selection

    found = _opened(options).statistics(Selection(_span(options)))
    print(f"questions\t{found.questions}")
    for name, counts in (
        ("outcome", found.outcomes),
        ("language", found.languages),
        ("face", found.faces),
        ("thumb", found.thumbs),
        ("reason", found.reasons),
    ):
        for value, count in counts.items():
            print(f"{name}\t{value}\t{count}")
    return 0
