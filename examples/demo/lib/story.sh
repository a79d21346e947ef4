# The story, one function for each step. Sourced by run.sh.

story() {
	export CD_ACTOR=dave@example.com
	first_release
	blocked_promotion
	approved_promotion
	failed_release
	drift
	broken_parity
}

first_release() {
	caption "1. The first release" \
		"Dave has built shop 1.0.0. One apply declares three environments and a pipeline, and carries" \
		"the release through the automatic stages. Production is manual: it waits."
	cp dist/shop-1.0.0.tfvars release.auto.tfvars
	apply
	expect_exit 0
	expect_words '"development" = "1.0.0, verified"' '"staging" = "1.0.0, verified"'
	state 'cd_release.shop.stages["production"]'
	expect_words '"status" = "waiting"' 'a person decides'
	ask "$STAGING/"
	expect_page "$DEVELOPMENT/version" 1.0.0
	expect_page "$STAGING/version" 1.0.0
	expect_nobody_at "$PRODUCTION"
	note "Planning again: nothing to do."
	plan
	expect_exit 0
	expect_words 'No changes.'
}

blocked_promotion() {
	caption "2. The plan says what is missing" \
		"Dave asks for 1.0.0 in production. The plan is a dry run: it names the gate that does not pass."
	add promotion.tf
	plan
	expect_exit 2
	expect_words 'Warning:' 'approvals' 'To approve exactly this, write in cd_approval'
	CONTENT=$(sed -n 's/.*content = "\([0-9a-f]*\)".*/\1/p' "$LOG" | head -n 1)
}

approved_promotion() {
	caption "3. Approval and promotion, in HCL" \
		"Alice approves exactly this content: she copies it from the plan. (Dave could not: he is the author.)" \
		"Her apply promotes it."
	add approval.tf
	edit approval.tf "s/…/$CONTENT/"
	edit promotion.tf 's/\[cd_release.shop\]/[cd_release.shop, cd_approval.alice]/'
	CD_ACTOR=alice@example.com apply
	expect_exit 0
	expect_words 'production = "1.0.0, verified"'
	ask "$PRODUCTION/"
	expect_page "$PRODUCTION/version" 1.0.0
	plan
	expect_exit 0
	expect_words 'No changes.'
}

failed_release() {
	caption "4. A bad release gets only as far as staging" \
		"Shop 1.1.0 gives 10% off big orders, but treats yen as euro cents. Development sells in euros, and" \
		"its test passes. Staging equals production and sells in yen. Its smoke test finds the wrong price."
	edit release.auto.tfvars "$(release_edit 1.1.0)"
	apply
	expect_exit 1
	expect_words 'Error:' staging smoke '2400 JPY' '2160 JPY'
	note "The apply failed, and staging was rolled back to the verified version:"
	ask "$STAGING/version"
	note "Applying again deploys nothing: the release is held in staging until there is something new to try."
	apply
	expect_exit 1
	expect_words 'Error:' 'is held' '1.1.0 was rolled back in staging'
	expect_page "$DEVELOPMENT/version" 1.1.0
	expect_page "$STAGING/version" 1.0.0
	expect_page "$PRODUCTION/version" 1.0.0
	note "Shop 1.1.1 has the fix."
	edit release.auto.tfvars "$(release_edit 1.1.1)"
	apply
	expect_exit 0
	expect_words '"development" = "1.1.1, verified"' '"staging" = "1.1.1, verified"'
	expect_page "$STAGING/version" 1.1.1
	expect_page "$PRODUCTION/version" 1.0.0
}

# release_edit VERSION: what turns release.auto.tfvars into that of the version.
release_edit() {
	local digest
	digest=$(sed -n 's/^shop_digest *= *"\(.*\)"$/\1/p' "dist/shop-$1.tfvars")
	printf 's/^\\(shop_version *= \\).*/\\1"%s"/; s/^\\(shop_digest *= \\).*/\\1"%s"/' "$1" "$digest"
}

drift() {
	caption "5. Someone edits production by hand" \
		"The next plan says what differs from what was delivered, and apply heals it."
	local page=srv/production/shop/current/page.txt
	chmod u+w "$page"
	command_line "echo 'All tea is free today!' > $page"
	echo 'All tea is free today!' >"$page"
	ask "$PRODUCTION/"
	plan
	expect_exit 2
	expect_words page.txt
	apply
	expect_exit 0
	ask "$PRODUCTION/"
	expect_page "$PRODUCTION/" 'This is shop 1.0.0'
}

broken_parity() {
	caption "6. Staging must equal production" \
		"What if staging had sold in euros too? Then it would not have found the bug. The plan refuses that."
	edit staging.tf 's/CURRENCY  = "JPY"/CURRENCY  = "EUR"/'
	plan
	expect_exit 1
	expect_words 'Error:' CURRENCY EUR JPY production
	note "Dave reverts the edit, and everything is as declared again."
	edit staging.tf 's/CURRENCY  = "EUR"/CURRENCY  = "JPY"/'
	plan
	expect_exit 0
	expect_words 'No changes.'
}

farewell() {
	stop_shops
	caption "That was the demo (${SECONDS}s). The shops are stopped; the ledger and the state are kept." \
		"To explore further:" \
		"" \
		"  cd $WORK" \
		"  export TF_CLI_CONFIG_FILE=$TF_CLI_CONFIG_FILE CD_ACTOR=alice@example.com" \
		"  $TF plan                           # still nothing to do" \
		"  $TF state show cd_release.shop     # each stage, and what it waits for" \
		"  $TF state show cd_promotion.production" \
		"  sed -i.bak 's/1.0.0/1.1.1/' promotion.tf && $TF plan   # asks for an approval of 1.1.1" \
		"  tail run/*.log                     # what the shops wrote" \
		"  $HERE/run.sh stop   # stops the shops that your applies started" \
		"" \
		"Running the demo again starts from nothing."
}
