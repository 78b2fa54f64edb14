# shellcheck shell=bash disable=SC2154 # scripts/servers sets what is missing here
# A private RabbitMQ under $dir/rabbitmq, with an epmd of its own. Needs: dir, rabbitmq_port,
# rabbitmq_dist_port, epmd_port, rabbitmqctl_port, rabbitmq_tls_port, rabbitmq_password, test_vhosts.
# A node of a cluster also has: rabbitmq_node, its name; rabbitmq_peers, all their names; and an epmd that they share.
# clock, LIBRARY:FILE that its wall clock follows, where that is not the machine's.

# shellcheck source=scripts/lib/certificates.sh
source "$here/scripts/lib/certificates.sh"

rabbitmq_mark=CANDLEPOST_RABBITMQ=$dir
epmd_mark=CANDLEPOST_EPMD=${epmd_dir:-$dir}

rabbitmq_bin=/usr/lib/rabbitmq/bin

# Everything that RabbitMQ would otherwise look for under /etc, /var and $HOME.
rabbitmq_variables() {
    local place=$dir/rabbitmq only_loopback='-kernel inet_dist_use_interface {127,0,0,1}'
    rabbitmq_env=(
        HOME="$place/home" LC_ALL=C.UTF-8
        ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" ERL_CRASH_DUMP="$place/log/erl_crash.dump"
        RABBITMQ_NODENAME="${rabbitmq_node:-candlepost}@localhost" RABBITMQ_DIST_PORT="$rabbitmq_dist_port"
        RABBITMQ_CTL_DIST_PORT_MIN="$rabbitmqctl_port" RABBITMQ_CTL_DIST_PORT_MAX="$((rabbitmqctl_port + 10))"
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$only_loopback" RABBITMQ_CTL_ERL_ARGS="$only_loopback"
        RABBITMQ_CONF_ENV_FILE="$place/config/env" RABBITMQ_CONFIG_FILE="$place/config/rabbitmq.conf"
        RABBITMQ_ADVANCED_CONFIG_FILE="$place/config/advanced.config" RABBITMQ_CONFIG_FILES="$place/config/conf.d"
        RABBITMQ_ENABLED_PLUGINS_FILE="$place/config/plugins" RABBITMQ_GENERATED_CONFIG_DIR="$place/config"
        RABBITMQ_SCHEMA_DIR="$place/config/schema" RABBITMQ_MNESIA_BASE="$place/mnesia"
        RABBITMQ_LOG_BASE="$place/log" RABBITMQ_PID_FILE="$place/pid"
    )
}

# The user and its virtual hosts: `/`, and test-00, test-01, ... where tests are to have one each. Tests also have users
# with no more permissions than docs/security.md asks for, and the same password.
rabbitmq_definitions() {
    local vhosts=(/) users=() permissions=() i
    for ((i = 0; i < test_vhosts; i++)); do vhosts+=("$(printf 'test-%02d' "$i")"); done
    rabbitmq_user candlepost '.*' '.*' '.*'
    if ((test_vhosts > 0)); then
        rabbitmq_user least-writer '^$' '^$' '^database-writer[.]'
        rabbitmq_user least-relay '^$' '^amq[.]default$' '^$'
    fi
    printf '{"users":[%s],\n' "$(list %s "${users[@]}")"
    printf '"vhosts":[%s],\n' "$(list '{"name":"%s"}' "${vhosts[@]}")"
    printf '"permissions":[%s]}\n' "$(list %s "${permissions[@]}")"
}

# rabbitmq_user NAME CONFIGURE WRITE READ: adds it, with these permissions in every virtual host.
rabbitmq_user() {
    local item vhost
    printf -v item '{"name":"%s","password":"%s","tags":""}' "$1" "$rabbitmq_password"
    users+=("$item")
    for vhost in "${vhosts[@]}"; do
        printf -v item '{"user":"%s","vhost":"%s","configure":"%s","write":"%s","read":"%s"}' "$1" "$vhost" "${@:2}"
        permissions+=("$item")
    done
}

# list FORMAT ITEM...: each item in the format, separated by commas.
list() {
    local format=$1 text
    shift
    # shellcheck disable=SC2059 # the format is the argument
    text=$(printf "$format," "$@")
    printf '%s' "${text%,}"
}

