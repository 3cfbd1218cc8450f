"""EMR clusters, which are known by their tags alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from compute_common.calls import pages, seeing, unless_gone
from compute_common.thing import ENVIRONMENT_TAG, CannotSee, Kind, Place, Thing, Unseen


class Clusters:
    """Terminated, a cluster loses its own disks: they are scratch, and what is to stay is in S3.

    Whoever keeps something there switches on termination protection, which nobody here switches off.
    https://docs.aws.amazon.com/emr/latest/ManagementGuide/UsingEMR_TerminationProtection.html
    """

    kind: Kind = "cluster"

    def __init__(self, emr: Any, place: Place) -> None:
        self._emr = emr
        self._place = place

    def things(self, before: datetime) -> Iterator[Thing | Unseen]:
        for each in pages(self._emr, "list_clusters", "Clusters", ClusterStates=["RUNNING", "WAITING"]):
            since = each["Status"]["Timeline"]["CreationDateTime"]
            if since >= before:
                continue
            try:
                thing = self._thing(each["Id"], since)
            except CannotSee as unseen:
                # whose it is, nobody knows: it may be somebody else's
                yield Unseen(self.kind, f"{each['Name']} ({each['Id']})", str(unseen))
                continue
            if thing is not None:
                yield thing

    def stop(self, thing: Thing) -> None:
        with unless_gone():
            self._emr.terminate_job_flows(JobFlowIds=[thing.handle["ClusterId"]])

    def _thing(self, cluster_id: str, since: datetime) -> Thing | None:
        handle = {"ClusterId": cluster_id}
        with seeing("describe_cluster"):
            found = self._emr.describe_cluster(**handle)["Cluster"]
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
        if tags.get(ENVIRONMENT_TAG) != self._place.environment:
            return None
        person = self._place.person(tags)
        return Thing(
            self.kind,
            f"{found['Name']} ({cluster_id})",
            since,
            arn=found.get("ClusterArn", ""),
            instances={"emr": 1},
            team=self._place.team(found["Name"], tags, person),
            person=person,
            protected="it is protected from termination" if found.get("TerminationProtected") else "",
            tags=tags,
            handle=handle,
        )
