# shellcheck shell=bash disable=SC2154 # scripts/servers sets what is missing here
# A private RabbitMQ under $dir/rabbitmq, with an epmd of its own. Needs: dir, rabbitmq_port,
# rabbitmq_dist_port, epmd_port, rabbitmqctl_port, rabbitmq_tls_port, rabbitmq_password, test_vhosts.
# A node of a cluster also has: rabbitmq_node, its name; rabbitmq_peers, all their names; and an epmd that they share.

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

# The user and its virtual hosts: `/`, and test-00, test-01, ... where tests are to have one each.
rabbitmq_definitions() {
    local vhosts=(/) i
    for ((i = 0; i < test_vhosts; i++)); do vhosts+=("$(printf 'test-%02d' "$i")"); done
    printf '{"users":[{"name":"candlepost","password":"%s","tags":""}],\n' "$rabbitmq_password"
    printf '"vhosts":[%s],\n' "$(list '{"name":"%s"}' "${vhosts[@]}")"
    printf '"permissions":[%s]}\n' "$(list \
        '{"user":"candlepost","vhost":"%s","configure":".*","write":".*","read":".*"}' "${vhosts[@]}")"
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
ssl_options.certfile = $place/config/localhost.pem
ssl_options.keyfile = $place/config/localhost.key
load_definitions = $place/config/definitions.json
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 50MB
log.file.level = info
END
    rabbitmq_cluster >>"$place/config/rabbitmq.conf"
    (umask 077 && rabbitmq_definitions >"$place/config/definitions.json")
    rabbitmq_certificate
    [[ -e $place/home/.erlang.cookie ]] || (umask 377 && secret >"$place/home/.erlang.cookie")
}

# Nodes find one another by their names, and form the cluster when they start.
rabbitmq_cluster() {
    local number=0 peer
    for peer in ${rabbitmq_peers-}; do
        echo "cluster_formation.classic_config.nodes.$((++number)) = $peer@localhost"
    done
}

# Of the name localhost, signed by itself.
rabbitmq_certificate() {
    local config=$dir/rabbitmq/config
    [[ ! -e $config/localhost.pem ]] || return 0
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$config/localhost.key" -out "$config/localhost.new" 2>/dev/null
    mv "$config/localhost.new" "$config/localhost.pem"
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
    # RUNNING_UNDER_SYSTEMD: the start script becomes the server, and does not stay as a parent that traps signals.
    env "$rabbitmq_mark" "${rabbitmq_env[@]}" RUNNING_UNDER_SYSTEMD=true setsid "$rabbitmq_bin/rabbitmq-server" \
        </dev/null >"$dir/rabbitmq/log/console.log" 2>&1 9>&- &
    rabbitmq_launched=$!
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
