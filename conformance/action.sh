#!/usr/bin/env bash
# What action.yml runs: the suite with what stands in the environment. It needs Python alone, no package.
set -euo pipefail
words=()
for part in DECODER ENCODER FLAX_DECODER FLAX_ENCODER CONVERTER RECOVERER; do
  option=$(tr 'A-Z_' 'a-z-' <<<"$part")
  [ -n "${!part:-}" ] && words+=("--$option" "${!part}")
done
[ -n "${XFAILS:-}" ] && words+=(--xfails "$XFAILS")
report=${RUNNER_TEMP:-/tmp}/conformance
mkdir -p "$report"
read -ra more <<<"${ARGS:-}"
status=0
PYTHONPATH=$SUITE python3 -m conformance run --spec "${SPEC:-1.0}" "${words[@]}" "${more[@]}" \
  --html "$report/index.html" --junit "$report/junit.xml" --markdown "$report/table.md" \
  --badge "$report/badge.svg" || status=$?
[ -n "${GITHUB_OUTPUT:-}" ] && echo "report=$report/index.html" >>"$GITHUB_OUTPUT"
[ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$report/table.md" ] && cat "$report/table.md" >>"$GITHUB_STEP_SUMMARY"
exit "$status"
