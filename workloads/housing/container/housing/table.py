"""The training channel as one table, read strictly: what is not understood is refused, with its place."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from housing.field import is_missing, number, shown

_TEXTS_AT_MOST = 100
"""A text column with more different texts is an identifier, prose, or numbers with a slip among them."""


@dataclass(frozen=True)
class Column:
    """The fields of one column, and where each comes from."""

    name: str
    fields: Sequence[str]
    places: Sequence[str]

    def numbers(self) -> list[float | None]:
        """The column as numbers, None where a value is missing; a ValueError names the first field that
        is none."""
        values: list[float | None] = []
        for place, text in zip(self.places, self.fields, strict=True):
            try:
                values.append(None if is_missing(text) else number(text))
            except ValueError as error:
                raise ValueError(f"{place}, column {shown(self.name)}: {error}") from None
        if all(value is None for value in values):
            raise ValueError(f"column {shown(self.name)} holds no value at all, leave it out")
        return values

    def texts(self) -> list[str]:
        """The column as texts, blanks around them removed. An empty one is a text of its own."""
        return [text.strip() for text in self.fields]

    def feature(self) -> list[float | None] | list[str]:
        """Numbers if every value is one, and otherwise texts, if they can be told from a mistake."""
        try:
            return self.numbers()
        except ValueError as error:
            if all(is_missing(text) for text in self.fields):
                raise
            texts = self.texts()
            if len(set(texts)) > _TEXTS_AT_MOST:
                raise ValueError(
                    f"{error}; taken as a text column it has {len(set(texts))} different texts, and"
                    f" {_TEXTS_AT_MOST} is the most: correct the field, or leave the column out"
                ) from None
            return texts


def read(folder: Path) -> dict[str, Column]:
    """Every `*.csv` of a folder, by column, in the order of the first file's header."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        there = ", ".join(sorted(path.name for path in folder.glob("*"))) or "nothing"
        raise ValueError(f"no *.csv file in {folder}, which holds {there}: give a channel named 'training'")
    names: list[str] = []
    fields: list[list[str]] = []
    places: list[str] = []
    for file in files:
        records = _records(file)
        header = _header(file, next(records, ("", []))[1])
        names = names or header
        if sorted(header) != sorted(names):
            raise ValueError(
                f"{file.name} has the columns {_listed(header)}, and {files[0].name} has {_listed(names)}:"
                " give files with the same columns"
            )
        order = [header.index(name) for name in names]
        for place, record in records:
            if len(record) != len(header):
                raise ValueError(
                    f"{place} has {len(record)} fields, and the header has {len(header)}: quote a field"
                    " that holds a comma"
                )
            fields.append([record[index] for index in order])
            places.append(place)
    columns = list(zip(*fields, strict=True)) or [()] * len(names)
    return {name: Column(name, column, places) for name, column in zip(names, columns, strict=True)}


def _records(file: Path) -> Iterator[tuple[str, list[str]]]:
    """A file's records with their places; blank lines are passed over."""
    # utf-8-sig takes the byte order mark off that spreadsheets write; newline="" leaves CRLF to csv
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for record in reader:
                if record:
                    yield f"{file.name} line {reader.line_num}", record
        except csv.Error as error:
            raise ValueError(f"{file.name} line {reader.line_num} is not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{file.name} is not UTF-8, save it as UTF-8: {error}") from error


def _header(file: Path, record: Sequence[str]) -> list[str]:
    names = [name.strip() for name in record]
    if not names:
        raise ValueError(f"{file.name} is empty, give a header and rows")
    for index, name in enumerate(names):
        if not name:
            raise ValueError(
                f"{file.name} has no name for column {index + 1}, name every column in the header"
            )
        if name in names[:index]:
            raise ValueError(f"{file.name} has two columns named {shown(name)}, name each one differently")
    return names


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names)
