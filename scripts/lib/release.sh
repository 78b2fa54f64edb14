# shellcheck shell=bash
# The servers of another Debian release, in a folder that debootstrap fills once and that is kept. Whatever runs there is
# seen by this machine as any other process: only its files are others. Needs: dir, release,
# and what else scripts/servers has read of its arguments.

releases=${CANDLEPOST_RELEASES:-$here/.local/releases}

# The release that DIR's servers are of, empty for this machine's own: $release at their first start, the same ever after,
# and in the same folder.
release_of_servers() {
    local kept=''
    if [[ -e $dir/release ]]; then
        read -r kept releases <"$dir/release"
    elif [[ ! -e $dir/settings && $verb == start* ]]; then
        kept=$release
        [[ -z $kept ]] || echo "$kept $(realpath -m "$releases")" >"$dir/release"
    fi
    [[ -z $release || $release == "$kept" ]] || die "the servers in $dir are of ${kept:-this machine}, not of $release: remove them first"
    release=$kept
}

# Where the library of --clock has Swift's own from: SwiftPM has linked it with them.
clock_needs() {
    [[ -z ${clock-} ]] || ldd "${clock%%:*}" | sed -n 's|.* => \(/.*\)/libswiftCore[.]so .*|\1|p'
}

# release_exec ROOT COMMAND...: becomes the command, which has ROOT's files, and of this machine's what servers need. The
# mounts are its own and end with it and what it starts.
release_exec() {
    local root=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec unshare --mount bash -c '
        set -e
        root=$1 places=$2 && shift 2
        while IFS= read -r place; do
            mkdir -p "$root$place"
            mount --rbind "$place" "$root$place"
        done <<<"$places"
        PATH=$PATH:/usr/sbin
        exec chroot "$root" "$@"' - "$root" "$(printf '%s\n' /proc /dev /sys /tmp /var/tmp "$here" "${dir%/*}" | cat - <(clock_needs))" \
        env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CANDLEPOST_INSIDE="$release" "$@"
}

# Goes on as this script, with what was read of its arguments, in the release's folder.
release_enter() {
    [[ -n ${dir%/*} ]] || die "--dir $dir: a folder of the root directory can't be seen from another root"
    ((EUID == 0)) || die "--release needs root: it makes a folder with debootstrap and runs servers in it by chroot"
    release_make 8>&- 9>&-
    release_exec "$releases/$release" "$here/scripts/servers" --dir "$dir" --extension "$extension" --test-vhosts "$test_vhosts" \
        --clock "$clock" "$verb" "${arguments[@]}"
}

# Half-made folders have another name, and only one is made at a time.
release_make() (
    root=$releases/$release
    [[ ! -e $root/complete ]] || exit 0
    mkdir -p "$releases"
    exec 7>"$releases/$release.lock"
    flock 7
    [[ ! -e $root/complete ]] || exit 0
    PATH=$PATH:/usr/sbin
    command -v debootstrap >/dev/null || "$here/scripts/install-packages" --for-releases
    say "Debian's $release with debootstrap, into $root (once; some minutes)"
    rm -rf "$root.new" "$root"
    debootstrap --variant=minbase "$release" "$root.new" >"$releases/$release.log" 2>&1 7>&- ||
        die "debootstrap failed, is there a mirror of Debian? $(tail -n 1 "$releases/$release.log") See $releases/$release.log"
    echo '127.0.0.1 localhost' >"$root.new/etc/hosts"
    (release_exec "$root.new" "$here/scripts/install-packages" --for-servers) >>"$releases/$release.log" 2>&1 7>&- ||
        die "the servers of $release could not be installed: see $releases/$release.log"
    mv "$root.new" "$root"
    touch "$root/complete"
)
