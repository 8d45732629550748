"""A progress bar in bytes on a terminal, plain lines elsewhere (a log of a build is no terminal)."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table


class Display:
    """Shows the stages of an installation on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._label = ""
        self._total = 0

    def stage(self, text: str, total: int) -> None:
        """A new stage begins, `total` bytes of work (0: unknown)."""
        if self._quiet:
            return
        if not self._console.is_terminal:
            size = f" ({total / 1e6:.1f} MB)" if total else ""
            self._console.print(f"{text}{size}", soft_wrap=True)
            return
        self._finish_task()
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._progress.start()
        self._label, self._total = text, total
        self._task = self._progress.add_task(text, total=total or None)

    def advance(self, done: int) -> None:
        """So many bytes of the stage are done in all."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done)

    def note(self, text: str) -> None:
        """One line worth telling."""
        if not self._quiet:
            self._console.print(text, soft_wrap=True)

    def _finish_task(self) -> None:
        if self._progress is not None and self._task is not None:
            total = self._total or 1
            self._progress.update(self._task, total=total, completed=total)
            self._task = None

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output; the last column folds on a narrow terminal and never does in a pipe."""
    table = Table(*header[:-1], box=None, pad_edge=False)
    table.add_column(header[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)  # a prompt's text may hold brackets
    if not console.is_terminal:
        console.width = 1000
    console.print(table)
