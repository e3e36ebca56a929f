// Package world makes a pretended AWS estate, its VPC Flow Logs, and the truth about both: which connections are needed,
// which rules are too wide or of no use, and which must stay although they look idle.
//
// It judges the rest of the module, so it shares no code with it: addresses, rules, matching and log formats are written
// a second time here, small and obvious. Facts about AWS are cited as [F n], section n of aws-facts.md.
//
// Everything is a pure function of Options: equal options make equal bytes. A World holds only the estate and the recipes
// of its traffic; records are made hour by hour as they are asked for, so memory does not grow with their number.
package world
