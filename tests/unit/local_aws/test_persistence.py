"""What is kept, and when: the stores that are found, changes behind a request's back, what a file may do."""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import pkgutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local_aws import hooks
from local_aws.persistence import FILE, CannotRestore, Keeper
from local_aws.store import STORE

_PLACE = "Thing"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """For keepers of our own store alone."""
    monkeypatch.setattr(hooks.stores, "service_modules", list)
    monkeypatch.setattr(hooks.stores, "watch_stores", lambda looked_into: None)
    monkeypatch.setattr(STORE, "looked_at", lambda: None)
    STORE.clear()
    yield tmp_path
    STORE.clear()


def _keeper(folder: Path) -> Keeper:
    keeper = Keeper(folder)
    keeper.restore()
    return keeper


def _after_a_kill(folder: Path, keeper: Keeper) -> Keeper:
    """The keeper of the next server: what the one before had in memory is gone."""
    keeper._file.close()
    STORE.looked_at = lambda: None
    STORE.clear()
    return _keeper(folder)


def test_finds_every_store_of_every_service() -> None:
    from ministack import services
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    for module in pkgutil.walk_packages(services.__path__, "ministack.services."):
        importlib.import_module(module.name)
    there = {
        id(one) for one in gc.get_objects() if isinstance(one, AccountScopedDict | AccountRegionScopedDict)
    }

    found = hooks.stores.service_stores(hooks.stores.service_modules())

    assert len(there) > 500
    assert there <= {id(one.store) for one in found}
    assert "ministack.services.cognito:_revoked_tokens" in {one.name for one in found}


def test_finds_services_while_another_thread_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    class ImportsMeanwhile(str):
        __slots__ = ()

        def startswith(self, *arguments: Any) -> bool:
            monkeypatch.setitem(sys.modules, "imported.meanwhile", ModuleType("meanwhile"))
            return super().startswith(*arguments)

    monkeypatch.setitem(sys.modules, ImportsMeanwhile("looked.at"), ModuleType("at"))

    assert "ministack.services.s3" in hooks.stores.service_modules()
    assert "imported.meanwhile" in sys.modules


def test_keeps_what_was_there_when_it_saved(folder: Path) -> None:
    keeper = _keeper(folder)
    STORE.add(
        _PLACE, ("a",), {"text": "x" * 10_000, "bytes": b"y" * 10_000, "nested": [{"n": 1.5, "s": {1}}]}
    )
    STORE.add(_PLACE, ("b",), {})
    keeper.save()
    STORE.remove(_PLACE, ("b",))
    keeper.save()
    STORE.add(_PLACE, ("too late",), {})

    keeper = _after_a_kill(folder, keeper)

    assert STORE.all(_PLACE) == [
        (("a",), {"text": "x" * 10_000, "bytes": b"y" * 10_000, "nested": [{"n": 1.5, "s": {1}}]})
    ]
    keeper.close()


def test_resources_come_back_in_the_order_in_which_they_were_made(folder: Path) -> None:
    keeper = _keeper(folder)
    for name in ("b", "c", "a"):
        STORE.add(_PLACE, (name,), {})
    keeper.save()
    STORE.get(_PLACE, ("b",))["changed"] = True  # type: ignore[index]
    keeper.save()

    keeper = _after_a_kill(folder, keeper)

    assert [key for key, _ in STORE.all(_PLACE)] == [("b",), ("c",), ("a",)]
    keeper.close()


def test_what_a_long_request_changes_after_others_were_answered_is_kept(folder: Path) -> None:
    keeper = _keeper(folder)
    STORE.add(_PLACE, ("a",), {"n": 1})
    keeper.save()
    with keeper.request():
        record = STORE.get(_PLACE, ("a",))
        assert record is not None
        keeper.save()  # for an answer of somebody else
        record["n"] = 2
        keeper.save()

    keeper = _after_a_kill(folder, keeper)

    assert STORE.all(_PLACE) == [(("a",), {"n": 2})]
    keeper.close()


def test_what_changes_while_nobody_looks_is_kept_by_a_full_pass(folder: Path) -> None:
    keeper = _keeper(folder)
    record = {"n": 1}
    STORE.add(_PLACE, ("a",), record)
    keeper.save()
    record["n"] = 2
    keeper.save(everything=True)

    keeper = _after_a_kill(folder, keeper)

    assert STORE.all(_PLACE) == [(("a",), {"n": 2})]
    keeper.close()


def test_long_content_is_kept_once_and_goes_when_nothing_has_it(folder: Path) -> None:
    keeper = _keeper(folder)
    for name in ("a", "b"):
        STORE.add(_PLACE, (name,), {"body": b"z" * 100_000})
    keeper.save()
    keeper._file.close()
    assert _count(folder, "blob") == 1

    keeper = _keeper(folder)
    STORE.remove(_PLACE, ("a",))
    STORE.remove(_PLACE, ("b",))
    keeper.close()
    _keeper(folder)._file.close()

    assert _count(folder, "blob") == 0


def _count(folder: Path, table: str) -> int:
    database = sqlite3.connect(folder / FILE)
    (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    database.close()
    return int(count)


def test_a_file_cannot_have_code_run(folder: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("true",)

    keeper = _keeper(folder)
    keeper.close()
    database = sqlite3.connect(folder / FILE)
    key = pickle.dumps(("000000000000", "us-east-1", _PLACE, ("a",)))
    database.execute(
        "INSERT INTO entry VALUES (?, ?, ?, '')", ("local_aws.store:STORE", key, pickle.dumps(Evil()))
    )
    database.commit()
    database.close()

    keeper = Keeper(folder)

    with pytest.raises(pickle.UnpicklingError, match="system is nothing that is kept"):
        keeper.restore()
    keeper._file.close()


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = _keeper(folder)
    STORE.add(_PLACE, ("a",), {"generator": (one for one in ())})
    STORE.add(_PLACE, ("b",), {})
    keeper.save()
    keeper.save(everything=True)

    keeper = _after_a_kill(folder, keeper)

    assert [key for key, _ in STORE.all(_PLACE)] == [("b",)]
    assert [record.message.partition(":")[0] for record in caplog.records] == ["something in local_aws.store"]
    keeper.close()


def test_refuses_what_is_not_its_file(folder: Path) -> None:
    (folder / FILE).write_bytes(b"something else" * 1000)

    with pytest.raises(CannotRestore, match=r"kept\.sqlite: file is not a database"):
        Keeper(folder)


def test_refuses_what_another_version_has_kept(folder: Path) -> None:
    _keeper(folder).close()
    database = sqlite3.connect(folder / FILE)
    database.execute("UPDATE about SET value = '0' WHERE name = 'format'")
    database.commit()
    database.close()

    with pytest.raises(CannotRestore, match="it was kept with format 0 and this is format 1"):
        Keeper(folder)
