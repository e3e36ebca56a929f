//go:build !purego

#include "textflag.h"

// Both functions below take the field behind a separator of each row, four rows at a time: SI is the text, one byte on, as a
// field starts behind its separator; R8 the separator before the field of the first of four rows, R11 that of the third, R9 how
// far it is from one row to the next. CX counts the rows left, AX those done; DI is where their values go.
#define ARGUMENTS \
	MOVQ buf+0(FP), SI     \
	INCQ SI                \
	MOVQ off+8(FP), R8     \
	MOVQ stride+16(FP), R9 \
	SHLQ $2, R9            \
	MOVQ rows+24(FP), CX   \
	MOVQ dst+32(FP), DI    \
	XORL AX, AX

// EACH sets all words of 8 bytes of y, whose low half is x, to a value.
#define EACH(value, x, y) \
	MOVQ         $value, R10 \
	VMOVQ        R10, x      \
	VPBROADCASTQ x, y

// DIGITS sets what digits are read with: where they begin, the greatest, and what pairs of them and then pairs of those are worth.
#define DIGITS \
	EACH(0x3030303030303030, X8, Y8)   \
	EACH(0x0909090909090909, X9, Y9)   \
	EACH(0x010a010a010a010a, X10, Y10) \
	EACH(0x0001006400010064, X11, Y11)

// DISTANCES sets the high halves of Y3's words to how far the separators around each field are apart, the low ones to 0.
#define DISTANCES \
	VMOVQ       (R8), X2                     \
	VPINSRQ     $1, (R8)(R9*1), X2, X2       \
	VMOVQ       (R11), X3                    \
	VPINSRQ     $1, (R11)(R9*1), X3, X3      \
	VINSERTI128 $1, X3, Y2, Y2               \
	VPSRLQ      $32, Y2, Y3                  \
	VPSUBD      Y2, Y3, Y3                   \
	VPSLLQ      $32, Y3, Y3

// VALUES makes Y0's words the values, of which they hold the first digits in the low half, worth Y13, and the last ones in the high
// half. It adds to Y4 what is not 0 where one is above Y15, and JNE after it jumps where Y4 is not 0.
#define VALUES \
	VPMULUDQ Y13, Y0, Y1 \
	VPSRLQ   $32, Y0, Y0 \
	VPADDQ   Y1, Y0, Y0  \
	VPCMPGTQ Y15, Y0, Y5 \
	VPOR     Y5, Y4, Y4  \
	VPTEST   Y4, Y4

// func numbersAVX2(buf *byte, off *uint32, stride, rows int, dst unsafe.Pointer, size int, most int64) (n int)
TEXT ·numbersAVX2(SB), NOSPLIT, $0-64
	ARGUMENTS
	MOVQ size+40(FP), DX
	VPBROADCASTQ most+48(FP), Y15
	DIGITS
	EACH(72, X12, Y12)
	EACH(10000, X13, Y13)
	EACH(0x38, X14, Y14)

four:
	CMPQ CX, $4
	JLT  end
	LEAQ (R8)(R9*2), R11

	// Y0: 8 bytes from the start of each field. The first separator of all stands at -1.
	MOVLQSX     (R8), R10
	MOVLQSX     (R8)(R9*1), R12
	VMOVQ       (SI)(R10*1), X0
	VPINSRQ     $1, (SI)(R12*1), X0, X0
	MOVLQSX     (R11), R10
	MOVLQSX     (R11)(R9*1), R12
	VMOVQ       (SI)(R10*1), X1
	VPINSRQ     $1, (SI)(R12*1), X1, X1
	VINSERTI128 $1, X1, Y0, Y0

	// Y3: 64 bits less those of the field's length, the distance of its separators without 1. Y4: not 0 where that is
	// not one of 0, 8, … 56, as the length is not from 1 to 8.
	DISTANCES
	VPSRLQ $29, Y3, Y3
	VPSUBQ Y3, Y12, Y3
	VPANDN Y3, Y14, Y4

	// Y0: the digits' values, with leading zeros for those that are not there; Y4: not 0 where a byte is no digit.
	VPXOR    Y8, Y0, Y0
	VPSLLVQ  Y3, Y0, Y0
	VPSUBUSB Y9, Y0, Y5
	VPOR     Y5, Y4, Y4

	// Two digits become a number below 100, two of those one below 10,000, and two of those the value.
	VPMADDUBSW Y10, Y0, Y0
	VPMADDWD   Y11, Y0, Y0
	VALUES
	JNE        end

	CMPQ    DX, $8
	JNE     narrow
	VMOVDQU Y0, (DI)
	ADDQ    $32, DI

next:
	LEAQ (R8)(R9*4), R8
	ADDQ $4, AX
	SUBQ $4, CX
	JMP  four

narrow: // X0: the values in 2 bytes each, twice
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW    X1, X0, X0
	VPACKUSDW    X0, X0, X0
	CMPQ         DX, $2
	JNE          bytes
	VMOVQ        X0, (DI)
	ADDQ         $8, DI
	JMP          next

bytes:
	VPACKUSWB X0, X0, X0
	VMOVD     X0, (DI)
	ADDQ      $4, DI
	JMP       next

end:
	VZEROUPPER
	MOVQ AX, n+56(FP)
	RET

// func timesAVX2(buf *byte, off *uint32, stride, rows int, dst *int64, most int64) (n int)
TEXT ·timesAVX2(SB), NOSPLIT, $0-56
	ARGUMENTS
	VPBROADCASTQ most+40(FP), Y15
	DIGITS
	EACH(0x0001271000012710, X12, Y12)
	EACH(100000000, X13, Y13)
	EACH(0xb00000000, X14, Y14)

four:
	CMPQ CX, $4
	JLT  end
	LEAQ (R8)(R9*2), R11

	// Y0, Y1: 16 bytes from the start of each field, first and third, second and fourth.
	MOVLQSX     (R8), R10
	MOVLQSX     (R11), R12
	VMOVDQU     (SI)(R10*1), X0
	VINSERTI128 $1, (SI)(R12*1), Y0, Y0
	MOVLQSX     (R8)(R9*1), R10
	MOVLQSX     (R11)(R9*1), R12
	VMOVDQU     (SI)(R10*1), X1
	VINSERTI128 $1, (SI)(R12*1), Y1, Y1

	// Y4: not 0 where the separators of a field of 10 bytes are not 11 apart.
	DISTANCES
	VPXOR Y14, Y3, Y4

	// The digits' values behind six zeros; Y4: not 0 where a byte is no digit.
	VPXOR    Y8, Y0, Y0
	VPXOR    Y8, Y1, Y1
	VPSLLDQ  $6, Y0, Y0
	VPSLLDQ  $6, Y1, Y1
	VPMAXUB  Y0, Y1, Y5
	VPSUBUSB Y9, Y5, Y5
	VPOR     Y5, Y4, Y4

	// Two digits become a number below 100, two of those one below 10,000. Then all four rows are in Y0: two of those become
	// one below 10⁸, and two of these the value.
	VPMADDUBSW Y10, Y0, Y0
	VPMADDUBSW Y10, Y1, Y1
	VPMADDWD   Y11, Y0, Y0
	VPMADDWD   Y11, Y1, Y1
	VPACKUSDW  Y1, Y0, Y0
	VPMADDWD   Y12, Y0, Y0
	VALUES
	JNE        end

	VMOVDQU Y0, (DI)
	ADDQ    $32, DI
	LEAQ    (R8)(R9*4), R8
	ADDQ    $4, AX
	SUBQ    $4, CX
	JMP     four

end:
	VZEROUPPER
	MOVQ AX, n+48(FP)
	RET
