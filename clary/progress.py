"""Telling a person what goes on: a line for each step, with what it is at while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

Tell = Callable[[str], None]


class Progress:
    """On a terminal a step spins and shows its latest news; elsewhere it is one line when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Tell]:
        """Yields a function that tells the latest news of this step."""
        started = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"  … {escape(title)}", highlight=False)
        with self._console.status(escape(title)) as status:
            try:
                yield lambda news: status.update(f"{escape(title)} [dim]{escape(news[:100])}[/dim]")
            except BaseException:
                self._console.print(f"[red]✗[/red] {escape(title)}", highlight=False)
                raise
        took = time.monotonic() - started
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]{took:.1f} s[/dim]", highlight=False)

    def done(self, title: str) -> None:
        """A step that had been done before."""
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]was done[/dim]", highlight=False)
