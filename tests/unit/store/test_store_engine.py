"""Opening records: new, old, damaged, locked, elsewhere."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from assay.errors import Broken, Refused, Unavailable
from assay.store import Store, open_store, tables
from assay.store.rows import BlockRow


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_open__twice__keeps_what_was_written(tmp_path: Path) -> None:
    first = open_store(url(tmp_path / "a" / "node.db"))
    first.put_note(1, 2, "trained", {"seconds": 1.5})
    first.close()
    note = open_store(url(tmp_path / "a" / "node.db")).note(1, 2, "trained")
    assert note is not None
    assert note.json == {"seconds": 1.5}


def test_open__sqlite_file__is_wal_with_foreign_keys(tmp_path: Path) -> None:
    store = open_store(url(tmp_path / "node.db"))
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_open__other_schema__is_broken_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    open_store(url(path)).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(Broken, match="schema 99"):
        open_store(url(path))
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == ("99",)


def test_open__older_schema__keeps_what_is_ours_and_reads_the_chain_again(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    store = open_store(url(path))
    store.put_note(1, 2, "trained", {"seconds": 1.5})
    store.bind("chain", "this one")
    with store.batch() as batch:
        batch.move("contracts", BlockRow(9, bytes(32), 1))
    store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
        raw.execute("DROP TABLE cases")
        raw.execute("DROP TABLE payments")
        raw.execute("CREATE TABLE payments (block INTEGER)")
    moved = open_store(url(path))
    assert moved.cursor("contracts") is None
    assert moved.note(1, 2, "trained") is not None
    assert moved.payments() == moved.cases() == []
    with pytest.raises(Refused, match="belong to another chain"):
        moved.bind("chain", "that one")
    moved.close()
    open_store(url(path)).close()


@pytest.mark.parametrize("damage", ["not a database at all" * 50, None])
def test_open__damaged_file__is_broken_in_one_sentence(tmp_path: Path, damage: str | None) -> None:
    path = tmp_path / "node.db"
    if damage is not None:
        path.write_text(damage)
    else:
        store = open_store(url(path))
        for index in range(300):
            store.put_finding(1, 1, index, {"text": "x" * 200})
        store.close()
        whole = bytearray(path.read_bytes())
        whole[4096 : len(whole) - 4096] = b"\xa5" * (len(whole) - 8192)
        path.write_bytes(bytes(whole))
    with pytest.raises(Broken) as caught:
        open_store(url(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_write__locked_longer_than_the_timeout__is_unavailable_and_passes_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    store = open_store(url(path), busy_seconds=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        store.put_note(1, 1, "x", {})
    other.execute("ROLLBACK")
    store.put_note(1, 1, "x", {})
    assert store.note(1, 1, "x") is not None


def test_read__while_another_writes__does_not_wait(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    store = open_store(url(path), busy_seconds=0.2)
    store.put_note(1, 1, "x", {"v": 1})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE notes SET json = '{\"v\": 2}'")
    note = store.note(1, 1, "x")
    other.execute("ROLLBACK")
    assert note is not None
    assert note.json == {"v": 1}


def test_write__from_eight_threads__loses_nothing(tmp_path: Path) -> None:
    store = open_store(url(tmp_path / "node.db"))

    def write(thread: int) -> None:
        for index in range(20):
            store.put_finding(1, thread, index, {})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.findings(1)) == 160


@pytest.mark.parametrize("bad", ["nonsense", "nosuchdb://x/y", "postgresql+nodriver://u:secret@h/d"])
def test_open__url_that_cannot_be_used__is_refused_without_its_password(bad: str) -> None:
    with pytest.raises(Refused) as caught:
        open_store(bad)
    assert "secret" not in str(caught.value)


def test_open__folder_cannot_be_made__is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        open_store(url(tmp_path / "file" / "node.db"))


def test_bind__another_chain__is_refused() -> None:
    store: Store = open_store("sqlite://")
    store.bind("chain", "1")
    store.bind("chain", "1")
    with pytest.raises(Refused, match="another chain"):
        store.bind("chain", "2")


def test_tables__postgresql__every_one_compiles() -> None:
    written = [str(CreateTable(table).compile(dialect=PGDialect())) for table in tables.metadata.sorted_tables]
    assert len(written) == len(tables.metadata.tables)
    assert all(text.strip().startswith("CREATE TABLE") for text in written)


def test_tables__every_fold__carries_its_block() -> None:
    assert all("block" in table.c for table in tables.DERIVED)
