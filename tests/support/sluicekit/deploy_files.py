"""The files of deploy/ that run sluice: where they are, and the scripts and commands that stand inside them."""

import pathlib
import re

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
SCRIPTS = (DEPLOY / "scripts" / "promote-single-environment.sh", DEPLOY / "scripts" / "promote-between-environments.sh")
GITLAB = DEPLOY / "gitlab" / ".gitlab-ci.yml"
GITHUB = DEPLOY / "github" / "promote.yml"
TEKTON = DEPLOY / "tekton" / "task.yaml"
SERVICE = DEPLOY / "systemd" / "sluice-promote@.service"
TIMER = DEPLOY / "systemd" / "sluice-promote@.timer"
CRON = DEPLOY / "cron" / "sluice"


def blocks(path):
    """The literal blocks (`|`) of a YAML file, in order: what its jobs run. No other kind of script may stand there, so
    that none is missed."""
    found, block, margin = [], None, 0
    for line in path.read_text().splitlines():
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line.strip() or indent >= margin + 2):
            block.append(line)
            continue
        if block is not None:
            found.append(_dedented(block))
            block = None
        if re.fullmatch(r"\s*(- |(script|run): )\|", line):
            block, margin = [], indent
        elif re.match(r"\s*(script|run): ?\S", line):
            raise AssertionError(f"{path.name}: write this as a literal block: {line.strip()}")
    return found + ([_dedented(block)] if block is not None else [])


def _dedented(lines):
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:] for line in lines).rstrip("\n") + "\n"


def unit(path):
    """The settings of a systemd unit, by name; the last one counts."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match(r"\w+=", line))


def cron_lines():
    """The jobs of the crontab, as (user, command)."""
    lines = [line for line in CRON.read_text().splitlines() if line and not re.match(r"#|\w+=", line)]
    return [tuple(line.split(None, 6)[5:]) for line in lines]
