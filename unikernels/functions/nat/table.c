#include "table.h"

#include "../../platform/json.h"
#include "../../platform/panic.h"
#include "saved.h"

#define MAPPINGS 16384u
#define SESSIONS 32768u
/* The first place of each table stays empty, so that zeroed memory is an empty table. */
#define NONE 0u

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)

/* In the order in which they give way. */
enum session_class {
	SESSION_ICMP,
	SESSION_TCP_OPENING,
	SESSION_TCP_CLOSING,
	SESSION_UDP,
	SESSION_TCP_ESTABLISHED,
	SESSION_CLASSES,
};

/*
 * How long a session is kept without being used: TCP by RFC 5382 (REQ-5), UDP by RFC 4787 (REQ-5), ICMP by RFC 5508
 * (REQ-1).
 */
static const uint64_t lifetimes[SESSION_CLASSES] = {
	[SESSION_ICMP] = MINUTE,
	[SESSION_TCP_OPENING] = 4 * MINUTE,
	[SESSION_TCP_CLOSING] = 4 * MINUTE,
	[SESSION_UDP] = 5 * MINUTE,
	[SESSION_TCP_ESTABLISHED] = 124 * MINUTE,
};

/* Who has sent something, or has ended. */
enum { INSIDE = 1, OUTSIDE = 2 };

struct session {
	struct endpoint remote;
	uint64_t at;
	/* Indexes; `mapping` is NONE in a place that is free. */
	uint32_t mapping, next, older, newer;
	uint8_t class;
	/* TCP: who has sent a FIN, and who has acknowledged something. */
	uint8_t finished, spoken;
};

/* How many ports are tried for one that is free. */
#define TRIES 1024

static struct mapping *mappings;
static struct session *sessions;
static uint32_t *by_inside, *by_outside, *by_session;

/* What was never used lies behind these; what was given back is chained. */
static uint32_t free_mapping, free_session, untouched_mapping, untouched_session;

/* Of each class the sessions in the order of their last use. */
static struct {
	uint32_t oldest, newest;
} uses[SESSION_CLASSES];

static const struct config *config;
static uint64_t secret[2];
static struct table_numbers numbers;

void table_start(struct arena *memory, uint64_t seed) {
	mappings = arena_take_many(memory, MAPPINGS, sizeof(*mappings));
	sessions = arena_take_many(memory, SESSIONS, sizeof(*sessions));
	by_inside = arena_take_many(memory, MAPPINGS, sizeof(*by_inside));
	by_outside = arena_take_many(memory, MAPPINGS, sizeof(*by_outside));
	by_session = arena_take_many(memory, SESSIONS, sizeof(*by_session));
	if (!mappings || !sessions || !by_inside || !by_outside || !by_session)
		panic("the tables do not fit into the memory");
	free_mapping = free_session = NONE;
	untouched_mapping = untouched_session = NONE + 1;
	for (int class = 0; class < SESSION_CLASSES; class++)
		uses[class].oldest = uses[class].newest = NONE;
	config = NULL;
	numbers = (struct table_numbers){0};
	secret[0] = seed | 1;
	secret[1] = (seed ^ 0xd6e8feb86659fd93) * 0x9e3779b97f4a7c15 | 1;
}

/* With a secret, so that nobody can aim all at one bucket. */
static uint32_t hash(uint64_t a, uint64_t b) {
	unsigned __int128 product = (unsigned __int128)(a ^ secret[0]) * (b ^ secret[1]);
	uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
	return (uint32_t)(folded ^ folded >> 32);
}

static uint64_t word_of(struct endpoint endpoint) {
	return (uint64_t)endpoint.address << 16 | endpoint.port;
}

static uint32_t *bucket(uint32_t *heads, uint8_t protocol, struct endpoint endpoint) {
	return &heads[hash(word_of(endpoint), (uint64_t)protocol << 32) % MAPPINGS];
}

static uint32_t *session_bucket(uint32_t mapping, struct endpoint remote) {
	return &by_session[hash(word_of(remote), (uint64_t)mapping << 32) % SESSIONS];
}

static bool equal(struct endpoint a, struct endpoint b) {
	return a.address == b.address && a.port == b.port;
}

static struct mapping *find_inside(uint8_t protocol, struct endpoint inside) {
	for (uint32_t i = *bucket(by_inside, protocol, inside); i != NONE; i = mappings[i].next_inside)
		if (mappings[i].protocol == protocol && equal(mappings[i].inside, inside))
			return &mappings[i];
	return NULL;
}

