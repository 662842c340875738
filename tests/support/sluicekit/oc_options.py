"""The commands of `oc` that findings and documents print, with their options: which of them a release has, and how its
words are read. An option that the release does not have is refused, as the real `oc` does."""

from .oc_triggers import Refused

FIRST_3, FIRST_TOKEN = (3, 11), (4, 11)

# By command: its options as NAME (a flag), NAME= (with a value), NAME=/c (and a letter), NAME=+ (may come more than
# once). "@4": since OpenShift 4. "!": the real one has it, and it is not played.
_COMMON = "namespace=/n context=! server=/s! token=! config=! kubeconfig=@4! as=! as-group=! cluster=! user=! " \
          "request-timeout=! loglevel=! insecure-skip-tls-verify! certificate-authority=! match-server-version!"
_WRITE = "dry-run! output=/o! template=! "
_FILES = "filename=/f! recursive/R! selector=/l! all! "
_CREATE = _WRITE + "save-config! validate! "
_ROLE = "rolebinding-name= dry-run! output=/o! "
COMMANDS = {
    "adm policy add-cluster-role-to-group": _ROLE,
    "adm policy add-cluster-role-to-user": _ROLE + "serviceaccount=+/z",
    "annotate": _WRITE + _FILES + "overwrite resource-version=! local! field-selector=! list@4!",
    "auth can-i": "quiet/q subresource= all-namespaces! list@4 no-headers@4!",
    "create clusterrole": _CREATE + "verb=+ resource=+ resource-name=+ non-resource-url=! aggregation-rule=!",
    "create configmap": _CREATE + "from-env-file= from-literal=+ from-file=! append-hash!",
    "create imagestream": _WRITE + "lookup-local",
    "create secret docker-registry": _CREATE + "docker-server= docker-username= docker-password= docker-email= "
                                               "from-file=! append-hash!",
    "create secret generic": _CREATE + "from-env-file= from-literal=+ type= from-file=! append-hash!",
    "create serviceaccount": _CREATE,
    "create token": _WRITE + "duration=! audience=! bound-object-kind=! bound-object-name=!",
    "get": _FILES + "output=/o! watch/w! watch-only! all-namespaces! show-labels! label-columns=/L! no-headers!",
    "new-project": "display-name= description= skip-config-write",
    "patch": _WRITE + "filename=/f! recursive/R! local! patch=/p type= record! subresource=@4!",
    "policy add-role-to-group": _ROLE + "role-namespace=",
    "policy add-role-to-user": _ROLE + "role-namespace= serviceaccount=+/z",
    "rollout latest": "again output=/o! dry-run@4! ",
    "rollout pause": _WRITE + "filename=/f! recursive/R!",
    "rollout resume": _WRITE + "filename=/f! recursive/R!",
    "sa get-token": "",
    "set triggers": _WRITE + _FILES + "local! remove remove-all auto manual from-config containers=/c from-image= "
                                      "from-github! from-webhook! from-webhook-allow-env! from-gitlab! "
                                      "from-bitbucket!",
}
_ALIASES = {"is": "imagestream", "cm": "configmap", "sa": "serviceaccount"}  # of `oc create`
_GROUPS = {"adm", "adm policy", "auth", "create", "create secret", "policy", "rollout", "sa", "set"}


class NotPlayed(Exception):
    """The real `oc` may well do this; nothing is known of it here, so that a test must not go on."""


class Option:
    def __init__(self, text):
        self.played = "!" not in text
        self.since = (4, 0) if "@4" in text else FIRST_3
        text = text.replace("!", "").replace("@4", "")
        text, _, self.letter = text.partition("/")
        self.many = text.endswith("+")
        self.value = "=" in text
        self.name = text.rstrip("=+")


def find_command(words, release):
    """(the command's name, the words behind it)."""
    name = ""
    for index, word in enumerate(words):
        if word.startswith("-"):
            raise NotPlayed(f"options before the command: {words}")
        word = _ALIASES.get(word, word) if name == "create" else word
        name = f"{name} {word}".strip()
        if name in COMMANDS:
            _check_release(name, release)
            return name, words[index + 1:]
        if name not in _GROUPS:
            break
    raise NotPlayed(f"oc {' '.join(words)}")


def _check_release(name, release):
    if name == "create token" and release < FIRST_TOKEN:
        raise Refused("Unexpected args: [token]")


def parse(name, words, release):
    """(options by name, other words). Flags are True; what may come more than once is a list."""
    known = [Option(text) for text in f"{COMMANDS[name]} {_COMMON}".split()]
    known = [one for one in known if one.since <= release]
    options, others = {}, []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            others += rest
            break
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        option, value = _option(known, word, rest)
        if not option.played:
            raise NotPlayed(f"--{option.name} of oc {name}")
        if option.many:
            options.setdefault(option.name, []).extend(value.split(","))
        else:
            options[option.name] = value
    return options, others


def _option(known, word, rest):
    """The option that a word is, and its value, which may be the word behind it."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        found = next((one for one in known if one.name == name), None)
        if found is None:
            raise Refused(f"unknown flag: --{name}")
    else:
        found = next((one for one in known if one.letter == word[1]), None)
        if found is None:
            raise Refused(f"unknown shorthand flag: '{word[1]}' in {word}")
        if not found.value and len(word) > 2:
            raise NotPlayed(f"several letters in {word}")
        equals, value = word[2:], word[2:].removeprefix("=")
    if not found.value:
        if equals and value not in ("true", "false"):
            raise Refused(f'invalid argument "{value}" for "--{found.name}"')
        return found, value != "false"
    if not equals:
        if not rest:
            raise Refused(f"flag needs an argument: {word}")
        value = rest.pop(0)
    return found, value
