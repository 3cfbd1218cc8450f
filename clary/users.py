"""Who works in an environment, and changes of it in the environment's file.

The file belongs to a person: an edit touches the lines that it is about and leaves every other byte as it
was. Whatever was not understood is noticed, because the edited file is read back and compared with what
it should say now, and nothing is written unless they are equal and the file is valid.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml

from clary.environment import document
from clary.environment.loader import load_content
from clary.environment.model import Environment
from clary.environment.part import no_such
from clary.environment.people import profile_name
from clary.errors import ClaryError


@dataclass(frozen=True)
class User:
    team: str
    name: str
    persona: str
    profile: str
    """What the profile is called in Studio."""
    space: str | None
    """What the private space runs on."""
    left: bool = False
    """Whether they have left, and their work is kept."""


@dataclass(frozen=True)
class Edit:
    path: Path
    before: str
    after: str
    environment: Environment
    """As the edited file says."""

    def as_diff(self) -> str:
        lines = unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            self.path.name,
            self.path.name,
            n=2,
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Either the old file is there or the new one, whatever happens meanwhile."""
        path = self.path.resolve()
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.after.encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(path.stat().st_mode & 0o7777)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def users(environment: Environment) -> list[User]:
    return [
        User(
            team,
            name,
            str(member.persona),
            profile_name(team, name),
            None if member.space is None else member.space.instance_type,
            member.left,
        )
        for team, each in environment.teams.items()
        for name, member in each.members.items()
    ]


def add(path: Path, name: str, *, team: str | None, persona: str, with_space: bool = True) -> Edit:
    """Puts somebody into a team, or takes them back as what they were when they have left it.

    Raises ClaryError when the file says no.
    """
    environment, text = _read(path)
    team = _team(environment, team)
    there = environment.teams[team].members.get(name)
    if there is not None and not there.left:
        raise ClaryError(f"'{name}' is in the team {team} already, as {there.persona}")
    if there is not None:
        return _edit(
            path, text, lambda: _back(text, team, name), lambda value: _entry(value, team, name).pop("left")
        )
    entry: object = persona if with_space else {"persona": persona, "space": None}
    written = persona if with_space else f"{{persona: {persona}, space: null}}"

    def change(value: dict[str, Any]) -> None:
        value["teams"][team].setdefault("members", {})[name] = entry

    return _edit(path, text, lambda: _added(text, team, f"{_key(name)}: {written}"), change)


def remove(path: Path, name: str, *, team: str | None, forget: bool = False) -> Edit:
    """Lets somebody leave a team; raises ClaryError when they are in none, or in several.

    Where data is retained, the file keeps who has left, with their work, unless it is to `forget` them.
    """
    environment, text = _read(path)
    if team is None:
        found = [each for each, said in environment.teams.items() if name in said.members]
        if not found:
            raise ClaryError(no_such("member", name, [each.name for each in users(environment)]))
        if len(found) > 1:
            raise ClaryError(f"'{name}' is in {', '.join(found)}, say which with --team")
        team = found[0]
    team = _team(environment, team)
    if name not in environment.teams[team].members:
        raise ClaryError(no_such("member", name, list(environment.teams[team].members)))

    if environment.retain_data and not forget:
        if environment.teams[team].members[name].left:
            raise ClaryError(f"'{name}' has left the team {team} already, take them out with --forget")

        def leave(value: dict[str, Any]) -> None:
            entry = _entry(value, team, name)
            value["teams"][team]["members"][name] = entry | {"left": True}

        return _edit(path, text, lambda: _left(text, team, name), leave)

    def change(value: dict[str, Any]) -> None:
        del value["teams"][team]["members"][name]

    return _edit(path, text, lambda: _removed(text, team, name), change)


def _entry(value: dict[str, Any], team: str, name: str) -> dict[str, Any]:
    said = value["teams"][team]["members"][name]
    return said if isinstance(said, dict) else {"persona": said}


def _read(path: Path) -> tuple[Environment, str]:
    content = path.read_bytes()
    return load_content(content, path), content.decode()


def _team(environment: Environment, team: str | None) -> str:
    if team is None:
        if len(environment.teams) > 1:
            raise ClaryError(f"there are several teams, give --team: {', '.join(environment.teams)}")
        return next(iter(environment.teams))
    if team not in environment.teams:
        raise ClaryError(no_such("team", team, list(environment.teams)))
    return team


