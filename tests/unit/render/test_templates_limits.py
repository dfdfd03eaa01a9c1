"""Time, memory and output of one message are bounded, and the next message is rendered all the same."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

from crmctl.errors import InvalidData
from crmctl.render import worker
from crmctl.render.ordering import Limits
from crmctl.render.rendering import Rendered
from crmctl.render.rendering import RenderFailed
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS = Limits(seconds=0.5, memory=64 * 1024 * 1024, output=20_000)
SLOW = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def render(body: str, evil: tuple[int, ...] = (1,), limits: Limits = LIMITS, form: str = "txt") -> list[Rendered]:
    """Three messages, of which the ``evil`` ones do what ``body`` does."""
    text = f"{{% if evil %}}{body}{{% endif %}}ok {{{{ n }}}}\n"
    template = Template("t", form, FrontMatter(subject="s"), text, "templates/t.txt", 1)
    return list(render_many(template, {}, ((str(n), {"n": n, "evil": n in evil}) for n in range(3)), limits))


def only_the_second_failed(messages: list[Rendered]) -> str:
    assert [message.key for message in messages] == ["0", "1", "2"]
    assert [message.text for message in messages] == ["ok 0\n", "", "ok 2\n"]
    (problem,) = messages[1].problems
    return problem


def test_a_message_that_takes_too_long_is_given_up_and_the_rest_goes_on() -> None:
    assert only_the_second_failed(render(SLOW)) == "templates/t.txt: the message took longer than 0.5 seconds"


def test_every_slow_message_is_told() -> None:
    messages = render(SLOW, (0, 2), LIMITS._replace(seconds=0.3))
    assert [bool(message.problems) for message in messages] == [True, False, True]


def test_a_message_that_needs_too_much_memory_is_given_up() -> None:
    body = "{% set ns = namespace(t='x') %}{% for a in range(40) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}"
    assert "needs more memory" in only_the_second_failed(render(body, limits=LIMITS._replace(seconds=10)))


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in range(99999) %}0123456789{% endfor %}",
        "{% for a in range(99999) %}{{ a }}{% endfor %}",
        "{% macro m() %}{% for a in range(9999) %}{{ a }}{% endfor %}{% endmacro %}{{ m() }}",
    ],
)
def test_a_message_that_is_too_long_is_given_up(body: str) -> None:
    assert "is longer than 20,000 characters" in only_the_second_failed(render(body))


def test_markup_around_values_counts_too() -> None:
    body = "{% for a in range(900) %}- {{ '&&&&&&&&' }}\n{% endfor %}"
    messages = render(body, form="md")
    assert "is longer than 20,000 characters" in messages[1].problems[0]


def test_a_template_that_is_too_heavy_to_read_is_told() -> None:
    template = Template("t", "txt", FrontMatter(subject="s"), "{{ a }}" * 120_000, "templates/t.txt", 1)
    with pytest.raises((InvalidData, RenderFailed), match=r"templates/t\.txt"):
        list(render_many(template, {}, (), LIMITS._replace(memory=16 * 1024 * 1024)))


def test_a_process_that_is_killed_from_outside_costs_one_message() -> None:
    import os
    import signal
    import subprocess

    template = Template("t", "txt", FrontMatter(subject="s"), "ok {{ n }}\n", "templates/t.txt", 1)
    processes: list[Any] = []
    popen = subprocess.Popen

    class Noted(popen):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            processes.append(self)

    def recipients() -> Iterator[tuple[str, dict[str, Any]]]:
        for n in range(600):
            if n == 300:
                os.kill(processes[0].pid, signal.SIGKILL)
                processes[0].wait()
            yield str(n), {"n": n}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Noted)
        messages = list(render_many(template, {}, recipients()))
    assert [message.key for message in messages] == [str(n) for n in range(600)]
    failed = [message for message in messages if message.problems]
    assert len(failed) == 1
    assert "signal 9" in failed[0].problems[0] or "ended" in failed[0].problems[0]
    assert all(process.returncode is not None for process in processes)


def serve(order: dict[str, Any], *lines: str) -> list[Any]:
    """What a worker answers, run in this process and without its limits."""
    whole = {
        "form": "md",
        "main": "t.md",
        "path": "templates/t.md",
        "sources": {"t.md": ["{{ n }}", "templates/t.md", 1], "(subject)": ["s", "templates/t.md", 1]},
        "language": "",
        "fallback": {},
        "seconds": 2,
        "memory": 0,
        "output": 1000,
        **order,
    }
    answers = io.BytesIO()
    given = io.BytesIO("".join(f"{line}\n" for line in (json.dumps(whole), *lines)).encode())
    worker.serve(given, answers, lambda _size: None, lambda _seconds: None)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_the_worker_answers_line_by_line() -> None:
    ready, message = serve({}, '{"n": 1.50}')
    assert ready == {}
    assert message[:2] == ["s", "1.50\n"]
    assert message[3] == []


def test_the_worker_says_what_is_wrong_with_the_template_and_ends() -> None:
    order = {"sources": {"t.md": ["{{ n", "templates/t.md", 7], "(subject)": ["s", "templates/t.md", 1]}}
    (answer,) = serve(order, '{"n": "1"}')
    assert (answer["path"], answer["line"]) == ("templates/t.md", 7)


def test_the_worker_refuses_numbers_that_are_none() -> None:
    with pytest.raises(ValueError, match="NaN"):
        serve({}, '{"n": NaN}')
