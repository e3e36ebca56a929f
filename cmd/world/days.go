package world

// EachDay cuts the period into days, the last perhaps shorter.
func (p Period) EachDay() []Period {
	var days []Period
	for from := p.from; from < p.to; from += day {
		days = append(days, Period{p.w, from, min(from+day, p.to)})
	}
	return days
}
