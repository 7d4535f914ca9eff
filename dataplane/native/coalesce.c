#include "coalesce.h"

#include <string.h>

#include "checksum.h"
#include "geometry.h"
#include "packet.h"

/* Sender and congestion mark: the fields of a descriptor from its port to its address. */
#define SENDER_BEGIN offsetof(struct frame, port)
#define SENDER_END (offsetof(struct frame, address) + sizeof(((struct frame *)NULL)->address))

#define NONE UINT32_MAX

static uint8_t *data_of(const struct coalescer *coalescer, const struct frame *frame)
{
	return coalescer->arena.data + frame->offset;
}

static struct packet packet_of(const struct chain *chain)
{
	return (struct packet){.gso_type = chain->gso_type,
			       .transport = chain->transport,
			       .headers = chain->headers,
			       .pseudo = chain->pseudo};
}

void coalesce_begin(struct coalescer *coalescer, const struct span *arena, const struct pieces *pieces,
		    struct frame *frames, uint32_t capacity)
{
	coalescer->arena = *arena;
	coalescer->pieces = *pieces;
	coalescer->frames = frames;
	coalescer->capacity = capacity < COALESCE_FRAMES_MAX ? capacity : COALESCE_FRAMES_MAX;
	coalescer->count = 0;
	coalescer->last = 0;
}

/* ---- whom a frame belongs to ---- */

static bool same_encapsulation(const struct coalescer *coalescer, const struct frame *one, const struct frame *other)
{
	return one->encap_length == other->encap_length &&
	       memcmp(data_of(coalescer, one) - one->encap_length, data_of(coalescer, other) - other->encap_length,
		      one->encap_length) == 0;
}

static bool is_of_flow(const struct coalescer *coalescer, uint32_t index, const struct frame *frame,
		       const struct packet *packet)
{
	const struct chain *chain = &coalescer->chains[index];
	const struct frame *head = &coalescer->frames[index];

	if (chain->hash != packet->hash || chain->gso_type != packet->gso_type)
		return false;
	const struct packet of_head = packet_of(chain);
	return same_encapsulation(coalescer, head, frame) &&
	       packet_same_flow(data_of(coalescer, head), &of_head, data_of(coalescer, frame), packet);
}

/* The newest frame of the flow, or NONE. Bulk comes in runs: mostly it is where the last segment went. */
static uint32_t find(const struct coalescer *coalescer, const struct frame *frame, const struct packet *packet)
{
	if (coalescer->count > 0 && is_of_flow(coalescer, coalescer->last, frame, packet))
		return coalescer->last;
	for (uint32_t i = coalescer->count; i-- > 0;)
		if (is_of_flow(coalescer, i, frame, packet))
			return i;
	return NONE;
}

/* Which flow of its two addresses it interrupts cannot be told, so it is all of them. */
static void close_conversation(struct coalescer *coalescer, const struct frame *frame)
{
	for (uint32_t i = 0; i < coalescer->count; i++) {
		struct chain *chain = &coalescer->chains[i];

		if (chain->open && same_encapsulation(coalescer, &coalescer->frames[i], frame) &&
		    packet_same_addresses(data_of(coalescer, &coalescer->frames[i]), data_of(coalescer, frame)))
			chain->open = false;
	}
}

/* ---- appending ---- */

/* Without DF a router may fragment what the super-frame is cut into, and there each needs its own identification. */
static bool identification_follows(const struct chain *chain, const uint8_t *data)
{
	const uint8_t *ip = data + ETHERNET_HEADER;

	return !packet_is_ipv4(data) || get_be16(ip + IPV4_FLAGS) & IPV4_FLAG_DF ||
	       get_be16(ip + IPV4_IDENTIFICATION) == chain->next_id;
}

static bool continues(const struct coalescer *coalescer, uint32_t index, const struct frame *frame,
		      const struct packet *packet)
{
	const struct chain *chain = &coalescer->chains[index];
	const struct frame *head = &coalescer->frames[index];
	uint32_t payload = frame->length - packet->headers;

	return chain->open && payload <= chain->gso_size &&
	       head->length + payload <= COALESCE_LENGTH_MAX &&
	       (!packet_is_tcp(packet->gso_type) || packet->sequence == chain->next_sequence) &&
	       memcmp((const uint8_t *)head + SENDER_BEGIN, (const uint8_t *)frame + SENDER_BEGIN,
		      SENDER_END - SENDER_BEGIN) == 0 &&
	       packet_same_headers(data_of(coalescer, head), data_of(coalescer, frame), packet) &&
	       identification_follows(chain, data_of(coalescer, frame));
}

