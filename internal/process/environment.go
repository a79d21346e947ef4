package process

import (
	"bytes"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// inherited names what a program gets of this process's environment: what programs need to find their files, to speak the
// user's language and to reach the network. Everything else stays here, above all credentials: a program gets those that the
// configuration gives it.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "LANGUAGE", "TERM",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	// Windows
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH",
	"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "COMMONPROGRAMFILES",
	"NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "OS",
}

// Inherited reports whether programs get the variable of this process's environment.
func Inherited(name string) bool {
	if runtime.GOOS == "windows" {
		name = strings.ToUpper(name) // names there are the same in any case
	}
	return strings.HasPrefix(name, "LC_") || slices.Contains(inherited, name)
}

// environment is what the program sees: the inherited part of the parent's, then its own, sorted.
func environment(parent []string, own map[string]string) []string {
	var result []string
	for _, variable := range parent {
		if name, _, ok := strings.Cut(variable, "="); ok && Inherited(name) {
			result = append(result, variable)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		result = append(result, name+"="+own[name]) // of two, os/exec takes the last
	}
	return result
}

// stdin is nil, the null device, when there is nothing to say.
func (s Spec) stdin() io.Reader {
	if len(s.Stdin) == 0 {
		return nil
	}
	return bytes.NewReader(s.Stdin)
}
