#ifndef VIRTIO_PAGING_H
#define VIRTIO_PAGING_H

#include <stdint.h>

/*
 * Replaces the boot tables. From here on only the image, the devices and the memory up to `end`, which
 * is below 1 GiB, are mapped. Tells how far that has gone: only whole pages are.
 */
uintptr_t paging_protect(uintptr_t end);

#endif
