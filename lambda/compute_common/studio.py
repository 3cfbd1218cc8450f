"""The applications that people have open in Studio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from compute_common.calls import pages, seeing, tags_of, unless_gone
from compute_common.thing import CannotSee, Kind, Place, Thing, Unseen

_NOT_PEOPLES = "RStudioServerPro"
"""The domain's own server."""
_FREE = "system"
_CANVAS = "Canvas"
"""Is paid for by the hour although it names no instance type: https://aws.amazon.com/sagemaker/canvas/pricing/"""


class Apps:
    """Stopped, an app leaves its space, the disk and the home as they are.

    An app in a space reports no profile: whose it is, the space says.
    """

    kind: Kind = "app"

    def __init__(self, sagemaker: Any, place: Place) -> None:
        self._sagemaker = sagemaker
        self._place = place
        self._domain = {"DomainIdEquals": place.domain_id}

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        owners = self._owners()
        for app in pages(self._sagemaker, "list_apps", "Apps", **self._domain):
            young = app["CreationTime"] >= before
            if app["Status"] != "InService" or app["AppType"] == _NOT_PEOPLES or young:
                continue
            name = f"{app.get('SpaceName') or app.get('UserProfileName')}/{app['AppType']}/{app['AppName']}"
            try:
                thing = self._thing(name, app, owners)
            except CannotSee as unseen:
                yield Unseen(self.kind, name, str(unseen))
            else:
                if thing.instances or app["AppType"] == _CANVAS:
                    yield thing

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            self._sagemaker.delete_app(**thing.handle)

    def active_at(self, thing: Thing) -> datetime | None:
        """When somebody was last at work in it; None when SageMaker does not say.

        A health check overwrites the time of the last activity with its own: only where the two differ,
        the first is about a person.
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeApp.html
        """
        with seeing("describe_app"):
            found = self._sagemaker.describe_app(**thing.handle)
        active, checked = found.get("LastUserActivityTimestamp"), found.get("LastHealthCheckTimestamp")
        return active if active is not None and active != checked else None

    def _owners(self) -> Mapping[str, str]:
        spaces = pages(self._sagemaker, "list_spaces", "Spaces", **self._domain)
        owned = {each["SpaceName"]: each.get("OwnershipSettingsSummary", {}) for each in spaces}
        return {name: owner.get("OwnerUserProfileName", "") for name, owner in owned.items()}

    def _thing(self, name: str, app: Mapping[str, Any], owners: Mapping[str, str]) -> Thing:
        members = ("DomainId", "UserProfileName", "SpaceName", "AppType", "AppName")
        handle = {member: str(app[member]) for member in members if member in app}
        with seeing("describe_app"):
            found = self._sagemaker.describe_app(**handle)
        person = app.get("UserProfileName") or owners.get(app.get("SpaceName", "")) or None
        shared = person is not None and person.endswith("--shared")
        instance_type = found.get("ResourceSpec", {}).get("InstanceType", _FREE)
        return Thing(
            self.kind,
            name,
            app["CreationTime"],
            arn=found["AppArn"],
            instances={} if instance_type == _FREE else {instance_type: 1},
            team=self._place.team_of_person(person),
            person=None if shared else person,
            tags=tags_of(self._sagemaker, found["AppArn"]),
            handle=handle,
            comes_back_by="open the space in Studio",
        )
