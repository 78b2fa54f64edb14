# shellcheck shell=bash disable=SC2154 # scripts/package sets what is missing here
# The packages in a clean root of each Debian release. Needs: work, tree, dist, programs.

roots=()

test_packages() {
    local release old=$work/old
    ((EUID == 0)) || die 'the packages are tried in a root of their own: be root'
    for release in lintian mmdebstrap; do
        command -v $release >/dev/null || die "$release is not there: apt-get install $release"
    done
    say 'lintian'
    # Swift's runtime brings sections without what hardening-check looks for.
    lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$dist"/candlepost-*.deb
    rm -rf "$old"
    step 'Packages of an older version' "$work/old.log" make_packages 0.0.1 "$old" noautodbgsym
    for release in "$@"; do step "Clean root of $release" "$work/test-$release.log" test_release "$release"; done
}

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

# No function in the background: signals would go to its shell.
launch() {
    chroot "$root" env LC_ALL=C.UTF-8 "$@" &
    pids+=($!)
}

test_release() {
    root=$work/root-$1
    end_root "$root"
    rm -rf --one-file-system "$root"
    mmdebstrap --variant=apt "$1" "$root"
    roots+=("$root")
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    inside apt-get update
    install_and_upgrade
    run_pair "$1"
    purge
    end_root "$root"
}

holds() { "$@" || die "does not hold: $*"; }
fails() { ! "$@" || die "should not hold: $*"; }

install_and_upgrade() {
    local program
    mkdir "$root/old" "$root/new"
    cp "$work/old"/*.deb "$root/old/" && cp "$dist"/*.deb "$root/new/"
    rm -f "$root"/{old,new}/*-dbgsym_*.deb
    inside sh -c 'apt-get install --yes --no-install-recommends /old/*.deb man-db'
    for program in "${programs[@]}"; do
        echo '#LOG_LEVEL=debug # mine' >>"$root/etc/candlepost/$program.conf"
    done
    inside sh -c 'apt-get install --yes --no-install-recommends /new/*.deb'
    for program in "${programs[@]}"; do
        holds [ "$(inside candlepost-"$program" --version)" = "$program $(version)" ]
        holds grep -q '# mine' "$root/etc/candlepost/$program.conf"
        fails [ -e "$root/etc/systemd/system/multi-user.target.wants/candlepost-$program.service" ]
        holds [ -e "$root/lib/systemd/system/candlepost-$program.service" ]
        holds [ -e "$root/usr/share/bash-completion/completions/candlepost-$program" ]
        holds [ -e "$root/usr/share/man/man1/candlepost-$program.1.gz" ]
    done
}

# Candles through both, from the packages, between servers of the same release.
run_pair() {
    local release=() ports pid
    # shellcheck source=/dev/null
    [[ $(. /etc/os-release && echo "$VERSION_CODENAME") == "$1" ]] || release=(--release "$1")
    servers=("$here/scripts/servers" --dir "$work/servers-$1")
    "${servers[@]}" remove
    "${servers[@]}" "${release[@]}" start
    eval "$("${servers[@]}" env)"
    export DATABASE_URL AMQP_URL
    cp "$here/examples/markets.json" "$root/markets.json"
    inside candlepost-writer migrate
    inside candlepost-writer markets import /markets.json
    ports=$(free_ports 3)
    launch WRITER_HTTP=127.0.0.1:"$ports" candlepost-writer run
    launch RELAY_HTTP=127.0.0.1:$((ports + 1)) candlepost-relay run
    head -n 5000 < <(gunzip -c "$here/examples/candles.ndjson.gz") | inside candlepost-writer feed -
    until_true 120 announced 5000 $((ports + 1))
    launch CONSOLE_HTTP=127.0.0.1:$((ports + 2)) candlepost-console run
    until_true 60 curl --silent --fail --output /dev/null "http://127.0.0.1:$((ports + 2))/markets"
    for pid in "${pids[@]}"; do kill -s TERM "$pid" && wait "$pid"; done
    pids=()
    inside candlepost-relay verify
    "${servers[@]}" remove
    servers=()
}

announced() {
    (($(curl --silent --max-time 2 "http://127.0.0.1:$2/metrics" | awk '/^candlepost_relay_rows_published_total/ { n += $NF } END { print n + 0 }') >= $1))
}

purge() {
    inside apt-get purge --yes 'candlepost-*'
    fails [ -e "$root/etc/candlepost" ]
    fails [ -e "$root/usr/share/candlepost" ]
    fails [ -n "$(find "$root"/{etc,lib,usr,var/lib} -name '*candlepost*' ! -path '*/apt/*' ! -path '*/dpkg/*' -print -quit)" ]
}

end_root() { umount "$1/dev" "$1/proc" 2>/dev/null || true; }

end_roots() {
    local pid root
    for pid in ${pids[@]+"${pids[@]}"}; do kill -s TERM "$pid" 2>/dev/null; done
    [[ -z ${servers[*]-} ]] || "${servers[@]}" remove
    for root in ${roots[@]+"${roots[@]}"}; do end_root "$root"; done
}
