#include "virtqueue.h"

#include "../panic.h"
#include "cpu.h"


void virtqueue_offer(struct virtqueue *queue, uint16_t id) {
	queue->available.ring[queue->offered++ % QUEUE_SIZE] = id;
}

void virtqueue_publish(struct virtqueue *queue) {
	if (queue->offered == queue->available.index)
		return;
	compiler_barrier();
	queue->available.index = queue->offered;
	full_barrier();
	if (!(queue->used.flags & USED_NO_NOTIFY))
		mmio_write(queue->notify_address, queue->number);
}

bool virtqueue_waiting(const struct virtqueue *queue) {
	return queue->used.index != queue->taken;
}

bool virtqueue_take(struct virtqueue *queue, uint16_t *id, uint32_t *length) {
	uint16_t ready = (uint16_t)(queue->used.index - queue->taken);
	if (ready == 0)
		return false;
	if (ready > QUEUE_SIZE)
		panic_number("device claims more buffers than there are:", ready);
	compiler_barrier();
	uint32_t slot = queue->taken++ % QUEUE_SIZE;
	uint32_t claimed = queue->used.ring[slot].id;
	if (claimed >= QUEUE_SIZE)
		panic_number("device returned a buffer that does not exist:", claimed);
	*id = (uint16_t)claimed;
	*length = queue->used.ring[slot].length;
	return true;
}

void virtqueue_interrupts(struct virtqueue *queue, bool wanted) {
	queue->available.flags = wanted ? 0 : AVAILABLE_NO_INTERRUPT;
}
