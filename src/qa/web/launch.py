"""The command that opens the chat: arguments, an index that is ready, a server."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from qa.config import Settings
from qa.errors import IndexUnusable, PolicyError

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from qa.types import Language
    from qa.web.chat import Chat

_FIRST: tuple[Language, ...] = ("zh", "en")
_LATER: Language = "ko"
"""Korean morphemes take two seconds to load, in which nothing else runs: after the page is open,
or when it is opened in Korean."""

_LATER_SECONDS = 4.0

_OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chat until it is interrupted, and returns the exit code."""
    os.environ.update(_OFFLINE)
    try:
        settings = _settings(arguments)
        with _listen(settings.host, settings.port) as listener:
            _serve(settings, listener)
    except PolicyError as error:
        print("app.py:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("app.py: stopped", file=sys.stderr)
    return 0


def _settings(arguments: Sequence[str] | None) -> Settings:
    default = Settings.from_environment()
    parser = argparse.ArgumentParser(
        prog="app.py", description="Opens the chat in which policies answer questions."
    )
    parser.add_argument("--corpus", type=Path, default=default.corpus, metavar="DIR")
    parser.add_argument("--index", type=Path, default=default.index, metavar="DIR")
    parser.add_argument("--model", default=default.model, metavar="NAME_OR_PATH")
    parser.add_argument("--host", default=default.host)
    parser.add_argument("--port", type=int, default=default.port, help="0: any that is free")
    return default.model_copy(update=vars(parser.parse_args(arguments)))


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything slow is done.

    Raises:
        PolicyError: the port is in use, or this machine has no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise PolicyError(
            f"{host}:{port}",
            f"cannot be listened on ({getattr(error, 'strerror', None) or error})",
            "end the program that uses it, or choose another with --port or --host",
        ) from error


def _serve(settings: Settings, listener: socket.socket) -> None:
    # What start-up makes, stays: looking through it for garbage takes a tenth of the time.
    gc.disable()
    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(_open, settings)  # while the libraries of the page are loaded
        import uvicorn

        from qa.web.page import application

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                # Pages that are still open are cut off, which is no error.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                await super().shutdown(sockets)

        chat = opening.result() or _build(settings)
    gc.freeze()
    gc.enable()
    config = uvicorn.Config(
        application(chat),
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,  # every open page keeps a connection
    )
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    later = Timer(_LATER_SECONDS, chat.examples, [_LATER])
    later.daemon = True
    later.start()
    print(f"http://{shown}:{port}", flush=True)
    print("app.py: the chat is open at the address above; Ctrl-C ends it", file=sys.stderr)
    Server(config).run(sockets=[listener])


def _open(settings: Settings) -> Chat | None:
    """The chat on the index that there is; None where that has to be built."""
    from qa.assistant import Assistant
    from qa.encoder import load_encoder
    from qa.index import check_corpus

    try:
        assistant = Assistant.open(settings.index, load_encoder, settings.model)
        check_corpus(assistant.index, settings.corpus)
    except IndexUnusable as error:
        print(f"app.py: {error.where} {error.what}: building the index", file=sys.stderr)
        return None
    return _warm(assistant)


def _build(settings: Settings) -> Chat:
    from qa.assistant import Assistant
    from qa.build import build
    from qa.encoder import load_encoder

    build(settings.corpus, settings.index, settings.model)
    return _warm(Assistant.open(settings.index, load_encoder, settings.model))


def _warm(assistant: Assistant) -> Chat:
    """The chat, once the examples of the first languages have been tried: that loads their parts."""
    from qa.web.chat import Chat

    chat = Chat(assistant)
    for language in _FIRST:
        chat.examples(language)
    return chat
