"""Any fitted scikit-learn regressor over number columns: what a notebook saved with `joblib.dump`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from housing.field import number
from housing.scoring import BadRow


class Fitted:
    """Predicts with the estimator of a joblib file. It costs scikit-learn's import, about 0.6 s."""

    def __init__(self, path: Path) -> None:
        import joblib
        from sklearn.exceptions import InconsistentVersionWarning

        try:
            with warnings.catch_warnings():
                # what another scikit-learn version saved is not known to predict the same
                warnings.simplefilter("error", InconsistentVersionWarning)
                # A joblib file is a pickle: loading it runs what its author wants. This one is trusted as
                # far as the image is: who may write to the models bucket decides what an endpoint answers,
                # and it is that bucket's policy, not a check here, that keeps everybody else out.
                self._estimator: Any = joblib.load(path)
            self._columns = int(self._estimator.n_features_in_)
            self._names = [str(name) for name in getattr(self._estimator, "feature_names_in_", ())]
            self._answer([[0.0] * self._columns])  # fails here, not at the first request, and warms up
        except Exception as error:  # a pickle raises whatever it likes
            raise ValueError(
                f"{path.name} is not a fitted scikit-learn regressor over number columns, of the version"
                f" installed here: {type(error).__name__}: {error}"
            ) from error

    def predict(self, rows: Sequence[Sequence[str]]) -> list[float]:
        answers = self._answer([self._read(position, row) for position, row in enumerate(rows, start=1)])
        for position, answer in enumerate(answers, start=1):
            if not isfinite(answer):
                raise BadRow(position, "the prediction overflows, give smaller numbers")
        return answers

    def _read(self, position: int, fields: Sequence[str]) -> list[float]:
        if len(fields) != self._columns:
            raise BadRow(position, f"{len(fields)} columns, give {self._columns}")
        try:
            return [number(text) for text in fields]
        except ValueError as error:
            raise BadRow(position, str(error)) from None

    def _answer(self, rows: list[list[float]]) -> list[float]:
        if self._names:
            import pandas  # type: ignore[import-untyped]  # pandas ships no types

            return [
                float(answer)
                for answer in self._estimator.predict(pandas.DataFrame(rows, columns=self._names))
            ]
        return [float(answer) for answer in self._estimator.predict(rows)]
