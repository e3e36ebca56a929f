//go:build !purego

#include "textflag.h"

// What 128 bytes are worth that many bytes further on, for the low and the high half of each 16: x^1056 and x^992 mod P, reflected
// and shifted by one.
DATA powers<>+0(SB)/8, $0x1e88ef372
DATA powers<>+8(SB)/8, $0x14a7fe880
DATA powers<>+16(SB)/8, $0x1e88ef372
DATA powers<>+24(SB)/8, $0x14a7fe880
GLOBL powers<>(SB), RODATA|NOPTR, $32

// FOLD carries 32 bytes on and adds those that stand there.
#define FOLD(at, lane, spare) \
	VPCLMULQDQ $0x11, Y0, lane, spare \
	VPCLMULQDQ $0x00, Y0, lane, lane  \
	VPXOR      at(SI), spare, spare   \
	VPXOR      spare, lane, lane

// func fold128(crc uint32, blocks *byte, n int, folded *[foldSize]byte)
TEXT ·fold128(SB), NOSPLIT, $0-32
	MOVL    crc+0(FP), AX
	MOVQ    blocks+8(FP), SI
	MOVQ    n+16(FP), CX
	MOVQ    folded+24(FP), DI
	VMOVDQU powers<>(SB), Y0
	VMOVD   AX, X5
	VPXOR   (SI), Y5, Y1
	VMOVDQU 32(SI), Y2
	VMOVDQU 64(SI), Y3
	VMOVDQU 96(SI), Y4
	JMP     next

block:
	ADDQ $128, SI
	FOLD(0, Y1, Y5)
	FOLD(32, Y2, Y6)
	FOLD(64, Y3, Y7)
	FOLD(96, Y4, Y8)

next:
	DECQ CX
	JNZ  block
	VMOVDQU Y1, (DI)
	VMOVDQU Y2, 32(DI)
	VMOVDQU Y3, 64(DI)
	VMOVDQU Y4, 96(DI)
	VZEROUPPER
	RET
