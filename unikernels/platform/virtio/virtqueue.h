/*
 * A split virtqueue (virtio 1.0, section 2.4) of a fixed size, without indirect descriptors and
 * without event indexes. Memory is identity mapped: a pointer is what the device wants.
 */
#ifndef VIRTIO_VIRTQUEUE_H
#define VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_SIZE 256

#define DESCRIPTOR_DEVICE_WRITES 2
#define AVAILABLE_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

struct virtqueue {
	struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags;
		uint16_t next;
	} descriptors[QUEUE_SIZE] __attribute__((aligned(16)));
	struct {
		volatile uint16_t flags;
		volatile uint16_t index;
		volatile uint16_t ring[QUEUE_SIZE];
	} available;
	struct {
		volatile uint16_t flags;
		volatile uint16_t index;
		volatile struct {
			uint32_t id;
			uint32_t length;
		} ring[QUEUE_SIZE];
	} used __attribute__((aligned(4)));

	/* Ours alone: the device neither reads nor writes these. */
	uint16_t offered;
	uint16_t taken;
	uintptr_t notify_address;
	uint32_t number;
};

/* Puts a buffer in the ring; the device sees it after virtqueue_publish(). */
void virtqueue_offer(struct virtqueue *queue, uint16_t id);

/* Shows the device everything offered, and wakes it if it wants to be woken: once a batch. */
void virtqueue_publish(struct virtqueue *queue);

/* Takes back a buffer that the device has used. Its id is below QUEUE_SIZE; its length is unchecked. */
bool virtqueue_take(struct virtqueue *queue, uint16_t *id, uint32_t *length);

bool virtqueue_waiting(const struct virtqueue *queue);

/* Asks for interrupts, or for none; the caller must look again after asking for them. */
void virtqueue_interrupts(struct virtqueue *queue, bool wanted);

#endif
