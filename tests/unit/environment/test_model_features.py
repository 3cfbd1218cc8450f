"""What a file may say of features that are looked up for a model, and what contradicts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment

WHOLE = """\
name: broken
account: "111122223333"
region: eu-west-1
teams:
  research: {members: {ada: data-scientist}}
  risk: {members: {bob: data-analyst}}
repositories: [housing]
features:
  patients:
    team: research
    identifier: patient
    event_time: at
    features: {patient: string, at: string, bmi: fractional, visits: integral}
    online: {}
    readers: [risk/data-analyst]
  kept: {team: research, identifier: k, event_time: at, features: {k: string, at: string}}
  faces:
    team: research
    identifier: k
    event_time: at
    features: {k: string, at: string, words: {type: string, collection: list}}
    online: {storage: in-memory}
    offline: null
models:
  sick:
    team: research
    image: {repository: housing, tag: v1}
    artifact: {key: research/model.tar.gz}
    api:
      content_types: [text/csv, application/json]
      features: {group: patients, names: [bmi, visits], member: id, column: 2}
"""
LINE = "      features: {group: patients, names: [bmi, visits], member: id, column: 2}\n"
TYPES = "[text/csv, application/json]"

MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "a group that there is not": (
        "{group: patients,",
        "{group: patient,",
        "31:25: models.sick.api.features.group",
        "no feature group 'patient', did you mean 'patients'?",
    ),
    "a group without an online store": (
        "{group: patients, names: [bmi, visits]",
        "{group: kept, names: [at]",
        "31:25: models.sick.api.features.group",
        "'kept' has no online store to read from, give it 'online: {}'",
    ),
    "a feature that there is not": (
        "[bmi, visits]",
        "[bmi, visit]",
        "31:48: models.sick.api.features.names[1]",
        "no feature 'visit', did you mean 'visits'?",
    ),
    "no features": (
        "[bmi, visits]",
        "[]",
        "31:35: models.sick.api.features.names",
        "has 0 entries, give at least 1",
    ),
    "a feature twice": (
        "[bmi, visits]",
        "[bmi, bmi]",
        "31:48: models.sick.api.features.names[1]",
        "'bmi' is listed twice, remove one",
    ),
    "a team that only one persona of reads": (
        "  sick:\n    team: research",
        "  sick:\n    team: risk",
        "31:25: models.sick.api.features.group",
        "'patients' is not shared with the model's team, add 'risk' to its 'readers'",
    ),
    "a type without rows": (
        TYPES,
        "[text/csv, application/x-npy]",
        "30:33: models.sick.api.content_types[1]",
        "'application/x-npy' has no rows with a key for 'features'",
    ),
    "a column of JSON": (
        TYPES + "\n      features: {group: patients, names: [bmi, visits], member: id, column: 2}",
        "[application/json]\n      features: {group: patients, names: [bmi], column: 2}",
        "31:57: models.sick.api.features.column",
        "is for text/csv, which the model does not take, remove it",
    ),
    "a member of CSV": (
        TYPES + "\n      features: {group: patients, names: [bmi, visits], member: id, column: 2}",
        "[text/csv]\n      features: {group: patients, names: [bmi], member: id}",
        "31:57: models.sick.api.features.member",
        "is for JSON, which the model does not take, remove it",
    ),
    "a list in a column": (
        "{group: patients, names: [bmi, visits]",
        "{group: faces, names: [words]",
        "31:40: models.sick.api.features.names[0]",
        "'words' is a list, and no column of text/csv can be",
    ),
    "what is answered later": (
        "    api:\n",
        "    endpoint: {mode: asynchronous}\n    api:\n",
        "32:7: models.sick.api.features",
        "are looked up for what is answered at once, and the mode is 'asynchronous'",
    ),
}


def loaded(folder: Path, text: str) -> Environment:
    (folder / "broken.yaml").write_text(text)
    return load(folder / "broken.yaml")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_tells_a_mistake_with_its_place_and_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    monkeypatch.chdir(tmp_path)
    right, wrong, place, words = MISTAKES[mistake]
    assert WHOLE.count(right) == 1

    with pytest.raises(EnvironmentFileError) as raised:
        loaded(tmp_path, WHOLE.replace(right, wrong))

    message = str(raised.value)
    assert message.startswith(f"broken.yaml:{place}")
    assert words in message
    assert "\n" not in message


def test_looks_nothing_up_by_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, WHOLE.replace(LINE, "")).models["sick"].api.features is None


def test_a_team_that_reads_a_group_as_a_whole_asks_its_models_with_it(tmp_path: Path) -> None:
    text = WHOLE.replace("risk/data-analyst", "risk").replace(
        "  sick:\n    team: research", "  sick:\n    team: risk"
    )

    wanted = loaded(tmp_path, text).models["sick"].api.features

    assert wanted is not None
    assert (wanted.names, wanted.member, wanted.column) == (("bmi", "visits"), "id", 2)
