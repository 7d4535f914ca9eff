/*
 * The way of a frame, in the order of the functions from the end of this file upwards:
 *
 *   udp_send       frames grouped by source socket, each group in order
 *   send_frame     checked; through an injector (tunnel.h), or its checksum completed, or cut into segments
 *   outbox_add     (outbox.h) datagrams of one size to one VTEP become one message
 *   flush          one run of the ring, or a sendmmsg for each socket; what is refused becomes the status of its frames
 *   replay         a message that UDP_SEGMENT did not carry, datagram by datagram
 */
#include <errno.h>
#include <string.h>

#include "geometry.h"
#include "outbox.h"
#include "segment.h"
#include "udp.h"

/* How often one message is tried again after EINTR or ENOBUFS. */
#define RETRIES_MAX 3

/* Frames that are grouped at once: a receive batch, replicated to a few VTEPs. */
#define GROUPING_MAX 256u
#define NONE UINT16_MAX

/* Errors that an earlier datagram may have caused: the kernel reports them once, on the next call. */
static bool may_be_pending(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN ||
	       error == EPROTO || error == ENOPROTOOPT;
}

static bool is_worth_a_retry(int error, uint32_t retries)
{
	if (error == EINTR || error == ENOBUFS)
		return retries < RETRIES_MAX;
	return may_be_pending(error) && retries == 0;
}

static void count_sent(struct counters *counters, uint32_t datagrams, uint32_t bytes)
{
	counters->tx_segments += datagrams;
	counters->tx_gso_sends += datagrams > 1;
	counters->tx_bytes += bytes;
}

static void refuse(const struct outbox *outbox, const struct message *message, int error)
{
	for (uint32_t i = 0; i < message->parts; i++)
		outbox->owners[message->first_part + i]->status = (uint16_t)error;
}

/* Return: 0 or an errno */
static int send_single(int fd, const struct msghdr *header)
{
	for (uint32_t retries = 0;; retries++) {
		if (sendmsg(fd, header, MSG_DONTWAIT) >= 0)
			return 0;
		if (!is_worth_a_retry(errno, retries))
			return errno;
	}
}

/* Sends the datagrams of a message one by one. Return: how many the kernel took */
static uint32_t replay(struct outbox *outbox, uint32_t index, int fd, struct counters *counters)
{
	struct message *message = &outbox->messages[index];
	uint32_t end = message->first_part + message->parts;
	uint32_t passed = 0;
	struct message single = *message;

	for (uint32_t part = message->first_part; part < end; part += single.parts) {
		single.first_part = part;
		single.parts = 0;
		single.bytes = 0;
		/* Only the last one is shorter, and it ends with the parts. */
		while (part + single.parts < end && single.bytes < message->each)
			single.bytes += (uint32_t)outbox->parts[part + single.parts++].iov_len;
		single.count = 1;
		struct msghdr header = {0};
		outbox_address(outbox, &single, &header);
		int error = send_single(fd, &header);
		if (error != 0) {
			refuse(outbox, &single, error);
			continue;
		}
		counters->tx_batches++;
		count_sent(counters, 1, single.bytes);
		passed++;
	}
	return passed;
}

static bool is_of_one_frame(const struct outbox *outbox, const struct message *message)
{
	return outbox->owners[message->first_part] == outbox->owners[message->first_part + message->parts - 1];
}

/*
 * EIO: the device cannot checksum (before Linux 6.11) or a transformation (IPsec) lies on the route. EINVAL:
 * the kernel or the socket does not do UDP_SEGMENT after all, if single datagrams pass; else something else is
 * wrong with this message. EMSGSIZE: the path carries less than the message says, which is about each of its
 * frames.
 */
static void handle_refusal(struct udp *udp, uint32_t index, int fd, int error, struct counters *counters)
{
	struct outbox *outbox = udp->outbox;
	const struct message *message = &outbox->messages[index];
	bool replayed = error == EIO || error == EINVAL ||
			(error == EMSGSIZE && !is_of_one_frame(outbox, message));

	if (message->count == 1 || !replayed) {
		refuse(outbox, message, error);
		return;
	}
	uint32_t passed = replay(outbox, index, fd, counters);
	if (error != EMSGSIZE && passed > 0) {
		outbox->segments = 1;
		udp->gso_error = error;
	}
}

static uint16_t socket_of(const struct outbox *outbox, uint32_t index)
{
	return outbox->owners[outbox->messages[index].first_part]->socket;
}

/* Sends messages from `first` up to `end`, all of one socket. Return: as sendmmsg */
static int send_messages(const struct udp *udp, uint32_t first, uint32_t end, int fd)
{
	struct outbox *outbox = udp->outbox;

	if (udp->injected_error == 0)
		return sendmmsg(fd, outbox->headers + first, end - first, MSG_DONTWAIT);
	if (outbox->messages[first].count == 1)
		return sendmmsg(fd, outbox->headers + first, 1, MSG_DONTWAIT);
	errno = udp->injected_error;
	return -1;
}

