#!/usr/bin/env bash
# Opens the programs' pages in a real browser. Installs Debian's Chromium if there is
# none. GANDER_SCREENSHOTS=folder keeps pictures of the pages.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v chromium >/dev/null && [ -z "${GANDER_CHROMIUM:-}" ]; then
	sudo=$([ "$(id -u)" = 0 ] || echo sudo)
	$sudo apt-get update -qq
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "run gofmt on: $unformatted"; exit 1; }
go vet .
GANDER_BROWSER=must go test -count 1 .
