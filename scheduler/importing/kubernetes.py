"""Kubernetes' CronJobs (batch/v1), one or several documents, or a List as `kubectl get -o yaml` prints."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scheduler.importing.draft import Draft, Imported, Note, Unreadable, seconds
from scheduler.importing.yaml_documents import Document, Path
from scheduler.quoting import quoted

DIFFERENCE: Final = (
    "Kubernetes starts a pod for each run; Onbeat runs the command on the worker's machine, as its user: what"
    " the image holds has to be there."
)
_OVERLAP: Final = {"Allow": "allow", "Forbid": "skip", "Replace": "replace"}
_ZONE: Final = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)")
_VARIABLE: Final = re.compile(r"\$(\$)?\(([A-Za-z_][\w.-]*)\)")
# Kept by the cluster, or of no meaning outside of it.
_OF_THE_CLUSTER: Final = (
    "apiVersion", "kind", "status", "creationTimestamp", "generation", "resourceVersion", "selfLink", "uid",
    "managedFields",
)  # fmt: skip

_DEFAULTS: Final[Mapping[str, Any]] = {
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
    "completionMode": "NonIndexed",
    "completions": 1,
    "parallelism": 1,
    "manualSelector": False,
    "podReplacementPolicy": "TerminatingOrFailed",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


def from_kubernetes(documents: list[Document]) -> Imported:
    """The CronJobs among the documents. Raises Unreadable where there is none, or one has no schedule."""
    drafts, notes = [], [note for document in documents for note in document.notes]
    namespaces = {_text(_table(job, "metadata").get("namespace")) for job, _, _ in cron_jobs(documents)}
    for value, document, path in objects(documents):
        kind = value.get("kind")
        if kind == "CronJob":
            drafts.append(_draft(value, document, path, several=len(namespaces) > 1))
        else:
            name = _table(value, "metadata").get("name")
            text = f"the {kind or 'document'} {name or ''}".rstrip() + " is no CronJob, and not carried over"
            notes.append(Note(text=text, line=document.line(*path)))
    if not drafts:
        raise Unreadable("there is no CronJob in it", 1, 1)
    notes.append(Note(text=DIFFERENCE))
    clock = "without timeZone Kubernetes reads a schedule on its controller's clock"
    return Imported(drafts=drafts, notes=notes, clock=clock)


def objects(documents: list[Document]) -> Iterator[tuple[Mapping[str, Any], Document, Path]]:
    """Each object with its document and its place there; a List is what it lists."""
    for document in documents:
        value = document.value
        if not isinstance(value, Mapping):
            continue
        if isinstance(items := value.get("items"), list) and str(value.get("kind", "")).endswith("List"):
            for index, item in enumerate(items):
                if isinstance(item, Mapping):
                    yield item, document, ("items", index)
        else:
            yield value, document, ()


def cron_jobs(documents: list[Document]) -> list[tuple[Mapping[str, Any], Document, Path]]:
    """Those of the objects that are CronJobs."""
    return [each for each in objects(documents) if each[0].get("kind") == "CronJob"]


def _draft(job: Mapping[str, Any], document: Document, path: Path, *, several: bool) -> Draft:
    metadata, spec = _table(job, "metadata"), _table(job, "spec")
    name, namespace = str(metadata.get("name") or "cronjob"), metadata.get("namespace")
    draft = Draft(name=f"{namespace}.{name}" if several and namespace else name, line=document.line(*path))
    draft.keys["job"] = "onbeat.command"
    draft.leave_out(job, ("metadata", "spec", *_OF_THE_CLUSTER))
    in_name = ("name", "namespace") if several else ("name",)
    draft.leave_out(metadata, (*in_name, *_OF_THE_CLUSTER), within="metadata.")
    _set_schedule(draft, spec)
    _set_policies(draft, spec)
    job_spec = _spec_of(draft, _table(spec, "jobTemplate"), "jobTemplate.")
    _set_attempts(draft, job_spec)
    pod = _spec_of(draft, _table(job_spec, "template"), "pod: ")
    draft.leave_out(pod, ("containers", "restartPolicy", *_defaults(pod)), within="pod: ")
    _set_command(draft, pod)
    return draft


def _spec_of(draft: Draft, template: Mapping[str, Any], within: str) -> Mapping[str, Any]:
    """The spec of a template; what else is in it, its labels mostly, is said."""
    draft.leave_out(template, ("spec", "metadata"), within=within)
    draft.leave_out(_table(template, "metadata"), _OF_THE_CLUSTER, within=f"{within}metadata.")
    return _table(template, "spec")


def _defaults(fields: Mapping[str, Any]) -> list[str]:
    """The keys that say what holds anyway; a cluster writes them all out."""
    return [key for key, value in fields.items() if key in _DEFAULTS and value == _DEFAULTS[key]]


def _positive(fields: Mapping[str, Any], key: str) -> int | None:
    value = fields.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _set_schedule(draft: Draft, spec: Mapping[str, Any]) -> None:
    schedule, zone = spec.get("schedule"), spec.get("timeZone")
    if not isinstance(schedule, str):
        draft.tick_by_hand(f"{quoted(schedule)} is no schedule")
        return
    if inner := _ZONE.fullmatch(schedule):
        zone, schedule = zone or inner[1], inner[2]
    draft.tick_by_crontab(schedule, str(zone) if zone else None)


def _set_policies(draft: Draft, spec: Mapping[str, Any]) -> None:
    policy = spec.get("concurrencyPolicy", "Allow")
    draft.keys["overlap"] = _OVERLAP.get(policy, policy)
    taken = ["schedule", "timeZone", "concurrencyPolicy", "suspend", "jobTemplate", *_defaults(spec)]
    if (deadline := _positive(spec, "startingDeadlineSeconds")) is not None:
        draft.keys["catchup_window"] = seconds(deadline)
        taken.append("startingDeadlineSeconds")
    if spec.get("suspend"):
        draft.keys["enabled"] = False
    draft.leave_out(spec, taken, within="spec.")


def _set_attempts(draft: Draft, job: Mapping[str, Any]) -> None:
    """Kubernetes tries a failed job again backoffLimit times, 6 unless it says, after 10 s, 20 s … 6 minutes."""
    limit = job.get("backoffLimit", 6)
    if isinstance(limit, int) and limit > 0:
        draft.keys["retry"] = {"max_attempts": limit + 1, "initial": "10s", "max": "6m"}
    taken = ["template", *_defaults(job)]
    if isinstance(limit, int):
        taken.append("backoffLimit")
    if (deadline := _positive(job, "activeDeadlineSeconds")) is not None:
        taken.append("activeDeadlineSeconds")
        draft.keys["timeout"] = seconds(deadline)
        if limit:
            draft.say("activeDeadlineSeconds holds for all attempts together, timeout for each")
    draft.leave_out(job, taken, within="job: ")


def _set_command(draft: Draft, pod: Mapping[str, Any]) -> None:
    containers = [each for each in pod.get("containers") or [] if isinstance(each, Mapping)]
    if not containers:
        draft.keys["kwargs"] = {"argv": ["true"]}
        draft.disable("it has no container, so there is nothing to run")
        return
    for other in containers[1:]:
        draft.say(f"the container {other.get('name')!r} beside the first is not carried over")
    container = containers[0]
    environment = _environment(draft, container)
    words = [str(word) for word in [*_list(container, "command"), *_list(container, "args")]]
    argv = [_expanded(draft, word, environment) for word in words]
    arguments: dict[str, Any] = {"argv": argv or [str(container.get("image") or "true")]}
    if container.get("workingDir"):
        arguments["cwd"] = container["workingDir"]
    if environment:
        arguments["env"] = environment
    draft.keys["kwargs"] = arguments
    if not _list(container, "command"):
        image = container.get("image")
        draft.disable(f"the program is the one that the image {image} starts; put it first in argv")
    elif container.get("image"):
        draft.say(f"it ran in the image {container['image']}")
    taken = (
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "workingDir",
        "env",
        *_defaults(container),
    )
    draft.leave_out(container, taken, within="container: ")


def _expanded(draft: Draft, word: str, environment: Mapping[str, str]) -> str:
    """`word` with `$(NAME)` replaced as Kubernetes does: what it does not know, such as `$(date)`, stays."""

    def value(found: re.Match[str]) -> str:
        escaped, name = found.groups()
        if escaped:
            return found.group()[1:]
        if name not in environment and name.isupper():
            draft.say(f"$({name}) was a variable of the pod's, and stands there as it was")
        return environment.get(name, found.group())

    return _VARIABLE.sub(value, word)


def _environment(draft: Draft, container: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for variable in _list(container, "env"):
        if not isinstance(variable, Mapping):
            continue
        name = str(variable.get("name"))
        if "valueFrom" in variable:
            origin = ", ".join(_table(variable, "valueFrom"))
            draft.say(f"the variable {name} comes from a {origin}: set it in the worker's environment")
        else:
            found[name] = _text(variable.get("value"))
    return found


def _table(of: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = of.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(of: Mapping[str, Any], key: str) -> list[Any]:
    value = of.get(key)
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None else str(value)
