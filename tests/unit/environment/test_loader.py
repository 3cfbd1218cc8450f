import subprocess
import sys
from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, check_folders, find, load
from clary.environment.model import Environment
from clary.environment.people import Space

ROOT = Path(__file__).parents[3]
FIVE_LINES = """\
name: smallest
account: "111122223333"
region: eu-west-1
teams:
  research: {members: {ada: data-scientist}}
"""


def environment_of(folder: Path, text: str) -> Environment:
    path = folder / "smallest.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_takes_five_lines(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, FIVE_LINES)

    assert environment.teams["research"].members["ada"].persona == "data-scientist"
    assert environment.account == "111122223333"


def test_defaults_are_the_safe_ones(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, FIVE_LINES)

    assert environment.retain_data
    assert environment.availability_zones == ("eu-west-1a", "eu-west-1b")
    assert environment.network.vpc is None
    assert environment.teams["research"].members["ada"].space == Space()
    assert not environment.models
    assert not environment.api.clients


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_the_repositorys_environments_load(name: str) -> None:
    environment = load(find(name, ROOT))

    assert environment.name == name


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_the_repositorys_environments_name_folders_that_exist(name: str) -> None:
    check_folders(load(find(name, ROOT)), ROOT)


def test_a_given_vpc_has_its_own_zones() -> None:
    environment = load(find("prod", ROOT))

    assert environment.availability_zones == ("eu-west-1a", "eu-west-1b", "eu-west-1c")


def test_the_long_form_of_a_member_says_the_same(tmp_path: Path) -> None:
    short = environment_of(tmp_path, FIVE_LINES)
    long = environment_of(tmp_path, FIVE_LINES.replace("data-scientist", "{persona: data-scientist}"))

    assert short == long


def test_null_is_no_space(tmp_path: Path) -> None:
    text = FIVE_LINES.replace("data-scientist", "{persona: data-scientist, space: null}")

    assert environment_of(tmp_path, text).teams["research"].members["ada"].space is None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("true", "true"),
        ("False", "false"),
        ("123", "123"),
        ("-7", "-7"),
        ("0.1", "0.1"),
        ("1e-05", "1e-05"),
        ("'1.10'", "1.10"),
        ("'no'", "no"),
        ("2024-01-01", "2024-01-01"),
        ("word", "word"),
    ],
)
def test_settings_may_be_written_as_numbers_and_become_text(tmp_path: Path, written: str, text: str) -> None:
    models = f"""
repositories: [housing]
models:
  housing:
    team: research
    image: {{repository: housing, tag: v1}}
    artifact: {{training: {{data: data, hyperparameters: {{setting: {written}}}}}}}
    environment: {{SETTING: {written}}}
tags: {{setting: {written}}}
"""
    environment = environment_of(tmp_path, FIVE_LINES + models)
    model = environment.models["housing"]

    assert model.artifact.training is not None
    assert model.artifact.training.hyperparameters == {"setting": text}
    assert model.environment == {"SETTING": text}
    assert environment.tags == {"setting": text}


def test_merge_keys_take_over_what_is_not_said(tmp_path: Path) -> None:
    clients = """
api:
  clients:
    one: &limits {authorization: api-key, burst: 5, requests_per_second: 3}
    two: {burst: 7, <<: *limits}
    three: {<<: [{burst: 9}, *limits]}
    four: *limits
"""
    made = environment_of(tmp_path, FIVE_LINES + clients).api.clients

    assert {name: (client.burst, client.requests_per_second) for name, client in made.items()} == {
        "one": (5, 3),
        "two": (7, 3),
        "three": (9, 3),
        "four": (5, 3),
    }


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    assert environment_of(tmp_path, "\ufeff" + FIVE_LINES).name == "smallest"


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "smallest.yaml"
    path.write_bytes(FIVE_LINES.replace("\n", "\r\n").encode())

    assert load(path).name == "smallest"


def test_the_longest_names_still_fit_sagemaker(tmp_path: Path) -> None:
    """63 characters for profiles, spaces, endpoints and training jobs (the API's own model)."""
    team, member = "t" * 20, "m" * 40
    text = FIVE_LINES.replace("smallest", "e" * 20).replace("research", team).replace("ada", member)
    path = tmp_path / f"{'e' * 20}.yaml"
    path.write_text(text)

    environment = load(path)

    assert len(f"{team}-{member}") <= 63
    assert len(environment.endpoint_name("m" * 20)) <= 63


def test_finds_the_file_of_a_name() -> None:
    assert find("dev", ROOT) == ROOT / "environments" / "dev.yaml"


def test_an_unknown_name_is_told_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    for name in ("prod", "dev", "local"):
        (tmp_path / "environments" / f"{name}.yaml").touch()

    with pytest.raises(EnvironmentFileError) as caught:
        find("qa", tmp_path)

    assert str(caught.value) == "no environment 'qa', choose one of: dev, local, prod"


def test_a_name_is_not_a_path() -> None:
    with pytest.raises(EnvironmentFileError, match="no environment"):
        find("../environments/dev", ROOT)


def test_an_empty_folder_has_no_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="there is none at all"):
        find("dev", tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match=r"no file '.*/qa.yaml'"):
        load(tmp_path / "qa.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="cannot be read"):
        load(tmp_path)


def test_missing_folders_are_told_together_at_their_lines(tmp_path: Path) -> None:
    text = FIVE_LINES + (
        "repositories: [housing]\n"
        "models:\n"
        "  housing:\n"
        "    team: research\n"
        "    image: {repository: housing, source: container}\n"
        "    artifact: {training: {data: data}}\n"
    )
    (tmp_path / "environments").mkdir()
    environment = environment_of(tmp_path / "environments", text)

    with pytest.raises(EnvironmentFileError) as caught:
        check_folders(environment, tmp_path)

    assert [(each.place.line, each.place.column, each.sentence) for each in caught.value.problems] == [
        (10, 42, "no folder 'container' here, give one relative to the repository's root"),
        (11, 33, "no folder 'data' here, give one relative to the repository's root"),
    ]


def test_nothing_of_an_environment_changes(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, FIVE_LINES)

    with pytest.raises(ValueError, match="frozen"):
        environment.name = "other"  # type: ignore[misc] # the point of the test


def test_reading_a_file_imports_nothing_heavy() -> None:
    """The command line answers before a person notices: no AWS library and no drawing to read a file."""
    program = "import sys, clary.environment.loader; print(*sys.modules)"

    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert {"boto3", "botocore", "rich", "typer", "aws_cdk", "jsonschema"}.isdisjoint(modules.stdout.split())
