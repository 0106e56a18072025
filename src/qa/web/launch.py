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
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from threading import Thread, Timer
from typing import TYPE_CHECKING

from qa.config import Settings
from qa.errors import IndexUnusable, PolicyError
from qa.operations.flags import add_flags, settings_of
from qa.operations.logs import start_logging

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from qa.encoder import Encoder
    from qa.index import Index
    from qa.live import LiveAssistant
    from qa.operations.entrance import State
    from qa.types import Language
    from qa.web.builder import Builder
    from qa.web.chat import Chat

_FIRST: tuple[Language, ...] = ("zh", "en")
_LATER: Language = "ko"
"""Korean morphemes take two seconds to load, in which nothing else runs: after the page is open,
or when it is opened in Korean."""

_LATER_SECONDS = 4.0

_WITHOUT_FOLDER = ("-P",)
"""No module of the folder that the program is started in is taken for one of ours."""

_OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chat until it is interrupted, and returns the exit code."""
    os.environ.update(_OFFLINE)
    try:
        given = _parser().parse_args(arguments)
        settings = settings_of(vars(given))
        start_logging(settings.log_format, settings.log_level)
        _end_in_order()
        if given.listener is not None:  # a worker
            with socket.socket(fileno=given.listener) as listener:
                _serve(settings, listener, _Duty.ANSWER)
            return 0
        with _listen(settings.host, settings.port) as listener:
            if settings.workers > 1:
                _supervise(settings, sys.argv[1:] if arguments is None else arguments, listener)
            else:
                _serve(settings, listener, _Duty.ALL)
    except PolicyError as error:
        print("app.py:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("app.py: stopped", file=sys.stderr)
    return 0


class _Duty(Enum):
    """What a process does: all, or as a worker nothing but answer."""

    ALL = "all"
    ANSWER = "answer"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Opens the chat in which policies answer questions.",
        epilog="Each flag is also a variable of the environment: --host is QA_HOST.",
    )
    add_flags(parser)
    parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)
    return parser


def _end_in_order() -> None:
    """Has SIGTERM, by which services are ended, do what Ctrl-C does: what is queued is stored."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _supervise(settings: Settings, arguments: Sequence[str], listener: socket.socket) -> None:
    """Has several processes answer, and builds for them.

    Raises:
        PolicyError: the first index could not be built, or the workers do not start.
    """
    from qa.operations.supervisor import Supervisor

    if os.name != "posix":
        raise PolicyError("--workers", "takes Linux or macOS", "leave it at 1")
    keeper = _Keeper(settings)
    command = [sys.executable, *_WITHOUT_FOLDER, "-m", "qa.web.launch", *arguments, "--listener"]
    supervisor = Supervisor(command, listener.fileno(), settings.workers, settings.stop_seconds)
    print(_address(listener), flush=True)
    print("app.py: the chat is open at the address above; Ctrl-C ends it", file=sys.stderr)
    try:
        keeper.start()
        supervisor.run()
    finally:
        keeper.close()


