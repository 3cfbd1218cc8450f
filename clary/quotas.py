"""What an environment needs of SageMaker's quotas, and whether an account has it.

Quotas are told by their names: Service Quotas has a code for each, which has to be looked up.
https://docs.aws.amazon.com/general/latest/gr/sagemaker.html lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clary.environment.hosting import Shadow, Variant
from clary.environment.model import Environment
from clary.finding import Finding, Verdict

_ENDPOINT = "{} for endpoint usage"
_TRAINING = "{} for training job usage"
_TRANSFORM = "{} for transform job usage"
_SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"
_JUPYTER_LAB = "Studio JupyterLab Apps running on {} instance"
_CODE_EDITOR = "Studio CodeEditor Apps running on {} instance"
_DOMAINS = "Total domains"


@dataclass(frozen=True)
class Need:
    """`least` is what it takes to work at all, `comfortable` what lets everything happen at once."""

    quota: str
    least: int
    comfortable: int
    least_for: str
    comfortable_for: str = ""
    instance_type: str | None = None


@dataclass(frozen=True)
class Quota:
    name: str
    code: str
    value: float
    adjustable: bool = True


def needs(environment: Environment) -> list[Need]:
    """What the file asks for, and nothing that it does not: there are no notebook instances in it."""
    return [*_of_endpoints(environment), *_of_training(environment), *_of_studio(environment)]


def _of_endpoints(environment: Environment) -> Iterator[Need]:
    """An autoscaler may take what it is allowed to; a serverless endpoint needs concurrency."""
    running: dict[str, list[tuple[str, int]]] = {}
    for name, model in environment.models.items():
        endpoint = model.endpoint
        if endpoint.mode in ("serverless", "batch") or endpoint.shared_with is not None:
            continue
        scaled = endpoint.scaling if endpoint.component is None else None
        count = endpoint.instance_count if scaled is None else scaled.most
        running.setdefault(endpoint.instance_type, []).append((name, count))
        others: list[Variant | Shadow] = [*endpoint.variants.values()]
        for other in others if endpoint.shadow is None else [*others, endpoint.shadow]:
            instance_type = other.instance_type or endpoint.instance_type
            running.setdefault(instance_type, []).append((name, other.instance_count or count))
    for instance_type, endpoints in sorted(running.items()):
        total, largest = sum(count for _, count in endpoints), max(count for _, count in endpoints)
        # an update starts the new fleet beside the old one:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
        yield Need(
            _ENDPOINT.format(instance_type),
            total,
            total + largest,
            f"serving {_listed(list(dict.fromkeys(name for name, _ in endpoints)))}",
            "updating one of them, whose new instances start beside the old",
            instance_type,
        )
    serverless = {
        name: 5 if model.endpoint.serverless is None else model.endpoint.serverless.max_concurrency
        for name, model in environment.models.items()
        if model.endpoint.mode == "serverless"
    }
    if serverless:
        total = sum(serverless.values())
        yield Need(_SERVERLESS, total, total, f"serving {_listed(list(serverless))} without instances")


def _of_training(environment: Environment) -> Iterator[Need]:
    jobs: dict[str, list[str]] = {}
    transforms: dict[str, dict[str, int]] = {}
    for name, container in environment.containers.items():
        if container.artifact.training is not None:
            jobs.setdefault(container.artifact.training.instance_type, []).append(name.partition(".")[0])
    for name, model in environment.models.items():
        if model.endpoint.mode == "batch":
            transforms.setdefault(model.endpoint.instance_type, {})[name] = model.endpoint.instance_count
    for instance_type, names in sorted(jobs.items()):
        # a deployment trains one model after the other
        yield Need(
            _TRAINING.format(instance_type),
            1,
            1,
            f"training {_listed(list(dict.fromkeys(names)))}",
            instance_type=instance_type,
        )
    for instance_type, counts in sorted(transforms.items()):
        yield Need(
            _TRANSFORM.format(instance_type),
            max(counts.values()),
            sum(counts.values()),
            f"a transform of {_listed(list(counts))}",
            "all of them at once",
            instance_type=instance_type,
        )


def _of_studio(environment: Environment) -> Iterator[Need]:
    yield Need(_DOMAINS, 1, 1, "the Studio domain")
    spaces: dict[str, int] = {}
    choices: dict[tuple[str, str], set[str]] = {}
    for team in environment.teams.values():
        for member in team.members.values():
            tools = environment.tools(member.persona)
            if member.space is not None:
                spaces[member.space.instance_type] = spaces.get(member.space.instance_type, 0) + 1
            default = tools.instance_types.default
            applications = tools.applications or ("jupyter-lab", "code-editor")
            for application, quota in (("jupyter-lab", _JUPYTER_LAB), ("code-editor", _CODE_EDITOR)):
                if application in applications:
                    choices.setdefault((quota, default), set()).add(str(member.persona))
    for instance_type, count in sorted(spaces.items()):
        yield Need(
            _JUPYTER_LAB.format(instance_type),
            1,
            count,
            "opening a private space",
            f"opening all {count} private spaces at once",
            instance_type,
        )
    for (quota, instance_type), personas in sorted(choices.items()):
        if quota == _JUPYTER_LAB and instance_type in spaces:
            continue
        what = "Code Editor" if quota == _CODE_EDITOR else "JupyterLab"
        reason = f"opening {what} as a {_listed(sorted(personas))} does by default"
        yield Need(quota.format(instance_type), 1, 1, reason, instance_type=instance_type)


def judge(wanted: Need, quotas: Mapping[str, Quota], requested: Mapping[str, float], region: str) -> Finding:
    """`quotas` by their plain names (`plain`), `requested` what has been asked for, by code."""
    quota = quotas.get(plain(wanted.quota))
    if quota is None:
        if wanted.instance_type is None:
            return Finding(Verdict.UNKNOWN, wanted.quota, "Service Quotas does not list it in this account")
        message = f"Service Quotas has no such quota in {region}: SageMaker may not offer"
        return Finding(
            Verdict.UNKNOWN,
            wanted.quota,
            f"{message} {wanted.instance_type} there for {wanted.least_for}",
            "choose another instance type, or look it up on https://aws.amazon.com/sagemaker/pricing/",
        )
    said = f"it is {quota.value:g}; needed: {wanted.least} for {wanted.least_for}"
    subject = f"{quota.name} ({quota.code})"
    if quota.value < wanted.least:
        return Finding(Verdict.BLOCKED, subject, said, _request(quota, wanted.comfortable, requested, region))
    if quota.value < wanted.comfortable:
        more = f"{said}, and {wanted.comfortable} for {wanted.comfortable_for}"
        return Finding(Verdict.TIGHT, subject, more, _request(quota, wanted.comfortable, requested, region))
    return Finding(Verdict.FINE, subject, said)


def plain(name: str) -> str:
    """AWS writes some of these names with an `s` at their end, and some without."""
    return name.strip().removesuffix("s").lower()


def _request(quota: Quota, wanted: int, requested: Mapping[str, float], region: str) -> str:
    if requested.get(quota.code, 0) >= wanted:
        return f"{requested[quota.code]:g} have been requested: wait for AWS's answer"
    if not quota.adjustable:
        return "it cannot be raised: use less of it, or another instance type"
    request = "aws service-quotas request-service-quota-increase --service-code sagemaker"
    return f"{request} --quota-code {quota.code} --desired-value {wanted} --region {region}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
