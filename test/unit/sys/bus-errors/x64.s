# The handler of SIGBUS in src/sys/linux/bus-errors.ts, whose bytes a test compares with what this assembles to.
# It gets the signal's siginfo_t (rsi) and reads the address of the access, which is 0 where the processor gives none.
# A table of three words an entry, the last one zero: first address, end, mark. Each mapping that the address lies in is
# replaced by private memory, with mmap(start, length, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED), and
# marked. Where none was, rt_sigaction sets the default action, four words of zeros, and the access ends the process.
# Nothing is saved: sigreturn restores all registers.
	.intel_syntax noprefix
table:	.quad 0
handler:
	mov	rbx, [rip + table]
	mov	r12, [rsi + 16]
	xor	r13d, r13d
next:
	mov	rdi, [rbx]
	test	rdi, rdi
	jz	done
	mov	rsi, [rbx + 8]
	test	r12, r12
	jz	replace
	cmp	r12, rdi
	jb	skip
	cmp	r12, rsi
	jae	skip
replace:
	sub	rsi, rdi
	mov	edx, 3
	mov	r10d, 0x32
	or	r8, -1
	xor	r9d, r9d
	mov	eax, 9
	syscall
	test	rax, rax
	js	skip
	mov	qword ptr [rbx + 16], 1
	inc	r13d
skip:
	add	rbx, 24
	jmp	next
done:
	test	r13d, r13d
	jnz	out
	mov	edi, 7
	mov	rsi, rbx
	xor	edx, edx
	mov	r10d, 8
	mov	eax, 13
	syscall
out:
	ret
