"""What `oc set triggers` makes of an object. The same in oc 3.11 and 4.x; it is done on documents alone, without a
server. Webhooks and BuildConfigs are not played."""

import json
import re

ANNOTATION = "image.openshift.io/triggers"
_SELECTOR = re.compile(r'^\.(containers|initContainers)\[(?:(\d+)|\?\(@\.name=="([^"]+)"\))\](?:\.(.*))?$')


class Refused(Exception):
    """The real `oc` ends with this message."""


class Unreadable(Exception):
    """The annotation is none that `oc` can read: it takes the object for one without triggers."""


class Wish:
    """The options of the command; `from_image` is STREAM:TAG, `namespace` "" for the object's own."""

    def __init__(self, from_image="", namespace="", containers="", from_config=False, remove=False, remove_all=False,
                 auto=False, manual=False):
        self.from_image, self.namespace = from_image, namespace
        self.names = containers.split(",") if containers else []
        self.from_config, self.remove, self.remove_all, self.manual = from_config, remove, remove_all, manual
        kinds = int(bool(from_image)) + int(from_config)
        self._check(kinds, auto)
        self.reset = kinds == 0 and (auto or manual)
        self.auto = auto or not (remove_all or manual)

    def _check(self, kinds, auto):
        if auto and self.manual:
            raise Refused("you must specify at most one of --auto or --manual")
        if self.remove and self.remove_all:
            raise Refused("you must specify either --remove or --remove-all")
        if self.remove_all and (kinds or auto or self.manual):
            raise Refused("--remove-all may not be used with any other flag")
        if self.remove and not kinds:
            raise Refused("--remove requires a flag defining a trigger type to be specified")
        if kinds > 1:
            raise Refused("you may only set one trigger type at a time")


def patch_for(thing, wish):
    """The strategic merge patch that `oc` sends for an object of its kind; {} when nothing changes."""
    if thing["kind"] == "DeploymentConfig":
        return _config_patch(thing, wish)
    return _annotated_patch(thing, wish)


# What both have in common: (config change, [image changes]), each of the latter {"from", "namespace", "auto", "names"}.

def _changed(config, images, wish):
    if wish.remove_all:
        return False, []
    if wish.remove:
        # By the name of the tag alone: a trigger on the same tag of another project goes as well.
        kept = [one for one in images if not wish.from_image or one["from"] != wish.from_image]
        return config and not wish.from_config, kept
    if wish.reset:
        return wish.auto, [{**one, "auto": wish.auto} for one in images]
    if wish.from_config:
        return True, images
    wanted = {"from": wish.from_image, "namespace": wish.namespace, "auto": not wish.manual, "names": wish.names}
    for index, one in enumerate(images):
        if (one["from"], one["namespace"]) == (wish.from_image, wish.namespace):
            return config, [*images[:index], {**one, **wanted}, *images[index + 1:]]
    return config, [*images, wanted]  # beside those that are there, for the same container or not


def _check_names(names, spec):
    if not names:
        raise Refused("you must specify --containers when setting --from-image")
    there = {one["name"] for one in [*spec.get("containers", []), *spec.get("initContainers", [])]}
    if missing := sorted(set(names) - there):
        raise Refused(f"not all container names exist: {', '.join(missing)} (accepts: {', '.join(sorted(there))})")


def _own(namespace, thing):
    return "" if namespace == thing["metadata"]["namespace"] else namespace


# DeploymentConfigs.

def _config_patch(thing, wish):
    before = thing["spec"].get("triggers") or []
    images = [{"from": params["from"].get("name", ""), "namespace": _own(params["from"].get("namespace", ""), thing),
               "auto": params.get("automatic", False), "names": params.get("containerNames") or []}
              for params in (one["imageChangeParams"] for one in before if one["type"] == "ImageChange")]
    config, images = _changed(any(one["type"] == "ConfigChange" for one in before), images, wish)
    written = [{"type": "ConfigChange"}] if config else []
    for one in images:
        # Of all of them, also of those that this command is not about.
        _check_names(one["names"], thing["spec"]["template"]["spec"])
        written.append(_config_trigger(one))
    after = _merged([_normal(one) for one in before if one["type"] != "ConfigChange"], written)
    return {} if after == [_normal(one) for one in before] else {"spec": {"triggers": after}}


