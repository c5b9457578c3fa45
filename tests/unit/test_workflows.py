"""The workflows say what they should: rights, times, pins, and lists that are the same wherever they are written."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
if not FOLDER.exists():
    pytest.skip("an sdist has no workflows", allow_module_level=True)

import yaml  # noqa: E402

sys.path.insert(0, str(ROOT / "scripts"))

import check_release  # noqa: E402
import check_workflows  # noqa: E402

WORKFLOWS: dict[str, Any] = {file.stem: yaml.safe_load(file.read_text()) for file in FOLDER.glob("*.yml")}
every_workflow = pytest.mark.parametrize("name", sorted(WORKFLOWS))


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in WORKFLOWS[name]["jobs"].values():
        yield from job.get("steps", [])


def test_the_workflows_are_these() -> None:
    """There is a workflow for each purpose, and no other."""
    assert set(WORKFLOWS) == {"ci", "wheels", "release", "bench", "fuzz"}


@every_workflow
def test_rights_are_given_by_job(name: str) -> None:
    """A workflow has no rights; a job has those that it names, and only publishing may write anything."""
    assert WORKFLOWS[name]["permissions"] == {}
    for job, body in WORKFLOWS[name]["jobs"].items():
        allowed = {"id-token": "write"} if (name, job) == ("release", "publish") else {"contents": "read"}
        assert set(body.get("permissions", {}).items()) <= set(allowed.items()), job


@every_workflow
def test_every_job_ends(name: str) -> None:
    """Every job has a time after which it is stopped, and runs of a workflow do not pile up."""
    assert "group" in WORKFLOWS[name]["concurrency"]
    for job, body in WORKFLOWS[name]["jobs"].items():
        assert "uses" in body or body["timeout-minutes"] <= 180, job


@every_workflow
def test_actions_are_pinned(name: str) -> None:
    """Actions of others are named by commit, with the version in a comment; one action has one commit everywhere."""
    lines = re.findall(r"uses: (?!\./)(.*)", (FOLDER / f"{name}.yml").read_text())
    for line in lines:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    every = {line for other in FOLDER.glob("*.yml") for line in re.findall(r"uses: (?!\./)(.*)", other.read_text())}
    assert len({line.partition("@")[0] for line in every}) == len(every)


@every_workflow
def test_checkouts_leave_no_credentials(name: str) -> None:
    """No step after a checkout finds a token in the checkout's settings."""
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_last_job_of_ci_needs_every_other() -> None:
    """What a branch's protection asks for is green if, and only if, every other job succeeded."""
    jobs = WORKFLOWS["ci"]["jobs"]
    assert jobs["passed"]["if"] == "always()"
    assert sorted(jobs["passed"]["needs"]) == sorted(jobs.keys() - {"passed"})


def test_nothing_is_published_unchecked() -> None:
    """Each job of a release needs the one before it, from the tag to the upload; the upload runs no code of ours."""
    jobs = WORKFLOWS["release"]["jobs"]
    assert [(job, body.get("needs")) for job, body in jobs.items()] == [
        ("tag", None),
        ("wheels", "tag"),
        ("files", "wheels"),
        ("publish", "files"),
    ]
    assert all("run" not in step for step in jobs["publish"]["steps"])
    assert jobs["publish"]["environment"]["name"] == "pypi"


def interpreter(version: str) -> str:
    return "cp" + version.replace(".", "")


def test_interpreters_are_the_same_everywhere() -> None:
    """What is tested, built and expected in a release is one list; the metadata name its versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = set(check_release.INTERPRETERS)
    assert {interpreter(v) for v in WORKFLOWS["ci"]["jobs"]["tests"]["strategy"]["matrix"]["python"]} == wanted
    assert set(project["tool"]["cibuildwheel"]["build"].partition("}")[0].strip("{").split(",")) == wanted
    named = {
        interpreter(line.rpartition(" ")[2])
        for line in project["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    }
    assert named == {name for name in wanted if not name.endswith("t")}


def test_platforms_are_the_same_everywhere() -> None:
    """A job builds for each platform that a release has to have, and for no other."""
    built = {entry["platform"] for entry in WORKFLOWS["wheels"]["jobs"]["wheels"]["strategy"]["matrix"]["include"]}
    assert built == {re.sub(r"_\d+_\d+_", "_", platform) for platform in check_release.PLATFORMS}


def test_updates_wait_before_they_are_proposed() -> None:
    """Every kind of update has a cooldown."""
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)


# --- what is made of actionlint's output

FOUND = '.github/workflows/ci.yml:3:1 unexpected key "job" [ syntax-check ]'
NEWER = '.github/workflows/ci.yml:9:9 label "windows-11-arm" is unknown. available labels are "x" [ runner-label ]'


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Checking 2 workflow file(s)...\n", []),
        (f"Checking 2 workflow file(s)...\n{NEWER}\n  8 | x\n", []),
        (f"Checking 2 workflow file(s)...\n\x1b[1m{FOUND}\x1b[0m\n  2 | x\n{NEWER}\n", [FOUND]),
        ("Checking 1 workflow file(s)...\n", ["did not check the 2 workflows"]),
        ("", ["it printed nothing"]),
        ("Error: cannot find module\n", ["cannot find module"]),
    ],
)
def test_actionlint_is_heard(output: str, expected: list[str]) -> None:
    """Its findings are faults, except for runners that it cannot know; silence is a fault, too."""
    found = list(check_workflows.faults(output, 2))
    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True))