static void note_sent(struct udp *udp, uint32_t index, struct counters *counters)
{
	const struct message *message = &udp->outbox->messages[index];

	udp->gso_proven |= message->count > 1;
	count_sent(counters, message->count, message->bytes);
}

/* Sends the messages of one socket. */
static void flush_socket(struct udp *udp, uint32_t first, uint32_t end, struct counters *counters)
{
	int fd = udp->source_fds[socket_of(udp->outbox, first)];
	uint32_t done = first;
	uint32_t retries = 0;

	while (done < end) {
		int sent = send_messages(udp, done, end, fd);
		if (sent < 0 && is_worth_a_retry(errno, retries)) {
			retries++;
			continue;
		}
		retries = 0;
		if (sent <= 0) {
			/* The error is that of the first unsent message; those behind it are not at fault. */
			handle_refusal(udp, done++, fd, errno, counters);
			continue;
		}
		counters->tx_batches++;
		for (uint32_t stop = done + (uint32_t)sent; done < stop; done++)
			note_sent(udp, done, counters);
	}
}

static void flush_sockets(struct udp *udp, struct counters *counters)
{
	const struct outbox *outbox = udp->outbox;

	for (uint32_t first = 0, end; first < outbox->count; first = end) {
		uint16_t socket = socket_of(outbox, first);
		for (end = first + 1; end < outbox->count && socket_of(outbox, end) == socket; end++)
			;
		flush_socket(udp, first, end, counters);
	}
}

/*
 * Whether all messages may leave in one run. What may be refused for what it is and sent otherwise goes by itself: what
 * follows would overtake it.
 */
static bool may_share_a_run(const struct udp *udp)
{
	const struct outbox *outbox = udp->outbox;

	if (outbox->count < 2 || !ring_is_usable(udp->ring) || udp->injected_error != 0)
		return false;
	for (uint32_t i = 0; i < outbox->count && !udp->gso_proven; i++)
		if (outbox->messages[i].count > 1)
			return false;
	return true;
}

/* Whether something of the same socket that stands behind a message has left: what is sent again now comes too late. */
static bool is_overtaken(const struct udp *udp, uint32_t index)
{
	const struct outbox *outbox = udp->outbox;
	uint16_t socket = socket_of(outbox, index);

	for (uint32_t i = index + 1; i < outbox->count && socket_of(outbox, i) == socket; i++)
		if (udp->ring->results[i] >= 0)
			return true;
	return false;
}

/*
 * A message that did not leave with the others. Lost is better than overtaken; but when the kernel does not do UDP_SEGMENT any more,
 * nothing is lost by that.
 */
static void handle_failure(struct udp *udp, uint32_t index, int error, struct counters *counters)
{
	struct outbox *outbox = udp->outbox;
	const struct message *message = &outbox->messages[index];
	bool is_about_gso = message->count > 1 && (error == EIO || error == EINVAL);

	if (is_about_gso)
		handle_refusal(udp, index, udp->source_fds[socket_of(outbox, index)], error, counters);
	else if (is_overtaken(udp, index))
		refuse(outbox, message, error);
	else
		flush_socket(udp, index, index + 1, counters);
}

static void flush_in_one_run(struct udp *udp, struct counters *counters)
{
	struct outbox *outbox = udp->outbox;
	struct ring *ring = udp->ring;

	for (uint32_t i = 0; i < outbox->count; i++)
		ring_sendmsg(ring, udp->source_fds[socket_of(outbox, i)], &outbox->headers[i].msg_hdr);
	ring_run(ring);
	counters->tx_batches++;
	for (uint32_t i = 0; i < outbox->count; i++) {
		int32_t result = ring->results[i];
		if (result >= 0)
			note_sent(udp, i, counters);
		else if (ring_was_refused(ring, result))
			flush_socket(udp, i, i + 1, counters);
		else
			handle_failure(udp, i, -result, counters);
	}
}

static void flush(struct udp *udp, struct counters *counters)
{
	struct outbox *outbox = udp->outbox;

	outbox_seal(outbox);
	if (may_share_a_run(udp))
		flush_in_one_run(udp, counters);
	else
		flush_sockets(udp, counters);
	outbox_clear(outbox);
}

/* Return: where the headers of this datagram go */
static uint8_t *add_datagram(struct udp *udp, struct frame *frame, uint32_t headers, const uint8_t *data,
			     uint32_t length, struct counters *counters)
{
	uint8_t *room = outbox_add(udp->outbox, frame, headers, data, length);

	if (room != NULL)
		return room;
	flush(udp, counters);
	return outbox_add(udp->outbox, frame, headers, data, length);
}

static int send_segments(struct udp *udp, const struct span *arena, struct frame *frame,
			 struct counters *counters)
{
	struct segmenter segmenter;
	uint16_t header_length;
	const uint8_t *data = arena->data + frame->offset;

	if (geometry_offload(frame, data, &header_length) != 0)
		return EINVAL;
	segmenter_open(&segmenter, frame, data, header_length);
	if (segmenter.header_length + segment_length(&segmenter, 0) > udp_payload_max(frame->family))
		return EMSGSIZE;
	for (uint32_t i = 0; i < segmenter.count; i++) {
		uint8_t *headers = add_datagram(udp, frame, segmenter.header_length,
						segmenter.payload + i * segmenter.gso_size,
						segment_length(&segmenter, i), counters);
		segment_headers(&segmenter, i, headers);
	}
	return 0;
}

