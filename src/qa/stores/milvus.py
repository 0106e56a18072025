"""Past one machine: vectors and terms in Milvus, searched there by the same calls.

A passage is one row of a collection:

    id         its position
    vector     its sentence vector (inner product)
    terms      row of the lexicon → saturated frequency, a sparse vector (inner product): the score
               of a question is the sum of weight · frequency, as in ``lexical.py``
    evidence   both again in one string (``_pack``): what the candidates of a question are weighed
               by comes in one answer and without a Python object for each number

A collection is never changed once it is complete. It is written under another name and renamed when
all of it can be searched; the manifest of a build names it, so that ``CURRENT`` alone says which
is in use. ``docs/scaling.md`` tells when and how to run it, decision 6 why it is so.
"""

from __future__ import annotations

import base64
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
import numpy as np
from numpy.typing import NDArray
from pymilvus import DataType, MilvusClient, MilvusException
from pymilvus.client.types import Status
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from qa.builds import write_in_one_step
from qa.errors import IndexDamaged, SettingsError, StoreUnavailable
from qa.stores import best_first, check_dimension

Positions = NDArray[np.int64]
Numbers = NDArray[np.float32]

# It writes a stack trace for each error that it raises as well.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

ANSWER_WITHIN = 10.0
"""Seconds for one call of a question, with the retries of the client (they back off)."""
_BUILD_WITHIN = 600.0
_BATCH = 1000
"""Passages in one insert: about 5 MB, where a server takes 64."""
_LIMIT = 16_384
"""Rows that a server gives in one answer."""
_EXACT_UP_TO = 50_000
"""Vectors up to which all are compared; above, a graph is searched (HNSW)."""
_GRAPH = {"M": 32, "efConstruction": 200}
_BEAM = 400
_LONGEST = 65_535
_NO_TERM = 2**31
"""A row that no lexicon has, for passages without any term: a sparse vector may not be empty."""
_RANGES = 64
_NOT_LOADED = 101

_PREFIX = "ENGINE"
"""The file of an index folder with the prefix of its collections."""
_UNFINISHED = "_unfinished"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine is: what ``pymilvus`` takes, and what may be written down.

    ``public`` has no password.
    """

    uri: str
    user: str
    password: str
    database: str
    public: str

    @classmethod
    def read(cls, store: str) -> Address:
        """``milvus+http://[user:password@]host:19530[/database]`` or ``milvus+file:PATH.db``.

        Raises:
            SettingsError: it is neither.
        """
        scheme, _, rest = store.partition("+")
        if scheme == "milvus" and rest.startswith("file:") and rest.endswith(".db"):
            path = Path(rest.removeprefix("file:")).expanduser()
            return cls(str(path), "", "", "", f"milvus+file:{path}")
        parts = urlsplit(rest)
        if scheme != "milvus" or parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(
                "QA_STORE",
                f"is {_without_password(store)!r}",
                "give milvus+http://host:19530, milvus+https://… or milvus+file:PATH.db; "
                "or unset it to keep vectors and terms in the index folder",
            )
        host = parts.netloc.rpartition("@")[2]
        uri = urlunsplit((parts.scheme, host, "", "", ""))
        database = parts.path.strip("/")
        public = f"milvus+{uri}/{database}".rstrip("/")
        return cls(uri, parts.username or "", parts.password or "", database, public)

    def connect(self, timeout: float) -> MilvusClient:
        """A client whose calls give up after ``timeout`` seconds. Waits for an engine that has not
        started yet, up to ``ANSWER_WITHIN``.

        Raises:
            StoreUnavailable: there is no answer.
        """
        access = (self.uri, self.user, self.password, self.database)
        client: MilvusClient = self.ask(MilvusClient, *access, timeout=timeout)
        return client

    def ask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What a call of the client gives. Where there is no connection it is tried again, with
        longer and longer pauses, up to ``ANSWER_WITHIN``.

        Raises:
            StoreUnavailable: there is no answer, or it is an error.
        """
        again = Retrying(
            stop=stop_after_delay(ANSWER_WITHIN),
            wait=wait_exponential(0.1, max=2),
            retry=retry_if_exception(_no_connection),
            reraise=True,
        )
        with reported(self):
            return again(call, *args, **options)


def _no_connection(error: BaseException) -> bool:
    return isinstance(error, MilvusException) and error.code in (
        Status.CONNECT_FAILED,
        grpc.StatusCode.UNAVAILABLE,
    )


