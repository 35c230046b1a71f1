"""Connection strings as URLs: the same to libpq, and without a password where they are shown."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.project.url import as_url

CONNINFOS = [
    "host=db.example.org port=6432 user=ada dbname=shop password=secret sslmode=require",
    "host=/run/postgresql port=5433 user=postgres dbname=shop",
    "host=one,two port=1,2 dbname=shop user=ada password=secret",
    "host=::1 dbname=shop user=ada",
    r"host=localhost user='a@b:c/d' password='secret ?#%&=' dbname='my shop/2'",
    "hostaddr=127.0.0.1 dbname=shop password=secret sslpassword=secret options='-c search_path=a,b'",
    "postgresql://ada:secret@[::1]:5432/shop?application_name=x",
    "dbname=shop",
    "",
]


@pytest.mark.parametrize("conninfo", CONNINFOS)
def test_a_url_says_the_same(conninfo: str) -> None:
    """Nothing is lost and nothing is added, whatever characters there are."""
    url = as_url(conninfo)
    assert url.startswith("postgresql://")
    assert conninfo_to_dict(url) == conninfo_to_dict(conninfo)


@pytest.mark.parametrize("conninfo", CONNINFOS)
def test_a_url_is_shown_without_its_password(conninfo: str) -> None:
    """The repr, which reports print, has stars, and everything else."""
    shown = repr(as_url(conninfo))
    assert "secret" not in shown
    assert ("***" in shown) == ("secret" in conninfo)
    assert ("shop" in shown) == ("shop" in conninfo)
