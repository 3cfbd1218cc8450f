"""What it takes to launch what portfolios offer, and to keep it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clary_constructs._right import NO_RESOURCE, Position, Right

LAUNCH = [
    "servicecatalog:DescribeProduct",
    "servicecatalog:DescribeProvisioningParameters",
    "servicecatalog:ListLaunchPaths",
    "servicecatalog:ProvisionProduct",
]
FIND = ["servicecatalog:SearchProducts"]
KEEP_UP = [
    "servicecatalog:DescribeProvisionedProduct",
    "servicecatalog:DescribeRecord",
    "servicecatalog:GetProvisionedProductOutputs",
    "servicecatalog:ListRecordHistory",
    "servicecatalog:SearchProvisionedProducts",
    "servicecatalog:TerminateProvisionedProduct",
    "servicecatalog:UpdateProvisionedProduct",
]
MAKE_PROJECTS = ["sagemaker:CreateProject", "sagemaker:DeleteProject", "sagemaker:DescribeProject"]
LIST_PROJECTS = ["sagemaker:ListProjects"]

ON_PRODUCTS = [*LAUNCH, *MAKE_PROJECTS]
ON_NO_PRODUCT = [*FIND, *KEEP_UP, *LIST_PROJECTS]
"""What it takes besides, where people launch from Studio."""


def launch_products(products: Sequence[str], wildcard_because: str | None = None) -> Iterator[Right]:
    """The products, by their ARNs, of portfolios that somebody is a principal of; and what they launched."""
    yield Right("Studio", LAUNCH, products, wildcard_because=wildcard_because)
    yield Right(
        "Studio",
        FIND,
        ["*"],
        wildcard_because="what is found are the portfolios of the principal, and no others",
    )
    yield Right(
        "Studio",
        KEEP_UP,
        ["*"],
        {"StringEquals": {"servicecatalog:userLevel": "self"}},
        "what has been launched has no ARN; the condition is who has launched it",
    )


def launch_from_studio(position: Position) -> Iterator[Right]:
    """Studio lists products, and makes a project of SageMaker's of what somebody launches there.

    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-set-up-emr-permissions-reference.html
    """
    products = position.stack.format_arn(service="catalog", resource="product", resource_name="*")
    yield from launch_products([products], "products of portfolios that the role is a principal of")
    yield Right(
        "Studio",
        MAKE_PROJECTS,
        [position.sagemaker("project", "*")],
        wildcard_because="Studio names projects by what people call what they launch",
    )
    yield Right("Studio", LIST_PROJECTS, ["*"], wildcard_because=NO_RESOURCE)
