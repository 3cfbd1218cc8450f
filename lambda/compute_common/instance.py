"""Notebook instances and MLflow tracking servers: stopped, they keep what they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from compute_common.calls import pages, tags_of, unless_gone
from compute_common.thing import CannotSee, Kind, Place, Thing, Unseen


class NotebookInstances:
    """They run since they were last changed: starting one is a change.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_NotebookInstanceSummary.html
    """

    kind: Kind = "notebook-instance"

    def __init__(self, sagemaker: Any, place: Place) -> None:
        self._sagemaker = sagemaker
        self._place = place

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        running = pages(
            self._sagemaker, "list_notebook_instances", "NotebookInstances", StatusEquals="InService"
        )
        for each in running:
            name, since = each["NotebookInstanceName"], each["LastModifiedTime"]
            if since < before:
                yield from _of_ours(
                    self._sagemaker,
                    self._place,
                    Thing(
                        self.kind,
                        name,
                        since,
                        arn=each["NotebookInstanceArn"],
                        instances={each["InstanceType"]: 1},
                        handle={"NotebookInstanceName": name},
                        comes_back_by="aws sagemaker start-notebook-instance"
                        f" --notebook-instance-name {name}",
                    ),
                )

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            self._sagemaker.stop_notebook_instance(**thing.handle)


class TrackingServers:
    """They bill from the minute that they are there. MLflow Apps cost next to nothing and are none.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopMlflowTrackingServer.html
    """

    kind: Kind = "tracking-server"
    _RUNNING = ("Created", "Updated", "Started", "MaintenanceComplete")

    def __init__(self, sagemaker: Any, place: Place) -> None:
        self._sagemaker = sagemaker
        self._place = place

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        found = pages(self._sagemaker, "list_mlflow_tracking_servers", "TrackingServerSummaries")
        for each in found:
            name, since = each["TrackingServerName"], each["LastModifiedTime"]
            if each["TrackingServerStatus"] in self._RUNNING and since < before:
                yield from _of_ours(
                    self._sagemaker,
                    self._place,
                    Thing(
                        self.kind,
                        name,
                        since,
                        arn=each["TrackingServerArn"],
                        instances={"mlflow": 1},
                        handle={"TrackingServerName": name},
                        comes_back_by="aws sagemaker start-mlflow-tracking-server"
                        f" --tracking-server-name {name}",
                    ),
                )

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            self._sagemaker.stop_mlflow_tracking_server(**thing.handle)


def _of_ours(sagemaker: Any, place: Place, found: Thing) -> Iterator[Thing | Unseen]:
    """The thing with its tags and its owner, if it is this environment's."""
    try:
        tags = tags_of(sagemaker, found.arn)
    except CannotSee as unseen:
        if place.has(found.name, {}):
            yield Unseen(found.kind, found.name, str(unseen))
        return
    if place.has(found.name, tags):
        person = place.person(tags)
        team = place.team(found.name, tags, person)
        yield replace(found, tags=tags, person=person, team=team)
