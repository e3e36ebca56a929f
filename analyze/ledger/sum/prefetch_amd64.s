//go:build !purego

#include "textflag.h"

// func prefetch(slots *uint32, mask uint32, hashes *uint64, n int, list unsafe.Pointer, size uintptr)
//
// SI is the slots, DX their mask, DI the hashes, CX how many, BX the entries, R8 the size of one, R9 counts, R10 is what a tag has
// of a hash.
TEXT ·prefetch(SB), NOSPLIT, $0-48
	MOVQ  slots+0(FP), SI
	MOVL  mask+8(FP), DX
	MOVQ  hashes+16(FP), DI
	MOVQ  n+24(FP), CX
	MOVQ  list+32(FP), BX
	MOVQ  size+40(FP), R8
	MOVL  DX, R10
	NOTL  R10
	TESTQ CX, CX
	JLE   end
	XORL  R9, R9

slot: // of a hash: its upper half, masked
	MOVL       4(DI)(R9*8), AX
	ANDL       DX, AX
	PREFETCHT0 (SI)(AX*4)
	INCQ       R9
	CMPQ       R9, CX
	JLT        slot
	XORL       R9, R9

entry: // at the position in the likely slot, or the first one if that is free
	MOVL       4(DI)(R9*8), AX
	ANDL       DX, AX
	MOVL       (SI)(AX*4), R11
	MOVL       (DI)(R9*8), R12
	XORL       R11, R12
	ANDL       R10, R12
	NEGL       R12
	SBBL       R12, R12                // -1 if the tag is another's
	NEGL       R11
	SBBL       R11, R11                // -1 if the slot is not free
	ANDL       R11, R12
	SUBL       R12, AX
	ANDL       DX, AX
	MOVL       (SI)(AX*4), AX
	ANDL       DX, AX
	SUBL       $1, AX
	ADCL       $0, AX
	IMULQ      R8, AX
	ADDQ       BX, AX
	PREFETCHT0 (AX)
	PREFETCHT0 -8(AX)(R8*1)    // its last word
	INCQ       R9
	CMPQ       R9, CX
	JLT        entry

end:
	RET
