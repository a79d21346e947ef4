# Builds what the story needs. Sourced by run.sh.

# build_provider puts the provider into a filesystem mirror, so that init installs it as it would from a registry.
build_provider() {
	local host platform dir
	platform=$(go env GOOS)_$(go env GOARCH)
	for host in registry.terraform.io registry.opentofu.org; do
		dir=$DEMO/mirror/$host/delivery-as-code/cd/$PROVIDER_VERSION/$platform
		mkdir -p "$dir"
		(cd "$ROOT" && go build -trimpath -o "$dir/terraform-provider-cd_v$PROVIDER_VERSION" .)
	done
	printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$DEMO/mirror" >"$TF_CLI_CONFIG_FILE"
}

build_shops() {
	local version
	mkdir -p "$BIN"
	for version in $SHOP_VERSIONS; do
		(cd "$ROOT" && go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$BIN/$version/shop" "./examples/demo/shop/v$version")
	done
	(cd "$ROOT" && go build -trimpath -o "$BIN/smoke" ./examples/demo/shop/smoke && go build -trimpath -o "$BIN/kit" ./examples/demo/kit)
}

# pack_shops makes one archive for each version, and the tfvars file that a build writes for it.
pack_shops() {
	local version digest
	mkdir -p "$WORK/dist"
	for version in $SHOP_VERSIONS; do
		digest=$("$BIN/kit" pack "$WORK/dist/shop-$version.tar.gz" "$BIN/$version/shop" "$HERE/shop/v$version/page.txt")
		printf 'shop_version = "%s"\nshop_digest  = "%s"\n' "$version" "$digest" | tee "$WORK/dist/shop-$version.tfvars"
	done
}

# choose_ports finds three free ports and passes them to Terraform, and to stop_shops of this run and the next.
choose_ports() {
	PORTS=$("$BIN/kit" ports 3)
	printf '%s\n' "$PORTS" >"$DEMO/ports"
	# shellcheck disable=SC2086 # three words are wanted
	set -- $PORTS
	DEVELOPMENT=http://127.0.0.1:$1 STAGING=http://127.0.0.1:$2 PRODUCTION=http://127.0.0.1:$3
	printf 'ports = {\n  development = %s\n  staging     = %s\n  production  = %s\n}\n' "$1" "$2" "$3" >"$WORK/demo.auto.tfvars"
}

# stop_shops stops what this run or an earlier one started. It is also what runs after Ctrl-C.
stop_shops() {
	local port failed=''
	[ -f "$DEMO/ports" ] && [ -x "$BIN/1.0.0/shop" ] || return 0
	while IFS= read -r port; do
		PORT=$port RUN_DIR=$WORK/run "$BIN/1.0.0/shop" stop || failed=yes
	done <"$DEMO/ports"
	[ -z "$failed" ]
}
