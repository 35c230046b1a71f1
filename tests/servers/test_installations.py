"""Installations are found where packages put them, and nothing is run that others may have written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsapi_nb.servers import embedded
from fsapi_nb.servers.choice import EMBEDDED_WHEEL, SYSTEM
from fsapi_nb.servers.installations import find_candidates, named_candidate
from tests.servers.embedded_servers import SYSTEM as INSTALLED


def planted(folder: Path) -> Path:
    """A folder with programs by PostgreSQL's names, which leave a trace if they are run."""
    folder.mkdir(parents=True)
    for tool in ("postgres", "initdb", "pg_ctl", "pg_config"):
        (folder / tool).write_text(f'#!/bin/sh\ntouch {folder}/ran\necho "postgres (PostgreSQL) 17.9"\n')
        (folder / tool).chmod(0o755)
    return folder


def test_the_wheel_is_found_with_its_extensions(tmp_path: Path) -> None:
    """Extensions are read from the control files, with their versions; the wheel is built without ICU and OpenSSL."""
    wheel = find_candidates(tmp_path, {})[0]
    assert wheel.kind == EMBEDDED_WHEEL
    assert wheel.bin_folder == Path(os.path.realpath(embedded.default_bin_folder()))
    assert wheel.label == f"PostgreSQL {embedded.server_version(wheel.bin_folder)} of the embedded wheel"
    assert wheel.extensions["hstore"] == "1.8"
    assert "pgcrypto" not in wheel.extensions
    assert not wheel.icu


@pytest.mark.skipif(not INSTALLED, reason="no PostgreSQL of Debian's is installed")
def test_a_system_package_is_found_by_itself(tmp_path: Path) -> None:
    """Debian's packages have the extensions in another folder than the programs, and ICU."""
    (system, *_) = [each for each in find_candidates(tmp_path, {}) if each.kind == SYSTEM]
    assert {"pgcrypto", "uuid-ossp", "citext"} <= system.extensions.keys()
    assert system.icu


def test_programs_in_path_count_if_only_this_user_or_root_can_have_written_them(tmp_path: Path) -> None:
    """An entry of PATH that anybody may write to could hold anybody's program."""
    folder = planted(tmp_path / "mine" / "bin")
    others = planted(tmp_path / "others" / "bin")
    others.chmod(0o777)
    path = os.pathsep.join(map(str, (others, folder, "bin", "")))
    kinds = {each.bin_folder: each for each in find_candidates(tmp_path / "project", {"PATH": path})}
    assert kinds[folder].label == "PostgreSQL 17.9 of the system"
    assert others not in kinds
    assert not (others / "ran").exists()


def test_no_program_of_the_project_is_run(tmp_path: Path) -> None:
    """A project that brings a PostgreSQL names it in its settings, which its user must have trusted."""
    folder = planted(tmp_path / "project" / "bin")
    link = tmp_path / "link"
    link.symlink_to(folder)
    find_candidates(tmp_path / "project", {"PATH": f"{folder}{os.pathsep}{link}"})
    assert not (folder / "ran").exists()


def test_a_folder_that_the_user_names_is_called_so(tmp_path: Path) -> None:
    """Results say which kind it is, and never its path."""
    assert named_candidate(planted(tmp_path / "bin")).label == "PostgreSQL 17.9 of --postgres-bin"
