"""Everything that a stack file can ask for, in one package: the linter has nothing to say of that one either."""

import json
import subprocess
import sys
from pathlib import Path

from steward.sandbox import place


def test_cfn_lint_has_nothing_to_say_of_any_template(varied):
    templates = sorted(varied.out.glob("*.json"))
    assert [path.name for path in templates] == ["away-far.json", "away-foreign.json", "sam.json"]
    words = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, templates)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout


def test_the_package_says_for_which_region_it_is_made(varied):
    assert (varied.out / "region").read_text() == f"{place.REGION}\n"
    assert any("away-far.json, away-foreign.json" in note for note in varied.notes)


def test_two_stacks_of_one_network_share_reach(varied):
    resources = json.loads(varied.template.read_text())["Resources"]
    made = [one for one in resources if one.startswith("Reach") and resources[one]["Type"].endswith("::Function")]
    assert len(made) == 1
