"""``python -m qa key`` and ``python -m qa config``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from qa.config import Settings
from qa.errors import AccessError


def add_commands(commands: argparse._SubParsersAction[Any], settings: Settings) -> None:
    """Adds both commands to the command line."""
    from pathlib import Path

    from qa.operations.flags import add_flags

    config = commands.add_parser("config", help="the settings in effect, and what is wrong in them")
    config.add_argument("--json", action="store_true", help="one JSON object")
    add_flags(config)
    config.set_defaults(run=_config)

    key = commands.add_parser("key", help="API keys of programs that ask")
    key.add_argument(
        "--file", type=Path, default=settings.api_keys, metavar="FILE", help="default: QA_API_KEYS"
    )
    actions = key.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a key; it is shown once")
    add.add_argument("name", help="who gets it")
    add.add_argument("--scope", action="append", choices=("ask", "metrics"), help="default: ask")
    add.add_argument("--days", type=int, default=0, help="valid for so long; default: for ever")
    add.add_argument(
        "--rate", default="", help="its own limit, such as 100/second; else the common"
    )
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", help="end a key, by number or name")
    remove.add_argument("key")
    remove.set_defaults(run=_remove)
    actions.add_parser("list", help="names, numbers and scopes").set_defaults(run=_list)


def _add(options: argparse.Namespace) -> int:
    from qa.operations.keys import Scope, new_key, read_keys, write_keys
    from qa.operations.limits import parse_rate

    try:
        parse_rate(options.rate)
    except ValueError as error:
        raise AccessError("--rate", f"is {options.rate!r}: {error}", "write 100/second") from error
    if options.days < 0:
        raise AccessError("--days", "is less than 0", "give the number of days")
    keys = read_keys(options.file)
    scopes = tuple(Scope(scope) for scope in dict.fromkeys(options.scope or ["ask"]))
    secret, kept = new_key(options.name, scopes, options.days, options.rate)
    write_keys(options.file, {**keys, kept.number: kept})
    print(
        f"{options.file}: {kept.name} ({', '.join(scopes)}). It is not shown again:",
        file=sys.stderr,
    )
    print(secret)
    return 0


def _remove(options: argparse.Namespace) -> int:
    from qa.operations.keys import read_keys, write_keys

    keys = read_keys(options.file)
    left = {n: key for n, key in keys.items() if options.key not in (n, key.name)}
    if len(left) == len(keys):
        raise AccessError(options.file, f"has no key {options.key!r}", "see: python -m qa key list")
    write_keys(options.file, left)
    return 0


def _list(options: argparse.Namespace) -> int:
    from qa.operations.keys import read_keys

    for key in read_keys(options.file).values():
        ended = " expired" if key.expires and key.expires <= time.time() else ""
        print(f"{key.number}\t{key.name}\t{', '.join(key.scopes)}\t{key.created}{ended}")
    return 0


def _config(options: argparse.Namespace) -> int:
    from qa.operations.check import check, effective
    from qa.operations.flags import settings_of

    given = vars(options)
    settings = settings_of(given)
    found, remarks = effective(settings, given), check(settings)
    if options.json:
        record = {
            "settings": {each.name: asdict(each) for each in found},
            "remarks": [asdict(remark) for remark in remarks],
        }
        print(json.dumps(record, ensure_ascii=False))
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            print(f"{each.name:{width}}  {each.value}  ({each.origin})")
        for remark in remarks:
            print(f"{'WRONG' if remark.grave else 'note '}  {remark.text}")
    return 1 if any(remark.grave for remark in remarks) else 0
