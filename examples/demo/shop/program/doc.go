// Package program is everything the versions of the demo's shop have in common:
// the HTTP server, its configuration, and starting and stopping it in the background.
// What differs from version to version is how an order is priced; each version's main
// package passes that in as a Pricing.
package program
