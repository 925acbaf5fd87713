#include "virtio_net.h"

#include "../wire.h"
#include "cpu.h"
#include "interrupts.h"

#include <stddef.h>

/* Register offsets, virtio 1.0 section 4.2.2. */
#define MAGIC 0x000
#define VERSION 0x004
#define DEVICE_ID 0x008
#define DEVICE_FEATURES 0x010
#define DEVICE_FEATURES_SELECT 0x014
#define DRIVER_FEATURES 0x020
#define DRIVER_FEATURES_SELECT 0x024
#define QUEUE_SELECT 0x030
#define QUEUE_SIZE_MAX 0x034
#define QUEUE_SIZE_CHOSEN 0x038
#define QUEUE_READY 0x044
#define QUEUE_NOTIFY 0x050
#define INTERRUPT_ACKNOWLEDGE 0x064
#define STATUS 0x070
#define QUEUE_DESCRIPTORS 0x080
#define QUEUE_AVAILABLE 0x090
#define QUEUE_USED 0x0a0
#define CONFIG_MAC 0x100

#define MAGIC_VIRT 0x74726976
#define VERSION_MODERN 2
#define ID_NOTHING 0
#define ID_NETWORK 1

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER 2
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8

#define FEATURE_MAC (1u << 5)
/* Bit 32: bit 0 of the second word. */
#define FEATURE_VERSION_1 (1u << 0)

static uint32_t get(uintptr_t slot, uint32_t offset) {
	return mmio_read(slot + offset);
}

static void set(uintptr_t slot, uint32_t offset, uint32_t value) {
	mmio_write(slot + offset, value);
}

static void set_address(uintptr_t slot, uint32_t offset, const volatile void *memory) {
	set(slot, offset, (uint32_t)(uintptr_t)memory);
	set(slot, offset + 4, (uint32_t)((uintptr_t)memory >> 32));
}

static const char *negotiate(uintptr_t slot) {
	set(slot, STATUS, 0);
	set(slot, STATUS, STATUS_ACKNOWLEDGE);
	set(slot, STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);

	set(slot, DEVICE_FEATURES_SELECT, 0);
	uint32_t low = get(slot, DEVICE_FEATURES);
	set(slot, DEVICE_FEATURES_SELECT, 1);
	uint32_t high = get(slot, DEVICE_FEATURES);
	if (!(low & FEATURE_MAC))
		return "network card without a MAC address";
	if (!(high & FEATURE_VERSION_1))
		return "network card does not offer virtio 1.0";

	set(slot, DRIVER_FEATURES_SELECT, 0);
	set(slot, DRIVER_FEATURES, FEATURE_MAC);
	set(slot, DRIVER_FEATURES_SELECT, 1);
	set(slot, DRIVER_FEATURES, FEATURE_VERSION_1);
	set(slot, STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	if (!(get(slot, STATUS) & STATUS_FEATURES_OK))
		return "network card refuses our features";
	return NULL;
}

static const char *open_queue(uintptr_t slot, struct virtqueue *queue, uint32_t number) {
	set(slot, QUEUE_SELECT, number);
	if (get(slot, QUEUE_READY) != 0)
		return "network card has a queue in use";
	if (get(slot, QUEUE_SIZE_MAX) < QUEUE_SIZE)
		return "network card has too short a queue";
	set(slot, QUEUE_SIZE_CHOSEN, QUEUE_SIZE);
	set_address(slot, QUEUE_DESCRIPTORS, queue->descriptors);
	set_address(slot, QUEUE_AVAILABLE, &queue->available);
	set_address(slot, QUEUE_USED, &queue->used);
	queue->number = number;
	queue->notify_address = slot + QUEUE_NOTIFY;
	virtqueue_interrupts(queue, false);
	set(slot, QUEUE_READY, 1);
	return NULL;
}

const char *card_open(struct card *card, unsigned number) {
	uintptr_t slot = VIRTIO_SLOT(number);
	card->slot = slot;
	if (get(slot, MAGIC) != MAGIC_VIRT)
		return "no virtio-mmio bus";
	if (get(slot, DEVICE_ID) == ID_NOTHING)
		return "no network card";
	if (get(slot, VERSION) != VERSION_MODERN)
		return "virtio-mmio is not version 2 (force-legacy=false is missing)";
	if (get(slot, DEVICE_ID) != ID_NETWORK)
		return "device is not a network card";

	const char *why = negotiate(slot);
	if (!why)
		why = open_queue(slot, &card->receive, 0);
	if (!why)
		why = open_queue(slot, &card->transmit, 1);
	if (why)
		return why;

	for (size_t i = 0; i < sizeof(card->mac); i++)
		card->mac[i] = *(volatile uint8_t *)(slot + CONFIG_MAC + i);
	interrupts_acknowledge_at(number, slot + INTERRUPT_ACKNOWLEDGE);
	return NULL;
}

void card_go(struct card *card) {
	set(card->slot, STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	/* Buffers offered before the device was allowed to look at them. */
	set(card->slot, QUEUE_NOTIFY, 0);
}

const char *wire_strangers(void) {
	for (unsigned i = 2; i < VIRTIO_SLOTS; i++)
		if (get(VIRTIO_SLOT(i), MAGIC) == MAGIC_VIRT && get(VIRTIO_SLOT(i), DEVICE_ID) != ID_NOTHING)
			return "a device that was not declared is on another virtio-mmio bus";
	return NULL;
}
