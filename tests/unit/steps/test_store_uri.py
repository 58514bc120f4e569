"""Database addresses: what is wrong with them, and put right without another change."""

import pytest

from chalicelib.steps.store_uri import Correction, UriProblem, corrected, is_database_uri, problems

DOUBLED, UNESCAPED = UriProblem.DOUBLED_PORT, UriProblem.UNESCAPED_PASSWORD


@pytest.mark.parametrize(
    ("uri", "found", "right"),
    [
        ("postgresql://u:p@db.x:5432:5432/m", (DOUBLED,), "postgresql://u:p@db.x:5432/m"),
        ("postgresql://u:p@db.x:5432:5432", (DOUBLED,), "postgresql://u:p@db.x:5432"),
        ("mysql+pymysql://u:p@ss@db.x:3306/m", (UNESCAPED,), "mysql+pymysql://u:p%40ss@db.x:3306/m"),
        ("postgresql://u:p/ss@db.x:5432/m", (UNESCAPED,), "postgresql://u:p%2Fss@db.x:5432/m"),
        ("postgresql://u:p#ss@db.x/m", (UNESCAPED,), "postgresql://u:p%23ss@db.x/m"),
        ("postgresql://u:a@b/c@db.x:5432/m", (UNESCAPED,), "postgresql://u:a%40b%2Fc@db.x:5432/m"),
        ("postgresql://u:100%@db.x/m", (UNESCAPED,), "postgresql://u:100%25@db.x/m"),
        ("postgresql://u:p%40%@db.x/m", (UNESCAPED,), "postgresql://u:p%40%25@db.x/m"),
        ("postgres://u:p@db.x/m", (UriProblem.WRONG_SCHEME,), "postgresql://u:p@db.x/m"),
    ],
)
def test_a_mistake_is_found_and_only_it_is_corrected(uri, found, right):
    remedy = {
        DOUBLED: Correction.SINGLE_PORT,
        UNESCAPED: Correction.ESCAPE_PASSWORD,
        UriProblem.WRONG_SCHEME: Correction.POSTGRESQL_SCHEME,
    }
    assert problems(uri) == found
    assert corrected(uri, remedy[found[0]]) == right
    assert problems(right) == ()


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:p%40ss@db.x:5432/m",
        "postgresql+psycopg2://u:p@db.x:5432/m?sslmode=require",
        "postgresql://db.x/m?application_name=a@b",
        "postgresql:///m?host=/var/run",
        "postgresql://u@db.x:5432/m",
        "postgresql://u:$PASSWORD@db.x/m",
        "mysql://u:p@db.x/m?ssl_ca=/etc/ca.pem",
        "sqlite:////tmp/a:1:1.db",
        "not an address",
    ],
)
def test_what_is_right_is_left_alone(uri):
    assert problems(uri) == ()
    assert all(corrected(uri, c) == uri for c in (Correction.SINGLE_PORT, Correction.ESCAPE_PASSWORD))


def test_two_different_ports_are_left_to_a_person():
    uri = "postgresql://u:p@db.x:5432:5433/m"
    assert problems(uri) == (DOUBLED,)
    assert corrected(uri, Correction.SINGLE_PORT) == uri


def test_the_driver_is_named():
    assert corrected("postgresql://u:p@d/m", Correction.PSYCOPG2_DRIVER) == "postgresql+psycopg2://u:p@d/m"
    assert is_database_uri("mysql+pymysql://x")
    assert not is_database_uri("sqlite:///x")
