"""What templates may say and this AWS does not do, so that nothing is dropped unknowingly.

By resource type and property (`/` leads into a property). Each is told in the log when it is deployed.
"""

from __future__ import annotations

from collections.abc import Mapping

NOT_EMULATED: Mapping[str, Mapping[str, str]] = {}