/* Return: 0 or an errno */
static int send_by_socket(struct udp *udp, const struct span *arena, struct frame *frame, struct counters *counters)
{
	if (frame->gso_type != FRAME_GSO_NONE)
		return send_segments(udp, arena, frame, counters);
	int error = -geometry_complete_checksum(frame, arena->data, arena->size);
	if (error != 0)
		return error;
	/* Encapsulation and frame are one piece, because the one stands before the other. */
	add_datagram(udp, frame, 0, arena->data + frame->offset - frame->encap_length,
		     frame->encap_length + frame->length, counters);
	return 0;
}

static void note_status(struct frame *frame, int error)
{
	if (error != 0)
		frame->status = (uint16_t)error;
}

/* Carries out the writes to injectors that wait. What an injector did not take leaves by the sockets. */
static void flush_tunnel(struct udp *udp, const struct span *arena, struct counters *counters)
{
	struct frame *failed[RING_CALLS];
	uint32_t count = tunnel_flush(&udp->tunnel, failed, counters);

	for (uint32_t i = 0; i < count; i++)
		note_status(failed[i], send_by_socket(udp, arena, failed[i], counters));
	udp->tunnel.detour |= count > 0;
}

/* Return: as tunnel_send */
static int inject(struct udp *udp, const struct span *arena, struct frame *frame, bool alone, struct counters *counters)
{
	if (udp->tunnel.waiting_count == RING_CALLS)
		flush_tunnel(udp, arena, counters);
	if (udp->tunnel.detour)
		flush(udp, counters);
	udp->tunnel.detour = false;
	return tunnel_send(&udp->tunnel, frame, arena->data + frame->offset, udp->source_ports[frame->socket], alone,
			   counters);
}

/* Return: 0 or an errno */
static int send_frame(struct udp *udp, const struct span *arena, struct frame *frame, bool alone,
		      struct counters *counters)
{
	if (geometry_bounds(frame, arena->size) != 0)
		return EINVAL;
	int result = frame->next_hop != 0 ? inject(udp, arena, frame, alone, counters) : TUNNEL_PASSES;
	if (result == TUNNEL_WAITS)
		return 0;
	if (result != TUNNEL_PASSES)
		return result;
	/* The ring has one queue, and the sockets may want it. */
	flush_tunnel(udp, arena, counters);
	return send_by_socket(udp, arena, frame, counters);
}

/* Frames by source socket: a chain for each, in the order in which they came. */
struct grouping {
	uint64_t used; /* sockets that have a chain */
	uint16_t first[UDP_SOURCE_SOCKETS_MAX];
	uint16_t last[UDP_SOURCE_SOCKETS_MAX];
	uint16_t next[GROUPING_MAX];
};

static void group(struct grouping *grouping, uint16_t socket, uint16_t index)
{
	uint64_t bit = (uint64_t)1 << socket;

	if (grouping->used & bit)
		grouping->next[grouping->last[socket]] = index;
	else
		grouping->first[socket] = index;
	grouping->used |= bit;
	grouping->last[socket] = index;
	grouping->next[index] = NONE;
}

/*
 * One socket after the other: frames of many flows come mixed, and only neighbours can share a message or a sendmmsg.
 */
static void send_grouped(struct udp *udp, const struct span *arena, struct frame *frames, uint32_t count,
			 struct counters *counters)
{
	struct grouping grouping = {.used = 0};

	for (uint32_t i = 0; i < count; i++) {
		bool sendable = frames[i].socket < udp->source_count && frames[i].family == udp->family;
		frames[i].status = sendable ? 0 : EINVAL;
		if (sendable)
			group(&grouping, frames[i].socket, (uint16_t)i);
	}
	for (; grouping.used != 0; grouping.used &= grouping.used - 1) {
		uint32_t socket = (uint32_t)__builtin_ctzll(grouping.used);
		for (uint16_t i = grouping.first[socket]; i != NONE; i = grouping.next[i])
			note_status(&frames[i], send_frame(udp, arena, &frames[i], count == 1, counters));
	}
	flush_tunnel(udp, arena, counters);
	flush(udp, counters);
}

void udp_send(struct udp *udp, const struct span *arena, struct frame *frames, uint32_t count,
	      struct counters *counters)
{
	for (uint32_t done = 0; done < count;) {
		uint32_t some = count - done < GROUPING_MAX ? count - done : GROUPING_MAX;
		send_grouped(udp, arena, frames + done, some, counters);
		for (uint32_t end = done + some; done < end; done++) {
			counters->tx_frames += frames[done].status == 0;
			counters->tx_errors += frames[done].status != 0;
		}
	}
	counters->tx_gso_error = udp->gso_error;
	counters->tx_tunnel_error = udp->tunnel.error;
	counters->tx_tunnel_lost = udp->tunnel.lost_fd;
	counters->ring_error = ring_error(udp->ring);
}
