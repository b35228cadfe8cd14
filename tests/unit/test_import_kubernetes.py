"""CronJobs become entries of onbeat.command; what a cluster does besides is said."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scheduler.importing import Unreadable, kind_of
from tests.support.imports import entries, from_example, from_text, said


def cron_job(*, pod: dict[str, Any] | None = None, job: dict[str, Any] | None = None, **spec: Any) -> str:
    container = {"name": "a", "command": ["a"], **(pod or {})}
    template = {"spec": {**(job or {}), "template": {"spec": {"containers": [container]}}}}
    return yaml.safe_dump(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "a"},
            "spec": {"schedule": "@daily", "jobTemplate": template, **spec},
        }
    )


def test_a_cron_job_is_imported_whole(tmp_path: Path) -> None:
    found = entries(from_example("cronjobs.yaml"), tmp_path)
    assert list(found) == ["backup", "reindex"]
    backup = found["backup"]
    assert backup["crontab"] == "30 2 * * *"
    assert backup["timezone"] == "Europe/Berlin"
    assert backup["overlap"] == "skip"
    assert backup["catchup_window"] == "1h"
    assert backup["timeout"] == "30m"
    assert backup["retry"] == {"max_attempts": 3, "initial": "10s", "max": "6m"}
    assert backup["kwargs"]["argv"][:2] == ["/bin/sh", "-c"]
    assert backup["kwargs"]["argv"][2].startswith('set -e\npg_dump "$DATABASE" > "/backups/$${NAME}.dump"\n')
    assert backup["kwargs"]["env"] == {"NAME": "shop"}


def test_what_the_cluster_does_is_said_of_each_part() -> None:
    found = from_example("cronjobs.yaml")
    notes = "\n".join(said(found, "backup"))
    for part in (
        "labels",
        "successfulJobsHistoryLimit",
        "serviceAccountName",
        "resources",
        "secretKeyRef",
        "1.4",
    ):
        assert part in notes
    assert "$(RETENTION) was a variable of the pod's" in notes
    assert "the ConfigMap backup-settings is no CronJob, and not carried over" in said(found)


def test_a_job_without_a_command_is_switched_off_because_only_its_image_knows_the_program(
    tmp_path: Path,
) -> None:
    found = from_example("cronjobs.yaml")
    reindex = entries(found, tmp_path)["reindex"]
    assert reindex["enabled"] is False
    assert reindex["kwargs"]["argv"] == ["reindex", "--all"]
    assert any("put it first in argv" in note for note in said(found, "reindex"))


def test_what_runs_do_while_another_is_active_is_kept(tmp_path: Path) -> None:
    """Kubernetes' default is to let runs overlap."""
    assert entries(from_text(cron_job(), "kubernetes"), tmp_path)["a"]["overlap"] == "allow"
    replaced = from_text(cron_job(concurrencyPolicy="Replace"), "kubernetes")
    assert entries(replaced, tmp_path)["a"]["overlap"] == "replace"


def test_variables_of_the_pod_are_replaced_as_kubernetes_does(tmp_path: Path) -> None:
    pod = {
        "command": ["a", "$(X)-$(X)", "$$(X)", "$(date)", "${X}"],
        "env": [{"name": "X", "value": "1"}, {"name": "EMPTY"}],
    }
    found = from_text(cron_job(pod=pod), "kubernetes")
    assert entries(found, tmp_path)["a"]["kwargs"] == {
        "argv": ["a", "1-1", "$(X)", "$(date)", "$${X}"],
        "env": {"X": "1", "EMPTY": ""},
    }


def test_a_zone_in_front_of_the_schedule_counts(tmp_path: Path) -> None:
    found = entries(from_text(cron_job(schedule="CRON_TZ=Asia/Seoul 0 1 * * *"), "kubernetes"), tmp_path)
    assert (found["a"]["crontab"], found["a"]["timezone"]) == ("0 1 * * *", "Asia/Seoul")