static struct mapping *find_outside(uint8_t protocol, struct endpoint outside) {
	for (uint32_t i = *bucket(by_outside, protocol, outside); i != NONE; i = mappings[i].next_outside)
		if (mappings[i].protocol == protocol && equal(mappings[i].outside, outside))
			return &mappings[i];
	return NULL;
}

const struct mapping *table_by_inside(uint8_t protocol, struct endpoint inside) {
	return find_inside(protocol, inside);
}

const struct mapping *table_by_outside(uint8_t protocol, struct endpoint outside) {
	return find_outside(protocol, outside);
}

static struct session *find_session(const struct mapping *mapping, struct endpoint remote) {
	uint32_t index = (uint32_t)(mapping - mappings);
	for (uint32_t i = *session_bucket(index, remote); i != NONE; i = sessions[i].next)
		if (sessions[i].mapping == index && equal(sessions[i].remote, remote))
			return &sessions[i];
	return NULL;
}

bool table_speaks_to(const struct mapping *mapping, struct endpoint remote) {
	return find_session(mapping, remote) != NULL;
}

/* The list of uses. */

static void unlink_use(uint32_t index) {
	struct session *session = &sessions[index];
	*(session->older == NONE ? &uses[session->class].oldest : &sessions[session->older].newer) = session->newer;
	*(session->newer == NONE ? &uses[session->class].newest : &sessions[session->newer].older) = session->older;
}

static void link_use(uint32_t index, enum session_class class, uint64_t now) {
	struct session *session = &sessions[index];
	session->class = (uint8_t)class;
	session->at = now;
	session->newer = NONE;
	session->older = uses[class].newest;
	*(session->older == NONE ? &uses[class].oldest : &sessions[session->older].newer) = index;
	uses[class].newest = index;
}

/* Takes an item out of its chain. */
#define UNCHAIN(head, items, index, next) \
	do { \
		uint32_t *link = (head); \
		while (*link != (index)) \
			link = &(items)[*link].next; \
		*link = (items)[*link].next; \
	} while (0)

static void forget_mapping(uint32_t index) {
	struct mapping *mapping = &mappings[index];
	UNCHAIN(bucket(by_inside, mapping->protocol, mapping->inside), mappings, index, next_inside);
	UNCHAIN(bucket(by_outside, mapping->protocol, mapping->outside), mappings, index, next_outside);
	mapping->used = false;
	mapping->next_inside = free_mapping;
	free_mapping = index;
	numbers.mappings--;
}

static void forget_session(uint32_t index) {
	struct session *session = &sessions[index];
	struct mapping *mapping = &mappings[session->mapping];
	unlink_use(index);
	UNCHAIN(session_bucket(session->mapping, session->remote), sessions, index, next);
	session->mapping = NONE;
	session->next = free_session;
	free_session = index;
	numbers.sessions--;
	if (--mapping->sessions == 0 && !mapping->fixed)
		forget_mapping((uint32_t)(mapping - mappings));
}

void table_expire(uint64_t now) {
	for (int class = 0; class < SESSION_CLASSES; class++)
		while (uses[class].oldest != NONE && now - sessions[uses[class].oldest].at >= lifetimes[class])
			forget_session(uses[class].oldest);
}

/* Forgets what can best be done without; false when there is nothing. */
static bool make_room(void) {
	for (int class = 0; class < SESSION_CLASSES; class++) {
		if (uses[class].oldest == NONE)
			continue;
		numbers.evicted++;
		forget_session(uses[class].oldest);
		return true;
	}
	return false;
}

static uint32_t take_mapping(void) {
	/* Each session that goes may be one of several of its mapping: bounded by the sessions there are. */
	while (free_mapping == NONE && untouched_mapping == MAPPINGS)
		if (!make_room())
			return NONE;
	uint32_t index = free_mapping;
	if (index == NONE)
		return untouched_mapping++;
	free_mapping = mappings[index].next_inside;
	return index;
}

static struct mapping *add_mapping(uint8_t protocol, struct endpoint inside, struct endpoint outside, bool fixed) {
	uint32_t index = take_mapping();
	if (index == NONE)
		return NULL;
	struct mapping *mapping = &mappings[index];
	uint32_t *in = bucket(by_inside, protocol, inside), *out = bucket(by_outside, protocol, outside);
	*mapping = (struct mapping){
		.inside = inside,
		.outside = outside,
		.next_inside = *in,
		.next_outside = *out,
		.protocol = protocol,
		.used = true,
		.fixed = fixed,
	};
	*in = *out = index;
	numbers.mappings++;
	return mapping;
}

