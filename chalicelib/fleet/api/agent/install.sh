#!/bin/sh
# Installs the agent of Edge Admin on this machine, or brings it up to date. It runs as root, so read it first.
#
#   sudo sh install.sh                    asks for the enrollment key; a machine that is enrolled needs none
#   sudo sh install.sh --key-file FILE    takes the key from a file, which is deleted once the machine is enrolled
#
#   --as-root          operators' commands run as root; else as the user edge-agent, who is made for them
#   --version VERSION  that version of the agent, not the current one
#   --server URL       another control plane than the one that this file came from
#   --root DIR         everything below DIR, no user, no service: to try it without being root
#   -- OPTIONS         further options of "edge-agent enrol", for example: -- --random-id
#
# What it does, in this order:
#   1. looks for Python 3.11 or later; nothing is installed by it but the agent
#   2. asks the control plane where the agent is, showing the key (or the machine's token), takes the newest Python that
#      this agent is for, and downloads it
#   3. compares its SHA-256 with the one that the control plane said, and stops if they differ
#   4. puts it into /opt/edge-agent/versions/VERSION, by pip from that download alone: no package index is asked
#   5. enrols the machine: the key is exchanged for a token in /var/lib/edge-agent, and the key's file is deleted
#   6. writes /etc/systemd/system/edge-agent.service, and starts it
# On a machine that is enrolled it may be a command of the fleet, if those run as root: the agent runs until the end.
# The key is never an argument of a program: others on this machine could read it there.
set -eu
umask 022

server=@PUBLIC_URL@
root=
key_file=
version=
pythons=
as_root=

say() { printf 'edge-agent: %s\n' "$*"; }

die() {
    printf 'edge-agent: %s\n' "$*" >&2
    exit 1
}

# Whether the agent is for that Python; any suits until the control plane has said.
suits() {
    # shellcheck disable=SC2086 - a list
    [ -z "$pythons" ] || "$1" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv[1:])' $pythons
}