class _Keeper:
    """Keeps the index of workers up: builds the first, and again where the corpus has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._builder: Builder | None = None

    def start(self) -> None:
        """Builds what has to be built, beside the workers."""
        from qa.builds import current_name
        from qa.web.builder import Builder

        if self._settings.watch or not current_name(self._settings.index):
            if not current_name(self._settings.index):
                _check_corpus_folder(self._settings)
            self._builder = Builder(self._settings)
            return
        later = Timer(_LATER_SECONDS, self._look)
        later.daemon = True
        later.start()

    def _look(self) -> None:
        from qa.index import open_index
        from qa.web.builder import Builder

        try:
            stale = _is_stale(open_index(self._settings.index), self._settings)
        except PolicyError as error:
            print(f"app.py: {error.where} {error.what}: building the index", file=sys.stderr)
            stale = True
        if stale:
            self._builder = Builder(self._settings)

    def close(self) -> None:
        """Ends the process that builds."""
        if self._builder:
            self._builder.close()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything slow is done.

    Raises:
        PolicyError: the port is in use, or this machine has no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
        # What it accepts inherits it. asyncio sets it only for sockets that name their protocol, and
        # without it each reply waits for an acknowledgement: 44 ms in place of 2.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        raise PolicyError(
            f"{host}:{port}",
            f"cannot be listened on ({getattr(error, 'strerror', None) or error})",
            "end the program that uses it, or choose another with --port or --host",
        ) from error


def _serve(settings: Settings, listener: socket.socket, duty: _Duty) -> None:
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
    site = _Site(settings, duty)
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

    _check_corpus_folder(settings)
    return load_encoder(settings.model)


def _check_corpus_folder(settings: Settings) -> None:
    from qa.readers import refusal

    if not settings.corpus.is_dir():
        raise refusal(settings.corpus, "no_folder")


def _is_stale(index: Index, settings: Settings) -> bool:
    """Whether the corpus has changed since an index was built of it; says so."""
    from qa.index import check_corpus

    try:
        check_corpus(index, settings.corpus)
    except IndexUnusable as error:
        print(f"app.py: {error.where} {error.what}: building it anew", file=sys.stderr)
        return True
    except PolicyError as error:  # an index may do without its corpus
        print(f"app.py: {error}; the index is used as it is", file=sys.stderr)
    return False


class _Site:
    """What is served, and the process that builds for it."""

    def __init__(self, settings: Settings, duty: _Duty) -> None:
        from qa.operations.entrance import Entrance
        from qa.web.front import Front

        self._settings, self._duty = settings, duty
        self._front = Front(settings.index)
        self._entrance = Entrance(self._front, settings, self._state)
        self._live: LiveAssistant | None = None
        self._chat: Chat | None = None
        self._builder: Builder | None = None
        self._server: uvicorn.Server | None = None
        self._failure: PolicyError | None = None

    def open(self, live: LiveAssistant, chat: Chat) -> None:
        """Lets the chat answer, and follow its index from now on."""
        from qa.web.page import application

        app = application(chat, self._settings)
        if chat.journal:
            chat.journal.follow(self._entrance.metrics.answer)
        self._live, self._chat = live, chat
        self._front.hand_over(app, live)
        gc.freeze()
        gc.enable()
        live.start()
        later = Timer(_LATER_SECONDS, self._later, [live, chat, app])
        later.daemon = True
        later.start()

    def open_when_built(self, encoder: Encoder) -> None:
        """Opens the chat on the first index; has it built, if that is the duty of this process."""
        from qa.web.builder import Builder, wait_for_a_build

        try:
            if self._duty is _Duty.ALL:
                self._builder = Builder(self._settings)
            import qa.web.page  # noqa: F401 -- loaded while the index is built

            if self._builder:
                self._builder.wait()
            else:
                wait_for_a_build(self._settings.index)
            self.open(*_chat(self._settings, lambda _: encoder))
        except PolicyError as error:
            self._failure = error
            if self._server:
                self._server.should_exit = True

    def _later(self, live: LiveAssistant, chat: Chat, app: FastAPI) -> None:
        """What can wait until the first question has been answered."""
        from qa.web.builder import Builder

        chat.examples(_LATER)
        self._entrance.load()
        for late in app.state.late:
            late.load()
        if self._duty is _Duty.ALL and self._builder is None:
            watched = self._settings.watch
            if watched or _is_stale(live.current.index, self._settings):
                self._builder = Builder(self._settings)

    def _state(self) -> State:
        from qa.operations.entrance import State

        if self._live is None:
            return State()
        index, problem = self._live.current.index, self._live.problem
        journal = self._chat.journal if self._chat else None
        return State(
            build=index.folder.name,
            built=index.folder.stat().st_mtime if index.folder.is_dir() else 0.0,
            problem=str(problem or ""),
            lost=journal.lost if journal else 0,
        )

    def serve(self, listener: socket.socket) -> None:
        """Serves until it is interrupted.

        Raises:
            PolicyError: the first index could not be built.
        """
        import uvicorn

        entrance, settings = self._entrance, self._settings

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                entrance.end()
                for server in self.servers:
                    server.close()  # what comes now goes to another process, or is refused
                await entrance.finished(settings.stop_seconds, lambda: self.force_exit)
                # Pages that are still open are cut off, which is no error.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                await super().shutdown(sockets)

        config = uvicorn.Config(
            entrance,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            root_path=settings.root_path,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies or None,
            timeout_graceful_shutdown=1,  # every open page keeps a connection
        )
        self._server = Server(config)
        if self._duty is _Duty.ALL:
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


if __name__ == "__main__":
    sys.exit(main())