static struct session *add_session(struct mapping *mapping, struct endpoint remote, enum session_class class,
				   uint64_t now) {
	/* The mapping must not go while room is made: it counts as used. */
	mapping->sessions++;
	if (free_session == NONE && untouched_session == SESSIONS)
		make_room();
	uint32_t index = free_session, owner = (uint32_t)(mapping - mappings);
	if (index == NONE)
		index = untouched_session++;
	else
		free_session = sessions[index].next;
	uint32_t *head = session_bucket(owner, remote);
	sessions[index] = (struct session){.remote = remote, .mapping = owner, .next = *head};
	*head = index;
	link_use(index, class, now);
	numbers.sessions++;
	numbers.created++;
	return &sessions[index];
}

/*
 * The inside port where that is possible, else one of the same parity (RFC 4787, section 4.2.2), from a place on that
 * cannot be guessed.
 */
static bool pick_port(uint8_t protocol, struct endpoint inside, struct endpoint *outside) {
	struct ports ports = config_ports(config, protocol, inside.address);
	outside->address = config->outside_address;
	outside->port = inside.port;
	if (inside.port >= ports.first && inside.port <= ports.last && !find_outside(protocol, *outside))
		return true;
	uint32_t count = (uint32_t)ports.last - ports.first + 1, start = hash(word_of(inside), ~0ull) % count;
	for (int parity = 1; parity >= 0; parity--) {
		for (uint32_t i = 0; i < TRIES && i < count; i++) {
			outside->port = (uint16_t)(ports.first + (start + i) % count);
			bool fits = !parity || ((outside->port ^ inside.port) & 1) == 0;
			if (fits && !find_outside(protocol, *outside))
				return true;
		}
	}
	return false;
}

static enum session_class first_class(uint8_t protocol) {
	return protocol == PROTOCOL_TCP ? SESSION_TCP_OPENING : protocol == PROTOCOL_UDP ? SESSION_UDP : SESSION_ICMP;
}

static enum session_class tcp_class(struct session *session, uint8_t from, uint8_t flags) {
	/* One that goes on afterwards was forged. */
	if (flags & TCP_RST)
		return SESSION_TCP_CLOSING;
	/* A connection that begins anew between the same ends. */
	if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && session->class == SESSION_TCP_CLOSING)
		session->finished = session->spoken = 0;
	if (flags & TCP_FIN)
		session->finished |= from;
	if (session->finished)
		return SESSION_TCP_CLOSING;
	/* Established once both have acknowledged something; a handshake's first packet alone is cheap to send. */
	if (flags & TCP_ACK)
		session->spoken |= from;
	return session->spoken == (INSIDE | OUTSIDE) ? SESSION_TCP_ESTABLISHED : SESSION_TCP_OPENING;
}

/* Moves a session on by a packet of it. */
static void use(struct session *session, const struct step *step, uint8_t from, uint64_t now) {
	if (step->protocol != PROTOCOL_TCP && from == OUTSIDE)
		return;
	enum session_class class = (enum session_class)session->class;
	if (step->protocol == PROTOCOL_TCP)
		class = tcp_class(session, from, step->tcp_flags);
	uint32_t index = (uint32_t)(session - sessions);
	unlink_use(index);
	link_use(index, class, now);
}

const struct mapping *table_out(const struct step *step, uint64_t now) {
	struct mapping *mapping = find_inside(step->protocol, step->ours);
	struct endpoint outside;
	if (!mapping && pick_port(step->protocol, step->ours, &outside))
		mapping = add_mapping(step->protocol, step->ours, outside, false);
	if (!mapping)
		return NULL;
	struct session *session = find_session(mapping, step->remote);
	if (!session)
		session = add_session(mapping, step->remote, first_class(step->protocol), now);
	use(session, step, INSIDE, now);
	return mapping;
}

const struct mapping *table_in(const struct step *step, uint64_t now) {
	struct mapping *mapping = find_outside(step->protocol, step->ours);
	if (!mapping)
		return NULL;
	struct session *session = find_session(mapping, step->remote);
	if (session)
		use(session, step, OUTSIDE, now);
	return session || mapping->fixed || !config->strict ? mapping : NULL;
}

static bool still_possible(const struct mapping *mapping) {
	uint32_t inside = mapping->inside.address;
	if (!network_has_host(&config->inside, inside) || mapping->outside.address != config->outside_address)
		return false;
	struct ports ports = config_ports(config, mapping->protocol, inside);
	return mapping->outside.port >= ports.first && mapping->outside.port <= ports.last;
}

static struct endpoint forward_outside(const struct forward *forward) {
	return (struct endpoint){config->outside_address, forward->port};
}

