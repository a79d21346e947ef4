#!/usr/bin/env bash
# The demo: real Terraform delivers real software from development to production.
#
#   examples/demo/run.sh         build everything and run the story
#   examples/demo/run.sh pack    build and pack the versions of the shop, print their digests
#   examples/demo/run.sh stop    stop whatever shops the demo still has running
#
# TF selects the command line: terraform (default) or tofu. Everything is written under .demo/.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
DEMO=$ROOT/.demo
WORK=$DEMO/work
BIN=$DEMO/bin
LOG=$DEMO/last-command.log
TF=${TF:-terraform}
PROVIDER_VERSION=0.0.1
SHOP_VERSIONS="1.0.0 1.1.0 1.1.1"

# Nothing from the caller's own Terraform setup may change the story.
unset TF_WORKSPACE TF_DATA_DIR TF_CLI_ARGS TF_CLI_ARGS_plan TF_CLI_ARGS_apply TF_REATTACH_PROVIDERS CD_LEDGER CD_ENDPOINT CD_TOKEN
export TF_CLI_CONFIG_FILE=$DEMO/cli.tfrc CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 CGO_ENABLED=0

source "$HERE/lib/show.sh"
source "$HERE/lib/build.sh"
source "$HERE/lib/check.sh"
source "$HERE/lib/story.sh"

main() {
	case ${1:-story} in
	pack)
		build_shops
		pack_shops
		;;
	stop) stop_shops ;;
	story)
		trap stop_shops EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM
		prepare
		story
		farewell
		;;
	*)
		echo "usage: $0 [story|pack|stop]" >&2
		exit 2
		;;
	esac
}

# Start from scratch, so that a second run tells the same story. Only the provider's mirror and the builds are kept, as caches.
prepare() {
	SECONDS=0
	command -v "$TF" >/dev/null || fail "$TF is not on PATH. Install Terraform or OpenTofu, or set TF to where it is."
	stop_shops
	rm -rf "$WORK"
	mkdir -p "$WORK/bin"
	note "Building the provider, and three versions of a small shop (the first time takes minutes) ..."
	build_provider
	build_shops
	pack_shops >/dev/null
	cp "$HERE"/*.tf "$WORK/"
	cp "$BIN/smoke" "$WORK/bin/smoke"
	choose_ports
	note "Built in ${SECONDS}s. The story takes place in ${WORK#"$ROOT"/}."
	SECONDS=0
	cd "$WORK"
	terraform_run plain init -input=false
	expect_exit 0
}

main "$@"
