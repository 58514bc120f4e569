"""What the benchmarks say of memory: a child's own, whoever started it."""

import subprocess
import sys

from steward.bench.peak import high_water_kb, run_whole

HELD = 200 * 1024 * 1024
OWN = "from steward.bench.peak import own_peak_kb; print(own_peak_kb())"


def test_a_child_is_not_charged_with_what_its_parent_holds(tmp_path):
    held = bytearray(b"x") * HELD  # touched, so that it is really there
    with (tmp_path / "said.txt").open("w") as said:
        whole = run_whole([sys.executable, "-S", "-c", "pass"], tmp_path, {}, said)
    inside = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    assert len(held) == HELD
    assert high_water_kb("self") > HELD / 1024
    assert 0 < whole.peak_kb < HELD / 1024 / 2
    assert 0 < int(inside.stdout) < HELD / 1024 / 2


def test_what_a_child_holds_is_seen_with_its_end_and_its_time(tmp_path):
    script = f"held = bytearray(b'x') * {HELD}; raise SystemExit(3)"
    with (tmp_path / "said.txt").open("w") as said:
        whole = run_whole([sys.executable, "-S", "-c", script], tmp_path, {}, said)
    assert (whole.code, whole.peak_kb > HELD / 1024, whole.seconds > 0) == (3, True, True)
    assert high_water_kb("no process") == 0
