"""The page where people try models, in a real Chromium, served by the deployed API and asking its models."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from support import browser
from support.served_api import ServedApi

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1180, "height": 900}
PATIENCE_MS = 60_000
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        with browser.chromium() as running:
            yield running
    except browser.NoBrowser as why:
        pytest.skip(f"there is no browser for the page: {why}")


class Visitor:
    """Somebody at the page, in a browser without a past."""

    def __init__(self, context: Any, served: ServedApi) -> None:
        self.served = served
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: Any) -> None:
        # Chromium writes a line for each answer that is no success, which tells nothing of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def open(self) -> Visitor:
        self.page.goto(self.served.url + "/")
        self.page.locator("#key").wait_for()
        return self

    def enter(self, key: str | None = None) -> Visitor:
        self.page.get_by_label("API key").fill(self.served.key if key is None else key)
        self.page.get_by_role("button", name="Continue").click()
        return self

    def choose(self, model: str) -> Visitor:
        self.page.get_by_role("link", name=model, exact=True).click()
        self.page.get_by_role("heading", name=model, exact=True).wait_for()
        self.page.locator("#send").wait_for()
        return self

    def write(self, text: str) -> Visitor:
        self.turn("Text").page.locator("#body").fill(text)
        return self

    def turn(self, way: str) -> Visitor:
        """To the form, to text or to a file."""
        self.page.get_by_role("radio", name=way, exact=True).check()
        return self

    def send(self) -> Visitor:
        self.page.get_by_role("button", name="Send").click()
        return self

    @property
    def answer(self) -> str:
        return str(self.page.locator("#answer-body").inner_text())

    @property
    def problem(self) -> str:
        return str(self.page.locator(".problem").inner_text())


@pytest.fixture
def contexts(chromium: Any) -> Iterator[Any]:
    opened: list[Any] = []

    def open_context(**settings: Any) -> Any:
        opened.append(chromium.new_context(**{"viewport": DESK, **settings}))
        return opened[-1]

    yield open_context
    for context in opened:
        context.close()


@pytest.fixture
def visitor(contexts: Any, served: ServedApi) -> Iterator[Visitor]:
    one = Visitor(contexts(), served)
    yield one
    assert one.faults == []


class TestAsking:
    def test_a_form_made_of_the_schema_is_filled_in_and_answered(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows")
        rows = visitor.page.locator("#form").get_by_label("Body")
        assert rows.input_value() == "1, 2"  # the model's example

        rows.fill("1, 2\n3, 4")
        visitor.send()

        assert json.loads(visitor.answer) == [3, 7]
        assert re.fullmatch(r"[\d,]+ ms", visitor.page.locator("#latency").inner_text())
        assert visitor.page.locator(".answer").get_by_text("200", exact=True).is_visible()

    def test_what_the_model_is_like_stands_above(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows")

        assert visitor.page.locator("#state").inner_text() == "in service"
        said = visitor.page.locator("dl").inner_text()
        for each in ("real-time", "application/json, application/jsonlines", "at most 4.5 MB", "27 seconds"):
            assert each in said
        visitor.page.get_by_text("Schema of a body").click()
        assert json.loads(visitor.page.get_by_label("JSON Schema").inner_text())["minItems"] == 1

    def test_the_caller_s_models_are_listed(self, visitor: Visitor) -> None:
        visitor.open().enter()

        visitor.page.locator("#send").wait_for()
        listed = visitor.page.get_by_role("navigation").get_by_role("link").all_inner_texts()
        assert listed == ["broken", "known", "later", "many", "missing", "nightly", "rows", "small", "table"]

    def test_the_command_that_is_shown_gives_the_same_answer(
        self, visitor: Visitor, served: ServedApi
    ) -> None:
        if not shutil.which("curl"):
            pytest.skip("there is no curl on this machine")
        visitor.open().enter().choose("rows").write("[[1, 2],\n [0.5, 4]]").send()
        answer = json.loads(visitor.answer)

        command = visitor.page.locator("#curl").inner_text()

        done = subprocess.run(
            ["sh", "-c", command],
            env={"PATH": "/usr/bin:/bin", "API_KEY": served.key},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert json.loads(done.stdout) == answer == [3, 4.5]
        assert served.key not in command

    def test_one_of_many_models_is_named_and_another_is_not_there(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("many").write("2")
        target = visitor.page.get_by_label("Target")

        target.fill("four.tar.gz")
        visitor.send()
        assert "There is no such model among the many" in visitor.problem
        target.fill("three.tar.gz")
        visitor.send()

        assert visitor.answer.strip() == "6.0"
        assert "?target=three.tar.gz" in visitor.page.locator("#curl").inner_text()

    def test_a_quote_in_the_body_cannot_leave_the_command(self, visitor: Visitor) -> None:
        body = "'; echo taken; '$(echo taken)@`echo taken`"
        visitor.open().enter().choose("table").write(body)

        command = visitor.page.locator("#curl").inner_text()

        shown = subprocess.run(
            ["sh", "-c", f'curl() {{ for each; do printf "%s\\0" "$each"; done; }}\n{command}'],
            env={"PATH": "/usr/bin:/bin", "API_KEY": "none"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert shown.stdout.split("\0")[-3:] == ["--data-raw", body, ""]

    def test_a_file_of_bytes_is_answered_with_bytes_to_download(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("table")
        visitor.page.get_by_label("Content type").select_option("application/octet-stream")
        content = bytes(range(256))
        visitor.page.locator("#file").set_input_files(
            {"name": "input.bin", "mimeType": "application/octet-stream", "buffer": content}
        )

        visitor.send()

        with visitor.page.expect_download() as downloaded:
            visitor.page.get_by_role("link", name="Download").click()
        assert downloaded.value.path().read_bytes() == content[::-1]

    def test_text_becomes_the_form_and_the_form_text(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows").write("[[5, 6]]")

        visitor.turn("Form")
        assert visitor.page.locator("#form textarea").input_value() == "5, 6"
        visitor.page.locator("#form textarea").fill("7, 8")
        visitor.turn("Text")

        assert json.loads(visitor.page.locator("#body").input_value()) == [[7, 8]]

    def test_the_keyboard_is_enough(self, visitor: Visitor) -> None:
        visitor.open()
        keyboard = visitor.page.keyboard
        keyboard.type(visitor.served.key)
        keyboard.press("Enter")
        visitor.page.locator("#send").wait_for()
        focused = visitor.page.evaluate_handle("() => document.activeElement")
        for wanted in ("rows", "Send"):
            for _ in range(60):
                keyboard.press("Tab")
                focused = visitor.page.evaluate_handle("() => document.activeElement")
                if focused.evaluate("each => each.textContent") == wanted:
                    break
            outline = focused.evaluate("each => getComputedStyle(each).outlineStyle")
            assert (focused.evaluate("each => each.textContent"), outline) == (wanted, "solid")
            keyboard.press("Enter")
            if wanted == "rows":
                visitor.page.get_by_role("heading", name="rows", exact=True).wait_for()
                visitor.page.locator("#send").wait_for()

        assert json.loads(visitor.answer) == [3]


class TestLater:
    def test_a_job_is_followed_to_its_result(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("later")
        visitor.page.get_by_label("Content type").select_option("text/csv")

        visitor.write("1,2\n3,4\n").send()

        visitor.page.locator("#job-state", has_text="completed").wait_for()
        assert visitor.answer.split() == ["3.0", "7.0"]

    def test_a_job_that_waits_is_cancelled(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("later")
        visitor.page.get_by_label("Content type").select_option("text/csv")
        visitor.write("pause:2").send()

        visitor.page.get_by_role("button", name="Cancel and delete").click()

        visitor.page.locator("#job-state", has_text="cancelled").wait_for()
        assert visitor.page.get_by_role("button", name="Send").is_enabled()

    def test_a_batch_is_followed_to_its_result(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("nightly").write("1,2\n3,4\n").send()

        visitor.page.locator("#job-state", has_text="completed").wait_for()
        assert visitor.answer.split() == ["3.0", "7.0"]


class TestWhenSomethingIsWrong:
    def test_a_wrong_key_is_refused_and_not_kept(self, visitor: Visitor) -> None:
        visitor.open().enter("not-a-key-that-there-is")

        assert "send a valid API key" in visitor.problem
        assert "Quote this when you ask for help" in visitor.problem
        assert visitor.page.evaluate("() => sessionStorage.length") == 0

    def test_a_body_that_does_not_fit_is_shown_with_where(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows").write('[[1, "two"]]').send()

        assert "does not fit the model (422)" in visitor.problem
        assert "/0/1" in visitor.problem

    def test_a_field_that_is_wrong_is_marked_before_anything_is_sent(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows")
        field = visitor.page.locator("#form textarea")
        field.fill("1, two")
        before = len(visitor.asked)

        visitor.send()

        assert field.get_attribute("aria-invalid") == "true"
        assert field.evaluate("each => each === document.activeElement")
        described = field.get_attribute("aria-describedby").split()[0]
        assert "'two' is not a number" in visitor.page.locator(f"#{described}").inner_text()
        assert len(visitor.asked) == before

    def test_a_model_that_fails_says_so_and_nothing_of_its_insides(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("table").write("answer:500").send()

        assert "(502)" in visitor.problem
        assert "secret" not in visitor.page.content()

    def test_a_broken_connection_is_told_in_words(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("table")
        visitor.page.route("**/invocations", lambda route: route.abort())

        visitor.write("1,2").send()

        assert "No answer came" in visitor.problem

    def test_what_is_too_large_is_not_sent(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("table")
        visitor.turn("File")
        visitor.page.locator("#file").set_input_files(
            {"name": "rows.csv", "mimeType": "text/csv", "buffer": b"1,2\n" * 1_200_000}
        )
        before = len(visitor.asked)

        visitor.send()

        assert "It has 4.8 MB, and a request may have 4.5 MB" in visitor.problem
        assert len(visitor.asked) == before


class TestSafety:
    def test_only_the_api_is_asked(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows").send()
        assert json.loads(visitor.answer) == [3]

        elsewhere = [url for url in visitor.asked if not url.startswith((visitor.served.url, "data:"))]
        assert elsewhere == []

    def test_the_key_stays_in_the_tab_and_goes_with_signing_out(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows")
        key = visitor.served.key
        assert not [url for url in visitor.asked if key in url]
        assert key not in visitor.page.content()
        visitor.page.reload()
        visitor.page.locator("#send").wait_for()

        visitor.page.get_by_role("button", name="Sign out").click()

        visitor.page.get_by_label("API key").wait_for()
        assert visitor.page.evaluate("() => sessionStorage.length + localStorage.length") == 0
        assert visitor.page.context.cookies() == []
        assert visitor.page.get_by_label("API key").input_value() == ""

    def test_hostile_names_and_answers_stay_text(self, visitor: Visitor) -> None:
        model = {
            "name": HOSTILE,
            "state": HOSTILE,
            "mode": HOSTILE,
            "ways": ["invocations"],
            "content_types": ["application/json"],
            "limits": {HOSTILE: HOSTILE},
            "schema": {
                "type": "object",
                "properties": {HOSTILE: {"enum": [HOSTILE], "description": HOSTILE, "title": HOSTILE}},
            },
            "example": json.dumps({HOSTILE: HOSTILE}),
        }
        problem = {"title": HOSTILE, "detail": HOSTILE, "request_id": HOSTILE}
        problem["errors"] = [{"pointer": HOSTILE, "detail": HOSTILE}]  # type: ignore[assignment] # mixed JSON
        answers: list[dict[str, Any]] = [
            {"status": 200, "content_type": "text/html", "body": HOSTILE},
            {"status": 200, "content_type": "image/svg+xml", "body": f"<svg>{HOSTILE}</svg>"},
            {"status": 422, "content_type": "application/problem+json", "body": json.dumps(problem)},
        ]
        page = visitor.page
        page.route("**/models", lambda route: route.fulfill(json={"models": [{"name": HOSTILE}]}))
        page.route("**/models/*", lambda route: route.fulfill(json=model))
        page.route("**/invocations", lambda route: route.fulfill(**answers.pop(0)))
        visitor.open().enter()

        for shown in (".answer pre", ".answer pre", ".problem"):
            visitor.send()
            page.locator("#send.wait").wait_for(state="detached")
            page.locator(shown).wait_for()

        assert answers == []
        assert page.evaluate("() => document.querySelectorAll('#work img, #work script').length") == 0
        assert "taken" not in page.title().replace(HOSTILE, "")
        assert HOSTILE in page.locator("nav").inner_text()

    def test_a_program_that_gets_into_the_page_does_not_run(self, visitor: Visitor) -> None:
        visitor.open()

        visitor.page.evaluate(
            """() => {
                const made = document.createElement("iframe");
                for (const [name, value] of [["srcdoc", "<script>parent.document.title='taken'</script>"]]) {
                    try { made.setAttribute(name, value); } catch { made.id = "refused"; }
                }
                document.body.append(made);
                const image = "<img src=x onerror=document.title='taken'>";
                try { document.body.insertAdjacentHTML("beforeend", image); }
                catch { document.body.dataset.refused = "yes"; }
            }"""
        )

        assert visitor.page.evaluate("() => document.body.dataset.refused") == "yes"
        assert visitor.page.title() == "Try a model"
        assert any("TrustedHTML" in each or "Content Security Policy" in each for each in visitor.faults)
        visitor.faults.clear()


_NAMELESS = """() => {
  const shown = (each) => each.checkVisibility({ visibilityProperty: true });
  const found = [];
  const named = "input, select, textarea, button, a, summary, nav, section, fieldset";
  for (const each of document.querySelectorAll(named)) {
    if (!shown(each)) continue;
    const by = each.getAttribute("aria-labelledby");
    const name = each.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent)
      || [...(each.labels || [])].map((label) => label.textContent).join("")
      || (each.tagName === "FIELDSET" && each.querySelector("legend")?.textContent)
      || (["BUTTON", "A", "SUMMARY"].includes(each.tagName) && each.textContent);
    if (!name || !name.trim()) found.push(each.outerHTML.slice(0, 120));
  }
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  found.push(...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `twice: ${id}`));
  for (const name of ["for", "aria-labelledby", "aria-describedby"])
    for (const each of document.querySelectorAll(`[${name}]`))
      for (const id of each.getAttribute(name).split(" "))
        if (!document.getElementById(id)) found.push(`${name} leads nowhere: ${id}`);
  const levels = [...document.querySelectorAll("h1, h2, h3")].filter(shown)
    .map((each) => Number(each.tagName[1]));
  if (levels.filter((each) => each === 1).length !== 1) found.push(`headings: ${levels}`);
  if (levels.some((each, index) => index && each > levels[index - 1] + 1))
    found.push(`headings leap: ${levels}`);
  if (!document.documentElement.lang || !document.title) found.push("no language or no title");
  return found;
}"""
"""What a screen reader could not tell: controls without names, ids that lead nowhere, headings that leap."""

_FAINT = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (each) => {
    for (let node = each; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const light = (colour) => colour.slice(0, 3).map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const found = [];
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!(own || each.matches("input, select, textarea"))) continue;
    if (!each.checkVisibility() || each.disabled || each.closest("script, style")) continue;
    const [a, b] = [light(parse(getComputedStyle(each).color)), light(ground(each))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)}: ${each.outerHTML.slice(0, 100)}`);
  }
  return found;
}"""
"""Text whose contrast is below 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""

_CRAMPED = """() => {
  const found = [];
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) found.push(`as wide as ${width}`);
  for (const each of document.querySelectorAll("button, a, input, select, textarea, summary")) {
    if (!each.checkVisibility({ visibilityProperty: true }) || each.matches(".skip")) continue;
    const place = (each.closest("label") || each).getBoundingClientRect();
    if (place.height < 24 || place.width < 15 || place.right > innerWidth + 0.5)
      found.push(each.outerHTML.slice(0, 100));
  }
  return found;
}"""
"""What is wider than the screen, or too small for a finger: https://www.w3.org/TR/WCAG22/#target-size-minimum"""


