// Package directory deploys releases below a directory of this machine and sees whether they are still what was deployed.
//
// # Layout
//
// <path>/.cd-ledger.json names the ledger that deploys below <path>: no other one may, and what another one runs there is not looked at.
// A directory without it belongs to the ledger whose deployment comes next. Everything of a pipeline is below <path>/<pipeline>:
//
//	current                        link to the release that runs, switched atomically
//	previous                       link to what ran before it: where a failed after_deploy goes back to
//	releases/<version>-<id>/       one release as deployed by one deployment
//	    .env                       effective configuration, mode 0600
//	    .secrets.env               secrets, mode 0600; absent when there are none
//	    .cd-manifest.json          what was deployed: every file with size, mode and hash
//	finished                       name of the release whose after_deploy ended well last
//	staging/                       releases being built; emptied by every deployment
//	.lock                          held while a deployment works
//
// A release of one artifact has that artifact's content at its top; with several artifacts each has a directory of its name.
// An artifact is a directory, a .tar.gz, .tgz or .zip archive, which is unpacked, or any other single file, which is copied
// under its own name. It comes from a path, a file:// address or an https:// address.
//
// Files get mode 0755 when their owner may execute them at the source and 0644 otherwise; a file that is fetched alone gets
// 0644. Directories get 0755.
//
// # The files .env and .secrets.env
//
// One variable per line or lines, sorted by key: KEY="value", or KEY='value' if the value has one of \ " $ and `. A POSIX shell reads it with
// the dot command, and Docker Compose, Node.js and python-dotenv read the same (delivery.DotenvValue). Configuration that they would
// read in different ways is refused in the plan. A secret that they would read in different ways, and such configuration of releases that
// earlier versions recorded, is written for the shell: in double quotes, with a backslash before each of \ " $ and `.
//
// # Digest of a directory
//
// The digest of an artifact that is a directory is "sha256:" and the SHA-256 of its listing: one line for each directory, file
// and link below it, sorted by path (bytewise), each a JSON object as it stands in the manifest:
//
//	{"path":"bin","kind":"directory"}
//	{"path":"bin/shop","kind":"file","mode":"0755","size":5,"sha256":"2cf2…"}
//	{"path":"run","kind":"link","link":"bin/shop"}
//
// The mode is 0755 or 0644, as above. Digest computes it.
//
// # What counts as a change
//
// Observe compares with the manifest, and the manifest with the hash in the receipt. A file that is missing or differs in
// content, kind or mode is a difference, and so is a variable of .env, or the name of one in .secrets.env. Files that were
// added are no difference, because running software writes some: pid files, logs, caches.
package directory
