/* The two network cards: virtio-net over virtio-mmio, version 2 only. */
#ifndef VIRTIO_VIRTIO_NET_H
#define VIRTIO_VIRTIO_NET_H

#include "virtqueue.h"

#include <stdint.h>

/* microvm with acpi=off: eight slots of 512 bytes, interrupts from 5 up. */
#define VIRTIO_SLOTS 8
#define VIRTIO_SLOT(n) (0xfeb00000ul + 0x200ul * (n))
#define VIRTIO_IRQ(n) (5u + (n))

/* Used buffers and configuration change: we acknowledge both without asking which it was. */
#define VIRTIO_INTERRUPT_ALL 3

/* Always 12 bytes with VERSION_1; we negotiate no offload, so all of it is zero when sent. */
struct packet_header {
	uint8_t flags, offload;
	uint16_t header_length, segment_size, checksum_start, checksum_offset;
	uint16_t buffers;
};

struct card {
	struct virtqueue receive, transmit;
	uintptr_t slot;
	uint8_t mac[6];
};

/*
 * Finds a network card on bus `number` and readies it up to, but not including, the moment
 * when it may pass packets. Returns NULL or the reason why it cannot be used.
 */
const char *card_open(struct card *card, unsigned number);

/* From here on packets flow. */
void card_go(struct card *card);

#endif