def _edit(
    path: Path, before: str, edited: Callable[[], str], change: Callable[[dict[str, Any]], None]
) -> Edit:
    expected = copy.deepcopy(document.read(before.encode()).value)
    change(expected)
    after = edited()
    found = document.read(after.encode())
    if found.value != expected and not found.problems:
        raise _too_unusual(path)
    environment = load_content(after.encode(), path)
    if found.value != expected:
        raise _too_unusual(path)
    return Edit(path, before, after, environment)


def _too_unusual(path: Path) -> ClaryError:
    return ClaryError(
        f"the teams in {path.name} are written in a way that cannot be edited safely"
        " (an alias, perhaps), nothing was changed: edit the file by hand"
    )


# ------------------------------------------------------------------------------------ the text


def _added(text: str, team: str, entry: str) -> str:
    members = _child(_team_node(text, team), "members")
    if isinstance(members, yaml.MappingNode):
        return _inserted(text, members, [entry])
    return _inserted(text, _team_node(text, team), ["members:", f"  {entry}"], f"members: {{{entry}}}")


def _inserted(text: str, mapping: yaml.MappingNode, lines: list[str], short: str | None = None) -> str:
    """`lines` below the entries of a block; `short`, or the one line, within braces."""
    if mapping.flow_style:
        brace = mapping.end_mark.index - 1
        last = len(text[:brace].rstrip())
        comma = ", " if mapping.value and not text[:last].endswith(",") else ""
        space = " " if text[:last].endswith(",") else ""
        return f"{text[:last]}{comma}{space}{short or lines[0]}{text[last:]}"
    indent = " " * mapping.value[0][0].start_mark.column
    newline = "\r\n" if "\r\n" in text else "\n"
    end = _end_of_line(text, _last_index(mapping))
    block = "".join(f"{indent}{line}{newline}" for line in lines)
    if text[end - 1 : end] != "\n":  # the file's last line has no end
        return f"{text[:end]}{newline}{block.removesuffix(newline)}{text[end:]}"
    return f"{text[:end]}{block}{text[end:]}"


def _left(text: str, team: str, name: str) -> str:
    entry = _member_node(text, team, name)
    if isinstance(entry, yaml.MappingNode):
        return _inserted(text, entry, ["left: true"])
    start, end = entry.start_mark.index, _last_index(entry)
    return f"{text[:start]}{{persona: {text[start:end]}, left: true}}{text[end:]}"


def _back(text: str, team: str, name: str) -> str:
    entry = _member_node(text, team, name)
    assert isinstance(entry, yaml.MappingNode)
    return _without(text, entry, "left")


def _removed(text: str, team: str, name: str) -> str:
    team_node = _team_node(text, team)
    members = _child(team_node, "members")
    assert isinstance(members, yaml.MappingNode)
    rest = _without(text, members, name)
    if len(members.value) > 1 or members.flow_style:
        return rest
    label = next(each for each, _ in team_node.value if each.value == "members")
    colon = text.index(":", label.end_mark.index) + 1
    return f"{rest[:colon]} {{}}{rest[colon:]}"


def _without(text: str, mapping: yaml.MappingNode, name: str) -> str:
    """A mapping without one of its keys, and without its line where it is in a block."""
    position = next(index for index, (key, _) in enumerate(mapping.value) if key.value == name)
    key, value = mapping.value[position]
    if mapping.flow_style:
        start, end = key.start_mark.index, _last_index(value)
        if position + 1 < len(mapping.value):
            end = mapping.value[position + 1][0].start_mark.index
        elif position > 0:
            start = _last_index(mapping.value[position - 1][1])
        return text[:start] + text[end:]
    start, end = text.rfind("\n", 0, key.start_mark.index) + 1, _end_of_line(text, _last_index(value))
    return text[:start] + text[end:]


def _member_node(text: str, team: str, name: str) -> yaml.Node:
    found = _child(_child(_team_node(text, team), "members"), name)
    if found is None:
        raise ClaryError(f"'{name}' is not written below the team {team}, edit the file by hand")
    return found


def _team_node(text: str, team: str) -> yaml.MappingNode:
    teams = _child(yaml.compose(text, Loader=yaml.SafeLoader), "teams")
    found = _child(teams, team)
    if not isinstance(found, yaml.MappingNode):
        raise ClaryError(f"the team {team} is not written below 'teams', edit the file by hand")
    return found


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _last_index(node: yaml.Node) -> int:
    """Where a node's own text ends: PyYAML lets a block reach over the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_index(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last_index(node.value[-1])
    index: int = node.end_mark.index
    return index


def _end_of_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _key(name: str) -> str:
    """In quotes where YAML would take it for something else, like `no`."""
    return name if yaml.safe_load(name) == name else f'"{name}"'
