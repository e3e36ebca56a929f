package world

import "cmp"

// mixed takes the records of a connection apart, as in AWS's files they do not stand side by side: each goes through a
// reservoir, from which a random one leaves as the next comes in. Order is lost, memory stays bounded by the limit.
type mixed struct {
	logFile
	rng   rng
	limit int
	held  []Record
}

// reservoir is how many records order Mixed holds a file.
const reservoir = 2048

func (m *mixed) add(r *Record) error {
	if len(m.held) < m.limit {
		m.held = append(m.held, *r)
		return nil
	}
	i := m.rng.n(len(m.held))
	err := m.logFile.add(&m.held[i])
	m.held[i] = *r
	return err
}

func (m *mixed) close() error {
	var first error
	for i := len(m.held) - 1; i >= 0; i-- {
		j := m.rng.n(i + 1)
		m.held[i], m.held[j] = m.held[j], m.held[i]
		if err := m.logFile.add(&m.held[i]); err != nil && first == nil {
			first = err
		}
	}
	return cmp.Or(first, m.logFile.close())
}
