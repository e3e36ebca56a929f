//go:build !purego

#include "textflag.h"

// POSITION writes the position of the lowest bit of R9 to DI[i], and takes the bit out. Without any, it writes rubbish.
#define POSITION(i) \
	TZCNTQ R9, R10         \
	ADDL   R8, R10         \
	MOVL   R10, (4*(i))(DI) \
	BLSRQ  R9, R9
#define POSITIONS(i) POSITION(i); POSITION(i+1); POSITION(i+2); POSITION(i+3)

// In both functions below SI is the text, DX its length, R8 where in it we are, DI where the next position goes, BX where the
// first went. AX is whether the byte before was a separator, CX counts spaces, R11 collects adjacent separators.
#define BEGIN \
	MOVQ buf+0(FP), SI \
	MOVQ n+8(FP), DX   \
	MOVQ off+16(FP), DI \
	MOVL $-1, (DI)     \ // the first field starts at 0
	ADDQ $4, DI        \
	MOVQ DI, BX        \
	MOVL $1, AX        \ // as if a separator stood before the text
	XORL CX, CX        \
	XORL R8, R8        \
	XORL R11, R11

// COUNT goes by the marks of a block: R9 has a bit for each separator, R12 for each space. Marks past the text leave them. R12 is
// then how many separators there are; what else is marked in K1 is written past them, as rubbish.
#define COUNT \
	MOVQ    DX, R13    \
	SUBQ    R8, R13    \
	CMPQ    R13, $64   \
	JGE     marked     \
	BZHIQ   R13, R9, R9 \ // the text ends in this block
	BZHIQ   R13, R12, R12 \
marked: \
	LEAQ    (AX)(R9*2), R10 \ // does one stand before each?
	ANDQ    R9, R10    \
	ORQ     R10, R11   \
	MOVQ    R9, AX     \
	SHRQ    $63, AX    \
	POPCNTQ R12, R12   \
	ADDQ    R12, CX    \
	POPCNTQ R9, R12

#define END \
	VZEROUPPER         \
	SUBQ BX, DI        \
	SHRQ $2, DI        \
	MOVQ DI, count+24(FP) \
	MOVQ CX, spaces+32(FP) \
	MOVQ R11, adjacent+40(FP) \
	RET

// func separatorsAVX2(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)
TEXT ·separatorsAVX2(SB), NOSPLIT, $0-48
	BEGIN
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
	COUNT
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
	END

DATA inBlock<>+0(SB)/8, $0x0706050403020100
DATA inBlock<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA inBlock<>+16(SB)/8, $0x1716151413121110
DATA inBlock<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA inBlock<>+32(SB)/8, $0x2726252423222120
DATA inBlock<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA inBlock<>+48(SB)/8, $0x3736353433323130
DATA inBlock<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL inBlock<>(SB), RODATA|NOPTR, $64

// SIXTEEN writes 16 positions, of which X6 has the places in the block, to DI[16*i].
#define SIXTEEN(i) \
	VPMOVZXBD X6, Z7   \
	VPADDD    Z8, Z7, Z7 \
	VMOVDQU32 Z7, (64*(i))(DI)

// func separatorsAVX512(buf *byte, n int, off *uint32) (count, spaces int, adjacent uint64)
//
// Z8 is where in the text we are, 16 times.
TEXT ·separatorsAVX512(SB), NOSPLIT, $0-48
	BEGIN
	MOVL $0x20202020, R9
	VPBROADCASTD R9, Z0
	MOVL $64, R9
	VPBROADCASTD R9, Z9
	VMOVDQU64 inBlock<>(SB), Z5
	VPXORD Z8, Z8, Z8
	TESTQ DX, DX
	JLE  end

block: // of 64 bytes: R9 and K1 get a bit for each up to 0x20, R12 for each that is 0x20
	VMOVDQU8 (SI)(R8*1), Z1
	VPCMPUB  $2, Z0, Z1, K1
	VPCMPEQB Z0, Z1, K2
	KMOVQ    K1, R9
	KMOVQ    K2, R12
	COUNT
	VPCOMPRESSB.Z Z5, K1, Z6
	SIXTEEN(0)                  // enough for most blocks
	CMPQ R12, $16
	JGT  more

next:
	LEAQ   (DI)(R12*4), DI
	VPADDD Z9, Z8, Z8
	ADDQ   $64, R8
	CMPQ   R8, DX
	JLT    block

end:
	END

more: // Z10 keeps all places, as X6 is to be their next 16
	VMOVDQA64     Z6, Z10
	VEXTRACTI32X4 $1, Z10, X6
	SIXTEEN(1)
	CMPQ R12, $32
	JLE  next
	VEXTRACTI32X4 $2, Z10, X6
	SIXTEEN(2)
	CMPQ R12, $48
	JLE  next
	VEXTRACTI32X4 $3, Z10, X6
	SIXTEEN(3)
	JMP  next
