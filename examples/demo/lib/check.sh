# Runs Terraform and checks that each step has the expected result. Sourced by run.sh.

fail() {
	printf '\n%sThe demo did not go as told: %s%s\n' "$RED" "$*" "$RESET" >&2
	if [ -f "$LOG" ]; then printf 'The whole output of the last command is in %s.\n' "$LOG" >&2; fi
	exit 1
}

# terraform_run VIEW ARGUMENT...: shows the command and its trimmed output, keeps all of it in $LOG and the exit code in $CODE.
terraform_run() {
	local view=$1
	shift
	command_line "$(basename "$TF") $1"
	set +e
	# Ctrl-C reaches the whole pipeline. Terraform must be able to stop cleanly and to say so.
	"$TF" "$@" -no-color 2>&1 | (
		trap '' INT
		tee "$LOG" | trim "$view" | indent
	)
	CODE=${PIPESTATUS[0]}
	set -e
}

# plan: exit code 0 is no changes, 1 an error, 2 changes.
plan() { terraform_run "${1:-full}" plan -input=false -lock-timeout=10s -detailed-exitcode; }

apply() { terraform_run "${1:-brief}" apply -input=false -lock-timeout=10s -auto-approve; }

expect_exit() {
	[ "$CODE" -eq "$1" ] || fail "the command should have ended with exit code $1, and ended with $CODE"
}

# expect_words WORDS...: the last output contains each of them, even if Terraform wrapped its lines.
expect_words() {
	local flat words
	flat=$(sed -e 's/^[│╷╵ ]*//' "$LOG" | tr -s ' \n' '  ')
	for words in "$@"; do
		case $flat in
		*"$words"*) ;;
		*) fail "the output should have said: $words" ;;
		esac
	done
}

# state EXPRESSION: shows what Terraform's state says.
state() {
	command_line "echo '$1' | $(basename "$TF") console"
	"$TF" console <<<"$1" 2>&1 | tee "$LOG" | indent
}

# expect_page URL WORDS: the running shop answers with these words.
expect_page() {
	local answer
	answer=$("$BIN/kit" get "$1" 2>&1) || fail "$1 does not answer: $answer"
	case $answer in
	*"$2"*) ;;
	*) fail "$1 should have said \"$2\", and said \"$answer\"" ;;
	esac
}

expect_nobody_at() {
	if "$BIN/kit" get "$1/healthz" >/dev/null 2>&1; then fail "nothing should answer at $1"; fi
}

# ask URL: shows what the running shop answers.
ask() {
	command_line "curl $1"
	"$BIN/kit" get "$1" 2>&1 | indent
}
