/*
 * A DHCPv4 server (RFC 2131) on the subscriber's wire. What the subscriber asks a server is answered here and goes
 * no further; answers of other servers, on either side, are dropped; everything else passes.
 *
 * It is the only server that its subscriber can reach, so it says no where RFC 2131 wants a server that may be one of many to
 * stay silent: a client that moved here gets a new address at once.
 */
#include "../../common/ethernet.h"
#include "../../common/prefix.h"
#include "../function.h"
#include "config.h"
#include "leases.h"
#include "message.h"

#include <string.h>

#define SECOND 1000000ull
/* How long an offer waits for its request. */
#define OFFER_TIME (60 * SECOND)
/* How long an address rests at which a client has found somebody else. */
#define DECLINED_TIME (600 * SECOND)

/* The one in force, and the one that the next configuration is read into. */
static struct config sets[2];
static struct config *config = &sets[0];

static uint8_t own_mac[6];
static uint64_t offered, acknowledged, refused, released, declined, informed, exhausted, strange, foreign;

static void start(const struct identity *identity, struct arena *memory) {
	(void)memory;
	memcpy(own_mac, identity->macs[LEFT], 6);
	config = &sets[0];
	*config = (struct config){0};
	leases_start();
	offered = acknowledged = refused = released = declined = informed = exhausted = strange = foreign = 0;
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct config *spare = config == &sets[0] ? &sets[1] : &sets[0];
	if (!config_read(spare, json, length, why))
		return false;
	config = spare;
	leases_arrange(config);
	return true;
}

static void tell_lease(const struct lease *lease, const uint8_t mac[6]) {
	char bytes[100];
	struct text line = TEXT_OVER(bytes);
	text_ipv4(&line, lease->address);
	text_string(&line, " is leased to ");
	text_mac(&line, mac);
	text_terminate(&line);
	say(bytes);
}

static uint32_t lease_seconds(const struct request *request) {
	bool shorter = request->seconds && request->seconds < config->lease_seconds;
	return shorter ? request->seconds : config->lease_seconds;
}

/* Each answers with a reply of type 0 when nothing is to be said. */

static struct reply discover(const struct request *request, uint64_t now) {
	struct lease *lease = leases_choose(&request->client, request->mac, request->wanted, now);
	if (!lease) {
		exhausted++;
		return (struct reply){0};
	}
	/* What is given stays given while it is offered again. */
	if (lease->state != LEASE_GIVEN || !lease_held(lease, &request->client, now))
		lease_set(lease, LEASE_OFFERED, &request->client, now, now + OFFER_TIME);
	offered++;
	return (struct reply){OFFER, lease->address, lease_seconds(request)};
}

static struct reply give(struct lease *lease, const struct request *request, uint64_t now) {
	uint32_t seconds = lease_seconds(request);
	bool renewed = lease->state == LEASE_GIVEN && lease_held(lease, &request->client, now);
	lease_set(lease, LEASE_GIVEN, &request->client, now, now + seconds * SECOND);
	state_changed();
	if (!renewed)
		tell_lease(lease, request->mac);
	acknowledged++;
	return (struct reply){ACKNOWLEDGE, lease->address, seconds};
}

static struct reply refuse(void) {
	refused++;
	return (struct reply){.type = REFUSE};
}

/* RFC 2131, section 4.3.2, tells the four states of a client that asks by what it says. */
static struct reply request_address(const struct request *request, uint64_t now) {
	if (request->server && request->server != config->server)
		return (struct reply){0};
	struct lease *lease = leases_of(request->wanted ? request->wanted : request->ciaddr);
	if (request->server)
		return lease && lease_held(lease, &request->client, now) ? give(lease, request, now) : refuse();
	/* It has restarted, or its lease comes to its end: what it names may still be its own, or nobody's. */
	return lease && lease_open_to(lease, &request->client, request->mac, now) ? give(lease, request, now)
										  : refuse();
}

