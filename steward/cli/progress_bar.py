"""A bar for long work, drawn over itself on a terminal and nowhere else."""

from typing import Any

import click

WIDTH = 24
_WIPE = "\r\x1b[2K"


def bar_line(progress: dict[str, Any]) -> str:
    """`[######------------------]  25%  backup: 5 of 20 objects` or, where nobody knows the whole, only the counts."""
    percent = progress.get("percent")
    if percent is None:
        return f"{progress['step']}: {progress['text']}"
    filled = WIDTH * percent // 100
    return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {percent:>3}%  {progress['step']}: {progress['text']}"


class ProgressBar:
    def __init__(self, visible: bool) -> None:
        self._visible, self._drawn = visible, False

    def show(self, progress: dict[str, Any] | None) -> None:
        if progress is None or not self._visible:
            return
        click.echo(f"{_WIPE}{bar_line(progress)}", nl=False, err=True)
        self._drawn = True

    def wipe(self) -> None:
        if self._drawn:
            click.echo(_WIPE, nl=False, err=True)
            self._drawn = False