def _without_password(store: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", store)


@contextmanager
def reported(address: Address) -> Iterator[None]:
    """Turns what the client raises into an error that names the engine."""
    try:
        yield
    except (MilvusException, grpc.RpcError, OSError) as error:
        raise StoreUnavailable(
            address.public,
            f"cannot be used ({_reason(error)})",
            "start it or correct QA_STORE; docs/scaling.md tells how",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, MilvusException):
        return str(error.message).strip().splitlines()[0]
    if isinstance(error, grpc.RpcError) and hasattr(error, "code"):
        return str(error.code().name).replace("_", " ").lower()
    return str(error)


# --- searching


class MilvusEngine:
    """The passages of one build, in a collection."""

    def __init__(self, client: MilvusClient, address: Address, collection: str) -> None:
        self._client, self._address, self._collection = client, address, collection
        address.ask(client.load_collection, collection, timeout=_BUILD_WITHIN)
        counted = address.ask(
            client.query,
            collection,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
        )
        fields = address.ask(client.describe_collection, collection)["fields"]
        self._size = int(counted[0]["count(*)"])
        dimensions = [f["params"]["dim"] for f in fields if f["name"] == "vector"]
        self._dimension = int(dimensions[0])
        self._read_indexes()
        # Similarities and frequencies of one question are asked for one after the other.
        self._evidence = lru_cache(maxsize=8)(self._fetch)

    def _read_indexes(self) -> None:
        """Searches once, with all the time it takes: the first search may read whole indexes."""
        if self._size:
            nothing = np.zeros(self._dimension, np.float32)
            for field, query in (("vector", nothing), ("terms", {_NO_TERM: 1.0})):
                self._ask(
                    self._client.search, [query], anns_field=field, limit=1, within=_BUILD_WITHIN
                )

    def __len__(self) -> int:
        return self._size

    def dense(
        self, vector: Numbers, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Numbers, Positions]:
        """The ``k`` closest passages: similarities and positions, best first, ties by position."""
        check_dimension(vector[None], self._dimension)
        return self._search("vector", vector, k, allowed)

    def lexical(
        self,
        rows: NDArray[np.int64],
        weights: Numbers,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Numbers, Positions]:
        """The ``k`` passages with the highest sum of weight · saturated frequency above zero."""
        known = (rows >= 0) & (weights > 0)
        query: dict[int, float] = {}
        for row, weight in zip(rows[known].tolist(), weights[known].tolist(), strict=True):
            query[row] = query.get(row, 0.0) + weight
        if not query:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        scores, positions = self._search("terms", query, k, allowed)
        return scores[scores > 0], positions[scores > 0]

    def similarities(self, vector: Numbers, positions: Positions) -> Numbers:
        """The similarity of ``vector`` to the passages at ``positions``."""
        check_dimension(vector[None], self._dimension)
        vectors, _, _, _ = self._evidence(positions.tobytes())
        return vectors.astype(np.float32) @ vector

    def saturated(self, rows: NDArray[np.int64], positions: Positions) -> Numbers:
        """The saturated frequency of each term in each passage, shape (rows, positions)."""
        _, indptr, terms, values = self._evidence(positions.tobytes())
        found = np.zeros((len(rows), len(positions)), np.float32)
        if not len(rows) or not len(terms):
            return found
        wanted, back = np.unique(rows, return_inverse=True)
        place = np.minimum(np.searchsorted(wanted, terms), len(wanted) - 1)
        hit = wanted[place] == terms
        columns = np.repeat(np.arange(len(positions)), np.diff(indptr))
        by_row = np.zeros((len(wanted), len(positions)), np.float32)
        by_row[place[hit], columns[hit]] = values[hit]
        found[:] = by_row[back]
        return found

    def _search(
        self, field: str, query: Any, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Numbers, Positions]:
        available = self._size if allowed is None else int(np.count_nonzero(allowed))
        k, most = min(k, available, _LIMIT), min(available, _LIMIT)
        if not k:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        wider = min(k + 1, most)
        while True:
            scores, positions = self._hits(field, query, wider, allowed)
            # Of the equally good at its border an engine keeps any, the contract the first.
            border = len(scores) == wider < most and scores[k - 1] == scores[-1]
            if not border:
                break
            wider = min(4 * wider, most)
        scores, positions = best_first(scores, positions)
        return scores[:k], positions[:k]

    def _hits(
        self, field: str, query: Any, limit: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Numbers, Positions]:
        (hits,) = self._ask(
            self._client.search,
            [query],
            anns_field=field,
            limit=limit,
            filter="" if allowed is None else _expression(allowed),
            search_params={
                "metric_type": "IP",
                "params": {"ef": max(_BEAM, 2 * limit)} if field == "vector" else {},
            },
        )
        # The client gives inner products as such: higher is better, on a server and in a file.
        return np.array(hits.distances, np.float32), np.array(hits.ids, np.int64)

    def _fetch(
        self, key: bytes
    ) -> tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int32], NDArray[np.float16]]:
        """Vectors, and terms as (indptr, rows, saturated), of the positions whose bytes are given."""
        positions = np.frombuffer(key, np.int64)
        asked = np.unique(positions)
        packed: dict[int, str] = {}
        for start in range(0, len(asked), _LIMIT):
            found = self._rows(asked[start : start + _LIMIT].tolist(), "evidence")
            packed.update(
                (row["id"], row["evidence"] or self._pack_again(row["id"])) for row in found
            )
        if len(packed) < len(asked):
            raise IndexDamaged(
                self._address.public,
                f"holds {len(packed)} of {len(asked)} passages that were asked for",
                "run: python build_index.py",
            )
        return _unpack([packed[position] for position in positions.tolist()], self._dimension)

    def _pack_again(self, position: int) -> str:
        """The evidence of a passage that is too long for the field."""
        (row,) = self._rows([position], "vector", "terms")
        terms = row["terms"]
        return _pack(
            np.array(row["vector"], np.float32),
            np.array(list(terms), np.int32),
            np.array(list(terms.values()), np.float32),
        )

    def _rows(self, positions: list[int], *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(
            self._client.query, ids=positions, output_fields=list(fields)
        )
        return found

    def _ask(
        self, call: Callable[..., Any], *args: Any, within: float | None = None, **options: Any
    ) -> Any:
        """What a call on the collection gives, which is loaded again where the engine has started
        anew."""
        options |= {
            "timeout": within or ANSWER_WITHIN,
            "consistency_level": "Eventually",  # it does not change once it is complete
        }
        try:
            return self._address.ask(call, self._collection, *args, **options)
        except StoreUnavailable as error:
            if getattr(error.__cause__, "code", None) != _NOT_LOADED:
                raise
        self._address.ask(self._client.load_collection, self._collection, timeout=ANSWER_WITHIN)
        return self._address.ask(call, self._collection, *args, **options)


def _expression(allowed: NDArray[np.bool_]) -> str:
    """The mask as a condition on ids: few ranges as such, else a list of the fewer."""
    if allowed.all():
        return ""
    edges = np.flatnonzero(np.diff(allowed.astype(np.int8), prepend=0, append=0))
    if len(edges) <= 2 * _RANGES:
        return " or ".join(
            f"(id >= {start} and id < {end})"
            for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        )
    if 2 * np.count_nonzero(allowed) <= len(allowed):
        return f"id in {np.flatnonzero(allowed).tolist()}"
    return f"id not in {np.flatnonzero(~allowed).tolist()}"


def _pack(vector: Numbers, rows: NDArray[np.int32], saturated: Numbers) -> str:
    """A vector and terms as text: float16, int32, float16, in base 64.

    Half precision: a similarity or a frequency in [0, 1] is off by 0.0005 at most.
    """
    return base64.b64encode(
        vector.astype("<f2").tobytes()
        + rows.astype("<i4").tobytes()
        + saturated.astype("<f2").tobytes()
    ).decode("ascii")


def _unpack(
    packed: list[str], dimension: int
) -> tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.int32], NDArray[np.float16]]:
    vectors = np.zeros((len(packed), dimension), np.float16)
    rows: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    values: list[NDArray[np.float16]] = [np.zeros(0, np.float16)]
    indptr = np.zeros(len(packed) + 1, np.int64)
    for place, text in enumerate(packed):
        record = base64.b64decode(text)
        terms = (len(record) - 2 * dimension) // 6
        vectors[place] = np.frombuffer(record, "<f2", dimension)
        rows.append(np.frombuffer(record, "<i4", terms, 2 * dimension))
        values.append(np.frombuffer(record, "<f2", terms, 2 * dimension + 4 * terms))
        indptr[place + 1] = indptr[place] + terms
    return vectors, indptr, np.concatenate(rows), np.concatenate(values)


