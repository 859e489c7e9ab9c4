#!/bin/sh
# image/assemble.sh BINARY ROOT: puts into ROOT what the image holds. Run by the Dockerfile and by `cargo xtask image`.
set -eu
binary=$1
root=$2
repository=$(cd "$(dirname "$0")/.." && pwd)
umask 022

# place SOURCE PATH MODE: a copy, never a link.
place() {
    mkdir -p "$root$(dirname "$2")"
    cp --dereference --no-preserve=all "$1" "$root$2"
    chmod "$3" "$root$2"
}

mkdir -p "$root"
place "$binary" /usr/bin/sluice 0755

# The loader and the libraries, under the paths at which the loader looks for them. A static binary has none.
libraries=$(ldd "$binary" 2>/dev/null || true)
case $libraries in
*'not found'*)
    echo "a library of $binary is missing on this machine:" >&2
    echo "$libraries" >&2
    exit 1
    ;;
esac
for library in $(echo "$libraries" | grep -o '/[^ ]*'); do
    place "$library" "$library" 0755
done

grep -v -e '^#' -e '^$' "$repository/image/files.txt" | while read -r path mode source; do
    case $source in
    folder)
        mkdir -p "$root$path"
        chmod "$mode" "$root$path"
        ;;
    /*) place "$source" "$path" "$mode" ;;
    *) place "$repository/$source" "$path" "$mode" ;;
    esac
done