/* The head's checksum is verified with the first segment that would follow it: most single frames are never summed. */
static bool is_verified(const struct coalescer *coalescer, uint32_t index)
{
	const struct frame *head = &coalescer->frames[index];
	const struct packet packet = packet_of(&coalescer->chains[index]);

	return head->piece_count > 0 || packet_is_intact(data_of(coalescer, head), head->length, &packet);
}

static void remember_head(const uint8_t *data, const struct chain *chain, union piece *piece)
{
	const uint8_t *ip = data + ETHERNET_HEADER;
	const uint8_t *transport = data + chain->transport;
	bool ipv4 = packet_is_ipv4(data);
	bool tcp = packet_is_tcp(chain->gso_type);

	memcpy(&piece->head.ip_length, ip + (ipv4 ? IPV4_TOTAL_LENGTH : IPV6_PAYLOAD_LENGTH), 2);
	memcpy(&piece->head.ip_checksum, ip + IPV4_CHECKSUM, 2);
	memcpy(&piece->head.checksum, transport + packet_checksum_field(chain->gso_type), 2);
	memcpy(&piece->head.tcp_flags, transport + (tcp ? TCP_DATA_OFFSET : UDP_LENGTH), 2);
}

/* PSH of a TCP segment; false for UDP. */
static bool is_pushed(const uint8_t *data, const struct packet *packet)
{
	return packet_is_tcp(packet->gso_type) && data[packet->transport + TCP_FLAGS] & TCP_FLAG_PSH;
}

static void append(struct coalescer *coalescer, uint32_t index, const struct frame *frame,
		   const struct packet *packet)
{
	struct chain *chain = &coalescer->chains[index];
	struct frame *head = &coalescer->frames[index];
	union piece *table = coalescer->pieces.table + index * PIECES_OF_FRAME;
	uint32_t payload = frame->length - packet->headers;

	if (head->piece_count == 0) {
		head->first_piece = (uint16_t)(index * PIECES_OF_FRAME);
		remember_head(data_of(coalescer, head), chain, table);
	}
	head->piece_count++;
	table[head->piece_count].payload.offset = frame->offset + packet->headers;
	table[head->piece_count].payload.length = payload;
	head->length += payload;
	chain->next_sequence += payload;
	chain->next_id++;
	if (is_pushed(data_of(coalescer, frame), packet)) {
		data_of(coalescer, head)[chain->transport + TCP_FLAGS] |= TCP_FLAG_PSH;
		chain->open = false;
	}
	if (payload < chain->gso_size || head->piece_count + 1u == COALESCE_SEGMENTS_MAX)
		chain->open = false;
	coalescer->last = index;
}

/* ---- starting ---- */

/* The least payload of each segment but the last: geometry.c holds every super-frame to it. */
static uint32_t segment_min(const struct packet *packet)
{
	return packet_is_tcp(packet->gso_type) ? TCP_GSO_SIZE_MIN : 1u;
}

/* What the network card of the sender was to do, and what it left to us by handing over the frame as it was. */
static void hand_on_offload(struct frame *frame, const struct packet *packet)
{
	uint32_t hint = frame->gso_size;
	uint32_t payload = frame->length - packet->headers;

	frame->gso_size = 0;
	if (!packet->partial)
		return;
	frame->flags = FRAME_NEEDS_CSUM;
	frame->csum_start = packet->transport;
	frame->csum_offset = packet_checksum_field(packet->gso_type);
	frame->header_length = packet->headers;
	if (!packet_is_tcp(packet->gso_type) && hint > 0 && hint < payload && payload <= hint * UDP_SEGMENTS_MAX) {
		frame->gso_type = FRAME_GSO_UDP_L4;
		frame->gso_size = (uint16_t)hint;
	}
}