def tour(visitor: Visitor) -> Iterator[str]:
    """Everything that the page can look like, by what it shows."""
    visitor.open()
    yield "sign-in"
    visitor.enter("wrong")
    visitor.page.locator(".problem").wait_for()
    yield "refusal"
    visitor.enter().choose("rows")
    visitor.page.get_by_text("Schema of a body").click()
    yield "form"
    visitor.send()
    visitor.page.locator("#answer-body").wait_for()
    yield "answer"
    visitor.page.locator("#form textarea").fill("one")
    visitor.send()
    visitor.page.locator(".fault").wait_for()
    yield "marked field"
    visitor.choose("table").write("answer:500").send()
    visitor.page.locator(".problem").wait_for()
    yield "problem"
    visitor.choose("later")
    visitor.page.get_by_label("Content type").select_option("text/csv")
    visitor.write("1,2\n").send()
    visitor.page.locator("#job-state").wait_for()
    yield "job"


class TestForEverybody:
    @pytest.mark.parametrize(
        ("scheme", "viewport"), [("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)]
    )
    def test_all_of_it_can_be_read_named_and_reached(
        self, contexts: Any, served: ServedApi, scheme: str, viewport: dict[str, int]
    ) -> None:
        visitor = Visitor(contexts(color_scheme=scheme, viewport=viewport), served)

        found = {
            shown: [*visitor.page.evaluate(_NAMELESS), *visitor.page.evaluate(_FAINT)]
            + (visitor.page.evaluate(_CRAMPED) if viewport == PHONE else [])
            for shown in tour(visitor)
        }

        assert {shown: wrong for shown, wrong in found.items() if wrong} == {}
        assert visitor.faults == []

    @pytest.mark.parametrize(("motion", "turning"), [("reduce", "none"), ("no-preference", "turn")])
    def test_nothing_moves_for_those_who_want_it_still(
        self, contexts: Any, served: ServedApi, motion: str, turning: str
    ) -> None:
        visitor = Visitor(contexts(reduced_motion=motion), served).open().enter().choose("table")

        visitor.write("pause:2").send()

        waiting = visitor.page.locator("#send.wait")
        waiting.wait_for()
        assert waiting.evaluate("each => getComputedStyle(each, '::before').animationName") == turning

    def test_what_happens_is_said_aloud(self, visitor: Visitor) -> None:
        visitor.open().enter().choose("rows").send()

        visitor.page.get_by_role("status").get_by_text(re.compile(r"Answered in [\d,]+ ms")).wait_for(
            state="attached"
        )
        assert visitor.page.locator("#work [role=alert]").count() == 1
