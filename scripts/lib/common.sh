# shellcheck shell=bash
# What the scripts share. Sourced, never run. Results go to standard output, what is said to standard error.

export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export here

say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
misused() {
    printf '%s: %s (try --help)\n' "${0##*/}" "$*" >&2
    exit 64
}

# Prints the comment block at the top of the calling script.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# True where something listens on 127.0.0.1:$1.
listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# until_true SECONDS COMMAND...: polls it, false when the time is up.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# A block of $1 ports below the range from which the kernel gives out ports by itself, so that no outgoing
# connection sits on one of them while a server restarts. Prints the first.
free_ports() {
    local count=$1 base offset tries
    for ((tries = 0; tries < 100; tries++)); do
        base=$((16000 + (RANDOM % 800) * 20))
        for ((offset = 0; offset < count; offset++)); do
            listening $((base + offset)) && continue 2
        done
        echo "$base"
        return
    done
    die "no block of $count free ports between 16000 and 32000"
}

# Processes started for one purpose carry an environment variable that names it, and are found by that: no pid
# file can be stale, lost, or name a stranger. marked MARK [NAME]: their process ids, of programs called NAME only.
marked() {
    local file pid
    while IFS= read -r file; do
        pid=${file//[^0-9]/}
        [[ -z ${2-} || $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] && echo "$pid"
    done < <(grep -lzxF -- "$1" /proc/[0-9]*/environ 2>/dev/null)
    return 0
}

none_of() { [[ -z $(marked "$@") ]]; }

children_of() {
    local parents
    parents=$(IFS='|' && echo "$*")
    grep -lE "^PPid:[[:space:]]+($parents)$" /proc/[0-9]*/status 2>/dev/null | tr -cd '0-9\n' || true
}

# gone PID...: they hold nothing any more, though their parent may not have collected their status yet.
gone() {
    local pid threads
    for pid in "$@"; do
        threads=$(cat /proc/"$pid"/task/*/status 2>/dev/null | grep '^State:' | grep -v '[ZX] ' || true)
        [[ -z $threads ]] || return 1
    done
}

# signal NAME PID...: to those that are still there.
signal() {
    local name=$1 pid
    shift
    for pid in "$@"; do kill -s "$name" "$pid" 2>/dev/null || true; done
}

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }
