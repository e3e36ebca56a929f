package labelled

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// zeekLine is one line of Zeek's conn.log. History holds, in upper case for the originator and in lower case for the
// responder: s SYN, h SYN-ACK, f FIN, r RST [Zeek, base/protocols/conn/main.zeek].
type zeekLine struct {
	TS          float64 `json:"ts"`
	Orig        string  `json:"id_orig_h"`
	OrigPort    uint16  `json:"id_orig_p"`
	Resp        string  `json:"id_resp_h"`
	RespPort    uint16  `json:"id_resp_p"`
	Proto       string  `json:"proto"`
	Duration    float64 `json:"duration"`
	History     string  `json:"history"`
	OrigPackets int64   `json:"orig_pkts"`
	RespPackets int64   `json:"resp_pkts"`
	OrigBytes   int64   `json:"orig_ip_bytes"`
	RespBytes   int64   `json:"resp_ip_bytes"`
}

// ErrNoZeek says that a folder holds no *_conn.log, at any depth of one.
var ErrNoZeek = errors.New("no Zeek connection logs")

// Zeek makes a day of the real connections in dir/*/*_conn.log, logged as the class says by the hosts that saw them. Service
// and Clients of the class mean nothing here, nor does BothEnds: each file is the log of one host.
func Zeek(c Class, dir string, seed uint64) (*Day, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*_conn.log"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoZeek)
	}
	w := newWriter(c, rand.New(rand.NewPCG(seed, 0)))
	for _, name := range files {
		lines, err := readZeek(name)
		if err != nil {
			return nil, err
		}
		w.zeek(lines)
	}
	return w.close(), nil
}

func readZeek(name string) (lines []zeekLine, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var z zeekLine
		if err := json.Unmarshal(s.Bytes(), &z); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if z.OrigPackets+z.RespPackets > 0 && (z.Proto == "tcp" || z.Proto == "udp") {
			lines = append(lines, z)
		}
	}
	return lines, s.Err()
}

// zeek logs the connections of one file at the host that is in all of them.
func (w *writer) zeek(lines []zeekLine) {
	seen := map[string]int{}
	for _, z := range lines {
		seen[z.Orig]++
		seen[z.Resp]++
	}
	own := ""
	for h, n := range seen {
		if n > seen[own] || n == seen[own] && h < own {
			own = h
		}
	}
	for i := range lines {
		z := &lines[i]
		c := &Connection{Client: z.end(z.Orig, z.OrigPort), Service: z.end(z.Resp, z.RespPort), Protocol: udp}
		if z.Proto == "tcp" {
			c.Protocol = tcp
		}
		if !strings.ContainsRune(z.History, 'h') && z.Proto == "tcp" {
			c.Kind = Silent
			if strings.ContainsRune(z.History, 'r') {
				c.Kind = Refused
			}
		}
		z.packets(&w.talk)
		addr := netip.MustParseAddr(own)
		w.log(c, &host{addr: addr, iface: interfaceID(addr)}, z.Orig == own)
		w.Connections = len(w.Views)
	}
}

func (z *zeekLine) end(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

// packets spreads what Zeek counted over the connection's time, in at most ten parts a direction: the handshake first, FIN
// and RST last.
func (z *zeekLine) packets(t *talk) {
	t.all = t.all[:0]
	start := midnight + int64(z.TS)%day
	z.direction(t, start, true, z.OrigPackets, z.OrigBytes, strings.ToLower(only(unicode.IsUpper, z.History)), syn)
	z.direction(t, start, false, z.RespPackets, z.RespBytes, only(unicode.IsLower, z.History), synAck)
	slices.SortStableFunc(t.all, func(a, b packets) int { return int(a.at - b.at) })
}

func (z *zeekLine) direction(t *talk, start int64, up bool, n, bytes int64, history string, first uint8) {
	parts := min(n, 10)
	for k := range parts {
		part := func(all int64) int64 { return all*(k+1)/parts - all*k/parts }
		flags := uint8(0)
		if k == 0 && (strings.ContainsRune(history, 's') || strings.ContainsRune(history, 'h')) {
			flags |= first
		}
		if k == parts-1 && strings.ContainsRune(history, 'f') {
			flags |= fin
		}
		if k == parts-1 && strings.ContainsRune(history, 'r') {
			flags |= rst
		}
		at := start
		if parts > 1 {
			at += int64(z.Duration) * k / (parts - 1)
		}
		t.send(at, up, flags, part(n), part(bytes))
	}
}

// only keeps the letters that are of a kind.
func only(kind func(rune) bool, s string) string {
	return strings.Map(func(r rune) rune {
		if kind(r) {
			return r
		}
		return -1
	}, s)
}
