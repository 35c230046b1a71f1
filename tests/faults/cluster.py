"""A server of its own that a test may kill, starve and configure: nothing else runs on it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import make_conninfo

from fsapi_nb.servers import embedded
from tests.faults.world import Place, World, find_pg_dump, wait_until

# Processes are killed here, not machines: what is written needs no sync, but a COMMIT must have written it.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "local"}


class Cluster:
    """A throw-away embedded server, and the world on it."""

    def __init__(self, home: Path, scratch: Path, bin_folder: Path | None) -> None:
        self._home = home
        self._bin_folder = bin_folder
        address = self._attach()
        pg_dump = find_pg_dump(address, bin_folder)
        if pg_dump is None:
            embedded.destroy(home)
            pytest.skip("no pg_dump of the server's own version: a crash was NOT tried")
        self.world = World(address, scratch, pg_dump)
        for setting, value in _SETTINGS.items():
            self.configure(setting, value)

    def _attach(self) -> str:
        return embedded.attach(self._home, bin_folder=self._bin_folder, database="postgres")

    def configure(self, setting: str, value: str) -> None:
        """Set something for the whole server."""
        with psycopg.connect(self.world.server, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")

    def demand_replica(self) -> None:
        """Let synchronous commits wait for a replica that is not there, and make sure that they do."""
        self.configure("synchronous_standby_names", "nobody")
        wait_until(self._waits_for_replica, "commits wait for a replica")

    def _waits_for_replica(self) -> bool:
        """Whether a commit waits for a replica now; the server takes a setting over some time after it was told."""
        with psycopg.connect(self.world.server, autocommit=True) as probe:
            probe.execute("SET synchronous_commit = on")
            pid = probe.info.backend_pid
            probe.pgconn.send_query(b"SELECT pg_logical_emit_message(true, 'probe', '')")
            wait_until(lambda: self._state(pid) in {("idle", "ClientRead"), ("active", "SyncRep")}, "the probe stands")
            waits = self._state(pid) == ("active", "SyncRep")
            probe.cancel_safe()
            while probe.pgconn.get_result():
                pass
        return waits

    def _state(self, pid: int) -> tuple[str, str]:
        with psycopg.connect(self.world.server) as connection:
            query = "SELECT state, wait_event FROM pg_stat_activity WHERE pid = %s AND query LIKE 'SELECT pg_logical%%'"
            return connection.execute(query, [pid]).fetchone() or ("", "")

    def restart(self, *places: Place) -> None:
        """Start it again, wherever it was; tell the places where it is now."""
        self._disconnect(*places)
        embedded.stop(self._home)
        self.world.databases.server = self._attach()
        for place in places:
            name = psycopg.conninfo.conninfo_to_dict(place.address)["dbname"]
            place.address = make_conninfo(self.world.server, dbname=str(name))

    def kill_backend(self, place: Place) -> None:
        """Kill -9 the server's process that runs the migration; PostgreSQL throws everyone out and recovers."""
        # Not the session that watches the run, which comes and goes.
        pid = place.value(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'fsapi_nb' AND datname = current_database() "
            "AND state = 'active' AND wait_event_type IN ('Lock', 'Timeout')"
        )
        self._disconnect(place)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._is_there(pid), "the backend is gone")
        wait_until(lambda: pq.PGconn.ping(place.address.encode()) == pq.Ping.OK, "the server has recovered")

    def shut_down_at_once(self, place: Place) -> None:
        """What a power cut is to the server: no rollback, no checkpoint, recovery at the next start."""
        folder = Path(place.value("SHOW data_directory"))
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
        self._disconnect(place)
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not self._is_there(pid), "the server is gone")
        self.restart(place)

    def _disconnect(self, *places: Place) -> None:
        """End the connections of the tests themselves, which do not know that the server has gone."""
        self.world.databases.disconnect()
        for place in places:
            place.made.connection.close()

    def destroy(self) -> None:
        """Stop it and delete everything."""
        self._disconnect()
        embedded.destroy(self._home)

    @staticmethod
    def _is_there(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z"
