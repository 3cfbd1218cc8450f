"""The regression itself, by scikit-learn, and what it amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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

from housing.features import Features
from housing.scoring import NumberColumn, Scores, TextColumn


@dataclass(frozen=True)
class Fit:
    """A pipeline that was fitted to one part of the rows, and measured on the other."""

    pipeline: Pipeline
    metrics: Mapping[str, float]
    scores: Scores

    def save(self, path: Path) -> None:
        joblib.dump(self.pipeline, path)


def fit(features: Features, *, normalize: bool, test_size: float, random_state: int) -> Fit:
    learned, held_out, learned_target, held_out_target = train_test_split(
        _frame(features), np.array(features.target), test_size=test_size, random_state=random_state
    )
    pipeline = _pipeline(features, normalize=normalize)
    pipeline.fit(learned, learned_target)
    predicted = pipeline.predict(held_out)
    metrics = {
        "rmse": float(root_mean_squared_error(held_out_target, predicted)),
        "mae": float(mean_absolute_error(held_out_target, predicted)),
        "r2": float(r2_score(held_out_target, predicted)),
    }
    return Fit(pipeline, metrics, _scores(pipeline, features))


def _frame(features: Features) -> Any:
    texts = features.texts
    return pd.DataFrame(
        {
            name: np.array(values, dtype=object if name in texts else float)  # None becomes NaN
            for name, values in features.columns.items()
        }
    )


def _numbers(features: Features) -> Sequence[str]:
    texts = features.texts
    return [name for name in features.columns if name not in texts]


def _pipeline(features: Features, *, normalize: bool) -> Pipeline:
    steps: list[tuple[str, Any]] = [("fill", SimpleImputer(strategy="median", keep_empty_features=True))]
    if normalize:
        steps.append(("standardize", StandardScaler()))
    transformers: list[tuple[str, Any, Sequence[str]]] = []
    if numbers := _numbers(features):
        transformers.append(("numbers", Pipeline(steps), numbers))
    if texts := features.texts:
        encoder = OneHotEncoder(categories=list(texts.values()), drop="first", sparse_output=False)
        transformers.append(("texts", encoder, list(texts)))
    return Pipeline([("columns", ColumnTransformer(transformers)), ("regression", LinearRegression())])


def _scores(pipeline: Pipeline, features: Features) -> Scores:
    """What the fitted pipeline amounts to, column by column."""
    regression = pipeline.named_steps["regression"]
    weights = iter(regression.coef_.tolist())
    columns: dict[str, NumberColumn | TextColumn] = {}
    gaps = features.gaps
    if numbers := _numbers(features):
        steps = pipeline.named_steps["columns"].named_transformers_["numbers"].named_steps
        fills = steps["fill"].statistics_.tolist()
        scaler = steps.get("standardize")
        centers = [0.0] * len(fills) if scaler is None else scaler.mean_.tolist()
        scales = [1.0] * len(fills) if scaler is None else scaler.scale_.tolist()
        for name, fill, center, scale in zip(numbers, fills, centers, scales, strict=True):
            columns[name] = NumberColumn(name, next(weights) / scale, center, fill if name in gaps else None)
    for name, texts in features.texts.items():
        # the encoder drops the first text: the others' weights are relative to it
        columns[name] = TextColumn(name, {texts[0]: 0.0, **{text: next(weights) for text in texts[1:]}})
    return Scores(float(regression.intercept_), [columns[name] for name in features.columns])
