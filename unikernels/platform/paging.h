#ifndef PLATFORM_PAGING_H
#define PLATFORM_PAGING_H

/* Replaces the boot tables. From here on only the image and the devices are mapped. */
void paging_protect(void);

#endif
