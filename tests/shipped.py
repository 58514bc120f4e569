"""What is shipped, read once a process: half of the tests want it, and reading it takes longer than most of them."""

import functools

from steward.cli import folders, knowledge


@functools.cache
def _runbooks():
    return folders.read_runbooks()


def read_runbooks():
    return dict(_runbooks())


@functools.cache
def read_knowledge():
    return knowledge.read_knowledge()
