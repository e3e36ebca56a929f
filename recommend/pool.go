package recommend

import "math"

// Newcomers are rare, and most rules have too little traffic to tell their own rate of them. So each change borrows from the changes
// of its kind (an empirical-Bayes estimate: Robbins 1956; Morris, JASA 78, 1983): the rates of a kind are taken to be spread as a
// gamma distribution around their common mean, and what a change itself saw moves its rate away from there by as much as it saw.
// The spread has shape one half, so that what is borrowed weighs as much as half a newcomer: a change with traffic of its own soon
// speaks for itself, and one without has the kind's rate.
const borrowed = 0.5

// pool is the rate of newcomers that changes of one kind have in common: shape and rate of a gamma distribution.
type pool struct{ shape, rate float64 }

// pools by kind. Of unused rules, the rules used on one day only tell how many of those never used will be (Good-Turing).
func (r *reviewer) pools() map[Kind]pool {
	newcomers, exposure := map[Kind]float64{}, map[Kind]float64{}
	for i := range r.outcomes {
		e := &r.outcomes[i]
		newcomers[e.kind] += e.newcomers
		exposure[e.kind] += float64(e.exposure)
	}
	out := map[Kind]pool{Unused: {borrowed + float64(r.exposed.rare), float64(max(1, r.exposed.silent))}}
	for _, k := range []Kind{NarrowPorts, NarrowPeers, Redundant} {
		mean := (newcomers[k] + borrowed) / max(1, exposure[k])
		out[k] = pool{borrowed, borrowed / mean}
	}
	return out
}

// posterior is the distribution of a change's own rate.
func (p pool) posterior(e *expectation) pool {
	if e.kind == Unused { // that it was not used is how it came to be of the kind
		return p
	}
	return pool{p.shape + e.newcomers, p.rate + float64(e.exposure)}
}

// outlook is the sum of what changes may deny: mean and variance, in connections.
type outlook struct{ mean, variance float64 }

// of adds up expectations for a period that is times as long as the window. Newcomers arrive at random, each with a cluster of
// connections, and the rate they come at is uncertain: of one change its own, of several also what they borrowed.
func (r *reviewer) of(all []expectation, times float64) (o outlook, unknown bool) {
	kinds := map[Kind]float64{}
	for i := range all {
		e := &all[i]
		o.mean += float64(e.denied) * times
		o.variance += float64(e.denied) * times // strangers that are knowingly left out come at random too
		if unknown = unknown || e.unknown; e.unknown || e.harmless() {
			continue
		}
		rate := r.pooled[e.kind].posterior(e)
		mean := rate.shape / rate.rate * float64(e.exposure) * times * float64(e.cluster)
		o.mean += mean
		o.variance += mean * float64(2*e.cluster-1) // clusters of a geometric distribution
		if e.kind != Unused {
			o.variance += mean * mean / rate.shape
		}
		kinds[e.kind] += mean
	}
	for _, k := range phases {
		if p, ok := r.pooled[k]; ok && (k == Unused || len(all) > 1) {
			o.variance += kinds[k] * kinds[k] / p.shape
		}
	}
	return o, unknown
}

// interval holds the loss with a chance of nine in ten: the quantiles of the Poisson distribution that, scaled, has the mean and the
// variance (Bohm and Zech, Nucl. Instrum. Methods A 748, 2014, of sums of random lumps). Where a loss is so rare that these are
// zero, the mean bounds it all the same, so that nobody reads an expectation outside its interval.
func (o outlook) interval() (low, high float64) {
	if o.mean <= 0 {
		return 0, 0
	}
	lump := o.variance / o.mean
	lambda := round4(o.mean / lump)
	return lump * poissonQuantile(lambda, 0.05), max(o.mean, lump*poissonQuantile(lambda, 0.95))
}

// poissonQuantile is the least number that a Poisson variable does not exceed with the probability, which is compared to four digits.
// Far from zero it is that of the normal distribution.
func poissonQuantile(lambda, probability float64) float64 {
	const z, far = 1.6449, 400
	if lambda > far {
		return math.Round(lambda + math.Copysign(z, probability-0.5)*math.Sqrt(lambda))
	}
	p := math.Exp(-lambda)
	n, sum := 0.0, p
	for round4(sum) < probability && n < 2*far {
		n++
		p *= lambda / n
		sum += p
	}
	return n
}

// vague is the width of an interval beyond which it says nothing.
const vague = 0.1

// risk puts expectations together. of is the connections of the window that the shares are of.
func (r *reviewer) risk(all []expectation, of int64) Risk {
	window := max(1, int64(r.cover.recorded))
	period := window
	if r.opt.Period > 0 {
		period = int64(r.opt.Period)
	}
	o, unknown := r.of(all, float64(period)/float64(window))
	low, high := o.interval()
	expected := (of*period + window - 1) / window
	share := func(lost float64) float64 { return min(1, round4(lost/float64(max(1, expected)))) }
	out := Risk{
		Connections: expected, PeriodDays: int(period),
		Expected: share(o.mean), Low: share(low), High: share(high),
	}
	if unknown && len(all) == 1 {
		out.Low, out.High = 0, 1
	}
	out.Vague = out.High-out.Low > vague
	return out
}
