#ifndef VIRTIO_BOOT_INFO_H
#define VIRTIO_BOOT_INFO_H

#include <stddef.h>
#include <stdint.h>

/* The memory behind the image, which nobody uses. */
struct spare_memory {
	uintptr_t start, end;
};

/*
 * Copies the kernel command line out of PVH's start information and checks that the machine
 * has as much memory as the image occupies; tells how much there is behind it. To be called before paging_protect(), which unmaps
 * where the information lies. Returns NULL or what is wrong.
 */
const char *boot_info_read(uintptr_t start_info, char *command_line, size_t capacity, struct spare_memory *spare);

#endif