static struct endpoint forward_inside(const struct forward *forward) {
	return (struct endpoint){forward->to, forward->to_port};
}

/* The mapping that a forward is, if it is there; what is in its way at either end is doomed. */
static struct mapping *mapping_of(const struct forward *forward) {
	struct mapping *from_inside = find_inside(forward->protocol, forward_inside(forward));
	struct mapping *from_outside = find_outside(forward->protocol, forward_outside(forward));
	if (from_inside && from_inside == from_outside)
		return from_inside;
	if (from_inside)
		from_inside->doomed = true;
	if (from_outside)
		from_outside->doomed = true;
	return NULL;
}

static void forget_doomed(void) {
	for (uint32_t i = NONE + 1; i < untouched_session; i++)
		if (sessions[i].mapping != NONE && mappings[sessions[i].mapping].doomed)
			forget_session(i);
	/* Those without sessions are left: earlier forwards. */
	for (uint32_t i = NONE + 1; i < untouched_mapping; i++)
		if (mappings[i].used && (mappings[i].doomed || (!mappings[i].fixed && mappings[i].sessions == 0)))
			forget_mapping(i);
}

void table_configure(const struct config *next) {
	config = next;
	for (uint32_t i = NONE + 1; i < untouched_mapping; i++) {
		mappings[i].fixed = false;
		mappings[i].doomed = mappings[i].used && !still_possible(&mappings[i]);
	}
	for (size_t i = 0; i < config->forwards; i++) {
		struct mapping *mapping = mapping_of(&config->forwarded[i]);
		if (!mapping)
			continue;
		mapping->fixed = true;
		mapping->doomed = false;
	}
	forget_doomed();
	for (size_t i = 0; i < config->forwards; i++) {
		const struct forward *forward = &config->forwarded[i];
		if (mapping_of(forward))
			continue;
		if (!add_mapping(forward->protocol, forward_inside(forward), forward_outside(forward), true))
			panic("there is no room for the forwards");
	}
}

struct table_numbers table_numbers(void) {
	return numbers;
}

void table_save(struct text *out, size_t limit) {
	/* Quotes and a comma. */
	size_t room = limit / (SAVED_LENGTH + 3);
	char word[SAVED_LENGTH + 1] = {0};
	bool first = true;
	text_char(out, '[');
	for (int class = SESSION_CLASSES - 1; class >= 0; class--) {
		for (uint32_t i = uses[class].newest; i != NONE && room > 0; i = sessions[i].older, room--) {
			const struct mapping *mapping = &mappings[sessions[i].mapping];
			struct saved saved = {(uint8_t)class, mapping->protocol, mapping->inside, mapping->outside,
					      sessions[i].remote};
			saved_write(word, &saved);
			text_string(out, first ? "\"" : ",\"");
			text_string(out, word);
			text_char(out, '"');
			first = false;
		}
	}
	text_char(out, ']');
}

/* The mapping is there already, or both its ends are free and the configuration would make it so. */
static struct mapping *restore_mapping(uint8_t protocol, struct endpoint inside, struct endpoint outside) {
	struct mapping *mapping = find_inside(protocol, inside);
	if (mapping || find_outside(protocol, outside))
		return mapping && equal(mapping->outside, outside) ? mapping : NULL;
	struct mapping wanted = {.inside = inside, .outside = outside, .protocol = protocol};
	return still_possible(&wanted) ? add_mapping(protocol, inside, outside, false) : NULL;
}

static bool restore_session(const struct saved *saved, uint64_t asleep, uint64_t now) {
	bool tcp = saved->class == SESSION_TCP_CLOSING || saved->class == SESSION_TCP_ESTABLISHED;
	if (saved->class != first_class(saved->protocol) && !(saved->protocol == PROTOCOL_TCP && tcp))
		return false;
	if (asleep >= lifetimes[saved->class])
		return true;
	struct mapping *mapping = restore_mapping(saved->protocol, saved->inside, saved->outside);
	if (!mapping || find_session(mapping, saved->remote))
		return true;
	struct session *session = add_session(mapping, saved->remote, (enum session_class)saved->class, now);
	session->spoken = saved->class == SESSION_TCP_ESTABLISHED ? INSIDE | OUTSIDE : 0;
	return true;
}

void table_restore(struct json *json, uint64_t asleep, uint64_t now) {
	char word[SAVED_LENGTH + 1];
	struct saved saved;
	json_array(json);
	while (json_element(json)) {
		if (!json_string(json, word, sizeof(word)))
			return;
		if (!saved_read(&saved, word) || !restore_session(&saved, asleep, now))
			json_fail(json, "not a session");
	}
}
