package orient

import (
	"slices"

	"github.com/sgtrim/sgtrim/analyze"
)

// The registry is short on purpose. A client behind NAT may use any port from 1024 on, so each listed port above 1023 is
// met by chance once in 64,512 connections; with some forty of them a wrong reading stays below 0.1 % even where nothing
// else decides. IANA lists 6,000 services; with them one connection in ten would be read wrongly.
var (
	highTCP = []uint16{
		1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3268, 3269, 3306, 3389, 4317, 4318, 5432, 5439, 5601, 5671, 5672,
		5985, 5986, 6379, 6443, 8080, 8443, 8883, 9042, 9090, 9092, 9093, 9094, 9200, 9300, 10250, 11211, 15672, 26379, 27017, 50051, 61616,
	}
	highUDP = []uint16{1194, 1812, 1813, 2049, 2055, 3478, 4500, 4789, 5353, 6343, 8125, 8472, 51820}
	// reservedTCP are services between 512 and 1023, where also clients of NFS and the r-commands take their ports from.
	reservedTCP = []uint16{513, 514, 515, 543, 544, 548, 554, 587, 593, 623, 631, 636, 646, 749, 853, 860, 873, 902, 989, 990, 992, 993, 995}
	reservedUDP = []uint16{514, 520, 546, 547, 623, 749, 853}
	// privilegedClients are served to clients that use ports from 512 to 1023.
	privilegedClients = []uint16{111, 513, 514, 2049}
)

const (
	firstHigh      = 1024  // NAT takes client ports from here on
	firstReserved  = 512   // clients of old UNIX services take ports from here to 1023
	firstEphemeral = 32768 // Linux takes client ports from here on, Windows and IANA from 49152
	ftpData        = 20    // an FTP server opens connections from here; nothing listens there
)

// portRank says how much a port looks like a service: 3 well known, 2 listed, 1 undecided, 0 a client's or nobody's.
func portRank(proto uint8, p uint16) int {
	high, reserved := highTCP, reservedTCP
	if proto == uint8(analyze.UDP) {
		high, reserved = highUDP, reservedUDP
	}
	switch {
	case p == 0, p == ftpData && proto == uint8(analyze.TCP):
		return 0
	case p < firstReserved:
		return 3
	case p < firstHigh:
		if slices.Contains(reserved, p) {
			return 3
		}
		return 1
	case slices.Contains(high, p):
		return 2
	}
	return 0
}

// ServicePort reports whether a port is that of a listed service.
func ServicePort(proto uint8, p uint16) bool { return portRank(proto, p) >= 2 }

// byRegistry compares two ports: negative when p is the service's, positive when q is, 0 when the registry does not tell.
func byRegistry(proto uint8, p, q uint16) int {
	if p >= firstReserved && p < firstHigh && slices.Contains(privilegedClients, q) && p != q {
		if q >= firstReserved && q < firstHigh {
			return 0
		}
		return 1
	}
	if q >= firstReserved && q < firstHigh && slices.Contains(privilegedClients, p) && p != q {
		if p >= firstReserved && p < firstHigh {
			return 0
		}
		return -1
	}
	if proto == uint8(analyze.TCP) && p != q && (p == ftpData || q == ftpData) {
		if p == ftpData && q >= firstHigh {
			return 1
		}
		if q == ftpData && p >= firstHigh {
			return -1
		}
		return 0
	}
	a, b := portRank(proto, p), portRank(proto, q)
	switch {
	case a == 1 || b == 1: // a reserved port without a service: tells only against a well-known one
		if a == 3 {
			return -1
		}
		if b == 3 {
			return 1
		}
		return 0
	case a != b:
		return b - a
	case a == 2 && (p < firstEphemeral) != (q < firstEphemeral):
		if p < firstEphemeral {
			return -1
		}
		return 1
	}
	return 0
}
