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
    def step(self, title: str, *, telling: bool = False) -> Iterator[Tell]:
        """Yields a function that tells the latest news of this step, and nothing for an empty one.

        Where there is no terminal, only a step that is `telling` tells them, each once: it can take long.
        """
        latest = ""

        def tell(news: str) -> None:
            nonlocal latest
            if not news or news == latest:
                return
            latest = news
            status.update(f"{escape(title)} [dim]{escape(news[:100])}[/dim]")
            if telling and not self._console.is_terminal:
                self._console.print(f"    {escape(news)}", highlight=False, soft_wrap=True)

        started = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"  … {escape(title)}", highlight=False)
        with self._console.status(escape(title)) as status:
            try:
                yield tell
            except BaseException:
                self._console.print(f"[red]✗[/red] {escape(title)}", highlight=False)
                raise
        took = time.monotonic() - started
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]{took:.1f} s[/dim]", highlight=False)

    def done(self, title: str) -> None:
        """A step that had been done before."""
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]was done[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """What is no step, and good to know."""
        self._console.print(f"  · {escape(text)}", highlight=False, soft_wrap=True)
