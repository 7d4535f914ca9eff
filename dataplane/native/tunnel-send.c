#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "geometry.h"
#include "packet.h"
#include "tunnel.h"

#define UDP_HEADER 8u
#define IP_PACKET_MAX 65535u

int tunnel_set_hops(struct tunnel *tunnel, const uint8_t *table, size_t bytes)
{
	size_t count = bytes / sizeof(struct tunnel_hop);

	if (bytes % sizeof(struct tunnel_hop) != 0 || count > UINT16_MAX)
		return -EINVAL;
	/* One more than needed: an empty table is no failed allocation. */
	struct tunnel_hop *hops = malloc((count + 1) * sizeof(*hops));
	if (hops == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(hops, table, bytes);
	free(tunnel->hops);
	tunnel->hops = hops;
	tunnel->count = (uint32_t)count;
	tunnel->error = 0;
	return 0;
}

void tunnel_close(struct tunnel *tunnel)
{
	free(tunnel->hops);
	tunnel->hops = NULL;
	tunnel->count = 0;
}

static const struct tunnel_hop *find_hop(const struct tunnel *tunnel, uint16_t index)
{
	if (index == 0 || index > tunnel->count || tunnel->hops[index - 1].fd < 0)
		return NULL;
	return &tunnel->hops[index - 1];
}

/* By the protocol field alone, so that a fragment is judged as the rest of its flow. */
static bool is_tcp(const uint8_t *data, uint32_t length)
{
	if (length >= ETHERNET_HEADER + IPV4_HEADER && packet_is_ipv4(data))
		return data[ETHERNET_HEADER + IPV4_PROTOCOL] == PACKET_TCP;
	if (length >= ETHERNET_HEADER + IPV6_HEADER && packet_is_ipv6(data))
		return data[ETHERNET_HEADER + IPV6_NEXT_HEADER] == PACKET_TCP;
	return false;
}

/* Bytes of the outer IP header and of all behind it but the frame. */
static uint32_t overhead(const struct tunnel *tunnel, const struct frame *frame)
{
	return tunnel_ip_header(tunnel->origin.family) + UDP_HEADER + frame->encap_length;
}

/* Whether one outer packet holds the frame. That of IPv6 could hold 40 bytes more, but Linux cuts what is longer. */
static bool is_one_packet(const struct tunnel *tunnel, const struct frame *frame)
{
	return overhead(tunnel, frame) + frame->length <= IP_PACKET_MAX;
}

/* Bytes of the longest inner frame on the wire. */
static uint32_t longest(const struct tunnel_frame *tunnel_frame)
{
	const struct frame *frame = tunnel_frame->frame;

	return tunnel_frame->segments > 1 ? (uint32_t)tunnel_frame->header_length + frame->gso_size : frame->length;
}

static uint32_t count_segments(const struct frame *frame, uint16_t header_length)
{
	if (frame->gso_type == FRAME_GSO_NONE)
		return 1;
	return (frame->length - header_length + frame->gso_size - 1u) / frame->gso_size;
}

/* Headers, then encapsulation and frame, which are one piece. writev only reads them. */
static void gather(const struct tunnel_frame *tunnel_frame, uint8_t *headers, uint32_t length, struct iovec *parts)
{
	const struct frame *frame = tunnel_frame->frame;
	uint8_t *encapsulation = (uint8_t *)(uintptr_t)tunnel_frame->data - frame->encap_length;

	parts[0] = (struct iovec){headers, length};
	parts[1] = (struct iovec){encapsulation, (size_t)frame->encap_length + frame->length};
}

/* Return: 0 or an errno */
static int write_frame(struct tunnel *tunnel, const struct tunnel_hop *hop, const struct tunnel_frame *tunnel_frame)
{
	uint8_t headers[TUNNEL_HEADERS_MAX];
	struct iovec parts[2];
	ssize_t written;

	gather(tunnel_frame, headers,
	       tunnel_headers(&tunnel->origin, hop, tunnel_frame, tunnel->identification, headers), parts);
	if (tunnel->injected_error != 0)
		return tunnel->injected_error;
	do {
		written = writev(hop->fd, parts, 2);
	} while (written < 0 && errno == EINTR);
	return written < 0 ? errno : 0;
}

_Static_assert(TUNNEL_HEADERS_MAX <= RING_HEADER, "the ring has room for the headers of each frame");

static void wait_in_ring(struct tunnel *tunnel, const struct tunnel_hop *hop, struct frame *frame,
			 const struct tunnel_frame *tunnel_frame)
{
	struct ring *ring = tunnel->ring;
	uint8_t *headers = ring_next_header(ring);

	gather(tunnel_frame, headers,
	       tunnel_headers(&tunnel->origin, hop, tunnel_frame, tunnel->identification, headers),
	       ring_next_parts(ring));
	ring_writev(ring, hop->fd, 2);
	tunnel->waiting[tunnel->waiting_count++] =
		(struct tunnel_waiting){.frame = frame, .fd = hop->fd, .tunnel_frame = *tunnel_frame};
	tunnel->identification = (uint16_t)(tunnel->identification + tunnel_frame->segments);
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* EIO: the device was set down. EBADFD: deleted. EINVAL: the kernel does not do it after all. */
static void give_up(struct tunnel *tunnel, int fd, int error)
{
	for (uint32_t i = 0; i < tunnel->count; i++)
		if (tunnel->hops[i].fd == fd)
			tunnel->hops[i].fd = -1;
	tunnel->error = error;
	tunnel->lost_fd = fd;
}

static void count_sent(const struct tunnel_frame *tunnel_frame, struct counters *counters)
{
	const struct frame *frame = tunnel_frame->frame;
	uint32_t headers = (uint32_t)frame->encap_length + tunnel_frame->header_length;

	counters->tx_tunnel_frames++;
	counters->tx_segments += tunnel_frame->segments;
	counters->tx_gso_sends += tunnel_frame->segments > 1;
	counters->tx_bytes += frame->encap_length + frame->length + (tunnel_frame->segments - 1) * headers;
}

static int failed(struct tunnel *tunnel, int fd, int error)
{
	if (!is_passing(error))
		give_up(tunnel, fd, error);
	return TUNNEL_PASSES;
}

/* Whether the frame can go this way, and what is to be known of it. Return: 0, or as tunnel_send */
static int examine(const struct tunnel *tunnel, const struct tunnel_hop *hop, struct tunnel_frame *tunnel_frame)
{
	const struct frame *frame = tunnel_frame->frame;

	/* What is wrong with a frame is for the sockets to say. */
	if (!is_one_packet(tunnel, frame) ||
	    geometry_offload(frame, tunnel_frame->data, &tunnel_frame->header_length) != 0)
		return TUNNEL_PASSES;
	/* The checksum to be completed is that of something inside this TCP, or the sum of the headers would not end even. */
	if (frame->flags & FRAME_NEEDS_CSUM && (tunnel_frame->header_length == 0 || frame->encap_length % 2 != 0))
		return TUNNEL_PASSES;
	tunnel_frame->segments = count_segments(frame, tunnel_frame->header_length);
	return overhead(tunnel, frame) + longest(tunnel_frame) > hop->mtu ? EMSGSIZE : 0;
}

int tunnel_send(struct tunnel *tunnel, struct frame *frame, const uint8_t *data, uint16_t port, bool alone,
		struct counters *counters)
{
	const struct tunnel_hop *hop = find_hop(tunnel, frame->next_hop);
	struct tunnel_frame tunnel_frame = {.frame = frame, .data = data, .port = port};

	if (hop == NULL || !is_tcp(data, frame->length))
		return TUNNEL_PASSES;
	int result = examine(tunnel, hop, &tunnel_frame);
	if (result == 0 && !alone && tunnel->injected_error == 0 && ring_is_usable(tunnel->ring) &&
	    ring_takes(tunnel->ring, 2)) {
		wait_in_ring(tunnel, hop, frame, &tunnel_frame);
		return TUNNEL_WAITS;
	}
	int error = result == 0 ? write_frame(tunnel, hop, &tunnel_frame) : 0;
	if (error != 0)
		result = failed(tunnel, hop->fd, error);
	if (result == 0) {
		tunnel->identification = (uint16_t)(tunnel->identification + tunnel_frame.segments);
		count_sent(&tunnel_frame, counters);
		counters->tx_batches++;
	}
	if (result == TUNNEL_PASSES)
		tunnel->detour = true;
	return result;
}

/* A write that the ring refused is made by a plain call. Return: 0 or an errno */
static int conclude(struct tunnel *tunnel, const struct tunnel_waiting *waiting, int32_t result)
{
	const struct tunnel_hop *hop = find_hop(tunnel, waiting->frame->next_hop);

	if (!ring_was_refused(tunnel->ring, result) && result != -EINTR)
		return result < 0 ? -result : 0;
	/* Given up meanwhile: as if it had no room. */
	return hop != NULL ? write_frame(tunnel, hop, &waiting->tunnel_frame) : EAGAIN;
}

uint32_t tunnel_flush(struct tunnel *tunnel, struct frame **frames, struct counters *counters)
{
	uint32_t count = tunnel->waiting_count;
	uint32_t failures = 0;

	tunnel->waiting_count = 0;
	if (count == 0)
		return 0;
	ring_run(tunnel->ring);
	counters->tx_batches++;
	for (uint32_t i = 0; i < count; i++) {
		const struct tunnel_waiting *waiting = &tunnel->waiting[i];
		int error = conclude(tunnel, waiting, tunnel->ring->results[i]);
		if (error == 0) {
			count_sent(&waiting->tunnel_frame, counters);
			continue;
		}
		failed(tunnel, waiting->fd, error);
		frames[failures++] = waiting->frame;
	}
	return failures;
}
