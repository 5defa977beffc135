#!/bin/sh
# Installs the agent of Edge Admin at the first boot of a machine, and enrols it. What goes wrong is said on the console.
# The enrollment key is good for one machine and a short time: once it is used, what stands here opens nothing.
set -u
umask 077

server=@SERVER_URL@
node_id=@NODE_ID@

say() {
    printf 'edge-admin: %s\n' "$*"
    # cloud-init shows this script's output on the console already, where it is told to.
    { printf 'edge-admin: %s\n' "$*" >/dev/console; } 2>/dev/null || :
}

fail() {
    say "the agent is not installed: $*"
    exit 1
}

supported() {
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
            return 0
    done
    return 1
}

for tool in curl tar gzip sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || fail "the image has no $tool"
done
supported || fail "the image has no Python 3.11, 3.12, 3.13 or 3.14 with venv (found: $(python3 --version 2>&1))"

work=$(mktemp -d) || fail "there is no room for a temporary folder"
trap 'rm -rf "$work"' EXIT

# The network of a machine may come up after its first scripts.
curl -fsS --retry 10 --retry-delay 3 --retry-connrefused --retry-all-errors --connect-timeout 10 \
    --output "$work/install.sh" "$server/agent/install.sh" || fail "$server cannot be reached"
cat >"$work/key" <<'END_OF_KEY'
@ENROLLMENT_KEY@
END_OF_KEY
output=$(sh "$work/install.sh" --server "$server" --key-file "$work/key" -- --node-id "$node_id" 2>&1) ||
    fail "$(printf '%s' "$output" | tail -n 3)"
say "the agent is installed and enrolled as node $node_id"
