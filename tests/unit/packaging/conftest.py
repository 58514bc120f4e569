import pytest

from steward.packaging.template import generated_resources
from tests.unit.packaging.one_stack import NAMES, runbooks, stack


@pytest.fixture(scope="module")
def resources():
    return generated_resources(NAMES, [stack()], runbooks(), copies=True)["Resources"]
