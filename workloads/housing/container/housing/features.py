"""The table as a regression sees it: what to predict, and what from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from housing.table import Column


@dataclass(frozen=True)
class Features:
    """Every column but the target, in the files' order: numbers, None where one is missing, or texts."""

    columns: Mapping[str, Sequence[float | None] | Sequence[str]]
    target: Sequence[float]

    @property
    def texts(self) -> Mapping[str, list[str]]:
        """The text columns, each with its different texts: of all rows, held out or not, so that a text
        that only the held-out part has is not a stranger to the model."""
        return {
            name: sorted({text for text in values if isinstance(text, str)})
            for name, values in self.columns.items()
            if any(isinstance(value, str) for value in values)
        }

    @property
    def gaps(self) -> frozenset[str]:
        """The number columns in which a value is missing."""
        return frozenset(name for name, values in self.columns.items() if None in values)


def features_of(table: Mapping[str, Column], target: str) -> Features:
    """A ValueError says what the table lacks."""
    if target not in table:
        hint = " (are the files separated by commas?)" if len(table) == 1 else ""
        raise ValueError(
            f"no column '{target}' to predict{hint}, name one in the hyperparameter 'target':"
            f" {', '.join(table)}"
        )
    if len(table) == 1:
        raise ValueError(f"'{target}' is the only column, give at least one to predict it from")
    if not table[target].fields:
        raise ValueError("the files of the channel 'training' hold a header and no row")
    values: list[float] = []
    for place, value in zip(table[target].places, table[target].numbers(), strict=True):
        if value is None:
            raise ValueError(f"{place}: the target '{target}' has no value, leave such rows out")
        values.append(value)
    return Features({name: column.feature() for name, column in table.items() if name != target}, values)
