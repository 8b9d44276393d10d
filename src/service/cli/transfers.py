"""How far an upload or a download has come, shown on standard error where that is a terminal."""

import sys
from types import TracebackType

from rich.filesize import decimal
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from service.cli.screen import console
from service.cli.visible import visible


class Transfer:
    """A bar, there from the first moment to the last; told how far it is as `Progress` says."""

    def __init__(self, name: str, *, shown: bool = True) -> None:
        self._bars = Bars(
            TextColumn("{task.description}", markup=False, table_column=_AS_MUCH_AS_IS_LEFT),
            BarColumn(bar_width=12),
            _Figures(table_column=Column(no_wrap=True)),
            console=console(sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
            disable=not (shown and sys.stderr.isatty()),
        )
        self._task = self._bars.add_task(visible(name), total=None)
        self._begun = False

    def __enter__(self) -> "Transfer":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """So many bytes, of so many."""
        if self._begun:
            self._bars.update(self._task, completed=done, total=total)
            return
        self._begun = True
        # What was there before has not come at any speed.
        self._bars.reset(self._task, completed=done, total=total)
        if done and total:
            line = f"Going on where it was: {decimal(done)} of {decimal(total)} are there."
            self._bars.console.print(Text(line, style="dim"), soft_wrap=True)


class _Figures(ProgressColumn):
    """Percent, bytes, speed and time left, as far as they are known."""

    def render(self, task: Task) -> Text:
        """One line, empty until there is something to tell."""
        if task.total is None and not task.completed:
            return Text()
        speed = f"{decimal(int(task.speed))}/s" if task.speed else ""
        if task.total is None:
            return Text(f"{decimal(int(task.completed))}  {speed}")
        left = "" if task.time_remaining is None else _clock(task.time_remaining)
        figures = f"{decimal(int(task.completed))} of {decimal(int(task.total))}"
        return Text(f"{task.percentage:3.0f} %  {figures}  {speed:>10}  {left:>7}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_AS_MUCH_AS_IS_LEFT = Column(ratio=1, no_wrap=True, overflow="ellipsis")
