package flowlog

// KnownNames are all field names that a header may have.
func KnownNames() map[string]bool {
	out := map[string]bool{}
	for name := range columnOf {
		out[name] = true
	}
	return out
}

// FieldNames are the names of the columns that are read, by column.
func FieldNames() []string { return fieldNames[:] }

// Plain tells whether a text is parsed column by column after its first line.
func (d *Decoder) Plain(text string) bool {
	d.format = nil
	d.ids.next()
	d.addrs.reset()
	d.cols.reset()
	d.off = make([]uint32, chunkSize+slack)
	buf := make([]byte, len(text)+slack)
	n := copy(buf, text)
	at := 0
	for buf[at] != '\n' {
		at++
	}
	if header, err := d.begin(buf[:at]); err != nil || !header {
		return false
	}
	plain, err := d.plain(buf[at+1:], n-at-1)
	return plain && err == nil
}

// ReadInPlace makes d read Parquet files page by page, however small they are.
func (d *Decoder) ReadInPlace() { d.wholeMost = 0 }

// MostAddresses sets how many addresses a dictionary may hold before it is begun anew.
func (d *Decoder) MostAddresses(n int) { d.addrs.most = n }

// AddressesMost is that number outside of tests.
const AddressesMost = addressesMost

// WithoutAssembly calls f while separators are found, and numbers parsed, as on other processors.
func WithoutAssembly(f func()) {
	defer func(s separatorsFunc, wide bool) { separators, wideNumbers = s, wide }(separators, wideNumbers)
	separators, wideNumbers = separatorsPlain, false
	f()
}
