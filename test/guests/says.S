/*
 * The smallest kernel: it says on the first serial port what it was given as its command line, and halts. With PVH
 * defined it has a PVH entry (Xen's docs/misc/pvh.pandoc), otherwise the header of Multiboot 0.6.96, section 3.1.
 */
#ifdef PVH
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start

	/* The command line's address in hvm_start_info; it may be absent. */
	.set COMMAND_LINE, 24
#else
	.text
	/* The loader looks for this in the first 8 KiB of the file. */
	.align 4
	.long 0x1badb002
	.long 0
	.long -0x1badb002

	/* In the boot information (section 3.3). */
	.set COMMAND_LINE, 16
#endif

	.text
	.code32
	.globl _start
_start:
	movl $said, %esi
	call print
	movl COMMAND_LINE(%ebx), %esi
	testl %esi, %esi
	jz end
	call print
end:
	movl $newline, %esi
	call print
halt:
	cli
	hlt
	jmp halt

print:
	movw $0x3f8, %dx
next:
	lodsb
	testb %al, %al
	jz done
	outb %al, %dx
	jmp next
done:
	ret

said:
	.asciz "told: "
newline:
	.asciz "\n"
