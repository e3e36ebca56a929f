// Package analyze holds the words of the tool as values: directions, protocols, port ranges, services, peers, rules,
// flow keys, strengths and the three-valued match. It imports nothing else of this module; everything else imports it.
package analyze
