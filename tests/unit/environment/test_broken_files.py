"""Each broken file is told with its place, what was given, and what would do."""

from pathlib import Path

import pytest

from clary.environment.loader import EnvironmentFileError, load

HEAD = 'name: broken\naccount: "111122223333"\nregion: eu-west-1\n'
TEAMS = "teams: {research: {members: {ada: data-scientist}}}\n"
VALID = HEAD + TEAMS
MODEL = VALID + "repositories: [housing]\nmodels:\n  housing:\n    team: research\n"
WHOLE_MODEL = MODEL + "    image: {repository: housing, tag: v1}\n    artifact: {key: model.tar.gz}\n"

# What is wrong, the file, the place, and the words that the message has to hold.
ONE_MISTAKE: dict[str, tuple[str | bytes, str, tuple[str, ...]]] = {
    "an unknown key": (
        VALID + "network: {cidrr: 10.0.0.0/16}\n",
        "5:11",
        ("network.cidrr: no such key", "did you mean 'cidr'?", "cidr, availability_zones, vpc"),
    ),
    "a sweeper of a mode that there is not": (
        VALID + "costs: {sweeper: {mode: destroy}}\n",
        "5:25",
        ("costs.sweeper.mode: 'destroy'", "dry-run", "act"),
    ),
    "a sweeper that waits for nothing": (
        VALID + "costs: {sweeper: {endpoints: {idle_hours: 0}}}\n",
        "5:43",
        ("costs.sweeper.endpoints.idle_hours: '0' is out of range",),
    ),
    "a cap on nobody": (
        VALID + "costs: {cap: {mode: act}}\n",
        "5:9",
        ("costs.cap: is about nobody, give 'teams', 'people' or 'each_person'",),
    ),
    "a cap on a team that there is not": (
        VALID + "costs: {cap: {teams: {reserch: 100}, usd_per_hour: {ml.t3.medium: 1}}}\n",
        "5:32",
        ("costs.cap.teams.reserch: no team 'reserch'", "did you mean 'research'?"),
    ),
    "a cap on somebody who is not there": (
        VALID + "costs: {cap: {people: {research-adda: 100}, usd_per_hour: {ml.t3.medium: 1}}}\n",
        "5:39",
        ("costs.cap.people.research-adda: no person 'research-adda'", "did you mean 'research-ada'?"),
    ),
    "a cap whose meter is blind before it is read": (
        VALID + "costs: {cap: {each_person: 100, every_minutes: 45}}\n",
        "5:48",
        ("'blind_minutes' is 60 and the meter is read every 45 minutes, give at least 90",),
    ),
    "a cap over what has no price": (
        VALID.replace("data-scientist", "{persona: data-scientist, space: {instance_type: ml.m5.4xlarge}}")
        + "costs: {cap: {teams: {research: 100}}}\n",
        "5:9",
        ("what an hour of 'ml.m5.4xlarge' costs in eu-west-1", "give 'usd_per_hour: {ml.m5.4xlarge: …}'"),
    ),
    "a budget of a team that there is not": (
        VALID + "costs: {team_budgets: {reserch: 100}}\n",
        "5:33",
        ("costs.team_budgets.reserch: no team 'reserch'", "did you mean 'research'?"),
    ),
    "a budget of more notifications than AWS takes": (
        VALID + "costs: {budget: {monthly_usd: 100, spent_percent: [20, 40, 60, 80, 100]}}\n",
        "5:36",
        ("6 notifications in 'spent_percent' and 'forecast_percent'", "give 1 to 5 in both"),
    ),
    "a budget that tells of nothing": (
        VALID + "costs: {budget: {monthly_usd: 100, spent_percent: [], forecast_percent: []}}\n",
        "5:36",
        ("0 notifications", "give 1 to 5 in both"),
    ),
    "a budget that tells the same twice": (
        VALID + "costs: {budget: {monthly_usd: 100, spent_percent: [80, 80]}}\n",
        "5:56",
        ("'80' is listed twice, remove one",),
    ),
    "tags that Canvas does not give": (
        HEAD + "teams: {research: {members: {ada: data-analyst}}}\ncosts: {require_tags: true}\n",
        "5:23",
        ("costs.require_tags: refuses the jobs of Canvas", "remove it, or Canvas"),
    ),
    "a budget of nothing": (
        VALID + "costs: {budget: 0}\n",
        "5:17",
        ("costs.budget.monthly_usd: '0' is out of range, give a whole number from 1",),
    ),
    "a budget told to nobody": (
        VALID + "costs: {budget: {monthly_usd: 100, emails: [finance]}}\n",
        "5:45",
        ("'finance' does not fit, give an e-mail address", "like costs@example.com"),
    ),
    "a space too large for its name": (
        HEAD
        + "teams:\n  a-team-of-20-letters:\n    members:\n      a-member-of-forty-characters-all-in-all: "
        "{persona: data-scientist, spaces: {editor: {application: code-editor}}}\n",
        "7:83",
        ("spaces.editor: the space would be called", "with 68 characters", "takes 63: give a shorter name"),
    ),
    "a space that a persona does not open": (
        HEAD
        + "teams: {research: {members: {ada: {persona: data-analyst, space: {application: code-editor}}}}}\n",
        "4:80",
        ("data-analysts do not find 'code-editor'", "or choose one of: canvas, jupyter-lab"),
    ),
    "a second space on a type that the persona may not use": (
        VALID.replace(
            "ada: data-scientist",
            "ada: {persona: data-scientist, spaces: {big: {instance_type: ml.g5.xlarge}}}",
        )
        + "personas: {data-scientist: {tools: {instance_types: {allowed: [ml.t3.medium]}}}}\n",
        "4:91",
        ("the space runs on 'ml.g5.xlarge', which 'personas' does not allow", "choose one of: ml.t3.medium"),
    ),
    "an image of a persona that there is not": (
        VALID
        + "repositories: [notebooks]\nstudio: {images: {maps: {repository: notebooks, tag: v1}}}\n"
        + "personas: {data-scientist: {tools: {images: [mapz]}}}\n",
        "7:46",
        ("no image 'mapz'", "did you mean 'maps'?"),
    ),
    "an image of a persona that is everybody's": (
        VALID
        + "repositories: [notebooks]\nstudio: {images: {maps: {repository: notebooks, tag: v1}}}\n"
        + "personas: {data-scientist: {tools: {images: [maps]}}}\n",
        "7:46",
        ("'maps' is everybody's", "give it 'for_everybody: false' or remove it here"),
    ),
    "a shared space that is too large": (
        HEAD + "teams: {research: {shared_space: {storage_gib: 200}}}\n",
        "4:48",
        ("200 is more than 'studio.shared_spaces.most_storage_gib', 100", "give less or raise that"),
    ),
    "a shared space with identity center": (
        HEAD + "teams: {research: {shared_space: {}}}\nstudio: {authentication: identity-center}\n",
        "4:20",
        ("belongs to a profile that nobody signs in with", "let people make shared spaces in Studio"),
    ),
    "nobody's user name": (
        VALID + "studio: {authentication: identity-center}\n",
        "4:35",
        ("ada: signs in with IAM Identity Center, give the 'user_name'",),
    ),
    "a user name without identity center": (
        VALID.replace("ada: data-scientist", "ada: {persona: data-scientist, user_name: ada@example.org}"),
        "4:72",
        ("user_name: is for IAM Identity Center but 'studio.authentication' is 'iam', remove it",),
    ),
    "one user name twice": (
        HEAD + "teams:\n  research:\n    members:\n      ada: {persona: data-scientist, user_name: A@x.org}\n"
        "      emmy: {persona: data-scientist, user_name: a@x.org}\n"
        "studio: {authentication: identity-center}\n",
        "8:50",
        ("'a@x.org' is research-ada, too", "remove one of the two"),
    ),
    "groups without identity center": (
        HEAD + "teams: {research: {identity_center_groups: [94482488-3041-7026-18f3-be45837cd0e4]}}\n",
        "4:20",
        ("identity_center_groups: is for IAM Identity Center", "is 'iam', remove it"),
    ),
    "a role with too long a name": (
        HEAD + "teams:\n  a-team-of-20-letters:\n    role: person\n    members:\n"
        "      a-member-of-forty-characters-all-in-all: data-scientist\n",
        "8:48",
        ("their role would be called 'clary-broken-a-team-of-20-letters-", "takes 64: give a shorter name"),
    ),
    "an unknown key like no other": (
        VALID + "zzz: 1\n",
        "5:1",
        ("zzz: no such key", "name, account, region"),
    ),
    "a missing key": (HEAD, "1:1", ("teams: is missing", "a mapping")),
    "a missing key below": (
        MODEL + "    image: {tag: v1}\n    artifact: {key: model.tar.gz}\n",
        "9:5",
        ("models.housing.image: lacks one key", "either 'repository'", "or 'framework' or 'algorithm'"),
    ),
    "a key twice": (VALID + "name: again\n", "5:1", ("'name' is given twice", "line 1", "remove one")),
    "an account without quotes": (
        VALID.replace('"', ""),
        "2:10",
        ("account: '111122223333' without quotes", 'write "111122223333"'),
    ),
    "an account with a leading zero": (
        VALID.replace('"111122223333"', "012345678901"),
        "2:10",
        ("account: 012345678901 without quotes is another number", 'write "012345678901"'),
    ),
    "an account that is octal": (
        VALID.replace('"111122223333"', "012345670123"),
        "2:10",
        ("account: 012345670123 without quotes is another number", 'write "012345670123"'),
    ),
    "an account that is too short": (
        VALID.replace("111122223333", "1111"),
        "2:10",
        ("account: '1111' does not fit", "twelve digits", '"111122223333"'),
    ),
    "a country that is false": (
        VALID + "tags:\n  country: NO\n",
        "6:12",
        ("tags.country: NO without quotes is false to some readers", 'write false, or "NO"'),
    ),
    "a name that is a boolean": (
        HEAD + "teams:\n  on: {}\n",
        "5:3",
        ("teams: on as a key is not text", 'write "on"'),
    ),
    "a name that is a number": (VALID + "tags: {2024: x}\n", "5:8", ("tags: 2024 as a key", 'write "2024"')),
    "a name without a text": (VALID + "tags: {? : x}\n", "5:9", ("tags: a key is empty", "give a name")),
    "nothing before a colon": (VALID + "tags: {: x}\n", "5:8", ("something is missing", "give a key")),
    "a key that is a list": (VALID + "tags: {[a]: x}\n", "5:8", ("tags: a list or a mapping", "give a name")),
    "a number that would lose a digit": (
        VALID + "tags: {version: 1.10}\n",
        "5:17",
        ("tags.version: 1.10 without quotes", 'write "1.10"'),
    ),
    "a commit that is a power of ten": (
        WHOLE_MODEL.replace("tag: v1", "tag: 12345e7"),
        "9:39",
        ("models.housing.image.tag: 12345e7 without quotes is another number", 'write "12345e7"'),
    ),
    "a time that is a number": (
        VALID + "tags: {noon: 12:00:00}\n",
        "5:14",
        ("tags.noon: 12:00:00 without quotes", 'write "12:00:00"'),
    ),
    "text for a number": (
        WHOLE_MODEL + "    endpoint: {instance_count: many}\n",
        "11:32",
        ("models.housing.endpoint.instance_count: 'many' does not fit", "a whole number from 1 to 100"),
    ),
    "a number out of range": (
        WHOLE_MODEL + "    endpoint: {instance_count: 0}\n",
        "11:32",
        ("models.housing.endpoint.instance_count: '0' is out of range", "from 1 to 100"),
    ),
    "a number for text": (
        WHOLE_MODEL + "    api: {example: 5}\n",
        "11:20",
        ("models.housing.api.example: '5' without quotes", 'write "5"'),
    ),
    "a word for a list": (
        WHOLE_MODEL + "    api: {content_types: text/csv}\n",
        "11:26",
        ("models.housing.api.content_types: 'text/csv' does not fit", "a list in brackets", "media type"),
    ),
    "a list for a mapping": (
        HEAD + "teams: [research]\n",
        "4:1",
        ("teams: a list does not fit", "a mapping, one 'name: value' a line"),
    ),
    "nothing": (HEAD + "teams:\n", "4:7", ("teams: nothing is given", "give a mapping")),
    "no team": (HEAD + "teams: {}\n", "4:1", ("teams: has 0 entries", "give at least 1")),
    "an unknown persona": (
        HEAD + "teams:\n  research:\n    members:\n      ada: data-scienist\n",
        "7:12",
        ("ada.persona: no persona 'data-scienist'", "did you mean 'data-scientist'?", "mlops-engineer"),
    ),
    "a name that is no name": (
        HEAD + "teams:\n  Data Science: {}\n",
        "5:3",
        ("teams.Data Science: 'Data Science' does not fit", "lower-case letters", "like research"),
    ),
    "a name that is too long": (
        HEAD + f"teams:\n  {'x' * 21}: {{}}\n",
        "5:3",
        ("has 21 characters", "at most 20 characters"),
    ),
    "a network that is none": (
        VALID + "network: {cidr: 10.40.0.1/16}\n",
        "5:17",
        ("network.cidr: '10.40.0.1/16' is not an IPv4 network", "write it like 10.40.0.0/16"),
    ),
    "a network that is too large": (
        VALID + "network: {cidr: 10.0.0.0/8}\n",
        "5:17",
        ("network.cidr: '10.0.0.0/8' has a prefix of /8", "from /16 to /24"),
    ),
    "a zone of another region": (
        VALID + "network: {availability_zones: [eu-west-1a, us-east-1b]}\n",
        "5:44",
        ("network.availability_zones[1]: 'us-east-1b' is not in the region eu-west-1", "like eu-west-1a"),
    ),
    "a zone twice": (
        VALID + "network: {availability_zones: [eu-west-1a, eu-west-1a]}\n",
        "5:44",
        ("'eu-west-1a' is listed twice", "remove one"),
    ),
    "a new VPC beside a given one": (
        VALID
        + "network:\n  cidr: 10.40.0.0/16\n  vpc: {id: vpc-0a1b2c3d, cidr: 10.40.0.0/16,"
        + " subnets: [subnet-0a1b2c3d], availability_zones: [eu-west-1a]}\n",
        "6:9",
        ("network.cidr: describes a new VPC but 'vpc' gives one", "remove one of the two"),
    ),
    "a given VPC in another region": (
        VALID
        + "network:\n  vpc: {id: vpc-0a1b2c3d, cidr: 10.40.0.0/16,"
        + " subnets: [subnet-0a1b2c3d], availability_zones: [us-east-1a]}\n",
        "6:96",
        ("network.vpc.availability_zones[0]: 'us-east-1a' is not in the region eu-west-1", "eu-west-1a"),
    ),
    "a repository twice": (
        VALID + "repositories: [a, a]\n",
        "5:19",
        ("repositories[1]: 'a' is listed twice",),
    ),
    "a variable that is too long": (
        WHOLE_MODEL + f"    environment: {{X: {'x' * 1025}}}\n",
        "11:22",
        ("models.housing.environment.X: has 1025 characters", "at most 1024"),
    ),
    "fewer zones than subnets": (
        VALID
        + "network:\n  vpc: {id: vpc-0a1b2c3d, cidr: 10.40.0.0/16,"
        + " subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e], availability_zones: [eu-west-1a]}\n",
        "6:92",
        ("network.vpc.availability_zones: 1 for 2 subnets", "name the zone of each subnet"),
    ),
    "a deletion that is not confirmed": (
        VALID + "data: {on_destroy: delete}\n",
        "5:20",
        ("data.on_destroy: 'delete' has to be confirmed", "give 'delete_confirmed_for: broken'"),
    ),
    "a deletion confirmed for another environment": (
        VALID + "data: {on_destroy: delete, delete_confirmed_for: local}\n",
        "5:50",
        ("data.delete_confirmed_for: 'local' is not this environment", "'broken'"),
    ),
    "a confirmation without a deletion": (
        VALID + "data: {delete_confirmed_for: broken}\n",
        "5:30",
        ("confirms a deletion but 'on_destroy' is 'retain'", "remove one of the two"),
    ),
    "exceptions from a rule that does not hold": (
        VALID + "data: {except_for: [arn:aws:iam::111122223333:role/delivery]}\n",
        "5:8",
        ("data.except_for: makes exceptions but 'only_from_vpc' is false", "set that or remove them"),
    ),
    "an exception for another account's role": (
        VALID + "data: {only_from_vpc: true, except_for: [arn:aws:iam::444455556666:role/delivery]}\n",
        "5:42",
        ("role/delivery' belongs to another account than 111122223333", "name one of this"),
    ),
    "an exception for people's own roles": (
        VALID + "data: {only_from_vpc: true, except_for: [arn:aws:iam::111122223333:role/clary/broken/x]}\n",
        "5:42",
        ("is a role of people here, who work within the VPC", "remove it"),
    ),
    "an exception for everybody": (
        VALID + 'data: {only_from_vpc: true, except_for: ["arn:aws:iam::111122223333:role/*"]}\n',
        "5:42",
        ("does not fit, give the ARN of an IAM role", "arn:aws:iam::111122223333:role/data-delivery"),
    ),
    "data that spaces could not see": (
        VALID + "data: {only_from_vpc: true}\nstudio: {network: public}\n",
        "5:23",
        ("data.only_from_vpc: shuts out spaces, whose 'studio.network' is 'public'",),
    ),
    "a model of an unknown team": (
        WHOLE_MODEL.replace("team: research", "team: reserch"),
        "8:11",
        ("models.housing.team: no team 'reserch'", "did you mean 'research'?"),
    ),
    "an image in an unknown repository": (
        WHOLE_MODEL.replace("[housing]", "[other]"),
        "9:25",
        ("models.housing.image.repository: no repository 'housing'", "choose one of: other"),
    ),
    "an image in a repository where there is none": (
        WHOLE_MODEL.replace("[housing]", "[]"),
        "9:25",
        ("no repository 'housing'", "there is none at all: add it first"),
    ),
    "an image from two places": (
        WHOLE_MODEL.replace("tag: v1", "tag: v1, source: here"),
        "9:51",
        ("models.housing.image.source: cannot stand beside 'tag'", "either 'tag'", "or 'source'"),
    ),
    "an artifact from nowhere": (
        WHOLE_MODEL.replace("{key: model.tar.gz}", "{}"),
        "10:5",
        ("models.housing.artifact: lacks one key", "either 'key'", "or 'training'"),
    ),
    "a folder outside the repository": (
        WHOLE_MODEL.replace("tag: v1", "source: ../x"),
        "9:42",
        ("models.housing.image.source: '../x' is not below the repository's root", "a folder of its own"),
    ),
    "a folder of this machine": (
        WHOLE_MODEL.replace("tag: v1", "source: /x"),
        "9:42",
        (
            "models.housing.image.source: '/x' does not fit",
            "relative to the repository's root",
            "like workloads/",
        ),
    ),
    "an idle time that people may not choose": (
        VALID
        + "personas:\n  data-scientist:\n    tools:\n      idle: {after_minutes: 90, most_minutes: 60}\n",
        "8:29",
        ("idle.after_minutes: 90 is not from 60 to 60, which people may choose", "give one that is"),
    ),
    "a least idle time above the most": (
        VALID + "studio: {shared_spaces: {idle: {least_minutes: 180, most_minutes: 120}}}\n",
        "5:48",
        ("studio.shared_spaces.idle.least_minutes: 180 is more than 'most_minutes', 120", "give less"),
    ),
    "a default instance type that is not allowed": (
        VALID
        + "personas:\n  data-scientist:\n    tools:\n"
        + "      instance_types: {default: ml.m5.large, allowed: [ml.t3.medium]}\n",
        "8:33",
        ("instance_types.default: the default 'ml.m5.large' is not among the allowed, ml.t3.medium",),
    ),
    "allowed instance types without the default": (
        VALID + "personas: {data-scientist: {tools: {instance_types: {allowed: [ml.m5.large]}}}}\n",
        "5:54",
        ("instance_types.allowed: the default 'ml.t3.medium' is not among the allowed, ml.m5.large",),
    ),
    "a space on what its persona may not have": (
        HEAD
        + "teams:\n  research:\n    members:\n"
        + "      ada: {persona: data-scientist, space: {instance_type: ml.m5.xlarge}}\n"
        + "personas: {data-scientist: {tools: {instance_types: {allowed: [ml.t3.medium]}}}}\n",
        "7:61",
        ("ada.space.instance_type: the space runs on 'ml.m5.xlarge'", "choose one of: ml.t3.medium"),
    ),
    "settings of a Canvas that is not shown": (
        VALID + "personas: {data-scientist: {tools: {canvas: {deploy_models: true}}}}\n",
        "5:37",
        ("tools.canvas: says what Canvas does but 'applications' has none", "add canvas there"),
    ),
    "an RStudio that the domain has not": (
        VALID + "personas: {data-scientist: {tools: {applications: [jupyter-lab, r-studio]}}}\n",
        "5:65",
        ("applications[1]: 'r-studio' is not in this Studio", "studio: {r_studio: {}}"),
    ),
    "a JumpStart that nobody could use": (
        VALID + "personas: {data-scientist: {tools: {features: [pipelines, jump-start]}}}\n",
        "5:59",
        ("features[1]: JumpStart's models lie in buckets of AWS's own", "leave it out, and copy the models"),
    ),
    "an application that Studio has not": (
        VALID + "personas: {data-scientist: {tools: {applications: [jupyterlab]}}}\n",
        "5:52",
        ("'jupyterlab' does not exist", "did you mean 'jupyter-lab'?"),
    ),
    "no application": (
        VALID + "personas: {data-scientist: {tools: {applications: []}}}\n",
        "5:37",
        ("tools.applications: a list has 0 entries, give at least 1",),
    ),
    "tools of an unknown persona": (
        VALID + "personas: {data-scienist: {}}\n",
        "5:12",
        ("no persona 'data-scienist'", "did you mean 'data-scientist'?", "needs 'based_on'"),
    ),
    "a persona of every environment's that is based on another": (
        VALID + "personas: {data-scientist: {based_on: mlops-engineer}}\n",
        "5:39",
        ("'data-scientist' is no persona of your own", "choose another name"),
    ),
    "a capability that does not exist": (
        VALID + "personas: {data-scientist: {rights: {add: [push-image]}}}\n",
        "5:44",
        ("'push-image' does not exist", "did you mean 'push-images'?"),
    ),
    "a capability that is there already": (
        VALID + "personas: {data-scientist: {rights: {add: [run-jobs]}}}\n",
        "5:44",
        ("'run-jobs' is there already",),
    ),
    "a capability that is not there to remove": (
        VALID + "personas: {data-scientist: {rights: {remove: [push-images]}}}\n",
        "5:47",
        ("'push-images' is not there to remove", "run-jobs"),
    ),
    "a capability that is added and removed": (
        VALID + "personas: {data-scientist: {rights: {add: [push-images], remove: [push-images]}}}\n",
        "5:44",
        ("'push-images' is removed, too",),
    ),
    "a statement that would let somebody out": (
        VALID
        + "personas:\n  data-scientist:\n    rights:\n      statements:\n"
        + "        - {actions: [iam:CreateUser], resources: ['arn:aws:iam::111122223333:user/a'],"
        + " reason: because somebody asked for it}\n",
        "9:22",
        ("'iam:CreateUser' could widen every right",),
    ),
    "a statement about all actions": (
        VALID
        + "personas:\n  data-scientist:\n    rights:\n      statements:\n"
        + "        - {actions: [athena:GetWorkGroup, 'athena:*'], resources: ['arn:aws:s3:::a'],"
        + " reason: because somebody asked for it}\n",
        "9:43",
        ("'athena:*' does not fit", "without wildcards"),
    ),
    "a statement about another account": (
        VALID
        + "personas:\n  data-scientist:\n    rights:\n      statements:\n"
        + "        - {actions: [athena:GetWorkGroup], resources: ['arn:aws:s3:eu-west-1:222233334444:a'],"
        + " reason: because somebody asked for it}\n",
        "9:56",
        ("belongs to another account than 111122223333",),
    ),
    "guardrails that leave out the environment's region": (
        VALID + "guardrails: {regions: [eu-central-1]}\n",
        "5:14",
        ("lacks the environment's own region, add eu-west-1",),
    ),
    "guardrails that forbid what a space runs on": (
        VALID + "guardrails: {instance_types: [ml.m5.*]}\n",
        "4:35",
        ("'ml.t3.medium' is not among 'guardrails.instance_types'", "ml.m5.*"),
    ),
    "a Studio image in an unknown repository": (
        VALID + "repositories: [geo]\nstudio: {images: {maps: {repository: ge, tag: v1}}}\n",
        "6:38",
        ("studio.images.maps.repository: no repository 'ge'", "did you mean 'geo'?"),
    ),
    "trust without Docker": (
        VALID + 'studio: {docker: {trusted_accounts: ["444455556666"]}}\n',
        "5:19",
        ("studio.docker.trusted_accounts: trusts accounts but 'enabled' is false", "enable Docker"),
    ),
    "trusted accounts of a public Studio": (
        VALID + 'studio: {network: public, docker: {enabled: true, trusted_accounts: ["444455556666"]}}\n',
        "5:51",
        ("is about 'vpc-only' but 'studio.network' is 'public'", "remove it"),
    ),
    "a default disk above the largest": (
        VALID + "studio: {shared_spaces: {default_storage_gib: 50, most_storage_gib: 20}}\n",
        "5:47",
        ("default_storage_gib: 50 is more than 'most_storage_gib', 20", "give less"),
    ),
    "a word for true": (
        VALID + "studio: {mlflow: please}\n",
        "5:18",
        ("studio.mlflow: 'please' does not fit", "true or false"),
    ),
    "an IAM client that nobody is": (
        VALID + "api:\n  clients:\n    batch: {authorization: iam}\n",
        "7:28",
        ("api.clients.batch.authorization: 'iam' needs to know who calls", "give 'principal'"),
    ),
    "a key's client with a principal": (
        VALID
        + "api:\n  clients:\n    shop:\n      authorization: api-key\n"
        + "      principal: arn:aws:iam::111122223333:role/shop\n",
        "9:18",
        ("api.clients.shop.principal: goes with 'authorization: iam' only", "remove it"),
    ),
    "a principal that is no ARN": (
        VALID + "api: {clients: {batch: {authorization: iam, principal: batch}}}\n",
        "5:56",
        ("principal: 'batch' does not fit", "the ARN of an IAM role", "like arn:aws:iam::"),
    ),
    "two people with one user profile": (
        HEAD + "teams:\n  a: {members: {b-c: data-scientist}}\n  a-b: {members: {c: data-scientist}}\n",
        "6:22",
        ("teams.a-b.members.c: two user profiles would be called 'a-b-c'", "rename one"),
    ),
    "a team in the place of the API's jobs": (
        HEAD + "teams: {jobs: {}}\n",
        "4:9",
        ("teams.jobs: 'jobs' is where the API keeps jobs", "choose another name"),
    ),
    "two names with one logical id": (
        HEAD + "teams: {a-1: {}, a1: {}}\n",
        "4:18",
        ("teams.a1: 'a1' and 'a-1' are both 'A1'", "rename one"),
    ),
    "a tag that AWS keeps for itself": (
        VALID + "tags: {'aws:x': y}\n",
        "5:8",
        ("tags.aws:x: 'aws:x' does not fit", "beginning with neither aws: nor clary:"),
    ),
    "a tag that is Clary's own": (
        VALID + "tags: {'clary:team': y}\n",
        "5:8",
        ("tags.clary:team: 'clary:team' does not fit", "beginning with neither aws: nor clary:"),
    ),
    "a name that is not the file's": (
        VALID.replace("broken", "dev"),
        "1:7",
        ("name: 'dev' is in the file broken.yaml", "write name: broken or rename the file"),
    ),
    "an empty file": ("", "1:1", ("the file is empty", "name, account, region and teams")),
    "a file of comments": ("# nothing\n", "1:1", ("the file is empty",)),
    "a list at the top": ("- name: broken\n", "1:1", ("a list at the top", "begins with 'name: broken'")),
    "a word at the top": ("broken\n", "1:1", ("a single value at the top", "begins with 'name: broken'")),
    "two documents": (VALID + "---\n" + VALID, "5:1", ("a second document", "one environment in a file")),
    "bytes that are not UTF-8": (
        VALID.encode() + b"tags: {owner: M\xfcller}\n",
        "5:16",
        ("0xfc is not UTF-8", "save the file with the encoding UTF-8"),
    ),
    "a file of Windows's Notepad": (VALID.encode("utf-16"), "1:1", ("0xff is not UTF-8", "save the file")),
    "a control character": (
        VALID + "tags: {a: \x07}\n",
        "5:11",
        ("U+0007 cannot stand in YAML", "remove it"),
    ),
    "half a character": (VALID + 'tags: {a: "\\ud800"}\n', "5:11", ("tags.a: the text holds U+D800",)),
    "an escape beyond all characters": (
        VALID + 'tags: {a: "\\UFFFFFFFF"}\n',
        "5:14",
        ("an escape names no",),
    ),
    "a tab": ("name: broken\nteams:\n\tresearch: {}\n", "3:1", ("a tab", "indent with spaces")),
    "an indentation that does not line up": (
        HEAD + "teams:\n    research: {}\n  platform: {}\n",
        "6:3",
        ("does not line up", "indent what belongs together alike"),
    ),
    "a colon in a text": (
        VALID + "tags: {}\nnetwork: cidr: 10.0.0.0/16\n",
        "6:14",
        ("a ':' that cannot stand here", "in quotes"),
    ),
    "a key without a colon": (
        VALID + "tags\nnetwork: {}\n",
        "6:1",
        ("begun on line 5", "write 'key: value'"),
    ),
    "a list that is not closed": (
        VALID + "repositories: [a, b\ntags: {}\n",
        "6:5",
        ("the list, begun on line 5", "[one, two]"),
    ),
    "a mapping that is not closed": (
        VALID + "tags: {a: b\nnetwork: {}\n",
        "6:8",
        ("the mapping, begun on line 5", "{key: value"),
    ),
    "a quote that is not closed": (
        VALID + 'tags: {a: "b}\n',
        "6:1",
        ("the text in quotes, begun on line 5", "no closing quote"),
    ),
    "an escape that there is not": (
        VALID + 'tags: {a: "\\q"}\n',
        "5:13",
        ("an escape that YAML does not know",),
    ),
    "an anchor twice": (VALID + "tags: {a: &a x, b: &a y}\n", "5:20", ("the anchor is defined twice",)),
    "a character that begins nothing": (VALID + "tags: {a: @x}\n", "5:11", ("'@' that cannot", "in quotes")),
    "an alias of nothing": (
        VALID + "tags: *common\n",
        "5:7",
        ("no anchor 'common' above", "define it with '&'"),
    ),
    "an anchor that holds itself": (VALID + "tags: &a {b: *a}\n", "5:7", ("an anchor that contains itself",)),
    "a merge of itself": (VALID + "tags: &a {<<: *a}\n", "5:7", ("an anchor that contains itself",)),
    "a merge of a word": (VALID + "tags: {<<: word}\n", "5:12", ("tags: '<<' takes over", "give an alias")),
    "a tag of CloudFormation's": (
        VALID + "tags: {owner: !Ref Owner}\n",
        "5:15",
        ("tags.owner: the tag '!Ref' means nothing here", "give the plain value"),
    ),
    "a tag of Python's": (
        VALID + "tags: !!python/object:os.system {}\n",
        "5:7",
        ("tags: the tag '!!python/object:os.system' means nothing",),
    ),
    "brackets without an end": (VALID + "tags: " + "[" * 5000, "5:66", ("more than 60 levels of nesting",)),
    "a short text of billions of values": (
        VALID
        + "tags:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"  {b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "6:10",
        ("the aliases stand for more than", "write them out"),
    ),
}


def told(folder: Path, content: str | bytes) -> str:
    path = folder / "broken.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EnvironmentFileError) as caught:
        load(path)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mistake", ONE_MISTAKE)
def test_tells_a_mistake_with_its_place_and_what_would_do(folder: Path, mistake: str) -> None:
    content, place, words = ONE_MISTAKE[mistake]

    message = told(folder, content)

    assert message.startswith(f"broken.yaml:{place}: ")
    for word in words:
        assert word in message
    assert "\n" not in message


@pytest.mark.parametrize("mistake", ONE_MISTAKE)
def test_speaks_the_language_of_the_file(folder: Path, mistake: str) -> None:
    message = told(folder, ONE_MISTAKE[mistake][0])

    for jargon in (
        "pydantic",
        "Input",
        "should",
        "valid ",
        "_type=",
        "http",
        "NoneType",
        "Value error",
        "yaml.",
    ):
        assert jargon not in message.replace("broken.yaml", "")


def test_tells_all_mistakes_at_once_in_the_order_of_the_file(folder: Path) -> None:
    message = told(
        folder,
        "name: broken\naccount: 12\nregion: nowhere\ncolour: blue\nteams:\n  a: {members: {b: C, b: d}}\n",
    )

    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["broken.yaml:2:10", "account"],
        ["broken.yaml:3:9", "region"],
        ["broken.yaml:4:1", "colour"],
        ["broken.yaml:6:20", "teams.a.members.b.persona"],
        ["broken.yaml:6:23", "teams.a.members"],
    ]


