"""The keys of a bucket's objects, in order."""

from __future__ import annotations

import pickle
import random

import pytest

from local_aws.object_keys import Objects


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a", "b/", "b/1", "b/2", "b0", "ü"]),
        ("b/", ["b/", "b/1", "b/2"]),
        ("b", ["b/", "b/1", "b/2", "b0"]),
        ("b/2", ["b/2"]),
        ("ü", ["ü"]),
        ("c", []),
        ("z/", []),
    ],
)
def test_keys_with_a_prefix_are_found_in_order(prefix: str, expected: list[str]) -> None:
    objects = Objects(dict.fromkeys(("b/2", "ü", "b0", "b/", "a", "b/1")))

    assert objects.keys_with(prefix) == expected


def test_keys_are_those_of_the_objects_whatever_comes_and_goes() -> None:
    chance, objects, plain = random.Random(7), Objects({}), {}
    for number in range(2000):
        key = f"{chance.randrange(20)}/{chance.randrange(40)}"
        if chance.random() < 0.4:
            assert objects.pop(key, None) == plain.pop(key, None)
        else:
            objects[key] = plain[key] = number

    assert objects == plain
    for prefix in ("", "1", "1/", "19/3"):
        assert objects.keys_with(prefix) == sorted(key for key in plain if key.startswith(prefix))


def test_a_bucket_that_was_emptied_has_no_keys() -> None:
    objects = Objects({"one": 1, "two": 2})

    objects.clear()

    assert (objects.keys_with(""), bool(objects)) == ([], False)


def test_what_is_kept_beyond_the_servers_life_is_a_plain_dictionary() -> None:
    assert type(pickle.loads(pickle.dumps(Objects({"one": 1})))) is dict
