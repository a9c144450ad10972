# Sourced by the scripts that unpack Debian packages without installing them: a private apt configuration that
# reads another suite, non-free included, from the archive that this machine's own apt sources name.
#   open_debian_archive SUITE      then      download_package NAME  (into $archive_work/packages)

open_debian_archive() {
    local suite=$1 file
    archive_work=$(mktemp -d "${TMPDIR:-/tmp}/debian-archive.XXXXXX")
    mkdir -p "$archive_work/lists/partial" "$archive_work/cache/archives/partial" "$archive_work/packages"

    # The first archive stanza, not the security updates', in the deb822 style or else the one-line style.
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        sed '/^#/d' "$file" | awk 'BEGIN { RS = ""; ORS = "\n\n" } /debian-archive-keyring/ && !/-security/ { print; exit }'
    done | awk 'BEGIN { RS = ""; ORS = "\n" } NR == 1' |
        sed -E "s/^Suites:.*/Suites: $suite/; s/^Components:.*/Components: main contrib non-free/" > "$archive_work/archive.sources"
    archive_source=$archive_work/archive.sources
    if [ ! -s "$archive_source" ]; then
        archive_source=$archive_work/archive.list
        if [ -f /etc/apt/sources.list ]; then
            sed -nE "s#^deb (\[[^]]*\] )?([a-z]+://[^ ]*/debian/?) [^ ]+ .*#deb \1\2 $suite main contrib non-free#p" \
                /etc/apt/sources.list | head -n 1 > "$archive_source"
        fi
    fi
    if [ ! -s "$archive_source" ]; then
        echo "no Debian archive in this machine's apt sources" >&2
        return 1
    fi
    archive_apt update
}

archive_apt() {
    apt-get -o Dir::Etc::sourcelist="$archive_source" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$archive_work/lists" \
        -o Dir::Cache="$archive_work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 -qq "$@"
}

download_package() {
    (cd "$archive_work/packages" && archive_apt download "$1")
}

close_debian_archive() {
    rm -rf "${archive_work:-}"
}

# Where unpacked things are kept: outside the source tree, the same for every checkout.
vbilstm_cache() {
    printf '%s\n' "${VBILSTM_NVCC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vbilstm}"
}
