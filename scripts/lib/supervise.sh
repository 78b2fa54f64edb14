# shellcheck shell=bash
# Running other programs so that all of them end with the script, whatever ends it. Every program gets a session of
# its own: Ctrl-C reaches the script alone, which ends them in its order. A script that sources this defines finish().

attended='' stalled='' step=''

# Descriptor 8 is the lock of the script that holds one; no program may keep it.
take_lock() {
    mkdir -p "$(dirname "$1")"
    exec 8>"$1"
    flock --nonblock 8 || die "another ${0##*/} is running (it holds $1)"
}

# Descriptor 9 is where steps are shown, also while a command's output goes to a log.
supervise() {
    exec 9>&2
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    trap 'leave $?' EXIT
}

# What is under way goes first, then what the script says. Meanwhile a second Ctrl-C changes nothing.
leave() {
    trap '' HUP INT PIPE TERM
    trap - EXIT
    set +e
    end_step
    [[ -z $attended ]] || end "$attended" 10
    finish "$1"
    exit "$1"
}

# attend COMMAND...: runs it to its end. `swift build` and `swift test` are tried again where they hang: SwiftPM at times
# stops for ever while it plans a build (swiftlang/swift-package-manager issue 9441; seldom since 6.3, on few cores).
attend() {
    local try status
    for try in 1 2 3; do
        status=0 stalled=''
        attend_once "$@" || status=$?
        [[ -n $stalled ]] || break
        say "$1 ${2-} hung (attempt $try of 3)"
    done
    return "$status"
}

# It is looked at now and then, because a shell that waits acts on no signal. It may take `time_limit` seconds, if that is set.
attend_once() {
    local status=0 looks=0 last='' latest=$((EPOCHSECONDS + ${time_limit:-1000000}))
    setsid "$@" </dev/null 8>&- 9>&- &
    attended=$!
    while kill -0 "$attended" 2>/dev/null; do
        show_step
        sleep 0.1
        ((EPOCHSECONDS < latest)) || { say "$1 ${2-} was stopped after $time_limit s" && end "$attended" 5; }
        [[ $1 == swift ]] && ((++looks % 200 == 0)) || continue
        stalls "$attended" && end "$attended" 5
    done
    wait "$attended" || status=$?
    attended=''
    return "$status"
}

# True where a process did nothing since the last look: it has no child and used no processor time.
stalls() {
    local now
    now=$(awk '{ sub(/.*[)] /, ""); print $12 + $13 + $14 + $15 }' "/proc/$1/stat" 2>/dev/null) || return 1
    [[ $now == "$last" && -z $(children_of "$1") ]] && stalled=yes
    last=$now
    [[ -n $stalled ]]
}

# end PID SECONDS: SIGTERM to it and all of its session, and SIGKILL to what is left then.
end() {
    kill -s TERM -- "-$1" 2>/dev/null || return 0
    until_true "$2" gone "$1" || say "process $1 does not end: killing it"
    kill -s KILL -- "-$1" 2>/dev/null || true
}

# quietly TITLE LOG COMMAND...: attends it, with its output in the log, and the end of the log on the terminal if it
# fails.
quietly() {
    local title=$1 log=$2
    shift 2
    begin_step "$title"
    if ! attend "$@" >"$log" 2>&1; then
        end_step
        tail -n 30 "$log" >&2
        die "failed: $title (all of its output: $log)"
    fi
    print_step
}

# A step is named with the seconds that it took; on a terminal they can be seen to pass.
begin_step() {
    step=$1
    step_began=$EPOCHREALTIME
}

show_step() {
    [[ -z $step || ! -t 9 ]] || printf '\r  %-42s %5d s' "$step" $((EPOCHSECONDS - ${step_began%.*})) >&9
}

end_step() {
    [[ -z $step || ! -t 9 ]] || printf '\r\033[K' >&9
    step=
}

print_step() {
    local title=$step
    end_step
    printf '  %-42s %7s s\n' "$title" "$(seconds_since "$step_began")" >&9
}
