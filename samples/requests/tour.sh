#!/usr/bin/env bash
# A walk through the operators' API with curl: a cluster, an enrollment key, the nodes, a command on all healthy ones,
# its results. Takes away what it made. Exit status 0 only if every step did what it should.
#
#   BASE_URL=http://127.0.0.1:8080 MASTER_KEY=... samples/requests/tour.sh ['command to run']
set -euo pipefail

: "${BASE_URL:=http://127.0.0.1:8080}"
: "${MASTER_KEY:?set it to the key that make up printed, or to that of your installation}"
: "${WAIT_SECONDS:=60}"
command_text=${1:-uname -a}
cluster=tour-$$
command_id=

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\033[1m' plain=$'\033[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# call METHOD PATH [JSON]: prints the answer's body, which is JSON or nothing. Fails, with the reason on standard error, where
# nobody answers, on any status from 400 on, and on what is not this API's. Each step says itself what ends it: inside $(...)
# bash does not.
call() {
    local options=(--silent --show-error --request "$1" --write-out '\n%{http_code}')
    [ $# -lt 3 ] || options+=(--header 'Content-Type: application/json' --data "$3")
    local answer status
    # The key travels by a file descriptor: arguments can be seen by every user of this machine.
    if ! answer=$(curl "${options[@]}" --config <(printf 'header = "Authorization: Bearer %s"\n' "$MASTER_KEY") "$BASE_URL$2"); then
        printf 'No answer from %s: is BASE_URL right?\n' "$BASE_URL" >&2
        return 1
    fi
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    if [ "$status" -ge 400 ]; then
        printf '%s %s: %s %.500s\n' "$1" "$2" "$status" "$answer" >&2
        return 1
    fi
    case $answer in
        '' | '{'*) printf '%s\n' "$answer" ;;
        *)
            printf 'What answers at %s is not this API: is BASE_URL right?\n' "$BASE_URL" >&2
            return 1
            ;;
    esac
}

# pick EXPRESSION: a value of the JSON on standard input, which the Python expression calls `answer`.
pick() { python3 -c 'import json, sys; answer = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# as_json TEXT: a JSON string.
as_json() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }

clean_up() {
    [ -z "$command_id" ] || call DELETE "/api/v1/commands/$command_id" >/dev/null || true
    call DELETE "/api/v1/clusters/$cluster" >/dev/null || true
}

say "1. Create a cluster"
made=$(call POST /api/v1/clusters "{\"name\": \"$cluster\", \"node_limit\": 10}")
pick '"{name}: {ipv4_range}, room for {node_limit} nodes".format(**answer["data"])' <<<"$made"
trap clean_up EXIT

say "2. Create an enrollment key: what a machine needs to join"
key=$(call POST "/api/v1/clusters/$cluster/enrollment_keys" '{"name": "tour", "uses_remaining": 1}')
pick '"{id}: good for {uses_remaining} machine".format(**answer["data"])' <<<"$key"
printf 'ENROLLMENT_KEY=%.32s...\n' "$(pick 'answer["data"]["key"]' <<<"$key")"

say "3. List the nodes that are healthy"
nodes=$(call GET '/api/v1/nodes?status=healthy&page_size=100&order_by=inserted_at')
pick '"\n".join("{id}  {cluster_name:<12} agent {version}, seen {last_seen_at}".format(**n) for n in answer["data"]) or "none"' <<<"$nodes"
expected=$(pick 'answer["meta"]["pagination"]["total_count"]' <<<"$nodes")
if [ "$expected" -eq 0 ]; then
    echo "No machine to run a command on: start some with 'make up AGENTS=3', or see samples/agent."
    exit 0
fi

say "4. Run '$command_text' on all of them"
command=$(call POST /api/v1/commands \
    "{\"command_text\": $(as_json "$command_text"), \"timeout\": 30000,
      \"targeting\": {\"type\": \"all\", \"node_filters\": {\"status\": \"healthy\"}}}")
command_id=$(pick 'answer["data"]["id"]' <<<"$command")
echo "command $command_id, $expected node(s)"

say "5. Wait for the results"
deadline=$((SECONDS + WAIT_SECONDS))
while true; do
    executions=$(call GET "/api/v1/command_executions?command_id=$command_id&page_size=100&order_by=inserted_at")
    open=$(pick 'sum(one["status"] in ("pending", "sent") for one in answer["data"])' <<<"$executions")
    created=$(pick 'answer["meta"]["pagination"]["total_count"]' <<<"$executions")
    printf '%s of %s created, %s open\n' "$created" "$expected" "$open"
    if [ "$created" -ge "$expected" ] && [ "$open" -eq 0 ]; then break; fi
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "not done after $WAIT_SECONDS seconds" >&2
        exit 1
    fi
    sleep 0.5
done

say "6. Outputs and exit codes"
pick '"\n".join("{node_id}  {status}, exit code {exit_code}\n    {output}".format(**{**one, "output": (one["output"] or "").rstrip().replace("\n", "\n    ")}) for one in answer["data"])' <<<"$executions"

say "7. Take away what this made"
call DELETE "/api/v1/commands/$command_id" >/dev/null
command_id=
call DELETE "/api/v1/clusters/$cluster" >/dev/null
trap - EXIT
echo "the command with its executions, the cluster with its key"
