"""Edits of environment files as people write them: nothing else in the file moves."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clary import users
from clary.environment.loader import EnvironmentFileError
from clary.errors import ClaryError

_HEAD = 'name: try\naccount: "111122223333"\nregion: eu-west-1\n'


def _file(folder: Path, teams: str) -> Path:
    path = folder / "try.yaml"
    path.write_bytes((_HEAD + teams).encode())
    return path


def _changed(edit: users.Edit) -> list[str]:
    """The lines that differ, as a diff shows them."""
    lines = edit.as_diff().splitlines()[2:]
    return [line for line in lines if line[0] in "+-"]


def test_adds_one_line_and_keeps_comments_where_they_are(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "teams:\n  research:\n    members:\n      # who trains\n      ada: data-scientist   # since 2024\n\n"
        "  # others\n  platform:\n    members: {grace: mlops-engineer}\n",
    )

    edit = users.add(path, "emmy", team="research", persona="data-scientist")

    assert _changed(edit) == ["+      emmy: data-scientist"]
    assert "ada: data-scientist   # since 2024\n      emmy: data-scientist\n\n  # others" in edit.after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{ada: data-scientist}", "{ada: data-scientist, emmy: mlops-engineer}"),
        ("{ada: data-scientist,}", "{ada: data-scientist, emmy: mlops-engineer}"),
        ("{}", "{emmy: mlops-engineer}"),
        ("{ ada: data-scientist }", "{ ada: data-scientist, emmy: mlops-engineer }"),
    ],
)
def test_adds_within_braces(tmp_path: Path, before: str, after: str) -> None:
    path = _file(tmp_path, f"teams:\n  research:\n    members: {before}\n")

    edit = users.add(path, "emmy", team=None, persona="mlops-engineer")

    assert edit.after == _HEAD + f"teams:\n  research:\n    members: {after}\n"


def test_adds_the_first_member_of_a_team(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {}}\n")

    edit = users.add(path, "emmy", team=None, persona="data-scientist")

    assert edit.after.endswith("teams: {research: {members: {emmy: data-scientist}}}\n")


def test_adds_after_a_member_of_several_lines(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "teams:\n  research:\n    members:\n      ada:\n        persona: data-scientist\n"
        "        space: {storage_gib: 9}\n# the end\n",
    )

    edit = users.add(path, "emmy", team=None, persona="data-scientist")

    assert edit.after.endswith("space: {storage_gib: 9}\n      emmy: data-scientist\n# the end\n")


def test_adds_to_a_last_line_without_an_end(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist")

    edit = users.add(path, "emmy", team=None, persona="data-scientist")

    assert edit.after.endswith("      ada: data-scientist\n      emmy: data-scientist")


def test_keeps_the_line_ends_of_another_system(tmp_path: Path) -> None:
    path = tmp_path / "try.yaml"
    text = f"{_HEAD}teams:\n  research:\n    members:\n      ada: data-scientist\n"
    path.write_bytes(text.replace("\n", "\r\n").encode())

    edit = users.add(path, "emmy", team=None, persona="data-scientist")

    assert edit.after.count("\r\n") == edit.after.count("\n") == text.count("\n") + 1


def test_keeps_the_mark_that_some_editors_begin_files_with(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    edit = users.add(path, "emmy", team=None, persona="data-scientist")

    assert edit.after.startswith("\ufeffname: try")
    assert _changed(edit) == ["+      emmy: data-scientist"]


def test_writes_a_name_that_yaml_takes_for_something_else_in_quotes(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist\n")

    assert _changed(users.add(path, "no", team=None, persona="data-scientist")) == [
        '+      "no": data-scientist'
    ]


def test_somebody_without_a_space_is_written_in_the_long_form(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist\n")

    edit = users.add(path, "emmy", team=None, persona="data-scientist", with_space=False)

    assert _changed(edit) == ["+      emmy: {persona: data-scientist, space: null}"]
    assert edit.environment.teams["research"].members["emmy"].space is None


def test_removes_a_member_with_all_their_lines(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "teams:\n  research:\n    members:\n      ada:\n        persona: data-scientist\n"
        "      emmy: data-scientist # stays\n",
    )

    edit = users.remove(path, "ada", team=None, forget=True)

    assert _changed(edit) == ["-      ada:", "-        persona: data-scientist"]


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("ada", "{emmy: data-scientist, grace: mlops-engineer}"),
        ("emmy", "{ada: {persona: data-scientist}, grace: mlops-engineer}"),
        ("grace", "{ada: {persona: data-scientist}, emmy: data-scientist}"),
    ],
)
def test_removes_within_braces(tmp_path: Path, name: str, after: str) -> None:
    before = "{ada: {persona: data-scientist}, emmy: data-scientist, grace: mlops-engineer}"
    path = _file(tmp_path, f"teams:\n  research:\n    members: {before}\n")

    assert (
        users.remove(path, name, team=None, forget=True).after
        == _HEAD + f"teams:\n  research:\n    members: {after}\n"
    )


def test_a_team_can_lose_its_last_member(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist\n")

    assert users.remove(path, "ada", team=None, forget=True).after.endswith("    members: {}\n")


def test_what_was_added_and_removed_again_leaves_no_trace(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist # first\n")
    before = path.read_bytes()

    users.add(path, "emmy", team=None, persona="data-scientist").write()
    users.remove(path, "emmy", team=None, forget=True).write()

    assert path.read_bytes() == before


def test_refuses_what_the_model_refuses_and_writes_nothing(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams:\n  research:\n    members:\n      ada: data-scientist\n")
    before = path.read_bytes()

    with pytest.raises(EnvironmentFileError, match=r"try\.yaml:8:\d+: teams\.research\.members"):
        users.add(path, "Emmy", team=None, persona="data-scientist")

    assert path.read_bytes() == before


def test_refuses_a_team_that_there_is_not(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {}, platform: {}}\n")

    with pytest.raises(ClaryError, match="no team 'reserch', did you mean 'research'"):
        users.add(path, "emmy", team="reserch", persona="data-scientist")


def test_asks_which_team_where_there_are_several(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {}, platform: {}}\n")

    with pytest.raises(ClaryError, match="give --team: research, platform"):
        users.add(path, "emmy", team=None, persona="data-scientist")


def test_refuses_somebody_who_is_there(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {members: {ada: data-scientist}}}\n")

    with pytest.raises(ClaryError, match="'ada' is in the team research already, as data-scientist"):
        users.add(path, "ada", team=None, persona="mlops-engineer")


def test_does_not_touch_members_that_two_teams_share_by_an_alias(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "teams:\n  research: &all\n    members:\n      ada: data-scientist\n  platform: *all\n",
    )

    with pytest.raises(ClaryError, match="cannot be edited safely"):
        users.remove(path, "ada", team="research", forget=True)


def test_keeps_who_may_read_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {}}\n")
    path.chmod(0o640)

    users.add(path, "ada", team=None, persona="data-scientist").write()

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["try.yaml"]


_ENTRIES = {
    "a word": ("ada: data-scientist # here", "ada: {persona: data-scientist, left: true} # here"),
    "within braces": (
        "ada: {persona: data-scientist, space: null}",
        "ada: {persona: data-scientist, space: null, left: true}",
    ),
    "in a block": (
        "ada:\n        persona: data-scientist\n        # small\n        space: {storage_gib: 10}",
        "ada:\n        persona: data-scientist\n        # small\n        space: {storage_gib: 10}\n"
        "        left: true",
    ),
}


@pytest.mark.parametrize(("there", "left"), _ENTRIES.values(), ids=_ENTRIES)
def test_whoever_leaves_retained_work_stays_in_the_file(tmp_path: Path, there: str, left: str) -> None:
    path = _file(tmp_path, f"teams:\n  research:\n    members:\n      {there}\n      emmy: data-scientist\n")

    edit = users.remove(path, "ada", team=None)

    assert edit.after == _HEAD + (
        f"teams:\n  research:\n    members:\n      {left}\n      emmy: data-scientist\n"
    )
    assert edit.environment.teams["research"].members["ada"].left


@pytest.mark.parametrize(("there", "left"), _ENTRIES.values(), ids=_ENTRIES)
def test_whoever_comes_back_is_what_they_were(tmp_path: Path, there: str, left: str) -> None:
    path = _file(tmp_path, f"teams:\n  research:\n    members:\n      {left}\n")

    edit = users.add(path, "ada", team=None, persona="mlops-engineer")

    member = edit.environment.teams["research"].members["ada"]
    assert (member.left, member.persona) == (False, "data-scientist")
    assert edit.after.replace("{persona: data-scientist} #", "data-scientist #") == _HEAD + (
        f"teams:\n  research:\n    members:\n      {there}\n"
    )


def test_nobody_leaves_twice(tmp_path: Path) -> None:
    path = _file(tmp_path, "teams: {research: {members: {ada: {persona: data-scientist, left: true}}}}\n")

    with pytest.raises(ClaryError, match="'ada' has left the team research already, take them out with"):
        users.remove(path, "ada", team=None)


def test_where_nothing_is_retained_whoever_leaves_is_taken_out(tmp_path: Path) -> None:
    fate = "data: {on_destroy: delete, delete_confirmed_for: try}\n"
    path = _file(tmp_path, f"{fate}teams:\n  research:\n    members:\n      ada: data-scientist\n")

    assert users.remove(path, "ada", team=None).environment.teams["research"].members == {}
