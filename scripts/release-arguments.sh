# Sourced with the arguments [FOLDER [SYSTEM...]] of what is made for several systems: sets folder, which is made, systems, and work, a folder that goes at the
# end; goes to the checkout.
folder=${1:-artifacts}
systems=("${@:2}")
[ ${#systems[@]} -gt 0 ] || systems=(linux-x64 linux-arm64 win-x64 osx-arm64)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
