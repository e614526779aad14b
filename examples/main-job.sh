#!/usr/bin/env bash
# The main job over REST: from real evidence to findings to a report. Needs curl and jq.
#
#   BASE=http://127.0.0.1:8000 EMAIL=admin@localhost PASSWORD=... examples/main-job.sh [output.html]
set -euo pipefail

BASE=${BASE:-http://127.0.0.1:8000}
EMAIL=${EMAIL:-admin@localhost}
: "${PASSWORD:?set PASSWORD to the admin password that the first start printed}"
OUT=${1:-compliance-summary.html}
HERE=$(cd "$(dirname "$0")/.." && pwd)
API=$BASE/api/v1

say() { printf '\n== %s\n' "$*" >&2; }

# call METHOD PATH [JSON]: prints the answer, fails on an error and shows it.
call() {
  local answer
  answer=$(curl -sS --fail-with-body -X "$1" "$API$2" -H "Authorization: Bearer ${TOKEN:-none}" \
    ${3:+-H 'Content-Type: application/json' --data "$3"}) || { printf '%s\n' "$answer" >&2; return 1; }
  printf '%s' "$answer"
}

say "Log in"
LOGIN=$(jq -n --arg email "$EMAIL" --arg password "$PASSWORD" '{email: $email, password: $password}')
TOKEN=$(curl -sS --fail-with-body "$API/auth/login" -H 'Content-Type: application/json' --data "$LOGIN" | jq -r .access_token)

say "Open an organization"
ORG=$(call POST /orgs '{"name": "Main Job", "industry": "software"}' | jq -r .id)
echo "organization $ORG" >&2

# upload FILE TYPE KEY:REF...: announce, put, complete.
upload() {
  local file=$1 type=$2; shift 2
  local target id url
  target=$(call POST "/orgs/$ORG/evidence/upload-url" "$(jq -n --arg name "$(basename "$file")" --arg type "$type" \
    --arg sha "$(sha256sum "$file" | cut -d' ' -f1)" --args '{filename: $name, content_type: $type, sha256: $sha, control_refs: $ARGS.positional}' "$@")")
  id=$(jq -r .evidence_id <<<"$target")
  url=$(jq -r .upload_url <<<"$target")
  curl -sS --fail-with-body -X PUT "$url" -H "Content-Type: $type" --data-binary "@$file" >/dev/null
  call POST "/orgs/$ORG/evidence/$id/complete" | jq -r '"\(.filename): \(.status), \(.size) bytes, sha256 \(.sha256[0:12])"' >&2
  echo "$id"
}

say "Upload evidence: this project's own documents"
POLICY=$(upload "$HERE/docs/security-policy.md" text/markdown SOC2_TYPE2:CC6.1 SOC2_TYPE2:CC6.2 SOC2_TYPE2:CC6.3 SOC2_TYPE2:CC7.2)
DESIGN=$(upload "$HERE/docs/ARCHITECTURE.md" text/markdown SOC2_TYPE2:CC8.1)
DENY=$(upload "$HERE/deny.toml" application/toml SOC2_TYPE2:CC9.2)

say "Record the controls that are in use"
call POST "/orgs/$ORG/controls" "$(jq -n --arg policy "$POLICY" '{name: "Access control in the service", category: "technical", status: "active",
  csf_function: "protect", requirements: ["SOC2_TYPE2:CC6.1", "SOC2_TYPE2:CC6.2", "SOC2_TYPE2:CC6.3"], evidence: [$policy]}')" | jq -r '"\(.name): \(.computed_status)"' >&2
call POST "/orgs/$ORG/controls" "$(jq -n --arg design "$DESIGN" --arg deny "$DENY" '{name: "Change management", category: "process", status: "active",
  csf_function: "protect", requirements: ["SOC2_TYPE2:CC8.1", "SOC2_TYPE2:CC9.2"], evidence: [$design, $deny]}')" | jq -r '"\(.name): \(.computed_status)"' >&2

say "Assess against SOC 2"
FRAMEWORK=$(call GET "/frameworks?key=SOC2_TYPE2" | jq -r '.items[0].id')
ASSESSMENT=$(call POST "/orgs/$ORG/assessments" "$(jq -n --arg id "$FRAMEWORK" '{framework_id: $id, name: "SOC 2 self-assessment", scope: "The service and its repository"}')" | jq -r .id)
call POST "/orgs/$ORG/assessments/$ASSESSMENT/execute" | jq -r .status >&2
for _ in $(seq 1 300); do
  STATUS=$(call GET "/orgs/$ORG/assessments/$ASSESSMENT/status")
  [ "$(jq -r .status <<<"$STATUS")" = in_progress ] || break
  sleep 0.2
done
jq -r '"\(.status): \(.controls_evaluated) of \(.controls_total) controls"' <<<"$STATUS" >&2
[ "$(jq -r .status <<<"$STATUS")" = completed ]

say "Read the results"
call GET "/orgs/$ORG/assessments/$ASSESSMENT/summary" | jq -r '"score \(.score) %: \(.counts | tojson)"' >&2
FINDINGS=$(call GET "/orgs/$ORG/findings?assessment_id=$ASSESSMENT&limit=200&include_total=true")
jq -r '"\(.total) findings"' <<<"$FINDINGS" >&2
jq -r '.items[] | select(.status != "fail") | "  \(.control_ref)  \(.status)  \(.confidence)  cites \([.citations[].filename] | unique | join(", "))"' <<<"$FINDINGS" >&2

say "A person decides on one"
FINDING=$(jq -r '[.items[] | select(.status == "fail")][0].id' <<<"$FINDINGS")
call PATCH "/orgs/$ORG/findings/$FINDING" '{"lifecycle": "in_progress", "remediation_notes": "Planned for the next quarter."}' | jq -r '"\(.control_ref): \(.lifecycle), revision \(.revision)"' >&2

say "Report"
REPORT=$(call POST "/orgs/$ORG/reports" "$(jq -n --arg id "$ASSESSMENT" '{type: "compliance_summary", format: "html", assessment_id: $id}')" | jq -r .id)
for _ in $(seq 1 150); do
  STATUS=$(call GET "/orgs/$ORG/reports/$REPORT")
  [ "$(jq -r .status <<<"$STATUS")" != completed ] || break
  sleep 0.2
done
jq -r '"\(.status), sha256 \(.sha256[0:12]), snapshot \(.snapshot_digest[0:12])"' <<<"$STATUS" >&2
curl -sS --fail-with-body "$API/orgs/$ORG/reports/$REPORT/download" -H "Authorization: Bearer $TOKEN" -o "$OUT"
[ "$(sha256sum "$OUT" | cut -d' ' -f1)" = "$(jq -r .sha256 <<<"$STATUS")" ]
say "Done: $OUT"