def open_engine(reference: str, store: str = "") -> MilvusEngine:
    """The engine that ``MilvusWriter.reference`` names.

    Args:
        store: ``QA_STORE``: where the engine is now and the password for it; empty where it is
            where it was when the index was built.

    Raises:
        StoreUnavailable: it does not answer.
        IndexDamaged: it no longer has the passages.
    """
    built, _, collection = reference.rpartition("#")
    address = Address.read(store or built)
    client = address.connect(ANSWER_WITHIN)
    if not address.ask(client.has_collection, collection):
        raise IndexDamaged(
            address.public, f"has no collection {collection}", "run: python build_index.py"
        )
    return MilvusEngine(client, address, collection)


# --- writing


class MilvusWriter:
    """Writes the passages of a build into a collection of its own.

    As a context manager: what was written is dropped where an exception leaves the block. Where the
    engine has the same build already, nothing is written.

    Attributes:
        reference: what opens the collection again (``open_engine``); has no password.
    """

    def __init__(self, address: Address, collection: str, dimension: int) -> None:
        self.reference = f"{address.public}#{collection}"
        self._address, self._name, self._written = address, collection, 0
        self._unfinished = f"{collection}{_UNFINISHED}"
        self._client = address.connect(_BUILD_WITHIN)
        with reported(address):
            self._there = self._client.has_collection(collection)
            if not self._there:
                self._client.drop_collection(self._unfinished)  # of a build that was killed
                self._create(dimension)

    def _create(self, dimension: int) -> None:
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
        # Read by id only: the disk will do.
        schema.add_field("evidence", DataType.VARCHAR, max_length=_LONGEST, mmap_enabled=True)
        self._client.create_collection(self._unfinished, schema=schema, consistency_level="Strong")

    def __enter__(self) -> MilvusWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and not self._there:
            with suppress(MilvusException, grpc.RpcError):  # else the next build drops it
                self._client.drop_collection(self._unfinished, timeout=ANSWER_WITHIN)

    def add(
        self,
        first: int,
        vectors: Numbers,
        indptr: NDArray[np.int64],
        rows: NDArray[np.int32],
        saturated: Numbers,
    ) -> None:
        """Adds passages in their order: ``first`` is the position of the first of them.

        Args:
            vectors: shape (passages, dimension).
            indptr: shape (passages + 1,): passage i has the terms ``indptr[i]:indptr[i + 1]`` of
                ``rows`` with the frequencies in ``saturated``.
        """
        if self._there:
            return
        for start in range(0, len(vectors), _BATCH):
            batch = [
                _row(first + i, vectors[i], rows[span], saturated[span])
                for i in range(start, min(start + _BATCH, len(vectors)))
                for span in (slice(indptr[i], indptr[i + 1]),)
            ]
            with reported(self._address):
                self._client.insert(self._unfinished, batch, timeout=_BUILD_WITHIN)
        self._written += len(vectors)

    def close(self) -> None:
        """Indexes what was added and gives it the name under which it is opened.

        Raises:
            StoreUnavailable: the engine does not answer, or did not keep all of it.
        """
        if self._there:
            return
        index = self._client.prepare_index_params()
        if self._written <= _EXACT_UP_TO:
            index.add_index("vector", index_type="FLAT", metric_type="IP")
        else:
            index.add_index("vector", index_type="HNSW", metric_type="IP", params=_GRAPH)
        index.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        with reported(self._address):
            self._client.flush(self._unfinished, timeout=_BUILD_WITHIN)
            self._client.create_index(self._unfinished, index, timeout=_BUILD_WITHIN)
            self._client.load_collection(self._unfinished, timeout=_BUILD_WITHIN)
        kept = len(MilvusEngine(self._client, self._address, self._unfinished))
        if kept != self._written:
            raise StoreUnavailable(
                self._address.public,
                f"kept {kept} of {self._written} passages",
                "look into its log and build again; the old index is still in use",
            )
        with reported(self._address):
            self._client.rename_collection(self._unfinished, self._name)