rabbitmq_configure() {
    local place=$dir/rabbitmq
    mkdir -p "$place"/{home,log,mnesia,config/conf.d,config/schema}
    : >"$place/config/env"
    echo '[].' | tee "$place/config/plugins" >"$place/config/advanced.config"
    cat >"$place/config/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$rabbitmq_port
listeners.ssl.1 = 127.0.0.1:$rabbitmq_tls_port
ssl_options.certfile = $tls/server.pem
ssl_options.keyfile = $tls/server.key
ssl_options.cacertfile = $tls/ca.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
load_definitions = $place/config/definitions.json
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 50MB
log.file.level = info
END
    rabbitmq_cluster >>"$place/config/rabbitmq.conf"
    (umask 077 && rabbitmq_definitions >"$place/config/definitions.json")
    certificates_create
    [[ -e $place/home/.erlang.cookie ]] || (umask 377 && secret >"$place/home/.erlang.cookie")
}

# Nodes find one another by their names, and form the cluster when they start.
rabbitmq_cluster() {
    local number=0 peer
    for peer in ${rabbitmq_peers-}; do
        echo "cluster_formation.classic_config.nodes.$((++number)) = $peer@localhost"
    done
}

epmd_start() {
    none_of "$epmd_mark" || return 0
    env "$epmd_mark" setsid epmd -address 127.0.0.1 -port "$epmd_port" </dev/null >/dev/null 2>&1 9>&- &
    until_true 10 listening "$epmd_port" || die "epmd does not listen on port $epmd_port"
}

# Leaves it starting; rabbitmq_await waits.
rabbitmq_launch() {
    none_of "$rabbitmq_mark" beam.smp || return 0
    rabbitmq_configure
    rabbitmq_variables
    epmd_start
    rabbitmq_clock
    # RUNNING_UNDER_SYSTEMD: the start script becomes the server, and does not stay as a parent that traps signals.
    env "$rabbitmq_mark" "${rabbitmq_env[@]}" RUNNING_UNDER_SYSTEMD=true "${rabbitmq_clock[@]}" \
        setsid "$rabbitmq_bin/rabbitmq-server" \
        </dev/null >"$dir/rabbitmq/log/console.log" 2>&1 9>&- &
    rabbitmq_launched=$!
}

# A library that moves the wall clock, and the file that it has by how much from: Tests/ClockShift.
rabbitmq_clock() {
    rabbitmq_clock=()
    [[ -z ${clock-} ]] || rabbitmq_clock=(LD_PRELOAD="${clock%%:*}" CLOCK_SHIFT_FILE="${clock#*:}")
}

rabbitmq_await() {
    local patience=${rabbitmq_patience:-60}
    local end=$((SECONDS + patience))
    until listening "$rabbitmq_port"; do
        sleep 0.1
        ((SECONDS < end)) || die "RabbitMQ does not listen after $patience s: see $dir/rabbitmq/log"
        kill -0 "${rabbitmq_launched:-$$}" 2>/dev/null || die "RabbitMQ did not start: see $dir/rabbitmq/log"
    done
}

rabbitmq_start() {
    rabbitmq_launch
    rabbitmq_await
}

# SIGTERM is an orderly stop, as `rabbitmqctl stop` is, without a second Erlang machine to say so.
rabbitmq_stop() {
    local pids
    mapfile -t pids < <(marked "$rabbitmq_mark" beam.smp)
    signal TERM "${pids[@]}"
    # One whose application was stopped and started hears no signal any more.
    until_true 15 gone "${pids[@]}" || rabbitmq_evaluate 'init:stop()' >/dev/null || true
    until_true 60 gone "${pids[@]}" || say "RabbitMQ does not stop: killing it"
    rabbitmq_kill
}

rabbitmq_kill() {
    local pids
    mapfile -t pids < <(marked "$rabbitmq_mark")
    signal KILL "${pids[@]}"
    until_true 10 gone "${pids[@]}" || die "RabbitMQ (processes ${pids[*]}) does not die"
}

epmd_stop() {
    local pids
    mapfile -t pids < <(marked "$epmd_mark")
    signal KILL "${pids[@]}"
    until_true 10 gone "${pids[@]}" || die "epmd (process ${pids[*]}) does not die"
}

rabbitmqctl() {
    rabbitmq_variables
    env "${rabbitmq_env[@]}" "$rabbitmq_bin/rabbitmqctl" "$@"
}

# rabbitmq_evaluate EXPRESSION: prints its value; fails where that is not a value but an error.
rabbitmq_evaluate() {
    local answer
    rabbitmq_variables
    answer=$(env "${rabbitmq_env[@]}" erl_call -n candlepost@localhost -e <<<"$1.") || die "RabbitMQ does not answer"
    printf '%s\n' "$answer"
    [[ $answer == '{ok,'* ]]
}
