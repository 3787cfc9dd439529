// The handler of SIGBUS in src/sys/linux/bus-errors.ts, whose bytes a test compares with what this assembles to.
// It gets the signal's siginfo_t (x1) and reads the address of the access, which is 0 where the processor gives none.
// A table of three words an entry, the last one zero: first address, end, mark. Each mapping that the address lies in is
// replaced by private memory, with mmap(start, length, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED), and
// marked. Where none was, rt_sigaction sets the default action, four words of zeros, and the access ends the process.
// Nothing is saved: sigreturn restores all registers.
table:	.quad 0
handler:
	ldr	x9, table
	ldr	x10, [x1, #16]
	mov	x11, #0
next:
	ldr	x0, [x9]
	cbz	x0, done
	ldr	x1, [x9, #8]
	cbz	x10, replace
	cmp	x10, x0
	b.lo	skip
	cmp	x10, x1
	b.hs	skip
replace:
	sub	x1, x1, x0
	mov	x2, #3
	mov	x3, #0x32
	mov	x4, #-1
	mov	x5, #0
	mov	x8, #222
	svc	#0
	tbnz	x0, #63, skip
	mov	x11, #1
	str	x11, [x9, #16]
skip:
	add	x9, x9, #24
	b	next
done:
	cbnz	x11, out
	mov	x0, #7
	mov	x1, x9
	mov	x2, #0
	mov	x3, #8
	mov	x8, #134
	svc	#0
out:
	ret
