#!/usr/bin/env bash
# What action.yml runs: the suite with what stands in the environment. It needs Python alone, no package.
set -euo pipefail
words=()
for part in DECODER ENCODER FLAX_DECODER FLAX_ENCODER CONVERTER DIFFER RECOVERER; do
  option=$(tr 'A-Z_' 'a-z-' <<<"$part")
  [ -n "${!part:-}" ] && words+=("--$option" "${!part}")
done
[ -n "${XFAILS:-}" ] && words+=(--xfails "$XFAILS")
read -rd '' -a more <<<"${ARGS:-}" || true  # words on several lines, too
# A folder of its own for each step: a report that is there was written by this run.
report=$(mktemp -d "${RUNNER_TEMP:-/tmp}/conformance.XXXXXX")
# The suite is found by its path, and neither by a variable, which the programs under judgement would inherit, nor in the
# working directory, which is theirs.
suite='import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module("conformance", {}, "__main__", True)'
status=0
python3 -P -c "$suite" "$SUITE" run --spec "${SPEC:-1.0}" ${words[@]+"${words[@]}"} ${more[@]+"${more[@]}"} \
  --html "$report/index.html" --junit "$report/junit.xml" --markdown "$report/table.md" \
  --badge "$report/badge.svg" || status=$?
[ -f "$report/index.html" ] && [ -n "${GITHUB_OUTPUT:-}" ] && echo "report=$report/index.html" >>"$GITHUB_OUTPUT"
[ -f "$report/table.md" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$report/table.md" >>"$GITHUB_STEP_SUMMARY"
exit "$status"
