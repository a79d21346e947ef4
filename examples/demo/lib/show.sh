# What the person watching sees: captions, edits, and the interesting lines of Terraform's output.
# Sourced by run.sh.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' BLUE=$'\e[1;34m' RESET=$'\e[0m'
else
	BOLD='' DIM='' RED='' GREEN='' YELLOW='' BLUE='' RESET=''
fi

caption() {
	printf '\n%s== %s%s\n' "$BLUE" "$1" "$RESET"
	shift
	if [ $# -gt 0 ]; then printf '   %s\n' "$@"; fi
	printf '\n'
}

note() { printf '%s%s%s\n' "$DIM" "$*" "$RESET"; }

command_line() { printf '%s$ %s%s\n' "$BOLD" "$*" "$RESET"; }

# add FILE: the user adds a file to the configuration.
add() {
	cp "$HERE/steps/$1" "$WORK/$1"
	note "+ $1"
	indent <"$WORK/$1"
}

# edit FILE SED-EXPRESSION: the user edits a file; what changes is shown.
edit() {
	local before=$DEMO/before-edit
	cp "$WORK/$1" "$before"
	sed "$2" "$before" >"$WORK/$1"
	note "~ $1"
	if diff "$before" "$WORK/$1" >"$DEMO/edit.diff"; then fail "the edit of $1 changed nothing"; fi
	grep '^[<>]' "$DEMO/edit.diff" | sed -e 's/^</-/' -e 's/^>/+/' | indent
}

# indent shows standard input four columns in, with the colors Terraform gives to its own output.
indent() {
	local line color
	while IFS= read -r line; do
		case $line in
		*Error:*) color=$RED ;;
		*Warning:*) color=$YELLOW ;;
		*'# '*) color=$BOLD ;;
		+* | '  +'* | '      +'*) color=$GREEN ;;
		-* | '  -'* | '      -'*) color=$RED ;;
		'~'* | '  ~'* | '      ~'*) color=$YELLOW ;;
		*) color='' ;;
		esac
		printf '    %s%s%s\n' "$color" "$line" "${color:+$RESET}"
	done
}

# trim VIEW drops what is not interesting to the person watching. VIEW full keeps the plan, brief leaves out the plan's body,
# plain keeps only the last word of init.
trim() {
	local view=$1 line body='' blank='' shown=''
	while IFS= read -r line; do
		if [ "$body" = outside ]; then
			case $line in
			────*) body='' ;;
			esac
			continue
		fi
		case $line in
		'Note: Objects have changed outside'*)
			# A failed apply moves on without its state. In a brief view this is not interesting.
			if [ "$view" = brief ]; then body=outside; continue; fi
			;;
		*': Refreshing state...'* | *': Reading...'* | *': Read complete'*) continue ;;
		'(and one more similar warning elsewhere)') continue ;;
		*': Creating...' | *': Still '* | *': Modifying...'* | *': Destroying...'*) continue ;;
		*'used the selected providers'* | 'plan. Resource actions are'* | 'following symbols:'*) continue ;;
		'  + create' | '  ~ update in-place' | '  - destroy' | '-/+ destroy and then create'*) continue ;;
		'Terraform will perform'* | 'OpenTofu will perform'*)
			if [ "$view" = brief ]; then body=hidden; fi
			continue
			;;
		'Plan: '*) body='' ;;
		'Terraform has been successfully'* | 'OpenTofu has been successfully'*) ;;
		*) if [ "$view" = plain ]; then continue; fi ;;
		esac
		if [ -n "$body" ]; then continue; fi
		if [ -z "$line" ]; then
			blank=yes
			continue
		fi
		if [ -n "$blank" ] && [ -n "$shown" ]; then printf '\n'; fi
		blank='' shown=yes
		printf '%s\n' "$line"
	done
}