static void decline(const struct request *request, uint64_t now) {
	struct lease *lease = leases_of(request->wanted);
	if (!lease || !lease_held(lease, &request->client, now))
		return;
	lease_set(lease, LEASE_DECLINED, &(struct client){0}, now, now + DECLINED_TIME);
	state_changed();
	declined++;
}

static void release(const struct request *request, uint64_t now) {
	struct lease *lease = leases_of(request->ciaddr);
	if (!lease || !lease_held(lease, &request->client, now))
		return;
	lease_set(lease, LEASE_FREE, &request->client, now, now);
	state_changed();
	released++;
}

static struct reply answer_to(const struct request *request, uint64_t now) {
	switch (request->type) {
	case DISCOVER:
		return discover(request, now);
	case REQUEST:
		return request_address(request, now);
	case DECLINE:
		decline(request, now);
		break;
	case RELEASE:
		release(request, now);
		break;
	case INFORM:
		informed++;
		return (struct reply){.type = ACKNOWLEDGE};
	default:
		break;
	}
	return (struct reply){0};
}

static enum verdict serve(struct frame *frame, const struct request *request, uint64_t now) {
	static uint8_t bytes[REPLY_MAX];
	struct reply reply = answer_to(request, now);
	if (reply.type)
		send_frame(LEFT, bytes, message_write(bytes, frame, request, &reply, config, own_mac));
	return DROP;
}

#define ARP_LENGTH 28

/* Who asks for the server's address is told ours (RFC 826), in the frame that asked. */
static bool answer_arp(struct frame *frame) {
	static const uint8_t question[] = {0, 1, 8, 0, 6, 4, 0, 1};
	struct ethernet ethernet = ethernet_read(frame->bytes, frame->length);
	uint8_t *arp = frame->bytes + ethernet.payload;
	if (ethernet.type != ETHERTYPE_ARP || frame->length < ethernet.payload + ARP_LENGTH)
		return false;
	if (memcmp(arp, question, sizeof(question)) != 0 || get32(arp + 24) != config->server)
		return false;
	arp[7] = 2;
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, own_mac, 6);
	set32(arp + 14, config->server);
	memcpy(frame->bytes, frame->bytes + 6, 6);
	memcpy(frame->bytes + 6, own_mac, 6);
	return true;
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	struct request request;
	switch (message_read(frame, &request)) {
	case DHCP_REPLY:
		foreign++;
		return DROP;
	case DHCP_REQUEST:
		/* A client on the uplink's side is not ours to serve, nor the subscriber's. */
		if (from == LEFT)
			return serve(frame, &request, now);
		foreign++;
		return DROP;
	case DHCP_STRANGE:
		strange++;
		return DROP;
	case NOT_DHCP:
		break;
	}
	return from == LEFT && answer_arp(frame) ? ANSWER : PASS;
}

static void save(struct text *out, uint64_t now) {
	text_string(out, "{\"leases\":");
	leases_save(out, now, wall_clock());
	text_char(out, '}');
}

static void restore(const char *json, size_t length, uint64_t now) {
	if (!leases_restore(json, length, now, wall_clock()))
		say("the leases that were kept cannot be read; those that could be are in force");
}

static void counters(struct text *out, uint64_t now) {
	const struct {
		const char *name;
		uint64_t value;
	} members[] = {
		{"{\"offered\":", offered},
		{",\"acknowledged\":", acknowledged},
		{",\"refused\":", refused},
		{",\"released\":", released},
		{",\"declined\":", declined},
		{",\"informed\":", informed},
		{",\"exhausted\":", exhausted},
		{",\"strange\":", strange},
		{",\"foreign\":", foreign},
		{",\"leases\":", leases_count(now)},
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		text_string(out, members[i].name);
		text_number(out, members[i].value);
	}
	text_char(out, '}');
}

const struct function function = {
	.name = "dhcp",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
	.save = save,
	.restore = restore,
};