# In somebody's home it would be out of the service's reach.
find_python() {
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        python=$(command -v "$candidate") || continue
        case $root$python in /root/* | /home/*) continue ;; esac
        if "$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
            suits "$python"; then
            # The name that an upgrade of the distribution keeps: the launcher then installs the agent for the next Python.
            plain=$(command -v python3) || return 0
            [ "$(readlink -f "$plain")" != "$(readlink -f "$python")" ] || python=$plain
            return
        fi
    done
    [ -z "$pythons" ] || die "this version of the agent is for Python $pythons; none of these is here with its venv"
    found=$(python3 --version 2>/dev/null) || found="none"
    die "Python 3.11, 3.12, 3.13 or 3.14 is needed; found: $found. Debian 12, Ubuntu 24.04 and RHEL 10 come with one;" \
        "on RHEL 9: dnf install python3.11"
}

# Reads the file that curl is to take its secrets from on standard input.
request() { curl -sS --config - --connect-timeout 10 --retry 3 "$@"; }

# Whether a command or an SSH session of the agent runs this: it ends when the agent's service ends.
is_in_service() {
    [ -n "${EDGE_EXECUTION_ID:-}" ] || grep -qs '/edge-agent\.service' "$root/proc/self/cgroup"
}

read_key() {
    if [ -n "$in_service" ]; then
        [ -z "$key_file" ] || die "the agent itself runs this, and stops while a machine enrols, which would end this:" \
            "leave out --key-file, or run it outside: systemd-run --collect sh install.sh --key-file FILE"
    elif [ "$key_file" = - ]; then
        key=$(cat)
    elif [ -n "$key_file" ]; then
        key=$(cat "$key_file") || die "the key's file cannot be read"
    elif [ -f "$etc/enrollment.key" ]; then
        key_file=$etc/enrollment.key
        key=$(cat "$key_file")
    elif [ ! -f "$state/identity.json" ] && [ -t 0 ]; then
        printf 'Enrollment key (it is not shown): '
        stty -echo
        trap 'stty echo; clean' EXIT
        read -r key
        stty echo
        trap clean EXIT
        printf '\n'
    fi
    key=$(printf '%s' "$key" | tr -d '[:space:]')
    if [ -f "$state/identity.json" ]; then
        token=$("$python" -I -c 'import json, sys; print(json.load(open(sys.argv[1]))["api_token"])' \
            "$state/identity.json") || token=
    fi
    [ -n "$key$token" ] || die "no enrollment key: give --key-file FILE (- for standard input)"
}

# Where the agent is, for who shows this key or token.
ask() {
    answer=$(printf 'header = "Authorization: Bearer %s"\n' "$1" |
        request --get --data-urlencode "architecture=$(uname -m)" \
            ${version:+--data-urlencode "version=$version"} "$server/api/v1/agents/bundle") || die "$server cannot be reached"
    printf '%s' "$answer" | "$python" -I -c '
import json, sys
try:
    answer = json.load(sys.stdin)
    if "data" not in answer:
        error = answer["error"]
        sys.exit("the server says: " + error["message"] + " " + json.dumps(error.get("details") or ""))
    data = answer["data"]
    print(data["version"], data["sha256"], data["size"], data["url"], " ".join(data["pythons"]), sep="\n")
except (ValueError, KeyError, TypeError):
    sys.exit("what answered is not the control plane")
' >"$work/offer"
}

download() {
    say "asking $server for the agent${version:+, version $version}"
    # A key may be spent by this very machine: its token comes first.
    if [ -z "$token" ] || ! ask "$token"; then
        [ -n "$key" ] && ask "$key" || die "no agent to be had"
    fi
    { read -r version && read -r sha256 && read -r size && read -r url && read -r pythons; } <"$work/offer"
    find_python
    say "downloading version $version, $size bytes"
    printf 'url = "%s"\n' "$url" | request --fail --output "$work/bundle.tar.gz" || die "the download failed"
    printf '%s  %s\n' "$sha256" "$work/bundle.tar.gz" | sha256sum -c --status ||
        die "the download is not the agent that was promised: its SHA-256 is not $sha256"
    say "SHA-256 $sha256 is right"
    tar -xzf "$work/bundle.tar.gz" -C "$work" bundles.py launcher.py edge-agent.service as-root.conf
}

# In a folder of root's own: what the service's user could have changed is never run as root.
install_version() {
    say "installing into $base/versions/$version"
    mkdir -p "$base"
    rm -rf "$base/incoming"
    "$python" -I "$work/bundles.py" "$work/bundle.tar.gz" --sha256 "$sha256" --versions "$base/incoming" >/dev/null ||
        die "the agent could not be installed"
}

enrol() {
    if [ -z "$key" ]; then
        say "this machine is enrolled already"
        return
    fi
    say "enrolling this machine"
    if [ -z "$root" ] && [ -d "$state" ]; then
        chown -hR "${user:-root}" "$state" # it may have run as another user
    fi
    case $key_file in
    '' | -)
        (umask 077 && printf '%s' "$key" >"$work/key")
        key_file=$work/key
        ;;
    esac
    "$base/incoming/$version/bin/edge-agent" enrol --state-dir "$state" --enrollment-key-file "$key_file" \
        ${user:+--user "$user"} "$@" || die "the machine is not enrolled; the key's file is still there"
}

# Beside the files that are in use, and on the disk before they take their places: each is whole after a power cut.
prepare() {
    unit=$root/etc/systemd/system/edge-agent.service
    mkdir -p "$base/versions" "$unit.d"
    install -m 0755 "$work/launcher.py" "$base/.launcher.py"
    # The second form is that of units of earlier versions.
    sed -e "s|for python in /usr/bin/python3 |for python in $python |" \
        -e "s|^ExecStart=/usr/bin/python3 |ExecStart=$python |" "$work/edge-agent.service" >"$unit.new"
    cp "$work/as-root.conf" "$unit.d/as-root.new"
    rm -rf "$base/versions/.current" "$base/versions/.staging-replaced"
    ln -s "$version" "$base/versions/.current"
    sync
}

# Renames alone, so that an end at any point leaves an agent that starts.
switch() {
    rm -f "$base/versions/update.json" "$base/versions/update.failed.json" "$base/versions/ends.json"
    [ ! -e "$base/versions/$version" ] || mv -T "$base/versions/$version" "$base/versions/.staging-replaced"
    mv -T "$base/incoming/$version" "$base/versions/$version"
    mv -T "$base/versions/.current" "$base/versions/current"
    # The service's user updates them; where that is root, nobody else may.
    [ -n "$root" ] || chown -hR "${user:-root}" "$base/versions"
    mv -T "$base/.launcher.py" "$base/launcher.py"
    if [ -n "$as_root" ]; then
        mv -T "$unit.d/as-root.new" "$unit.d/as-root.conf"
    else
        rm -f "$unit.d/as-root.new" "$unit.d/as-root.conf"
    fi
    mv -T "$unit.new" "$unit"
    say "wrote $unit; options of the agent go into $etc/environment"
    rm -rf "$base/incoming" "$base/versions/.staging-replaced"
    ln -sfn versions/current "$base/current"
    # An agent of 0.1.0 was an environment in this very folder.
    if [ -f "$base/pyvenv.cfg" ]; then
        rm -rf "$base/bin" "$base/lib" "$base/lib64" "$base/include" "$base/share" "$base/pyvenv.cfg"
    fi
}

# Who runs commands as root today does so tomorrow.
keep_root() {
    unit=$root/etc/systemd/system/edge-agent.service
    if [ -f "$unit" ] && { grep -q '^User=root' "$unit" || [ -f "$unit.d/as-root.conf" ]; }; then
        as_root=yes
        say "the agent here runs as root, and goes on so; remove $unit before, to have it run as edge-agent"
    fi
}

make_user() {
    if [ -n "$as_root" ] || [ -n "$root" ]; then
        user=
        return
    fi
    user=edge-agent
    id "$user" >/dev/null 2>&1 || {
        say "making the user $user"
        useradd --system --user-group --home-dir /var/lib/edge-agent --shell /usr/sbin/nologin "$user"
    }
}

clean() {
    [ -z "$work" ] || rm -rf "$work"
    # What ran before goes on where this has failed.
    [ -z "$stopped" ] || systemctl start edge-agent
}

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --as-root) as_root=yes ;;
        --key-file | --version | --server | --root)
            [ $# -ge 2 ] || die "$1 wants a value"
            case $1 in
            --key-file) key_file=$2 ;;
            --version) version=$2 ;;
            --server) server=$2 ;;
            --root) root=$2 ;;
            esac
            shift
            ;;
        --)
            shift
            break
            ;;
        *) die "unknown option $1; the beginning of this file says which there are" ;;
        esac
        shift
    done
    server=${server%/}
    [ -n "$server" ] || die "give --server URL: this file does not know where it came from"
    [ "$(id -u)" = 0 ] || [ -n "$root" ] || die "run it as root: sudo sh install.sh"
    for tool in curl tar gzip sha256sum; do
        command -v "$tool" >/dev/null || die "$tool is needed, and is not there"
    done
    base=$root/opt/edge-agent
    state=$root/var/lib/edge-agent
    etc=$root/etc/edge-agent
    key=
    token=
    work=
    stopped=
    in_service=
    trap clean EXIT
    # A shell that a signal ends may leave out what is to be done at the end.
    trap 'exit 1' HUP INT TERM
    work=$(mktemp -d)
    ! is_in_service || in_service=yes
    find_python
    [ -n "$root" ] || keep_root
    read_key
    download
    make_user
    install_version
    # To enrol needs the state directory alone. Else the agent runs until the restart, which systemd itself carries out.
    if [ -n "$key" ] && [ -z "$root" ] && systemctl --quiet is-active edge-agent 2>/dev/null; then
        stopped=yes
        systemctl stop edge-agent
    fi
    mkdir -p "$(dirname "$state")" "$etc"
    enrol "$@"
    prepare
    switch
    if [ -z "$root" ] && command -v systemctl >/dev/null; then
        systemctl daemon-reload
        systemctl enable --quiet edge-agent
        stopped=
        say "starting it; its log: journalctl -u edge-agent -f"
        # The agent waits some seconds for this command, so that its result is known.
        systemctl ${in_service:+--no-block} restart edge-agent
    else
        say "installed; to run it: $python -I $base/launcher.py --versions $base/versions -- --state-dir $state --self-update"
    fi
}

main "$@"
