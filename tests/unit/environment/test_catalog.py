"""What a file says of Service Catalog, and what it cannot say."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from clary.environment import catalog, cluster, project
from clary.environment.loader import EnvironmentFileError, load
from clary.environment.model import Environment

HEAD = 'name: broken\naccount: "111122223333"\nregion: eu-west-1\n'
TEAMS = "teams: {research: {members: {ada: data-scientist}}}\n"
PRINCIPALS = 'principals: ["arn:aws:iam::111122223333:role/newcomers"]'
BROKEN: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a portfolio of a team that there is not": (
        TEAMS + "catalog: {portfolios: {reserch: {" + PRINCIPALS + ", products: {data_scientist: {}}}}}\n",
        "5:24",
        ("catalog.portfolios.reserch: no team 'reserch'", "did you mean 'research'?"),
    ),
    "a portfolio that offers nothing": (
        TEAMS + "catalog: {portfolios: {research: {" + PRINCIPALS + ", products: {}}}}\n",
        "5:93",
        ("products: offers nothing, name one of: data_scientist, notebook_instance, emr_cluster,",),
    ),
    "a portfolio for nobody": (
        TEAMS + "catalog: {portfolios: {research: {principals: [], products: {data_scientist: {}}}}}\n",
        "5:35",
        ("principals: a list has 0 entries, give at least 1",),
    ),
    "a principal that is none": (
        TEAMS + "catalog: {portfolios: {research: {principals: [ada], products: {data_scientist: {}}}}}\n",
        "5:48",
        ("'ada' does not fit, give the ARN of a role, a user or a group",),
    ),
    "a principal of another account": (
        TEAMS + "catalog: {portfolios: {research: {"
        'principals: ["arn:aws:iam::444455556666:role/x"], products: {data_scientist: {}}}}}\n',
        "5:48",
        ("belongs to another account than 111122223333, put that into 'accounts'",),
    ),
    "one's own account as another": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ', accounts: ["111122223333"], products: {data_scientist: {}}}}}\n',
        "5:104",
        ("'111122223333' is the environment's own account, remove it",),
    ),
    "a project's budget that nobody is told of": (
        TEAMS + "costs: {budget: 100}\n"
        "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {budget: {default_usd: 1, most_usd: 2}}}}}}\n",
        "6:124",
        ("nobody would be told: give 'emails' in 'costs.team_budgets.research' or 'costs.budget'",),
    ),
    "a project's budget that begins above its limit": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {budget: {default_usd: 3, most_usd: 2}}}}}}\n",
        "5:146",
        ("3 is more than 'most_usd', 2: change one of the two",),
    ),
    "a project that nobody finds in Studio": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {in_studio: [reviewer]}}}}}\n",
        "5:136",
        ("no persona of the team 'reviewer', choose one of: data-scientist",),
    ),
    "a project in Studio that browsers do not reach": (
        TEAMS + "data: {only_from_vpc: true}\n"
        "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {in_studio: [data-scientist]}}}}}\n",
        "6:124",
        ("is listed by people's browsers, which 'data.only_from_vpc' keeps out",),
    ),
    "a project in Studio for roles of one's own": (
        "teams: {research: {role: person, members: {ada: data-scientist}}}\n"
        "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {in_studio: [data-scientist]}}}}}\n",
        "5:124",
        ("is for personas' roles but the team research has 'role: person'",),
    ),
    "a project's feature group without a store": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {features: {offline: null}}}}}}\n",
        "5:144",
        ("there is no online store either, give one of the two",),
    ),
    "a project's feature group that would lose its history": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {project_workspace: {features: {online: {storage: in-memory}}}}}}}\n",
        "5:153",
        ("'in-memory' keeps no history, give 'offline: null' beside",),
    ),
    "a product that there is not": (
        TEAMS + "catalog: {portfolios: {research: {" + PRINCIPALS + ", products: {data_scientst: {}}}}}\n",
        "5:104",
        ("no such key, did you mean 'data_scientist'?",),
    ),
    "a persona that there is not": (
        TEAMS
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {data_scientist: {persona: data-scientst}}}}}\n",
        "5:130",
        ("no persona 'data-scientst', did you mean 'data-scientist'?",),
    ),
    "people who come by IAM where others sign in with Identity Center": (
        "teams: {research: {}}\nstudio: {authentication: identity-center}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {data_scientist: {}}}}}\n",
        "6:104",
        ("brings in people by IAM but 'studio.authentication' is 'identity-center'",),
    ),
    "people without roles of their own in a team whose people have some": (
        "teams: {research: {role: person}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {data_scientist: {}}}}}\n",
        "5:104",
        ("but the team research has 'role: person'",),
    ),
    "a space that a persona may not have": (
        TEAMS
        + "personas: {data-scientist: {tools: {instance_types: {allowed: [ml.t3.medium]}}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {data_scientist: {space: {instance_type: ml.m5.large}}}}}}\n",
        "6:144",
        ("the space runs on 'ml.m5.large', which 'personas' does not allow data-scientists",),
    ),
    "a space that nobody may have": (
        TEAMS
        + "guardrails: {instance_types: [ml.m5.large]}\npersonas: {data-scientist: {tools: {instance_types: "
        + "{default: ml.m5.large}}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {data_scientist: {}}}}}\n",
        "7:104",
        ("'ml.t3.medium' is not among 'guardrails.instance_types'",),
    ),
    "a notebook instance that nobody may have": (
        "teams: {research: {}}\nguardrails: {instance_types: [ml.m5.*]}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {notebook_instance: {instance_types: [ml.m5.large, ml.p3.2xlarge]}}}}}\n",
        "6:154",
        ("'ml.p3.2xlarge' is not among 'guardrails.instance_types', choose one of: ml.m5.*",),
    ),
    "a notebook instance beside a cap": (
        TEAMS
        + "costs: {cap: {mode: act, teams: {research: 300}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {notebook_instance: {}}}}}\n",
        "6:104",
        ("which 'costs.cap' does not stop",),
    ),
    "an endpoint's instance that nobody may start": (
        "teams: {research: {}}\nguardrails: {instance_types: [ml.m5.*]}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {model_endpoint: {instance_types: [ml.m5.large, ml.p3.2xlarge]}}}}}\n",
        "6:151",
        ("'ml.p3.2xlarge' is not among 'guardrails.instance_types', choose one of: ml.m5.*",),
    ),
    "an endpoint beside a cap": (
        TEAMS
        + "costs: {cap: {mode: act, teams: {research: 300}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {model_endpoint: {}}}}}\n",
        "6:104",
        ("which 'costs.cap' does not stop",),
    ),
    "a cluster of machines that nobody may start": (
        TEAMS
        + "personas: {data-scientist: {rights: {add: [connect-to-emr]}}}\n"
        + "guardrails: {instance_types: [ml.m5.*]}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {emr_cluster: {instance_types: [m5.xlarge, r5.xlarge]}}}}}\n",
        "7:146",
        ("'r5.xlarge' is not among 'guardrails.instance_types', choose one of: ml.m5.*",),
    ),
    "a cluster of machines that EMR does not take": (
        TEAMS
        + "personas: {data-scientist: {rights: {add: [connect-to-emr]}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {emr_cluster: {instance_types: [m5.xlarge, t3.xlarge]}}}}}\n",
        "6:146",
        ("'t3.xlarge' does not fit, give an EC2 instance type that EMR takes",),
    ),
    "a cluster beside a cap": (
        TEAMS
        + "personas: {data-scientist: {rights: {add: [connect-to-emr]}}}\n"
        + "costs: {cap: {mode: act, teams: {research: 300}}}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {emr_cluster: {}}}}}\n",
        "7:104",
        ("which 'costs.cap' does not stop",),
    ),
    "a cluster to which nobody connects": (
        TEAMS + "catalog: {portfolios: {research: {" + PRINCIPALS + ", products: {emr_cluster: {}}}}}\n",
        "5:104",
        ("nobody of the team could connect to one: add 'connect-to-emr' to 'rights' of a persona",),
    ),
    "a cluster that Studio's apps do not reach": (
        TEAMS
        + "personas: {data-scientist: {rights: {add: [connect-to-emr]}}}\nstudio: {network: public}\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {emr_cluster: {}}}}}\n",
        "7:104",
        ("is reached from the VPC but 'studio.network' is 'public'",),
    ),
    "images of a repository that is not there": (
        TEAMS
        + "repositories: [tiny]\n"
        + "catalog: {portfolios: {research: {"
        + PRINCIPALS
        + ", products: {model_endpoint: {repositories: [tinny]}}}}}\n",
        "6:136",
        ("no repository 'tinny'", "tiny"),
    ),
    "a tag that nobody may write": (
        TEAMS + "catalog: {tag_options: {'aws:x': [y]}}\n",
        "5:25",
        ("'aws:x'", "beginning with neither aws: nor clary:"),
    ),
    "a choice of a tag that all have": (
        TEAMS + "tags: {purpose: trial}\ncatalog: {tag_options: {purpose: [course]}}\n",
        "6:25",
        ("'purpose' is among the file's 'tags'", "remove one of both"),
    ),
    "a choice of a tag that is Clary's own": (
        TEAMS + "catalog: {tag_options: {'clary:team': [sales]}}\n",
        "5:25",
        ("'clary:team'", "beginning with neither aws: nor clary:"),
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, mistake: str) -> None:
    text, place, words = BROKEN[mistake]
    file = tmp_path / "broken.yaml"
    file.write_text(HEAD + text)

    with pytest.raises(EnvironmentFileError) as caught:
        load(file)

    message = str(caught.value)
    assert f"broken.yaml:{place}:" in message
    for word in words:
        assert word in message


def environment(text: str) -> Environment:
    import yaml

    return Environment.model_validate(yaml.safe_load(HEAD + dedent(text)))


def test_nothing_is_offered_by_default() -> None:
    assert environment(TEAMS).catalog.portfolios == {}


def test_a_cluster_takes_somebody_who_connects_also_where_people_bring_themselves_in() -> None:
    found = environment(
        """
        teams: {research: {}}
        personas: {data-scientist: {rights: {add: [connect-to-emr]}}}
        catalog:
          portfolios:
            research:
              principals: ["arn:aws:iam::111122223333:role/newcomers"]
              products: {data_scientist: {}, emr_cluster: {}}
        """
    )

    assert cluster.teams(found) == ("research",)
    assert cluster.connects(found, "research", "data-scientist")
    assert not cluster.connects(found, "research", "mlops-engineer")


def test_names_are_taken_by_the_file_also_across_teams_whose_names_begin_alike() -> None:
    found = environment(
        """
        teams:
          research: {members: {ada: data-scientist}}
          research-europe: {members: {emmy: data-scientist}}
        """
    )

    assert catalog.taken(found, "research") == ["ada", "europe-emmy"]
    assert catalog.taken(found, "research-europe") == ["emmy"]


def test_projects_are_not_called_as_what_the_file_has_is() -> None:
    found = Environment.model_validate(
        {
            "name": "dev",
            "account": "111122223333",
            "region": "eu-west-1",
            "teams": {"research": {}},
            "features": {
                "patients": {
                    "team": "research",
                    "identifier": "id",
                    "event_time": "at",
                    "features": {"id": "string", "at": "string"},
                }
            },
            "catalog": {
                "portfolios": {
                    "research": {
                        "principals": ["arn:aws:iam::111122223333:role/newcomers"],
                        "products": {"project_workspace": {"features": {}}},
                    }
                }
            },
        }
    )

    assert project.taken(found, "research") == ["dev-patients", "patients"]
