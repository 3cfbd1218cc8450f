"""What services hold, for whoever keeps it beyond the server's life."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ministack.core import responses as _responses

from local_aws.hooks.private_names import PrivateNames

_SERVICES = "ministack.services."
_SCOPED = (_responses.AccountScopedDict, _responses.AccountRegionScopedDict)
_STORE_DATA = {kind: kind._data for kind in _SCOPED}
_PLAIN_STORES = {
    "ministack.services.cognito": (
        "_auth_codes",
        "_authorization_codes",
        "_refresh_tokens",
        "_revoked_tokens",
    ),
    "ministack.services.ec2": ("_default_initialized_scopes",),
}
"""State that ministack's services do not keep in its scoped dictionaries."""

PRIVATE_NAMES: PrivateNames = {
    "ministack.core.responses": ("AccountRegionScopedDict._data", "AccountScopedDict._data"),
    "ministack.services.s3": ("_buckets",),
    **_PLAIN_STORES,
}


@dataclass(frozen=True)
class ServiceStore:
    """A dictionary, or a set, in which a service of ministack keeps its state."""

    name: str
    """The module and the variable: `ministack.services.s3:_buckets`."""
    store: Any

    @property
    def watched(self) -> bool:
        """Whether `watch_stores` tells when somebody looks into it."""
        return isinstance(self.store, _SCOPED)

    @property
    def content(self) -> Any:
        """The dictionary or set itself, of all accounts and regions; looking into it is not told."""
        for kind, data in _STORE_DATA.items():
            if isinstance(self.store, kind):
                return data.__get__(self.store)
        return self.store


def service_modules() -> list[str]:
    """The services that are in use, by their modules' names."""
    # A copy: other threads import meanwhile, those that warm up at the start above all.
    return sorted(name for name in list(sys.modules) if name.startswith(_SERVICES))


def service_stores(module_names: Iterable[str]) -> list[ServiceStore]:
    """Where these services keep their state; a module that is not imported yet is imported."""
    found = []
    for name in module_names:
        module = importlib.import_module(name)
        found += [
            ServiceStore(f"{name}:{variable}", value)
            for variable, value in sorted(vars(module).items())
            if isinstance(value, _SCOPED) or variable in _PLAIN_STORES.get(name, ())
        ]
    return found


def watch_stores(looked_into: Callable[[int], None]) -> None:
    """Tells the `id` of a store whenever anybody looks into it, and may therefore change it."""
    for kind in _SCOPED:
        kind._data = property(_telling(_STORE_DATA[kind], looked_into), _STORE_DATA[kind].__set__)


def _telling(data: Any, looked_into: Callable[[int], None]) -> Callable[[Any], Any]:
    def get(store: Any) -> Any:
        looked_into(id(store))
        return data.__get__(store)

    return get


def take_up_services(module_names: Iterable[str]) -> None:
    """Lets services do what ministack does with state that it has loaded: indexes, pollers, schedules."""
    for name in module_names:
        module = importlib.import_module(name)
        if hasattr(module, "load_persisted_state"):
            module.load_persisted_state(module.get_state())
