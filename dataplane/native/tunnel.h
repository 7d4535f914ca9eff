/*
 * The tunnel-GSO sender: whole encapsulated TCP super-frames, one write each, into a TAP (the "injector") whose ingress is
 * redirected to the underlay device. Nobody cuts them before a device does, and no inner checksum is summed here.
 *
 *   │ vnet header │ Ethernet │ IPv4 or IPv6 │ UDP │ encapsulation │ frame ……… │
 *   ◄──────────── built here, beside the frame ──►◄── as it stands in the arena ──►
 *
 * TCP goes this way and nothing else, so that each flow stays on one way and in order; the small datagrams of other
 * protocols share sends on the source sockets, which costs less (outbox.h).
 */
#ifndef WEFT_TUNNEL_H
#define WEFT_TUNNEL_H

#include <stdbool.h>

#include "port.h"
#include "ring.h"

/* struct virtio_net_hdr_v1_hash_tunnel of linux/virtio_net.h (Linux 6.17): what TUNSETVNETHDRSZ of an injector is. */
#define TUNNEL_VNET_HEADER 24u
/* With Ethernet, IPv6 and UDP behind it. */
#define TUNNEL_HEADERS_MAX (TUNNEL_VNET_HEADER + ETHERNET_HEADER + 40u + 8u)

/*
 * How to reach a VTEP, as JavaScript says it (next-hops.ts): 24 bytes in the machine's order. Frames name it by its place
 * in the table, from 1.
 */
struct tunnel_hop {
	int32_t fd; /* the injector, which stays JavaScript's; -1: none */
	uint32_t mtu; /* of the path: bytes of an outer IP packet */
	uint8_t destination[6]; /* MAC addresses, of the next hop and of the underlay device */
	uint8_t source[6];
	uint8_t reserved[4];
};

_Static_assert(sizeof(struct tunnel_hop) == 24, "NEXT_HOP_SIZE of next-hops.ts");

/* What all outer headers of one port have in common. */
struct tunnel_origin {
	uint8_t family; /* 4 or 6 */
	uint8_t hop_limit;
	uint8_t address[16]; /* network order, IPv4 in the first 4 */
};

/* A frame that goes this way, and what was found out about it. */
struct tunnel_frame {
	const struct frame *frame;
	const uint8_t *data; /* its Ethernet header; the encapsulation stands before */
	uint16_t header_length; /* by geometry_offload() */
	uint16_t port; /* the outer source port */
	uint32_t segments; /* packets on the wire; 1: nothing is cut */
};

/* A frame whose write waits in the ring. */
struct tunnel_waiting {
	struct frame *frame;
	int fd;
	struct tunnel_frame tunnel_frame;
};

struct tunnel {
	struct tunnel_origin origin;
	struct tunnel_hop *hops;
	uint32_t count;
	uint16_t identification; /* of the next IPv4 packet */
	/* A TCP frame had to leave by the sockets: what follows it in its flow must not be injected before it has left. */
	bool detour;
	int error; /* the errno for which an injector was given up last, 0: none; */
	int lost_fd; /* and which it was */
	int injected_error; /* for tests: the errno that meets each write; 0: none */
	struct ring *ring; /* of the thread; NULL or unusable: each write is a plain call */
	uint32_t waiting_count;
	struct tunnel_waiting waiting[RING_CALLS]; /* in the order of the ring */
};

/* What tunnel_send() returns for a frame that the sockets have to send. */
#define TUNNEL_PASSES (-1)
/* And for one whose write waits for tunnel_flush(). */
#define TUNNEL_WAITS (-2)

/**
 * tunnel_set_hops() - replace the table, and forget the `error` of the former
 * @table: @bytes of struct tunnel_hop, copied
 * Return: 0, -EINVAL (not a whole number of entries, or too many), -ENOMEM; then the former table holds
 */
int tunnel_set_hops(struct tunnel *tunnel, const uint8_t *table, size_t bytes);

/** tunnel_close() - forget the table; twice is once */
void tunnel_close(struct tunnel *tunnel);

/**
 * tunnel_send() - send a frame through the injector of its next hop
 * @frame: geometry_bounds() has accepted it; is left as it is
 * @port: the outer source port
 * @alone: no other frame is sent with it, so it has nothing to share a system call with
 *
 * Return: 0: sent; TUNNEL_WAITS: it is, once tunnel_flush() was called; EMSGSIZE: it, or a segment of it, is longer than the path carries; TUNNEL_PASSES: not for this way, or
 *         the injector did not take it. An injector that refuses is not asked again (`error`, `lost_fd`).
 */
int tunnel_send(struct tunnel *tunnel, struct frame *frame, const uint8_t *data, uint16_t port, bool alone,
		struct counters *counters);

/**
 * tunnel_flush() - carry out the writes that wait
 * @failed: gets the frames that the sockets have to send; room for RING_CALLS
 * Return: how many those are
 */
uint32_t tunnel_flush(struct tunnel *tunnel, struct frame **failed, struct counters *counters);

/**
 * tunnel_headers() - everything that stands before the encapsulation
 * @out: gets the headers
 * Return: their length
 */
uint32_t tunnel_headers(const struct tunnel_origin *origin, const struct tunnel_hop *hop,
			const struct tunnel_frame *out_frame, uint16_t identification,
			uint8_t out[TUNNEL_HEADERS_MAX]);

/** tunnel_ip_header() - bytes of the outer IP header */
static inline uint32_t tunnel_ip_header(uint8_t family)
{
	return family == 6 ? 40u : 20u;
}

#endif
