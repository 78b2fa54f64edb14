# shellcheck shell=bash disable=SC2154 # scripts/servers sets what is missing here
# A private PostgreSQL under $dir/postgres. Needs: dir, postgres_port, postgres_password,
# database_password; and extension, if it is to have one.

# shellcheck source=scripts/lib/certificates.sh
source "$here/scripts/lib/certificates.sh"

postgres_mark=CANDLEPOST_POSTGRES=$dir

postgres_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

# PostgreSQL refuses to run as root: root hands it to the user that the Debian package made.
as_postgres() {
    if ((EUID == 0)); then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

# The directory itself, or, where that user can't get at it, one under /var/tmp with a link in its place.
postgres_directory() {
    local place=$dir/postgres
    [[ ! -d $place ]] || return 0
    rm -f "$place"
    mkdir "$place"
    ((EUID == 0)) || return 0
    chown postgres: "$place"
    as_postgres test -w "$place" && return
    rmdir "$place"
    ln -s "$(mktemp -d /var/tmp/candlepost-postgres.XXXXXXXX)" "$place"
    chown postgres: "$place/."
}

postgres_settings() {
    cat <<END

# Candlepost's private server
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
work_mem = 4MB
max_wal_size = 512MB
log_line_prefix = '%m [%p] %q%a '
timezone = 'UTC'
log_timezone = 'UTC'
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_ca_file = 'ca.pem'
END
    [[ -z ${extension-} ]] || printf '%s\n' "shared_preload_libraries = '${extension-}'" 'timescaledb.telemetry_level = off' \
        'timescaledb.max_background_workers = 32' 'max_worker_processes = 40'
}

# In the cluster's own directory, where the server may read them and nobody else.
postgres_certificates() {
    local name
    for name in server.pem server.key ca.pem; do
        as_postgres bash -c 'umask 077 && cat >"$0"' "$1/$name" <"$tls/$name"
    done
}

# First of all rules: groups of roles that tests fill, whose password the server asks for in ways that a client must be
# able to refuse. Elsewhere there are no such groups.
postgres_weak_rules() {
    printf 'host all +test_%s 127.0.0.1/32 %s\n' password password md5 md5
    cat "$1"
}

# Makes the cluster under another name and renames it when it is whole: an interrupted start leaves nothing half-made.
postgres_create() {
    local place new rules
    certificates_create
    postgres_directory
    place=$(cd "$dir/postgres" && pwd -P)
    [[ ! -e $place/data ]] || return 0
    new=$place/data.new
    rm -rf "$new"
    # The password comes through a pipe that is handed over open: no file of it is left behind.
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_postgres bash -c '"$0" --pwfile=<(cat) "$@"' "$postgres_bin/initdb" --pgdata="$new" --username=postgres \
        --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --no-sync --no-instructions \
        <<<"$postgres_password" >"$dir/initdb.log" 2>&1 || die "initdb failed: see $dir/initdb.log"
    postgres_settings | as_postgres tee -a "$new/postgresql.conf" >/dev/null
    postgres_certificates "$new"
    rules=$(postgres_weak_rules "$new/pg_hba.conf")
    as_postgres tee "$new/pg_hba.conf" <<<"$rules" >/dev/null
    as_postgres mv "$new" "$place/data"
}

postgres_start() {
    local place
    none_of "$postgres_mark" postgres || return 0
    postgres_create
    place=$(cd "$dir/postgres" && pwd -P)
    postgres_forget "$place/data/postmaster.pid"
    as_postgres env "$postgres_mark" "$postgres_bin/pg_ctl" start --silent --wait --timeout=60 --pgdata="$place/data" \
        --log="$place/postgres.log" --options="-p $postgres_port" </dev/null >/dev/null 2>&1 9>&- ||
        die "PostgreSQL did not start: see $dir/postgres/postgres.log"
    postgres_database
}

# PostgreSQL takes a dead postmaster whose parent has not collected its status for a live one.
postgres_forget() {
    local pid
    { read -r pid <"$1"; } 2>/dev/null || return 0
    ! gone "$pid" || rm -f "$1"
}

# psql as the superuser; the password goes by the environment, where other users can't read it.
postgres_psql() {
    PGPASSWORD=$postgres_password PGSSLMODE=disable PGCONNECT_TIMEOUT=10 "$postgres_bin/psql" --no-psqlrc --host=127.0.0.1 \
        --port="$postgres_port" --username=postgres "$@"
}

# The application's role is an ordinary one: it owns its database and no more.
postgres_database() {
    [[ ! -e $dir/postgres/made ]] || return 0
    postgres_psql --quiet --set=ON_ERROR_STOP=1 --dbname=postgres <<SQL
DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'candlepost') THEN CREATE ROLE candlepost LOGIN; END IF;
END \$\$;
ALTER ROLE candlepost PASSWORD '$database_password';
SELECT 'CREATE DATABASE candlepost OWNER candlepost'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'candlepost') \gexec
SQL
    [[ -z ${extension-} ]] || postgres_psql --quiet --set=ON_ERROR_STOP=1 --dbname=candlepost \
        --command="SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS ${extension-}" ||
        die "PostgreSQL has no extension ${extension-}: install it first"
    as_postgres touch "$(cd "$dir/postgres" && pwd -P)/made"
}

# postgres_stop [smart|fast|immediate]
postgres_stop() {
    local mode=${1:-fast} place
    case $mode in smart | fast | immediate) ;; *) misused "a stop is fast, immediate or smart, not '$mode'" ;; esac
    none_of "$postgres_mark" postgres && return
    place=$(cd "$dir/postgres" 2>/dev/null && pwd -P) || { postgres_kill && return; }
    as_postgres "$postgres_bin/pg_ctl" stop --silent --mode="$mode" --timeout=60 --pgdata="$place/data" >/dev/null ||
        postgres_kill
    until_true 10 none_of "$postgres_mark" postgres || postgres_kill
}

# The postmaster and its children at once. (A child may write its title over the mark: they are found by their parent.)
postgres_kill() {
    local pids
    mapfile -t pids < <(marked "$postgres_mark" postgres)
    ((${#pids[@]})) || return 0
    mapfile -t -O "${#pids[@]}" pids < <(children_of "${pids[@]}")
    signal KILL "${pids[@]}"
    until_true 10 gone "${pids[@]}" || die "PostgreSQL (processes ${pids[*]}) does not die"
}
