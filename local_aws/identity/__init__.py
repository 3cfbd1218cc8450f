"""Identity and access management, enforced: who asks, what the policies say, and AWS's refusals.

`policy` reads documents, `decision` weighs them, `principals` finds those of a caller, `context` the
condition keys of a request. `enforcement` brings them together for every request, `passing`, `encryption`
and `deployment` for what a request makes a service do; `simulation` answers IAM's simulators by the same
rules. Services of our own call `authorize`.
"""

from __future__ import annotations

from local_aws.identity.enforcement import AccessDenied, authorize
from local_aws.identity.request import remember_requests

__all__ = ["AccessDenied", "authorize", "install", "remember_requests"]


def install() -> None:
    """Enforces IAM on this server; once every service has been installed."""
    from local_aws.identity import deployment, enforcement, organization, simulation, source, trust

    enforcement.install()
    trust.install()
    source.install()
    organization.install()
    deployment.install()
    simulation.install()
