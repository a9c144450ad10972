#!/usr/bin/env bash
# The licences of everything that a published program holds beside the project: .NET's own and every package's, with its copyright and its own notices.
#   third-party-notices.sh ASSETS      the project.assets.json of the restore
set -euo pipefail
assets=${1:?the project.assets.json of the restore}
licences=$(dirname "$0")/licences
packages=$(sed -n 's/^ *"packagesPath": "\(.*\)",*$/\1/p' "$assets")
sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")

title() { printf '\n%s\n%s\n\n' "$1" "${1//?/=}"; }

# Texts of packages may have Windows' ends of lines, and a byte order mark.
text() { sed '1s/^\xef\xbb\xbf//; s/\r$//' "$1"; }

element() { text "$2" | sed -n "s/.*<$1[^>]*>\(.*\)<\/$1>.*/\1/p" | sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'; }

echo "VBiLstm (LICENSE) is distributed with the following, under their own licences."
title ".NET runtime"
text "$sdk/LICENSE.txt"
text "$sdk/ThirdPartyNotices.txt"
for path in $(sed -n 's/^ *"path": "\([a-z0-9._-]*\/[0-9][^"]*\)",*$/\1/p' "$assets" | sort -u); do
    folder=$packages$path
    manifest=$(echo "$folder"/*.nuspec)
    expression=$(element license "$manifest")

    # Some name an address alone; what stands there was looked up.
    [ -n "$expression" ] || expression=$(sed -n "s/^$(element id "$manifest") //p" "$licences/packages.txt")
    title "$(element id "$manifest") $(element version "$manifest") ($expression)"
    found=0
    while read -r file; do
        case ${file,,} in *licen*) found=1 ;; esac
        text "$file"
        echo
    done < <(find "$folder" -maxdepth 2 -type f \( -iname '*license*' -o -iname '*notice*' \) | sort)
    [ $found = 0 ] || continue
    [ -f "$licences/$expression.txt" ] || { echo "third-party-notices: $path has the licence '$expression', whose text is not in $licences." >&2; exit 1; }
    copyright=$(element copyright "$manifest")
    printf '%s\n\n' "${copyright:-Copyright (c) $(element authors "$manifest")}"
    cat "$licences/$expression.txt"
done
