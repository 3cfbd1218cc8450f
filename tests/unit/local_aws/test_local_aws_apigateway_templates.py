"""Velocity templates as API Gateway's integrations use them."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.apigateway import mapping, vtl


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("$word ${word}s $!word", "tea teas tea"),
        ("$missing $!missing end", "$missing  end"),
        ("#set($a = 'x')\n$a", "x"),
        ('#set($a = "$word!")$a', "tea!"),
        ("#set($a = $missing)$!a", ""),
        ("## nothing\n#* nor\nthis *#kept", "kept"),
        ("#[[ $word #if ]]#", " $word #if "),
        ("\\$word \\#if", "$word #if"),
        ("#if($number > 2 && $word == 'tea')yes#{else}no#end", "yes"),
        ("#if($missing)yes#elseif($none)none#{else}no#end", "no"),
        ("#if(!$missing)no#end", "no"),
        ("#foreach($i in $list)$i#if($foreach.hasNext), #end#end", "1, 2, 3"),
        ("#foreach($i in $list)#if($i == 2)#break#end$i#end", "1"),
        ("#foreach($i in [1..3])$velocityCount#end", "123"),
        ("#foreach($e in $map.entrySet())$e.key=$e.value;#end", "a=1;b=2;"),
        ("#set($sum = $number + 1 * 2)$sum", "5"),
        ("#set($text = 'n' + $number)$text", "n3"),
        ("$list.size() $list[0] $list.get(1) $map['a'] $map.b", "3 1 2 1 2"),
        ("$word.toUpperCase().substring(1) $word.contains('e') $word.replaceAll('(e)a', '$1')", "EA true te"),
        ("$map $list", "{a=1, b=2} [1,2,3]"),
        ("#set($made = {'k': [1, 'x']})$made.k", '[1,"x"]'),
        ("#set($ignored = $map.put('c', 3))$map.c", "3"),
        ("$word.unknown() $word.__class__", "$word.unknown() $word.__class__"),
    ],
)
def test_renders_what_velocity_does(template: str, rendered: str) -> None:
    scope: dict[str, Any] = {
        "word": "tea",
        "number": 3,
        "list": [1, 2, 3],
        "map": {"a": 1, "b": 2},
        "none": None,
    }

    assert vtl.render(template, scope) == rendered


@pytest.mark.parametrize("template", ["#if(", "#if(true)x", "#end", "#foreach($i of $l)#end", "#set($a = )"])
def test_refuses_what_cannot_be_read(template: str) -> None:
    with pytest.raises(vtl.TemplateError):
        vtl.render(template, {})


def test_loops_end() -> None:
    endless = "#foreach($a in [1..400])#foreach($b in [1..400])x#end#end"

    with pytest.raises(vtl.TemplateError, match="too many rounds"):
        vtl.render(endless, {})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", {"a": [{"b": 1}, {"b": 2}], "odd key": True}),
        ("$.a[1].b", 2),
        ("$.a[-1].b", 2),
        ("$.a[*].b", [1, 2]),
        ("$..b", [1, 2]),
        ("$['odd key']", True),
        ("$.missing", vtl.MISSING),
    ],
)
def test_finds_what_a_path_names(path: str, found: Any) -> None:
    body = {"a": [{"b": 1}, {"b": 2}], "odd key": True}

    assert mapping.json_path(body, path) == found


def test_escapes_for_scripts() -> None:
    escape = mapping._Util().escapeJavaScript

    assert escape('it\'s a "test"\n/ü') == 'it\\\'s a \\"test\\"\\n\\/\\u00FC'
