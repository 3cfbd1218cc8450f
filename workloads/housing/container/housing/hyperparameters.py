"""What a training job may be told. SageMaker hands every value over as a string."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Hyperparameters:
    """`normalize` standardises number columns; `test_size` is the fraction that is held out."""

    target: str = "medv"
    normalize: bool = False
    test_size: float = 0.1
    random_state: int = 123


def read(path: Path) -> Hyperparameters:
    """The file that SageMaker writes; without one, the defaults. All that is wrong is told together."""
    if not path.exists():
        return Hyperparameters()
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"{path.name} holds a {type(given).__name__}, give an object of strings")
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, text in given.items():
        try:
            values[name.replace("-", "_")] = _value(name, text)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("; ".join(problems))
    return Hyperparameters(**values)


def _value(name: str, text: object) -> object:
    if name not in _PARSERS:
        nearest = get_close_matches(name, _PARSERS, n=1)
        meant = f"did you mean '{nearest[0]}'?" if nearest else f"choose from: {', '.join(sorted(_PARSERS))}"
        raise ValueError(f"no hyperparameter '{name}', {meant}")
    if not isinstance(text, str):
        raise ValueError(f"hyperparameter '{name}' is {json.dumps(text)}, give a string")
    return _PARSERS[name](text)


def _target(text: str) -> str:
    if not text.strip():
        raise ValueError("hyperparameter 'target' is empty, name the column to predict")
    return text.strip()


def _normalize(text: str) -> bool:
    # SageMaker's SDK sends str(True)
    answers = {"true": True, "false": False, "1": True, "0": False}
    if text.strip().lower() not in answers:
        raise ValueError(f"hyperparameter 'normalize' is '{text}', choose one of: true, false")
    return answers[text.strip().lower()]


def _test_size(text: str) -> float:
    problem = f"hyperparameter 'test-size' is '{text}', give a fraction between 0 and 1 such as 0.1"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(problem) from None
    if not 0 < value < 1:
        raise ValueError(problem)
    return value


def _random_state(text: str) -> int:
    problem = f"hyperparameter 'random-state' is '{text}', give an integer from 0 to {2**32 - 1}"
    try:
        value = int(text)
    except ValueError:
        raise ValueError(problem) from None
    if not 0 <= value < 2**32:
        raise ValueError(problem)
    return value


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "target": _target,
    "normalize": _normalize,
    "test-size": _test_size,
    "random-state": _random_state,
}
