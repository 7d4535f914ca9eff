/*
 * The way of a frame, in the order of the functions from the end of this file upwards:
 *
 *   udp_send       frames grouped by source socket, each group in order
 *   send_frame     checked; through an injector (tunnel.h), or its checksum completed, or cut into segments
 *   outbox_add     (outbox.h) datagrams of one size to one VTEP become one message
 *   flush          sendmmsg; what the kernel refuses becomes the status of the frames concerned
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

/* Sends messages from `first` on. Return: as sendmmsg */
static int send_messages(const struct udp *udp, uint32_t first, int fd)
{
	struct outbox *outbox = udp->outbox;

	if (udp->injected_error == 0)
		return sendmmsg(fd, outbox->headers + first, outbox->count - first, MSG_DONTWAIT);
	if (outbox->messages[first].count == 1)
		return sendmmsg(fd, outbox->headers + first, 1, MSG_DONTWAIT);
	errno = udp->injected_error;
	return -1;
}

static void flush(struct udp *udp, int fd, struct counters *counters)
{
	struct outbox *outbox = udp->outbox;
	uint32_t done = 0;
	uint32_t retries = 0;

	outbox_seal(outbox);
	while (done < outbox->count) {
		int sent = send_messages(udp, done, fd);
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
		for (uint32_t end = done + (uint32_t)sent; done < end; done++)
			count_sent(counters, outbox->messages[done].count, outbox->messages[done].bytes);
	}
	outbox_clear(outbox);
}

/* Return: where the headers of this datagram go */
static uint8_t *add_datagram(struct udp *udp, struct frame *frame, uint32_t headers, const uint8_t *data,
			     uint32_t length, struct counters *counters)
{
	uint8_t *room = outbox_add(udp->outbox, frame, headers, data, length);

	if (room != NULL)
		return room;
	flush(udp, udp->source_fds[frame->socket], counters);
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
static int send_frame(struct udp *udp, const struct span *arena, struct frame *frame, struct counters *counters)
{
	if (geometry_bounds(frame, arena->size) != 0)
		return EINVAL;
	if (frame->next_hop != 0) {
		if (udp->tunnel.detour)
			flush(udp, udp->source_fds[frame->socket], counters);
		udp->tunnel.detour = false;
		int result = tunnel_send(&udp->tunnel, frame, arena->data + frame->offset,
					 udp->source_ports[frame->socket], counters);
		if (result != TUNNEL_PASSES)
			return result;
	}
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
 * One socket after the other: frames of many flows come mixed, and only neighbours can share a message or a
 * system call.
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
		for (uint16_t i = grouping.first[socket]; i != NONE; i = grouping.next[i]) {
			int error = send_frame(udp, arena, &frames[i], counters);
			if (error != 0)
				frames[i].status = (uint16_t)error;
		}
		flush(udp, udp->source_fds[socket], counters);
	}
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
}