def _config_trigger(one):
    origin = {"kind": "ImageStreamTag", "name": one["from"], **({"namespace": one["namespace"]} if one["namespace"]
                                                                else {})}
    params = {"automatic": True} if one["auto"] else {}
    return {"type": "ImageChange", "imageChangeParams": {**params, "containerNames": one["names"], "from": origin}}


def _normal(trigger):
    """As it is compared: what is empty is not there."""
    if trigger["type"] != "ImageChange":
        return {"type": trigger["type"]}
    params = {key: value for key, value in trigger["imageChangeParams"].items() if value not in (False, "", [], None)}
    return {"type": "ImageChange", "imageChangeParams": params}


def _merged(before, after):
    """Those that stay as they were come first. One that was resolved before is never like a new one, which has no
    lastTriggeredImage: the cluster resolves it again."""
    merged = [one for one in before if one in after]
    for one in after:
        if one not in merged:
            merged.append(one)
    return merged


# The kinds with an annotation.

def pod_spec(thing):
    """(pod spec, the path to it)."""
    if thing["kind"] == "CronJob":
        return thing["spec"]["jobTemplate"]["spec"]["template"]["spec"], "spec.jobTemplate.spec.template.spec"
    return thing["spec"]["template"]["spec"], "spec.template.spec"


def _annotated_patch(thing, wish):
    spec, path = pod_spec(thing)
    before = (thing["metadata"].get("annotations") or {}).get(ANNOTATION)
    pausable = thing["kind"] == "Deployment"
    was_paused = bool(thing["spec"].get("paused")) if pausable else False
    images = [] if before is None else list(_read(before, thing, spec, path))
    config, images = _changed(not was_paused, images, wish)
    after = _go_json(_annotation(images, spec, path))
    patch = {} if after == before else {"metadata": {"annotations": {ANNOTATION: after}}}
    if pausable and was_paused == config:
        patch["spec"] = {"paused": None if config else True}
    return patch


def _read(text, thing, spec, path):
    try:
        entries = json.loads(text)
    except ValueError as problem:
        raise Unreadable(str(problem)) from problem
    if entries is not None and not isinstance(entries, list):
        raise Unreadable("no list")
    for entry in entries or []:
        origin = _member(entry, "from", dict) or {}
        container = _container(_member(entry, "fieldPath", str) or "", spec, path)
        paused = bool(_member(entry, "paused", bool))
        named = {key: _member(origin, key, str) or "" for key in ("kind", "name", "namespace", "apiVersion")}
        if container is not None:
            yield {"from": named["name"], "namespace": _own(named["namespace"], thing), "auto": not paused,
                   "names": [container]}


def _member(thing, key, kind):
    """By a name in any case, as Go reads JSON; a value of another type makes all of it unreadable."""
    if not isinstance(thing, dict):
        raise Unreadable(f"{thing!r} is no object")
    found = [value for name, value in thing.items() if name.lower() == key.lower() and value is not None]
    if found and not isinstance(found[-1], kind):
        raise Unreadable(f"{key} is {found[-1]!r}")
    return found[-1] if found else None


def _container(field_path, spec, path):
    """The container whose image the path leads to; None when it leads nowhere, which `oc` passes over and drops."""
    found = _SELECTOR.match(field_path[len(path):]) if field_path.startswith(path) else None
    if found is None or found[4] != "image":
        return None
    there = [one["name"] for one in spec.get(found[1]) or []]
    if found[2] is not None:
        return there[int(found[2])] if int(found[2]) < len(there) else None
    return found[3] if found[3] in there else None


def _annotation(images, spec, path):
    taken, out = set(), []
    for one in images:
        _check_names(one["names"], spec)
        if twice := taken & set(one["names"]):
            raise Refused(f"only one trigger may reference each container: {', '.join(sorted(twice))}")
        taken |= set(one["names"])
        origin = {"kind": "ImageStreamTag", "name": one["from"]}
        if one["namespace"]:
            origin["namespace"] = one["namespace"]
        for name in one["names"]:
            # Also for an init container: `oc` knows no other list.
            entry = {"from": origin, "fieldPath": f'{path}.containers[?(@.name=="{name}")].image'}
            out.append(entry if one["auto"] else {**entry, "paused": True})
    return out


def _go_json(triggers):
    """A list without elements is written as null, since the slice in Go was never made."""
    return json.dumps(triggers, separators=(",", ":")) if triggers else "null"
