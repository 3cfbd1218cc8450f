"""A training job: from the CSV files of the channel `training` to a model and its held-out metrics."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from math import ceil
from typing import Any

import joblib
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # pandas ships no types
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from housing import hyperparameters, scoring, table
from housing.hyperparameters import Hyperparameters
from housing.place import Place
from housing.scoring import NumberColumn, Scores, TextColumn

MODEL = "model.joblib"


def main() -> int:
    """The process's exit code: SageMaker takes anything but 0 for a failed job."""
    place = Place.of_this_process()
    try:
        train(place)
    except (ValueError, OSError) as error:
        return _fail(place, str(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, the job's FailureReason has to say it
        traceback.print_exc()
        return _fail(place, f"a bug of this program, see the job's log: {type(error).__name__}: {error}")
    return 0


def train(place: Place) -> None:
    told = hyperparameters.read(place.hyperparameters)
    print(f"hyperparameters: {told}", flush=True)
    features, target = _features_and_target(table.read(place.training_channel), told.target)
    _check_split(len(target), told)
    learned, held_out, learned_target, held_out_target = train_test_split(
        features.frame, target, test_size=told.test_size, random_state=told.random_state
    )
    print(f"rows: {len(learned_target)} to learn from, {len(held_out_target)} held out", flush=True)
    pipeline = _pipeline(features, normalize=told.normalize)
    pipeline.fit(learned, learned_target)

    predicted = pipeline.predict(held_out)
    # a fixed form, one metric a line: a training job's metric definitions match it with `rmse=(\S+)`
    print(f"rmse={root_mean_squared_error(held_out_target, predicted):.6f}")
    print(f"mae={mean_absolute_error(held_out_target, predicted):.6f}")
    print(f"r2={r2_score(held_out_target, predicted):.6f}", flush=True)

    place.model.mkdir(parents=True, exist_ok=True)
    model = place.model / MODEL
    joblib.dump(pipeline, model)
    scoring.write(_scores(pipeline, features), model)
    print(f"model: {model}", flush=True)


@dataclass(frozen=True)
class Features:
    """Every column but the target, and what is known of each from all rows, held out or not: the texts
    of a text column, and whether a number column has gaps."""

    frame: Any
    texts: dict[str, list[str]]
    gaps: set[str]

    @property
    def numbers(self) -> list[str]:
        return [name for name in self.frame.columns if name not in self.texts]


def _features_and_target(columns: dict[str, table.Column], target: str) -> tuple[Features, Any]:
    if target not in columns:
        hint = ", separated by commas" if len(columns) == 1 else ""
        raise ValueError(
            f"no column '{target}' to predict, name one of these in the hyperparameter 'target'{hint}:"
            f" {', '.join(columns)}"
        )
    if len(columns) == 1:
        raise ValueError(f"'{target}' is the only column, give at least one to predict it from")
    if not columns[target].fields:
        raise ValueError("the files of the channel 'training' hold a header and no row")
    values = columns[target].numbers()
    for place, value in zip(columns[target].places, values, strict=True):
        if value is None:
            raise ValueError(f"{place}: the target '{target}' has no value, leave such rows out")

    frame: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    gaps: set[str] = set()
    for name, column in columns.items():
        if name == target:
            continue
        feature = column.feature()
        if any(isinstance(value, str) for value in feature):
            frame[name] = np.array(feature, dtype=object)
            texts[name] = sorted({str(value) for value in feature})
        else:
            frame[name] = np.array(feature, dtype=float)  # None becomes NaN
            if None in feature:
                gaps.add(name)
    return Features(pd.DataFrame(frame), texts, gaps), np.array(values, dtype=float)


def _check_split(rows: int, told: Hyperparameters) -> None:
    held_out = ceil(rows * told.test_size)  # as train_test_split rounds it
    if held_out < 2 or rows - held_out < 2:
        raise ValueError(
            f"{rows} rows with a test-size of {told.test_size} leave {max(rows - held_out, 0)} to learn from"
            f" and {held_out} to hold out, give at least 2 of each"
        )


def _pipeline(features: Features, *, normalize: bool) -> Pipeline:
    steps: list[tuple[str, Any]] = [("fill", SimpleImputer(strategy="median", keep_empty_features=True))]
    if normalize:
        steps.append(("standardize", StandardScaler()))
    # the texts are those of all rows: one that only the held-out part has gets the weight 0, not an error
    encoder = OneHotEncoder(
        categories=list(features.texts.values()), drop="first", sparse_output=False, dtype=float
    )
    transformers: list[tuple[str, Any, list[str]]] = []
    if features.numbers:
        transformers.append(("numbers", Pipeline(steps), features.numbers))
    if features.texts:
        transformers.append(("texts", encoder, list(features.texts)))
    return Pipeline([("columns", ColumnTransformer(transformers)), ("regression", LinearRegression())])


def _scores(pipeline: Pipeline, features: Features) -> Scores:
    """What the fitted pipeline amounts to, column by column."""
    regression = pipeline.named_steps["regression"]
    weights = iter(regression.coef_.tolist())
    columns: dict[str, NumberColumn | TextColumn] = {}
    if features.numbers:
        steps = pipeline.named_steps["columns"].named_transformers_["numbers"].named_steps
        fills = steps["fill"].statistics_.tolist()
        scaler = steps.get("standardize")
        centers = [0.0] * len(fills) if scaler is None else scaler.mean_.tolist()
        scales = [1.0] * len(fills) if scaler is None else scaler.scale_.tolist()
        for name, fill, center, scale in zip(features.numbers, fills, centers, scales, strict=True):
            columns[name] = NumberColumn(
                name, next(weights) / scale, center, fill if name in features.gaps else None
            )
    for name, texts in features.texts.items():
        # the encoder drops the first text: it is what the others' weights are relative to
        columns[name] = TextColumn(name, {texts[0]: 0.0, **{text: next(weights) for text in texts[1:]}})
    return Scores(float(regression.intercept_), [columns[name] for name in features.frame.columns])


def _fail(place: Place, message: str) -> int:
    print(f"failed: {message}", file=sys.stderr, flush=True)
    place.failure.parent.mkdir(parents=True, exist_ok=True)
    place.failure.write_text(message, encoding="utf-8")
    return 1