def test_tells_a_wrong_name_beside_other_mistakes(folder: Path) -> None:
    message = told(folder, VALID.replace("broken", "dev") + "colour: blue\n")

    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["broken.yaml:1:7", "name"],
        ["broken.yaml:5:1", "colour"],
    ]


def test_tells_all_relations_that_do_not_hold_at_once(folder: Path) -> None:
    message = told(folder, WHOLE_MODEL.replace("team: research", "team: x") + "data: {on_destroy: delete}\n")

    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["broken.yaml:8:11", "models.housing.team"],
        ["broken.yaml:11:20", "data.on_destroy"],
    ]


def test_tells_what_an_anchor_holds_once(folder: Path) -> None:
    clients = "    one: &one {authorization: key}\n    two: *one\n    three: {<<: *one}\n"

    message = told(folder, VALID + "api:\n  clients:\n" + clients)

    assert message.startswith("broken.yaml:7:31: api.clients.one.authorization: 'key' does not exist")
    assert "\n" not in message


def test_keeps_problems_apart_for_programs(folder: Path) -> None:
    (folder / "broken.yaml").write_text(VALID + "zzz: 1\n")

    with pytest.raises(EnvironmentFileError) as caught:
        load(folder / "broken.yaml")

    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column, problem.path) == (5, 1, ("zzz",))