/* Whether segments may follow it, as far as it is up to the first. */
static bool may_lead(const struct coalescer *coalescer, const struct frame *frame, const struct packet *packet)
{
	uint8_t protocol = packet_is_tcp(packet->gso_type) ? COALESCE_TCP : COALESCE_UDP;

	return packet->kind == PACKET_DATA && (coalescer->protocols & protocol) != 0 &&
	       coalescer->count < coalescer->pieces.count / PIECES_OF_FRAME &&
	       frame->length - packet->headers >= segment_min(packet) &&
	       !is_pushed(data_of(coalescer, frame), packet);
}

static void start(struct coalescer *coalescer, const struct frame *frame, const struct packet *packet)
{
	bool open = may_lead(coalescer, frame, packet);
	uint32_t index = coalescer->count++;
	struct frame *head = &coalescer->frames[index];
	struct chain *chain = &coalescer->chains[index];
	const uint8_t *data = data_of(coalescer, frame);

	*head = *frame;
	hand_on_offload(head, packet);
	*chain = (struct chain){.hash = packet->hash,
				.gso_type = packet->gso_type,
				.transport = packet->transport,
				.headers = packet->headers,
				.pseudo = packet->pseudo};
	coalescer->last = index;
	if (!open)
		return;
	chain->open = true;
	chain->gso_size = (uint16_t)(frame->length - packet->headers);
	chain->next_sequence = packet->sequence + chain->gso_size;
	if (packet_is_ipv4(data))
		chain->next_id = (uint16_t)(get_be16(data + ETHERNET_HEADER + IPV4_IDENTIFICATION) + 1u);
}

/* Return: false if it has to start a frame of its own */
static bool join(struct coalescer *coalescer, const struct frame *frame, const struct packet *packet)
{
	uint32_t index = find(coalescer, frame, packet);

	if (index == NONE || !continues(coalescer, index, frame, packet))
		return false;
	if (!packet_is_intact(data_of(coalescer, frame), frame->length, packet) || !is_verified(coalescer, index))
		return false;
	append(coalescer, index, frame, packet);
	return true;
}

bool coalesce_add(struct coalescer *coalescer, const struct frame *frame)
{
	struct packet packet;

	packet_parse(data_of(coalescer, frame), frame->length, &packet);
	if (packet.kind == PACKET_OBSCURE)
		close_conversation(coalescer, frame);
	if (packet.kind == PACKET_DATA && join(coalescer, frame, &packet))
		return true;
	if (coalescer->count == coalescer->capacity)
		return false;
	start(coalescer, frame, &packet);
	return true;
}

/* ---- finishing ---- */

static void finish_ip(uint8_t *ip, uint32_t length, bool ipv4)
{
	if (!ipv4) {
		put_be16(ip + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER);
		return;
	}
	uint16_t before, after;
	memcpy(&before, ip + IPV4_TOTAL_LENGTH, 2);
	put_be16(ip + IPV4_TOTAL_LENGTH, length);
	memcpy(&after, ip + IPV4_TOTAL_LENGTH, 2);
	uint16_t checksum;
	memcpy(&checksum, ip + IPV4_CHECKSUM, 2);
	checksum = checksum_update(checksum, before, after);
	memcpy(ip + IPV4_CHECKSUM, &checksum, 2);
}

uint32_t coalesce_finish(struct coalescer *coalescer)
{
	for (uint32_t i = 0; i < coalescer->count; i++) {
		struct frame *frame = &coalescer->frames[i];
		const struct chain *chain = &coalescer->chains[i];
		uint8_t *data = data_of(coalescer, frame);

		if (frame->piece_count == 0)
			continue;
		uint32_t transport_length = frame->length - chain->transport;
		finish_ip(data + ETHERNET_HEADER, frame->length - ETHERNET_HEADER, packet_is_ipv4(data));
		if (!packet_is_tcp(chain->gso_type))
			put_be16(data + chain->transport + UDP_LENGTH, transport_length);
		uint16_t pseudo = packet_pseudo_sum(data, packet_is_tcp(chain->gso_type) ? PACKET_TCP : PACKET_UDP,
						    transport_length);
		frame->gso_type = chain->gso_type;
		frame->gso_size = chain->gso_size;
		frame->header_length = chain->headers;
		frame->flags = FRAME_NEEDS_CSUM;
		frame->csum_start = chain->transport;
		frame->csum_offset = packet_checksum_field(chain->gso_type);
		memcpy(data + chain->transport + frame->csum_offset, &pseudo, sizeof(pseudo));
	}
	return coalescer->count;
}
