#include "textflag.h"

// func prefetch(slots *uint32, mask uint32, hashes *uint64, n int, list unsafe.Pointer, size uintptr)
//
// SI is the slots, DX their mask, DI the hashes, CX how many, BX the entries, R8 the size of one, R9 counts.
TEXT ·prefetch(SB), NOSPLIT, $0-48
	MOVQ  slots+0(FP), SI
	MOVL  mask+8(FP), DX
	MOVQ  hashes+16(FP), DI
	MOVQ  n+24(FP), CX
	MOVQ  list+32(FP), BX
	MOVQ  size+40(FP), R8
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

entry: // at the position in the slot, or the first one if the slot is free
	MOVL       4(DI)(R9*8), AX
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
