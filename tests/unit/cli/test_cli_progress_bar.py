"""The bar for long work, and the numbers it is drawn from."""

from chalicelib.flows.progress import progress_of
from chalicelib.models.change import ChangeProgress, ChangeState, HowFar
from steward.cli.progress_bar import WIDTH, bar_line


class Record:
    id = "backup"

    def __init__(self, *progress):
        self.progress = progress


def at(done, total, state=ChangeState.STARTED):
    return ChangeProgress(state=state, how_far=HowFar(done=done, total=total, rate_per_s=50.0))


def test_percent_rate_and_time_left_are_those_of_the_change_under_way():
    told = progress_of([Record(at(9, 9, ChangeState.DONE)), Record(ChangeProgress()), Record(at(250, 1000))])
    assert told is not None
    assert (told["step"], told["percent"], told["rate_per_s"], told["left_s"]) == ("backup", 25, 50.0, 15)
    assert bar_line(told) == f"[{'#' * 6}{'-' * (WIDTH - 6)}]  25%  backup: {told['text']}"


def test_where_nobody_knows_the_whole_only_counts_are_shown():
    told = progress_of([Record(at(250, None))])
    assert told is not None
    assert bar_line(told) == "backup: 250 objects, 50/s"


def test_nothing_under_way_is_no_progress():
    assert progress_of([Record(), Record(at(9, 9, ChangeState.DONE))]) is None
