package inflate

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// flowLog returns about size bytes of flow log as one interface fleet would write them within a few minutes: few
// interfaces and services, many clients, counters that look random. Version 2 or 5.
func flowLog(version, size int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(version)))
	type host struct{ eni, ip, instance, subnet string }
	hosts := make([]host, 40)
	for i := range hosts {
		hosts[i] = host{
			eni:      fmt.Sprintf("eni-%017x", rng.Uint64()>>4),
			ip:       fmt.Sprintf("10.%d.%d.%d", 20+i%3, rng.IntN(64), rng.IntN(254)+1),
			instance: fmt.Sprintf("i-%017x", rng.Uint64()>>4),
			subnet:   fmt.Sprintf("subnet-%017x", 0xabc0ffee00000+uint64(i%3)),
		}
	}
	clients := make([]string, 3000)
	for i := range clients {
		clients[i] = fmt.Sprintf("%d.%d.%d.%d", 10+rng.IntN(3)*60, rng.IntN(4)*20, rng.IntN(256), rng.IntN(254)+1)
	}
	ports := []int{443, 443, 443, 443, 80, 5432, 6379, 9092, 53, 8080, 22}
	const v5 = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path\n"
	var b bytes.Buffer
	if version == 2 {
		b.WriteString(strings.Join(strings.Fields(v5)[:14], " ") + "\n")
	} else {
		b.WriteString(v5)
	}
	now := 1_760_000_000
	for b.Len() < size {
		now += rng.IntN(2)
		h, peer := hosts[rng.IntN(len(hosts))], clients[rng.IntN(len(clients))]
		service, client := ports[rng.IntN(len(ports))], 32768+rng.IntN(28232)
		src, dst, sport, dport, way, path := peer, h.ip, client, service, "ingress", "-"
		if rng.IntN(2) == 0 {
			src, dst, sport, dport, way, path = h.ip, peer, service, client, "egress", "1"
		}
		packets := 1 + int(rng.ExpFloat64()*20)
		start := now - rng.IntN(60)
		action, proto, flags := "ACCEPT", 6, []int{0, 3, 19, 2, 18}[rng.IntN(5)]
		if service == 53 {
			proto, flags = 17, 0
		}
		if rng.IntN(25) == 0 {
			action, flags = "REJECT", 2
		}
		fmt.Fprintf(&b, "%d 123456789010 %s %s %s %d %d %d %d %d %d %d %s OK", version, h.eni, src, dst, sport, dport, proto,
			packets, packets*(40+rng.IntN(1400)), start, start+10+rng.IntN(50), action)
		if version == 5 {
			fmt.Fprintf(&b, " vpc-0a1b2c3d4e5f60718 %s %s %d IPv4 %s %s eu-central-1 euc1-az%d - - - - %s %s", h.subnet, h.instance,
				flags, src, dst, 1+len(h.ip)%3, way, path)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func compress(tb testing.TB, text []byte, level int) []byte {
	var b bytes.Buffer
	w, err := stdgzip.NewWriterLevel(&b, level)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func BenchmarkGunzip(b *testing.B) {
	for _, version := range []int{2, 5} {
		text := flowLog(version, 16<<20)
		file := compress(b, text, 6)
		src := bytes.NewReader(nil)
		run := func(name string, decode func() (int64, error)) {
			b.Run(fmt.Sprintf("v%d/%s", version, name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					src.Reset(file)
					n, err := decode()
					if err != nil || n != int64(len(text)) {
						b.Fatalf("%d bytes, %v", n, err)
					}
				}
				b.ReportMetric(float64(len(text))/float64(len(file)), "ratio")
			})
		}
		own := NewReader(src)
		run("own", func() (n int64, err error) {
			own.Reset(src)
			for {
				p, err := own.Next()
				if err == io.EOF {
					return n, nil
				}
				if err != nil {
					return n, err
				}
				n += int64(len(p))
			}
		})
		buf := make([]byte, 256<<10)
		drain := func(r io.Reader) (n int64, err error) {
			for {
				m, err := r.Read(buf)
				n += int64(m)
				if err == io.EOF {
					return n, nil
				}
				if err != nil {
					return n, err
				}
			}
		}
		kp := new(gzip.Reader)
		run("klauspost", func() (int64, error) {
			if err := kp.Reset(src); err != nil {
				return 0, err
			}
			return drain(kp)
		})
		std := new(stdgzip.Reader)
		run("stdlib", func() (int64, error) {
			if err := std.Reset(src); err != nil {
				return 0, err
			}
			return drain(std)
		})
	}
}
