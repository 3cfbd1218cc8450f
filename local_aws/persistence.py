"""What was answered is kept: with `--persist`, a server that is killed loses nothing it has said.

ministack saves its state when it is stopped, and in one piece. Here every answer waits until all that
it could tell of is in one SQLite file: each store, ministack's and ours, says when somebody looks into
it; before an answer leaves, the entries of those stores are compared with what the file has, and what
differs is written in one transaction. What nobody has looked at cannot have been told to anybody.
Requests that end together share a transaction. The file is not forced onto the disk: it outlives the
process, killed or not, and perhaps not the machine's loss of power.

A value is pickled; long strings and bytes (objects, code, templates) are kept once each, by content.
What invocations print and are counted by is kept when somebody asks for it, or within a second: their
answers do not tell of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import io
import logging
import pickle
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import hooks
from local_aws.store import STORE

logger = logging.getLogger("local_aws.persistence")

FILE = "kept.sqlite"

_FORMAT = "1"
_OURS = "local_aws.store:STORE"
_LONG = 16 * 1024
"""Bytes and strings from here on are kept by content, in values that are long themselves."""
_HEAVY = 1024 * 1024
"""A value with so much of it is not pickled with it to see whether it has changed."""
_PRINTED = ("ministack.services.cloudwatch:", "ministack.services.cloudwatch_logs:")
_INVOCATION = re.compile(
    r"/(async-)?invocations(-response-stream)?$|/response-streaming-invocations$|/_user_request_(/|$)"
)
_ATTEMPTS = 10
_BETWEEN_FULL_PASSES_SECONDS = 1.0
_HEALTH = "/_ministack/health"
_TRUSTED = ("collections", "copyreg", "datetime", "decimal", "ministack.", "uuid")
_TRUSTED_BUILTINS = {
    "bytearray",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "set",
    "str",
}

Blob = tuple[str, str]
"""The kind, `bytes` or `str`, and the SHA-256 of the content."""


class CannotRestore(Exception):
    """Why what an earlier server has kept cannot be taken up. Nothing of it is overwritten."""


class Stopped(Exception):
    """The server ends: what comes now is not kept, and therefore not answered."""


@dataclass
class _Kept:
    """A store, and what the file has of it."""

    name: str
    entries: Callable[[], dict[Any, Any]]
    watched: bool
    seen: int
    """The generation in which somebody has looked into it last."""
    known: dict[Any, int | None] = field(default_factory=dict)
    """The hash of each entry as the file has it; None where it has to be written again."""
    heavy: set[Any] = field(default_factory=set)
    """The entries whose hash is that of the value without its long contents."""

    @property
    def printed(self) -> bool:
        """Whether it is what invocations leave behind, and do not tell of."""
        return self.name.startswith(_PRINTED)


@dataclass
class _Changes:
    """What the file does not have."""

    entries: list[tuple[str, bytes, bytes, str]] = field(default_factory=list)
    gone: list[tuple[str, bytes]] = field(default_factory=list)
    blobs: dict[str, bytes | str] = field(default_factory=dict)
    marks: list[tuple[dict[Any, int | None], Any, int | None]] = field(default_factory=list)
    """Which hashes are known once it has them; None for what has gone."""

    def __bool__(self) -> bool:
        return bool(self.entries or self.gone)


class _Pickler(pickle.Pickler):
    """Puts long content aside."""

    def __init__(self, file: io.BytesIO, put_aside: Callable[[bytes | str], Blob]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._put_aside = put_aside

    def persistent_id(self, thing: Any) -> Blob | None:
        kind = type(thing)
        if (kind is bytes or kind is str) and len(thing) >= _LONG:
            return self._put_aside(thing)
        return None


class _Unpickler(pickle.Unpickler):
    """Makes nothing but data: the file is no way to have code run."""

    def __init__(self, file: io.BytesIO, content: Callable[[Blob], bytes | str]) -> None:
        super().__init__(file)
        self._content = content

    def persistent_load(self, blob: Blob) -> bytes | str:
        return self._content(blob)

    def find_class(self, module: str, name: str) -> Any:
        trusted = name in _TRUSTED_BUILTINS if module == "builtins" else module.startswith(_TRUSTED)
        if not trusted:
            raise pickle.UnpicklingError(f"{module}.{name} is nothing that is kept")
        return super().find_class(module, name)


class _File:
    """The SQLite file: entries by store and key, and long contents by their hash."""

    def __init__(self, path: Path) -> None:
        """Raises `CannotRestore`."""
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for statement in (
                "PRAGMA auto_vacuum=FULL",
                "PRAGMA locking_mode=EXCLUSIVE",
                "PRAGMA journal_mode=WAL",
                "PRAGMA synchronous=OFF",
                "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT)",
                "CREATE TABLE IF NOT EXISTS blob (digest TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID",
                # With row ids: entries come back in the order in which they were made.
                "CREATE TABLE IF NOT EXISTS entry"
                " (store TEXT, key BLOB, value BLOB, blobs TEXT, UNIQUE (store, key))",
            ):
                self._database.execute(statement)
            self._require("format", _FORMAT)
            self._require("ministack", importlib.metadata.version("ministack"))
            self._drop_unused_blobs()
            self._blobs = {digest for (digest,) in self._database.execute("SELECT digest FROM blob")}
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise CannotRestore(f"{path.name}: {error}") from error
        except CannotRestore:
            self._database.close()
            raise

    def _require(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
        (found,) = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        if found != value:
            raise CannotRestore(f"it was kept with {name} {found} and this is {name} {value}")

    def _drop_unused_blobs(self) -> None:
        used = {
            digest
            for (blobs,) in self._database.execute("SELECT blobs FROM entry WHERE blobs <> ''")
            for digest in blobs.split()
        }
        unused = [
            (digest,) for (digest,) in self._database.execute("SELECT digest FROM blob") if digest not in used
        ]
        self._database.executemany("DELETE FROM blob WHERE digest = ?", unused)

    def entries(self) -> Iterator[tuple[str, bytes, bytes]]:
        yield from self._database.execute("SELECT store, key, value FROM entry ORDER BY rowid")

    def blob(self, blob: Blob) -> bytes | str:
        kind, digest = blob
        (content,) = self._database.execute("SELECT content FROM blob WHERE digest = ?", (digest,)).fetchone()
        return bytes(content) if kind == "bytes" else bytes(content).decode("utf-8", "surrogatepass")

    def write(
        self,
        changed: Iterable[tuple[str, bytes, bytes, str]],
        gone: Iterable[tuple[str, bytes]],
        blobs: dict[str, bytes | str],
    ) -> None:
        new = [(digest, _as_bytes(content)) for digest, content in blobs.items() if digest not in self._blobs]
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", new)
            self._database.executemany("DELETE FROM entry WHERE store = ? AND key = ?", gone)
            self._database.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?) ON CONFLICT (store, key)"
                " DO UPDATE SET value = excluded.value, blobs = excluded.blobs",
                changed,
            )
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._blobs.update(digest for digest, _ in new)

    def close(self) -> None:
        self._database.close()


class Keeper:
    """Keeps the stores in the file. All of it happens on the event loop; a look is told from any thread."""

    def __init__(self, folder: Path) -> None:
        """Raises `CannotRestore`."""
        self._file = _File(folder / FILE)
        self.refusal: CannotRestore | None = None
        """Why the server does not start."""
        self._generation = 0
        self._kept: dict[int, _Kept] = {}
        self._modules = 0
        self._running: Counter[int] = Counter()
        """Requests that are being answered, by the generation in which they began."""
        self._next: asyncio.Future[None] | None = None
        self._only_invocations = True
        """Whether nobody else waits for the next commit."""
        self._digests: dict[int, tuple[bytes | str, Blob]] = {}
        """Of long contents; they are held, so that their ids stay theirs."""
        self._complained: set[str] = set()
        self._passes: asyncio.Task[None] | None = None
        self._closed = False

    # --- taking up what was kept -------------------------------------------------------------------

    def restore(self) -> None:
        """Puts back what an earlier server has kept, and watches the stores from here on."""
        rows: dict[str, list[tuple[Any, Any]]] = {}
        for name, key, value in self._file.entries():
            rows.setdefault(name, []).append((self._load(key), self._load(value)))
        modules = sorted({name.partition(":")[0] for name in rows if name != _OURS})
        stores = {store.name: store for store in hooks.stores.service_stores(modules)}
        for name, entries in rows.items():
            if name == _OURS:
                for place, record in entries:
                    STORE.put_back(place, record)
            elif stores[name].watched:
                stores[name].content.update(entries)
            else:
                stores[name].content.update(entries[0][1])
        hooks.stores.take_up_services(modules)
        self._find_stores()
        self._kept[id(STORE)] = _Kept(_OURS, lambda: dict(STORE.records()), True, self._generation)
        for kept in self._kept.values():
            kept.known = dict.fromkeys((key for key, _ in rows.get(kept.name, ())), None)
        STORE.looked_at = lambda: self._looked_into(id(STORE))
        hooks.stores.watch_stores(self._looked_into)

    def _load(self, pickled: bytes) -> Any:
        return _Unpickler(io.BytesIO(pickled), self._file.blob).load()

    # --- keeping ------------------------------------------------------------------------------------

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around the answering of a request: what it has looked at may change until it ends."""
        began = self._generation
        self._running[began] += 1
        try:
            yield
        finally:
            self._running[began] -= 1
            if not self._running[began]:
                del self._running[began]

    async def commit(self, *, invocation: bool = False) -> None:
        """Returns when all that has been looked at until now is kept, but for what an invocation does not
        tell of. Raises when it cannot be."""
        if self._closed:
            raise Stopped
        self._only_invocations &= invocation
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_soon(self._commit)
        # Several wait for the same one: whoever gives up must not take it from the others.
        await asyncio.shield(self._next)

    def _commit(self) -> None:
        waiting, self._next = self._next, None
        only_invocations, self._only_invocations = self._only_invocations, True
        assert waiting is not None
        try:
            self.save(printed=not only_invocations)
        except Exception as error:
            logger.exception("the state cannot be kept")
            waiting.set_exception(error)
            waiting.exception()  # all who wait get it; nobody may be left
        else:
            waiting.set_result(None)

    def save(self, *, everything: bool = False, printed: bool = True) -> None:
        """Writes what has changed in the stores that were looked into, or in all of them."""
        oldest = min(self._running, default=self._generation)
        self._generation += 1
        self._find_stores()
        changes = _Changes()
        held = self._digests if not everything else {}
        for kept in self._kept.values():
            if everything or (not kept.watched and kept.entries()):
                self._compare(kept, changes, held)
            elif kept.seen >= oldest:
                if kept.printed and not printed:
                    kept.seen = self._generation  # next time
                else:
                    self._compare(kept, changes, held)
        if changes:
            self._file.write(changes.entries, changes.gone, changes.blobs)
        for marks, key, written in changes.marks:
            if written is None:
                del marks[key]
            else:
                marks[key] = written
        self._digests = held

    def _compare(self, kept: _Kept, changes: _Changes, held: dict[int, tuple[bytes | str, Blob]]) -> None:
        """Adds what the file does not have of a store."""
        entries = kept.entries()
        for key, value in entries.items():
            dumped = self._dump(kept, key, value, held)
            if dumped is not None:
                mark, pickled, blobs = dumped
                key_pickled = pickle.dumps(key, pickle.HIGHEST_PROTOCOL)
                changes.entries.append((kept.name, key_pickled, pickled, " ".join(blobs)))
                changes.blobs.update(blobs)
                changes.marks.append((kept.known, key, mark))
        for key in [key for key in kept.known if key not in entries]:
            changes.gone.append((kept.name, pickle.dumps(key, pickle.HIGHEST_PROTOCOL)))
            changes.marks.append((kept.known, key, None))
            kept.heavy.discard(key)

    def _dump(
        self, kept: _Kept, key: Any, value: Any, held: dict[int, tuple[bytes | str, Blob]]
    ) -> tuple[int, bytes, dict[str, bytes | str]] | None:
        """The hash, the pickled value and its long contents; None where the file has it."""
        for _ in range(_ATTEMPTS):
            try:
                if key not in kept.heavy:
                    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
                    mark = hash(pickled)
                    if kept.known.get(key) == mark:
                        return None
                    if len(pickled) < _LONG:
                        return mark, pickled, {}
                pickled, blobs = self._put_aside(value, held)
            except RuntimeError:
                continue  # somebody has changed it meanwhile
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                if kept.name not in self._complained:
                    self._complained.add(kept.name)
                    logger.error("something in %s is not kept: %s", kept.name, error)
                return None
            if key in kept.heavy:
                mark = hash(pickled)
            elif sum(map(len, blobs.values())) > _HEAVY:
                kept.heavy.add(key)
                mark = hash(pickled)
            return None if kept.known.get(key) == mark else (mark, pickled, blobs)
        raise RuntimeError(f"{kept.name} never stood still")

    def _put_aside(
        self, value: Any, held: dict[int, tuple[bytes | str, Blob]]
    ) -> tuple[bytes, dict[str, bytes | str]]:
        """The pickled value without its long contents, and these by their digests."""
        blobs: dict[str, bytes | str] = {}

        def put_aside(content: bytes | str) -> Blob:
            found = self._digests.get(id(content))
            if found is None:
                blob = type(content).__name__, hashlib.sha256(_as_bytes(content)).hexdigest()
                found = (content, blob)
            held[id(content)] = found
            blobs[found[1][1]] = content
            return found[1]

        file = io.BytesIO()
        _Pickler(file, put_aside).dump(value)
        return file.getvalue(), blobs

    def _find_stores(self) -> None:
        modules = hooks.stores.service_modules()
        if len(modules) == self._modules:
            return
        self._modules = len(modules)
        for store in hooks.stores.service_stores(modules):
            # One store may be there under several names, the first of which is its.
            if id(store.store) not in self._kept:
                entries = _copied(store) if store.watched else _as_one_entry(store)
                self._kept[id(store.store)] = _Kept(store.name, entries, store.watched, self._generation)

    def _looked_into(self, store: int) -> None:
        kept = self._kept.get(store)
        if kept is not None:
            kept.seen = self._generation

    def begin(self) -> None:
        """Keeps from here on what changes without anybody looking, too, though nobody could miss it."""
        self._passes = asyncio.get_running_loop().create_task(self._pass())

    async def _pass(self) -> None:
        while True:
            await asyncio.sleep(_BETWEEN_FULL_PASSES_SECONDS)
            if self._closed:
                return
            try:
                self.save(everything=True)
            except Exception:
                logger.exception("the state cannot be kept")

    def close(self) -> None:
        """Keeps what there is, for the last time: how things end when the server stops is not kept."""
        if not self._closed:
            self._closed = True
            self.save(everything=True)
            self._file.close()


