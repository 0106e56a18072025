#!/bin/sh
# Asks questions, each of which may lean on the ones before: needs curl and jq.
set -eu
address="${QA_ADDRESS:-http://127.0.0.1:7860}"
earlier='[]'
for question in "$@"; do
  jq --null-input --arg question "$question" --argjson earlier "$earlier" '$ARGS.named' |
    curl --silent --show-error --fail-with-body "$address/api/v1/answer" \
      --header "Content-Type: application/json" \
      ${QA_API_KEY:+--header "Authorization: Bearer $QA_API_KEY"} \
      --data @- |
    jq --raw-output .text
  earlier=$(jq --null-input --argjson earlier "$earlier" --arg question "$question" '$earlier + [$question]')
done