def test_an_attempt_that_is_not_repeated_has_no_retry(tmp_path: Path) -> None:
    found = entries(from_text(cron_job(job={"backoffLimit": 0}), "kubernetes"), tmp_path)
    assert "retry" not in found["a"]


def test_what_a_cluster_writes_out_although_it_holds_anyway_is_not_said() -> None:
    pod = {"terminationMessagePath": "/dev/termination-log", "resources": {}}
    job = {"parallelism": 1, "suspend": False, "backoffLimit": 0}
    text = cron_job(pod=pod, job=job, failedJobsHistoryLimit=1, suspend=False)
    assert said(from_text(text, "kubernetes"), "a") == []


def test_deadlines_that_are_none_and_labels_of_the_pods_are_said() -> None:
    job = yaml.safe_load(cron_job(job={"activeDeadlineSeconds": "soon"}, startingDeadlineSeconds=0))
    job["metadata"]["namespace"] = "shop"
    job["spec"]["jobTemplate"]["spec"]["template"]["metadata"] = {"labels": {"app": "a"}}
    assert said(from_text(yaml.safe_dump(job), "kubernetes"), "a") == [
        "metadata.namespace = 'shop' is not carried over",
        "spec.startingDeadlineSeconds = 0 is not carried over",
        "job: activeDeadlineSeconds = 'soon' is not carried over",
        "pod: metadata.labels = a table is not carried over",
    ]


def test_a_list_of_two_namespaces_keeps_both_names(tmp_path: Path) -> None:
    jobs = []
    for namespace in ("shop", "blog"):
        job = yaml.safe_load(cron_job())
        job["metadata"]["namespace"] = namespace
        jobs.append(job)
    text = yaml.safe_dump({"kind": "List", "items": jobs})
    assert kind_of(text, Path("-")) == "kubernetes"
    assert list(entries(from_text(text, "kubernetes"), tmp_path)) == ["shop.a", "blog.a"]


@pytest.mark.parametrize("spec", [{"jobTemplate": None}, {"schedule": 5}, {"schedule": "0 0 31 2 *"}])
def test_a_cron_job_with_holes_is_imported_as_far_as_it_goes(spec: dict[str, Any], tmp_path: Path) -> None:
    found = from_text(cron_job(**spec), "kubernetes")
    assert "a" in entries(found, tmp_path)
    assert said(found, "a")


def test_containers_beside_the_first_are_said() -> None:
    job = yaml.safe_load(cron_job())
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"].append({"name": "proxy"})
    found = from_text(yaml.safe_dump(job), "kubernetes")
    assert "the container 'proxy' beside the first is not carried over" in said(found, "a")


def test_documents_without_a_cron_job_are_refused() -> None:
    with pytest.raises(Unreadable, match="no CronJob"):
        from_text("kind: Pod\n", "kubernetes")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("kind: CronJob\nspec: {{ .Values.spec }}\n", 2, "it is no YAML"),
        ("a: 1\nb: [1\n", 3, "it is no YAML"),
        ("a: *b\n", 1, "undefined alias"),
        ("a: &a [*a]\n", 1, "part of"),
        ("a: 2026-99-99\n", 1, "no YAML that can be read"),
        ("a: \x00\n", 1, "it is no YAML"),
        ("a: !!python/object:os.system {}\n", 1, "could not determine a constructor"),
        ("[" * 5_000, 1, "it is no YAML"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(text: str, line: int, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        kind_of(text, Path("a.yaml"))
    assert caught.value.line == line


def test_aliases_that_blow_up_are_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Unreadable, match="aliases make more than"):
        kind_of("\n".join(lines), Path("a.yaml"))


def test_a_key_that_comes_twice_is_said() -> None:
    found = from_text(cron_job() + "kind: CronJob\n", "kubernetes")
    assert "'kind' stands there twice; the last one counts" in said(found)
