package main

import (
	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/orient"
	"github.com/sgtrim/sgtrim/cmd/world/labelled"
)

// relation is a conversation by its key.
type relation struct {
	reading
	action analyze.Action
}

// strengths are those of conversations, the strongest sight of each.
type strengths map[relation]analyze.Strength

func (s strengths) see(c *orient.Conversation) {
	if c.Link == 0 {
		k := relation{readingOf(c), c.Action}
		s[k] = max(s[k], c.Strength())
	}
}

// demand is the strength that the truth asks for, and whether a SYN on record tells it.
type demand struct {
	analyze.Strength
	flagged bool
}

// expected is what the truth demands (design §4.5), by relation: the strongest of its connections. Without flags only
// established connections show what they are, if they could be oriented. Late packets of a connection that was accepted are
// no rejects.
func expected(views []labelled.View, r readings) map[relation]demand {
	all, records := map[relation]demand{}, arrivedOf(views)
	for i := range views {
		v := &views[i]
		if !v.Handshake && (!v.Established() || r.judge(v, records).right == 0) {
			continue
		}
		k := relation{rightly(v), analyze.Accept}
		strength := analyze.Attempt
		switch {
		case v.Kind == labelled.Answered:
			strength = analyze.Established
		case v.Kind == labelled.Rejected && !v.AtClient:
			k.action, strength = analyze.Reject, analyze.Rejected
		}
		old := all[k]
		all[k] = demand{max(old.Strength, strength), old.flagged || v.Handshake}
		if v.Late && v.Handshake {
			k.action = analyze.Reject
			all[k] = demand{all[k].Strength, true}
		}
	}
	return all
}

// compare counts relations whose strength is as demanded as right, weaker ones as wrong (a need may be lost), stronger ones
// as doubt.
func (s strengths) compare(want map[relation]demand) (n score) {
	for k, d := range want {
		got, ok := s[k]
		switch {
		case !ok:
			n.absent++
		case got < d.Strength:
			n.wrong++
		case got > d.Strength && d.flagged:
			n.doubt++
		default:
			n.right++
		}
	}
	return n
}

func readingOf(c *orient.Conversation) reading {
	if c.Direction == analyze.Egress {
		return reading{c.Interface, c.Local, c.Peer, c.Port, c.Proto}
	}
	return reading{c.Interface, c.Peer, c.Local, c.Port, c.Proto}
}
