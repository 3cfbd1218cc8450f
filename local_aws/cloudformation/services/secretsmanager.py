"""Secrets Manager: the kinds of characters that a generated secret may have, which ministack drops."""

from __future__ import annotations

import string

from local_aws.cloudformation.registry import Properties, translates

_KINDS = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
    "ExcludeUppercase": string.ascii_uppercase,
}


@translates("AWS::SecretsManager::Secret")
def write_kinds_as_characters(properties: Properties) -> Properties:
    """ministack excludes single characters alone (API_GetRandomPassword)."""
    generated = properties.get("GenerateSecretString")
    if not isinstance(generated, dict):
        return properties
    excluded = [
        characters for kind, characters in _KINDS.items() if str(generated.get(kind)).lower() == "true"
    ]
    characters = "".join([generated.get("ExcludeCharacters", ""), *excluded])
    return {**properties, "GenerateSecretString": {**generated, "ExcludeCharacters": characters}}
