"""Dagster's SQLite event log with connections that stay open.

A run writes about a thousand events. The stock storage opens, checkpoints and closes the database for each of them,
which costs more than everything else Dagster does; this one keeps a few connections and lets SQLite flush at
checkpoints only (a killed process loses nothing, a power cut at most the last events).

It overrides one private method, `_connect`, and is named in `dagster.yaml`; without it the stock storage reads the
same files. To be looked at again with every new minor version of Dagster.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

FOLDER = "events"
OPEN_DATABASES = 4
BUSY_SECONDS = 60


class WarmSqliteEventLog(SqliteEventLogStorage):
    """`base_dir` is Dagster's home; the databases lie in `events/` below it, one per run and one index."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(str(Path(base_dir) / FOLDER), inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> WarmSqliteEventLog:
        """Called by Dagster with the `config` of dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def _engine(self, shard: str) -> Engine:
        path = Path(self.path_for_shard(shard))
        engine = self._engines.get(shard)
        if engine is None or not path.exists():
            engine = self._opened(shard)
        self._engines[shard] = engine
        self._engines.move_to_end(shard)
        while len(self._engines) > OPEN_DATABASES:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def _opened(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _flush_at_checkpoints)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine


def _flush_at_checkpoints(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
