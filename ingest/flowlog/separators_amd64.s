//go:build !purego

#include "textflag.h"

// POSITION writes the position of the lowest bit of R9 to DI[i], and takes the bit out. Without any, it writes rubbish.
#define POSITION(i) \
	TZCNTQ R9, R10         \
	ADDL   R8, R10         \
	MOVL   R10, (4*(i))(DI) \
	BLSRQ  R9, R9
#define POSITIONS(i) POSITION(i); POSITION(i+1); POSITION(i+2); POSITION(i+3)

// func separatorsAVX2(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)
//
// SI is the text, DX its length, R8 where in it we are, DI where the next position goes, BX where the first went. AX is
// whether the byte before was a separator, CX counts spaces, R11 collects adjacent separators.
TEXT ·separatorsAVX2(SB), NOSPLIT, $0-48
	MOVQ buf+0(FP), SI
	MOVQ n+8(FP), DX
	MOVQ off+16(FP), DI
	MOVL $-1, (DI)              // the first field starts at 0
	ADDQ $4, DI
	MOVQ DI, BX
	MOVL $1, AX                 // as if a separator stood before the text
	XORL CX, CX
	XORL R8, R8
	XORL R11, R11
	MOVL $0x20202020, R9
	MOVQ R9, X0
	VPBROADCASTD X0, Y0
	TESTQ DX, DX
	JLE  end

block: // of 64 bytes: R9 gets a bit for each up to 0x20, R12 for each that is 0x20
	VMOVDQU   (SI)(R8*1), Y1
	VMOVDQU   32(SI)(R8*1), Y2
	VPMINUB   Y0, Y1, Y3
	VPMINUB   Y0, Y2, Y4
	VPCMPEQB  Y1, Y3, Y3
	VPCMPEQB  Y2, Y4, Y4
	VPCMPEQB  Y0, Y1, Y1
	VPCMPEQB  Y0, Y2, Y2
	VPMOVMSKB Y3, R9
	VPMOVMSKB Y4, R10
	SHLQ      $32, R10
	ORQ       R10, R9
	VPMOVMSKB Y1, R12
	VPMOVMSKB Y2, R10
	SHLQ      $32, R10
	ORQ       R10, R12
	MOVQ      DX, R13
	SUBQ      R8, R13
	CMPQ      R13, $64
	JGE       marked
	BZHIQ     R13, R9, R9       // the text ends in this block
	BZHIQ     R13, R12, R12

marked:
	LEAQ    (AX)(R9*2), R10     // does one stand before each?
	ANDQ    R9, R10
	ORQ     R10, R11
	MOVQ    R9, AX
	SHRQ    $63, AX
	POPCNTQ R12, R12
	ADDQ    R12, CX
	POPCNTQ R9, R12
	LEAQ    (DI)(R12*4), R12    // where the positions of the next block go
	POSITIONS(0)                // enough for most blocks, without a branch between
	POSITIONS(4)
	POSITIONS(8)
	TESTQ   R9, R9
	JEQ     next

more:
	POSITIONS(12)
	ADDQ  $16, DI
	TESTQ R9, R9
	JNE   more

next:
	MOVQ R12, DI
	ADDQ $64, R8
	CMPQ R8, DX
	JLT  block

end:
	VZEROUPPER
	SUBQ BX, DI
	SHRQ $2, DI
	MOVQ DI, count+24(FP)
	MOVQ CX, spaces+32(FP)
	MOVQ R11, adjacent+40(FP)
	RET
