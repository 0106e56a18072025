"""The command that opens the chat: arguments, an index that answers and is kept up, a server.

    an index that can be opened ──▶ the chat; where the corpus has changed, a build beside it
    none                        ──▶ a page that shows how far the first build is ──▶ the chat

Builds run in a process of their own and of low priority; a new index is put in place of the one in
use without a question being dropped (``live.py``).
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING

from qa.config import Settings
from qa.errors import IndexUnusable, PolicyError

if TYPE_CHECKING:
    import uvicorn

    from qa.encoder import Encoder
    from qa.live import LiveAssistant
    from qa.types import Language
    from qa.web.builder import Builder
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
    parser.add_argument(
        "--watch",
        action=argparse.BooleanOptionalAction,
        default=default.watch,
        help="build again whenever the corpus changes",
    )
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
    from qa.builds import current_name

    # What start-up makes, stays: looking through it for garbage takes a tenth of the time.
    gc.disable()
    opened = None
    if current_name(settings.index):
        with ThreadPoolExecutor(1) as beside:
            opening = beside.submit(_open, settings)  # while the libraries of the page are loaded
            import uvicorn  # noqa: F401

            import qa.web.page  # noqa: F401

            opened = opening.result()
    encoder = None if opened else _encoder_for_a_build(settings)
    site = _Site(settings)
    try:
        if opened:
            site.open(*opened)
        else:
            Thread(target=site.open_when_built, args=[encoder], daemon=True).start()
        site.serve(listener)
    finally:
        site.close()


def _open(settings: Settings) -> tuple[LiveAssistant, Chat] | None:
    """The chat on the index that there is; None where that cannot be used."""
    from qa.encoder import load_encoder

    try:
        return _chat(settings, load_encoder)
    except IndexUnusable as error:
        print(f"app.py: {error.where} {error.what}: building the index", file=sys.stderr)
        return None


def _chat(settings: Settings, load_encoder: Callable[[str], Encoder]) -> tuple[LiveAssistant, Chat]:
    """The chat, once the examples of the first languages have been tried: that loads their parts."""
    from qa.live import LiveAssistant
    from qa.web.chat import Chat

    live = LiveAssistant(settings.index, load_encoder, settings.model)
    chat = Chat(live.current)
    for language in _FIRST:
        chat.examples(language)
    live.follow(chat.replace)
    return live, chat


def _encoder_for_a_build(settings: Settings) -> Encoder:
    """The encoder, and the certainty that there is a corpus, before a page says that it builds."""
    from qa.encoder import load_encoder
    from qa.readers import refusal

    if not settings.corpus.is_dir():
        raise refusal(settings.corpus, "no_folder")
    return load_encoder(settings.model)


class _Site:
    """What is served, and the process that builds for it."""

    def __init__(self, settings: Settings) -> None:
        from qa.web.front import Front

        self._settings = settings
        self._front = Front(settings.index)
        self._builder: Builder | None = None
        self._server: uvicorn.Server | None = None
        self._failure: PolicyError | None = None

    def open(self, live: LiveAssistant, chat: Chat) -> None:
        """Lets the chat answer, and follow its index from now on."""
        from qa.web.page import application

        self._front.hand_over(application(chat, self._settings), live)
        gc.freeze()
        gc.enable()
        live.start()
        later = Timer(_LATER_SECONDS, self._later, [live, chat])
        later.daemon = True
        later.start()

    def open_when_built(self, encoder: Encoder) -> None:
        """Has the first index built, and opens the chat on it."""
        from qa.web.builder import Builder

        try:
            self._builder = Builder(self._settings)
            import qa.web.page  # noqa: F401 -- loaded while the index is built

            self._builder.wait()
            self.open(*_chat(self._settings, lambda _: encoder))
        except PolicyError as error:
            self._failure = error
            if self._server:
                self._server.should_exit = True

    def _later(self, live: LiveAssistant, chat: Chat) -> None:
        """What can wait until the first question has been answered."""
        from qa.web.builder import Builder

        chat.examples(_LATER)
        if self._builder is None and (self._settings.watch or self._is_stale(live)):
            self._builder = Builder(self._settings)

    def _is_stale(self, live: LiveAssistant) -> bool:
        from qa.index import check_corpus

        try:
            check_corpus(live.current.index, self._settings.corpus)
        except IndexUnusable as error:
            print(f"app.py: {error.where} {error.what}: building it anew", file=sys.stderr)
            return True
        except PolicyError as error:  # an index may do without its corpus
            print(f"app.py: {error}; the index is used as it is", file=sys.stderr)
        return False

    def serve(self, listener: socket.socket) -> None:
        """Serves until it is interrupted.

        Raises:
            PolicyError: the first index could not be built.
        """
        import uvicorn

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                # Pages that are still open are cut off, which is no error.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                await super().shutdown(sockets)

        config = uvicorn.Config(
            self._front,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,  # every open page keeps a connection
        )
        self._server = Server(config)
        print(_address(listener), flush=True)
        print("app.py: the chat is open at the address above; Ctrl-C ends it", file=sys.stderr)
        self._server.should_exit = self._failure is not None
        self._server.run(sockets=[listener])
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """Ends the process that builds."""
        if self._builder:
            self._builder.close()


def _address(listener: socket.socket) -> str:
    """The address at which a browser on this machine reaches what listens."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
