#!/usr/bin/env bash
# Promotes inside one cluster or one registry: shows the plan, asks, and does that plan and no other.
# Run it in the folder of sluice.yaml.
#   promote-single-environment.sh ENVIRONMENT [PLAN]     PLAN: hash of a plan that was approved before; then nobody is asked
set -uo pipefail

end() {
  case $1 in
    0) echo "Done: $to was seen to hold what was planned." ;;
    1) echo "Failed; the cause stands above. What is where now: sluice status" ;;
    2) echo "Nothing was done: mend the command line, sluice.yaml or the clusters file." ;;
    3) echo "Not promoted: blocked, on hold, another plan than the approved one, or nobody said yes." ;;
    4) echo "Partial: not every target has the planned release." ;;
    5) echo "The release did not come up; what was there before is back." ;;
    6) echo "Not logged in, or not allowed: see sluice login, and sluice doctor for rights." ;;
    7) echo "Unreachable, or somebody else is at work there: try again later." ;;
    *) echo "Interrupted (exit code $1)." ;;
  esac >&2
  case $1 in
    4 | 7 | 1[0-9][0-9]) echo "What had begun, any machine ends: sluice resume, or sluice undo ID (sluice history)." >&2 ;;
  esac
  exit "$1"
}

to=${1-} plan=${2-}
[ -n "$to" ] || { echo "usage: ${0##*/} ENVIRONMENT [PLAN]" >&2 && end 2; }
if [ $# -eq 1 ]; then
  page=$(sluice plan --to "$to") || { code=$? && echo "$page" && end "$code"; }
  echo "$page"
  plan=${page##* }
  read -r -p "Promote to $to? [y/N] " answer
  case $answer in y | yes) ;; *) end 3 ;; esac
fi
sluice promote --to "$to" --plan "$plan"
end $?
