"""What a file may say of feature groups, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.environment.features import TimeToLive
from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment

HEAD = """\
name: broken
account: "111122223333"
region: eu-west-1
teams:
  research: {members: {ada: data-scientist}}
  risk: {members: {bob: data-analyst}}
features:
  patients:
"""
TEAM = "    team: research\n"
KEYS = "    identifier: patient\n    event_time: at\n"
FEATURES = "    features: {patient: string, at: string, bmi: fractional}\n"
VALID = HEAD + TEAM + KEYS + FEATURES
IN_MEMORY = HEAD + TEAM + KEYS + "    online: {storage: in-memory}\n    offline: null\n"

MISTAKES: dict[str, tuple[str, str, str]] = {
    "a repository for jobs that there is not": (
        VALID + "    job: {repository: featurs}\n",
        "13:23",
        "no repository 'featurs'",
    ),
    "a job on what guardrails do not allow": (
        "repositories: [features]\nguardrails: {instance_types: [ml.t3.medium]}\n"
        + VALID
        + "    job: {repository: features}\n",
        "15:5",
        "'ml.m5.large' is not among 'guardrails.instance_types'",
    ),
    "a team that there is not": (
        HEAD + "    team: reserch\n" + KEYS + FEATURES,
        "9:11",
        "no team 'reserch', did you mean 'research'?",
    ),
    "an identifier that is no feature": (
        HEAD + TEAM + "    identifier: patien\n    event_time: at\n" + FEATURES,
        "10:17",
        "no feature 'patien', did you mean 'patient'?",
    ),
    "a time that is no feature": (
        HEAD + TEAM + "    identifier: patient\n    event_time: when\n" + FEATURES,
        "11:17",
        "no feature 'when'",
    ),
    "a time that is the identifier": (
        HEAD + TEAM + "    identifier: patient\n    event_time: patient\n" + FEATURES,
        "11:17",
        "'patient' is the identifier, too",
    ),
    "an identifier with fractions": (
        HEAD + TEAM + KEYS + "    features: {patient: fractional, at: string}\n",
        "10:17",
        "'patient' is 'fractional', make it 'string' or 'integral'",
    ),
    "a feature that files lie by": (
        HEAD + TEAM + KEYS + "    features: {patient: string, at: string, year: integral}\n",
        "12:51",
        "'year' is a column of the store's own",
    ),
    "a time in whole numbers": (
        HEAD + TEAM + KEYS + "    features: {patient: string, at: integral}\n",
        "11:17",
        "'at' is 'integral', make it 'string' or 'fractional'",
    ),
    "a feature that the store has itself": (
        HEAD + TEAM + KEYS + "    features: {patient: string, at: string, Write_Time: string}\n",
        "12:57",
        "'Write_Time' is a column of the store's own",
    ),
    "features that are one column": (
        HEAD + TEAM + KEYS + "    features: {patient: string, at: string, Patient: string}\n",
        "12:54",
        "'patient' and 'Patient' are one column",
    ),
    "a type that there is not": (
        HEAD + TEAM + KEYS + "    features: {patient: text, at: string}\n",
        "12:25",
        "choose one of: string, integral, fractional",
    ),
    "no store": (
        VALID + "    offline: null\n",
        "13:14",
        "there is no online store either",
    ),
    "a history of what is in memory": (
        VALID + "    online: {storage: in-memory}\n",
        "13:23",
        "'in-memory' keeps no history, give 'offline: null'",
    ),
    "what is in memory, with reserved throughput": (
        IN_MEMORY + FEATURES + "    throughput: {read_units: 1, write_units: 1}\n",
        "15:5",
        "is for 'storage: standard'",
    ),
    "throughput without reads": (
        VALID + "    online: {}\n    throughput: {write_units: 1}\n",
        "14:5",
        "give 'read_units'",
    ),
    "reads of no online store": (
        VALID + "    throughput: {read_units: 1, write_units: 1}\n",
        "13:30",
        "there is no online store to read",
    ),
    "a collection that is not in memory": (
        HEAD
        + TEAM
        + KEYS
        + "    features: {patient: string, at: string, v: {type: string, collection: set}}\n",
        "12:75",
        "'set' takes 'online: {storage: in-memory}'",
    ),
    "an identifier of several values": (
        IN_MEMORY + "    features: {patient: {type: string, collection: list}, at: string}\n",
        "10:17",
        "'patient' is a list, choose a feature with one value",
    ),
    "a second vector": (
        IN_MEMORY
        + "    features:\n      patient: string\n      at: string\n"
        + "      v: &v {type: fractional, collection: vector, dimension: 2}\n"
        + "      w: {type: fractional, collection: vector, dimension: 3}\n",
        "18:41",
        "'v' is a vector already",
    ),
    "a vector of words": (
        IN_MEMORY
        + FEATURES.replace("bmi: fractional", "v: {type: string, dimension: 2, collection: vector}"),
        "14:55",
        "'string' is not for vectors",
    ),
    "a vector without a length": (
        IN_MEMORY
        + "    features: {patient: string, at: string, v: {type: fractional, collection: vector}}\n",
        "14:79",
        "give 'dimension'",
    ),
    "the length of no vector": (
        HEAD + TEAM + KEYS + "    features: {patient: string, at: string, v: {type: string, dimension: 2}}\n",
        "12:74",
        "is for vectors",
    ),
    "two units of time": (
        VALID + "    online: {time_to_live: {days: 1, hours: 2}}\n",
        "13:14",
        "has 2 units, give one",
    ),
    "a reader that there is not": (
        VALID + "    readers: [rsk]\n",
        "13:15",
        "no team 'rsk', did you mean 'risk'?",
    ),
    "a reader that owns it": (
        VALID + "    readers: [research]\n",
        "13:15",
        "'research' owns it",
    ),
    "a persona that there is not": (
        VALID + "    readers: [risk/analyst]\n",
        "13:15",
        "no persona 'analyst'",
    ),
    "a writer who may not": (
        VALID + "    writers: [risk/data-analyst]\n",
        "13:15",
        "a data-analyst may not 'write-features', give it to them in 'personas'",
    ),
}


def told(folder: Path, content: str) -> str:
    path = folder / "broken.yaml"
    path.write_text(content)
    with pytest.raises(EnvironmentFileError) as caught:
        load(path)
    return str(caught.value)


def loaded(folder: Path, content: str) -> Environment:
    (folder / "broken.yaml").write_text(content)
    return load(folder / "broken.yaml")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_tells_a_mistake_with_its_place_and_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content, place, words = MISTAKES[mistake]

    message = told(tmp_path, content)

    assert message.startswith(f"broken.yaml:{place}: features.patients")
    assert words in message
    assert "\n" not in message


def test_a_group_keeps_its_history_and_nothing_else_by_default(tmp_path: Path) -> None:
    group = loaded(tmp_path, VALID).features["patients"]

    assert (group.online, group.throughput, group.readers, group.writers, group.stream) == (
        None,
        None,
        (),
        (),
        False,
    )
    assert group.offline is not None


def test_the_order_of_features_means_nothing(tmp_path: Path) -> None:
    other = VALID.replace(
        "{patient: string, at: string, bmi: fractional}", "{bmi: fractional, at: string, patient: string}"
    )

    assert loaded(tmp_path, other) == loaded(tmp_path, VALID)


def test_a_team_shares_with_others_and_with_their_jobs(tmp_path: Path) -> None:
    group = loaded(tmp_path, VALID + "    readers: [risk]\n").features["patients"]

    assert group.shared_with("risk", None, to_write=False)
    assert group.shared_with("risk", "data-analyst", to_write=False)
    assert not group.shared_with("risk", None, to_write=True)


def test_a_persona_is_not_its_teams_jobs(tmp_path: Path) -> None:
    group = loaded(tmp_path, VALID + "    writers: [risk/data-scientist]\n").features["patients"]

    assert group.shared_with("risk", "data-scientist", to_write=True)
    assert group.shared_with("risk", "data-scientist", to_write=False), "who writes reads"
    assert not group.shared_with("risk", "data-analyst", to_write=False)
    assert not group.shared_with("risk", None, to_write=False)


def test_the_longest_name_fits_sagemaker(tmp_path: Path) -> None:
    longest = VALID.replace("research", "t" * 20).replace("patients", "g" * 20).replace("broken", "e" * 20)
    path = tmp_path / f"{'e' * 20}.yaml"
    path.write_text(longest)

    assert len(load(path).feature_group_name("g" * 20)) <= 64


def test_a_duration_is_in_sagemakers_words() -> None:
    assert TimeToLive(days=30).duration == ("Days", 30)
