"""A training job: from the CSV files of the channel `training` to a model and its held-out metrics."""

from __future__ import annotations

import sys
import traceback
from math import ceil

from housing import hyperparameters, scoring, table
from housing.features import features_of
from housing.place import Place


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
    features = features_of(table.read(place.training_channel), told.target)
    _check_split(len(features.target), told.test_size)

    from housing.fitting import fit  # imports scikit-learn: what is wrong is told before that second passes

    result = fit(features, normalize=told.normalize, test_size=told.test_size, random_state=told.random_state)
    # a fixed form, one metric a line: a training job's metric definitions match it with `rmse=(\S+)`
    for name, value in result.metrics.items():
        print(f"{name}={value:.6f}", flush=True)

    place.model.mkdir(parents=True, exist_ok=True)
    model = place.model / "model.joblib"
    result.save(model)
    scoring.write(result.scores, model)
    print(f"model: {model}", flush=True)


def _check_split(rows: int, test_size: float) -> None:
    held_out = ceil(rows * test_size)  # as train_test_split rounds it
    learned = rows - held_out
    if held_out < 2 or learned < 2:
        raise ValueError(
            f"{rows} rows with a test-size of {test_size} leave {learned} to learn from and {held_out} to"
            " hold out, give at least 2 of each"
        )
    print(f"rows: {learned} to learn from, {held_out} held out", flush=True)


def _fail(place: Place, message: str) -> int:
    print(f"failed: {message}", file=sys.stderr, flush=True)
    place.failure.parent.mkdir(parents=True, exist_ok=True)
    place.failure.write_text(message, encoding="utf-8")
    return 1