def kept(application: Any, keeper: Keeper, take_up: Callable[[], None]) -> Any:
    """The application, whose answers leave when what they tell is kept; `take_up` is called once the
    state is there and requests are about to be answered."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        refused = False

        async def send_when_kept(message: dict[str, Any]) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                try:
                    await keeper.commit(invocation=bool(_INVOCATION.search(scope["path"])))
                except Stopped:
                    refused = True
                    message = {**message, "status": 503, "headers": [(b"content-length", b"0")]}
            elif message["type"] == "http.response.body" and refused:
                message = {**message, "body": b""}
            elif message["type"] == "lifespan.startup.complete":
                try:
                    keeper.restore()
                    take_up()
                    keeper.begin()
                except Exception as error:
                    # Nothing is served, and nothing overwritten.
                    logger.exception("what was kept cannot be taken up")
                    keeper.refusal = CannotRestore(f"{type(error).__name__}: {error}")
                    message = {"type": "lifespan.startup.failed", "message": str(keeper.refusal)}
            await send(message)

        if scope["type"] == "http" and scope["path"] != _HEALTH:
            with keeper.request():
                await application(scope, receive, send_when_kept)
        else:
            await application(scope, receive, send_when_kept if scope["type"] == "lifespan" else send)

    return serve


def _copied(store: hooks.stores.ServiceStore) -> Callable[[], dict[Any, Any]]:
    return lambda: dict(store.content)


def _as_one_entry(store: hooks.stores.ServiceStore) -> Callable[[], dict[Any, Any]]:
    return lambda: {"all": store.content} if store.content else {}


def _as_bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