def _row(
    position: int, vector: Numbers, rows: NDArray[np.int32], saturated: Numbers
) -> dict[str, Any]:
    evidence = _pack(vector, rows, saturated)
    return {
        "id": position,
        "vector": vector,
        "terms": dict(zip(rows.tolist(), saturated.tolist(), strict=True)) or {_NO_TERM: 1.0},
        "evidence": evidence if len(evidence) <= _LONGEST else "",
    }


def create(store: str, index_folder: Path, digest: str, dimension: int) -> MilvusWriter:
    """A writer for a build of the index in ``index_folder``, in the engine of ``store``.

    Args:
        digest: of all that determines the passages, their vectors and their terms.

    Raises:
        SettingsError: ``store`` names no engine.
        StoreUnavailable: it does not answer.
    """
    address = Address.read(store)
    return MilvusWriter(address, f"{_prefix(index_folder)}_{digest[:16]}", dimension)


def remove_unused(store: str, index_folder: Path, references: Set[str]) -> None:
    """Drops the collections of an index that no build in its folder refers to, and what builds
    that were killed have left.

    Raises:
        StoreUnavailable: the engine does not answer.
    """
    address = Address.read(store)
    kept = {reference.rpartition("#")[2] for reference in references}
    client = address.connect(ANSWER_WITHIN)
    with reported(address):
        for collection in client.list_collections():
            if collection.startswith(f"{_prefix(index_folder)}_") and collection not in kept:
                client.drop_collection(collection)


def _prefix(index_folder: Path) -> str:
    """What tells the collections of this folder from those of others in one engine."""
    path = index_folder / _PREFIX
    if not path.exists():
        write_in_one_step(path, f"qa_{secrets.token_hex(4)}")
    return path.read_text("utf-8").strip()
