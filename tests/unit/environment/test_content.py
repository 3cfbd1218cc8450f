import os
from pathlib import Path

import pytest
import yaml

from clary.content import content_of, contents, digest
from clary.environment.model import Environment

ROOT_FILES = {"container/serve": "serve", "container/lib/rows.py": "rows = 1\n", "data/rows.csv": "1,2\n"}


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def environment(**training: object) -> Environment:
    text = """
name: dev
account: "111122223333"
region: eu-west-1
repositories: [housing]
teams: {research: {}}
models:
  housing:
    team: research
    image: {repository: housing, source: container}
    artifact: {training: {data: data}}
  bought:
    team: research
    image: {repository: housing, tag: v1}
    artifact: {key: bought/model.tar.gz}
"""
    tree = yaml.safe_load(text)
    tree["models"]["housing"]["artifact"]["training"].update(training)
    return Environment.model_validate(tree)


def test_the_same_files_have_the_same_digest_in_any_order_at_any_time(tmp_path: Path) -> None:
    first = written(tmp_path / "first", ROOT_FILES)
    second = written(tmp_path / "second", dict(reversed(ROOT_FILES.items())))
    os.utime(second / "container/serve", (0, 0))

    assert digest(first) == digest(second)


@pytest.mark.parametrize("name", ["__pycache__/rows.cpython-311.pyc", "lib/rows.pyc", ".DS_Store"])
def test_what_tools_leave_behind_is_no_content(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, ROOT_FILES) / "container"
    before = digest(folder)

    written(folder, {name: "left behind"})

    assert digest(folder) == before


def test_an_edited_file_changes_the_digest(tmp_path: Path) -> None:
    folder = written(tmp_path, ROOT_FILES) / "container"
    before = digest(folder)

    (folder / "serve").write_text("serve better")

    assert digest(folder) != before


def test_a_renamed_file_changes_the_digest(tmp_path: Path) -> None:
    folder = written(tmp_path, ROOT_FILES) / "container"
    before = digest(folder)

    (folder / "serve").rename(folder / "server")

    assert digest(folder) != before


def test_text_moved_from_one_file_to_the_next_changes_the_digest(tmp_path: Path) -> None:
    first = written(tmp_path / "first", {"a": "xy", "b": "z"})
    second = written(tmp_path / "second", {"a": "x", "b": "yz"})

    assert digest(first) != digest(second)


def test_a_program_that_may_not_run_is_another_image(tmp_path: Path) -> None:
    folder = written(tmp_path, ROOT_FILES) / "container"
    (folder / "serve").chmod(0o644)
    before = digest(folder)

    (folder / "serve").chmod(0o755)

    assert digest(folder) != before


def test_what_others_may_do_with_a_file_is_no_content(tmp_path: Path) -> None:
    folder = written(tmp_path, ROOT_FILES) / "container"
    (folder / "serve").chmod(0o755)
    before = digest(folder)

    (folder / "serve").chmod(0o700)

    assert digest(folder) == before


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        digest(tmp_path / "missing")


def test_a_given_tag_and_key_are_taken_as_they_are(tmp_path: Path) -> None:
    made = content_of(environment(), "bought", tmp_path)

    assert (made.image_tag, made.artifact_key, made.training_job) == ("v1", "bought/model.tar.gz", None)


def test_unchanged_input_gives_unchanged_names(tmp_path: Path) -> None:
    written(tmp_path / "first", ROOT_FILES)
    written(tmp_path / "second", ROOT_FILES)

    assert contents(environment(), tmp_path / "first") == contents(environment(), tmp_path / "second")


def test_a_trained_model_is_where_its_job_writes(tmp_path: Path) -> None:
    written(tmp_path, ROOT_FILES)

    made = content_of(environment(), "housing", tmp_path)

    assert made.artifact_key == f"research/housing/{made.training_job}/output/model.tar.gz"


@pytest.mark.parametrize("changed", ["container/serve", "data/rows.csv"])
def test_new_content_is_a_new_training_job(tmp_path: Path, changed: str) -> None:
    written(tmp_path, ROOT_FILES)
    before = content_of(environment(), "housing", tmp_path)

    (tmp_path / changed).write_text("changed")

    assert content_of(environment(), "housing", tmp_path).training_job != before.training_job


def test_a_new_hyperparameter_is_a_new_training_job(tmp_path: Path) -> None:
    written(tmp_path, ROOT_FILES)

    before = content_of(environment(), "housing", tmp_path)
    after = content_of(environment(hyperparameters={"normalize": True}), "housing", tmp_path)

    assert after.training_job != before.training_job
    assert after.image_tag == before.image_tag


def test_a_setting_written_as_a_number_or_as_text_is_the_same_job(tmp_path: Path) -> None:
    written(tmp_path, ROOT_FILES)

    number = content_of(environment(hyperparameters={"test-size": 0.1}), "housing", tmp_path)
    text = content_of(environment(hyperparameters={"test-size": "0.1"}), "housing", tmp_path)

    assert number == text


def test_the_longest_names_still_fit_a_training_job(tmp_path: Path) -> None:
    """63 characters: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html"""
    written(tmp_path, ROOT_FILES)
    tree = environment().model_dump(mode="json")
    model = {**tree["models"].pop("housing"), "team": "research"}
    long = Environment.model_validate({**tree, "name": "e" * 20, "models": {"m" * 20: model}})

    job = content_of(long, "m" * 20, tmp_path).training_job

    assert job is not None
    assert len(job) <= 63
