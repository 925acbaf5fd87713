/*
 * PVH entry: QEMU jumps here in 32-bit protected mode, paging off, %ebx = start info.
 * We map the first GiB and the device area coarsely, enter long mode, and call start().
 * paging.c replaces these tables with ones that separate code from data.
 */
	/* "Xen", type 18: the physical address of the 32-bit entry, in an 8-byte descriptor. */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad pvh_entry

#define PAGE_PRESENT_WRITE 0x3
#define PAGE_LARGE 0x80
#define EFER 0xc0000080
#define EFER_LONG_MODE_AND_NX 0x900
#define CR4_PAE 0x20
#define CR0_PAGING_AND_WRITE_PROTECT 0x80010000

	.section .text.boot, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cli
	cld

	movl $boot_level3 + PAGE_PRESENT_WRITE, boot_level4
	movl $boot_low + PAGE_PRESENT_WRITE, boot_level3
	movl $boot_high + PAGE_PRESENT_WRITE, boot_level3 + 3 * 8

	/* 512 pages of 2 MiB each, from 0 and from 3 GiB. */
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $21, %eax
	orl $PAGE_PRESENT_WRITE | PAGE_LARGE, %eax
	movl %eax, boot_low(, %ecx, 8)
	addl $0xc0000000, %eax
	movl %eax, boot_high(, %ecx, 8)
	incl %ecx
	cmpl $512, %ecx
	jne 1b

	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $boot_level4, %eax
	movl %eax, %cr3
	movl $EFER, %ecx
	rdmsr
	orl $EFER_LONG_MODE_AND_NX, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PAGING_AND_WRITE_PROTECT, %eax
	movl %eax, %cr0

	lgdt boot_gdt_pointer
	ljmp $8, $long_mode

	.code64
long_mode:
	xorl %eax, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movl $stack_top, %esp
	xorl %ebp, %ebp
	movl %ebx, %edi
	call start
2:	hlt
	jmp 2b

	.section .rodata.boot, "a"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.long boot_gdt

	.section .bss.boot, "aw", @nobits
	.balign 4096
boot_level4:
	.skip 4096
boot_level3:
	.skip 4096
boot_low:
	.skip 4096
boot_high:
	.skip 4096

	.section .note.GNU-stack, "", @progbits
