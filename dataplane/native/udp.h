/*
 * The VXLAN socket and its source sockets.
 *
 *   receive socket   bound to address:port (4789); recvmmsg
 *   source sockets   bound to address:49152 … 65535; sendmmsg. Which one a frame takes decides its outer
 *                    source port, by which a flow gets its entropy (RFC 7348 section 5). They never receive.
 */
#ifndef WEFT_UDP_H
#define WEFT_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "outbox.h"
#include "port.h"
#include "ring.h"
#include "tunnel.h"
#include "udp-inbox.h"

#define UDP_SOURCE_SOCKETS_MAX 64u
#define UDP_SOCKETS_MAX (1u + UDP_SOURCE_SOCKETS_MAX)

/*
 * RFC 7348 section 5: "it is RECOMMENDED that the value be in the dynamic/private port range
 * 49152-65535".
 */
#define UDP_SOURCE_PORT_MIN 49152u
#define UDP_SOURCE_PORT_MAX 65535u

/* Whether several sockets receive on the port. Which one gets a datagram is a hash of its two addresses and ports. */
enum udp_share {
	UDP_ALONE,
	UDP_FOUNDS, /* the first of a group: refused where anybody has the port, with SO_REUSEPORT or without */
	UDP_JOINS, /* a further one */
};

struct udp_options {
	uint8_t family; /* 4 or 6 */
	uint8_t address[16]; /* network order, IPv4 in the first 4; its use as source is pinned */
	uint16_t port; /* host order; 0: any free one */
	uint16_t source_sockets; /* 1 … UDP_SOURCE_SOCKETS_MAX */
	uint16_t first_source_port; /* where the search for free ones begins */
	int receive_buffer; /* bytes, as for SO_RCVBUF */
	int send_buffer; /* bytes for each source socket */
	uint16_t encap_length; /* bytes of encapsulation before the frame in each datagram */
	bool segment; /* let the kernel cut one send into many datagrams, if it can */
	bool gro; /* let the kernel hand over datagrams of one flow in one message, if it can */
	uint8_t coalesce; /* COALESCE_*: what is merged into super-frames */
	/* For tests, errnos; 0: none. */
	int injected_segment; /* meets each send with UDP_SEGMENT */
	int injected_segment_probe; /* meets the probe for it */
	int injected_gro; /* meets each receive call with UDP_GRO */
	int injected_gro_probe; /* meets the request for it */
	int injected_tunnel; /* meets each write to an injector */
	enum udp_share share;
	/*
	 * Sockets of an earlier process, which are the port's from now on, also if it cannot be opened: each that is bound to
	 * `address` and the right port stands in for a new one, with all that waits in it. Others are closed.
	 */
	int passed[UDP_SOCKETS_MAX];
	uint16_t passed_count;
};


struct udp {
	struct ring *ring; /* of the thread; NULL or unusable: plain calls */
	int fd; /* receive socket, -1 when closed */
	uint8_t family;
	uint16_t port;
	uint16_t source_count;
	int source_fds[UDP_SOURCE_SOCKETS_MAX];
	uint16_t source_ports[UDP_SOURCE_SOCKETS_MAX];
	int receive_buffer; /* what the kernel granted, in the units of SO_RCVBUF */
	int send_buffer;
	int gso_error; /* the errno for which UDP_SEGMENT is not used; 0: it is, or must not be */
	bool gso_proven; /* a send with it was taken: only then may others follow it in the same run of the ring */
	int injected_error;
	struct outbox *outbox; /* what is being sent; of this port alone */
	struct tunnel tunnel;
	uint32_t drops; /* what the kernel last said that it dropped, modulo 2^32 */
	struct udp_inbox inbox;
};

/**
 * udp_open() - open and bind all sockets, or go on with those that were passed; of `options` only what was passed is taken
 * Return: 0, or -errno with nothing left open: -EADDRINUSE and -EADDRNOTAVAIL are about address and port,
 *         -ENOSPC means no free port for a source socket, -EINVAL an option out of range
 */
int udp_open(struct udp *udp, struct udp_options *options);

/** udp_close_passed() - close what was passed, instead of udp_open() */
void udp_close_passed(struct udp_options *options);

/** udp_close() - close all sockets; twice is once */
void udp_close(struct udp *udp);

/** udp_count_drops() - ask the kernel how many datagrams it dropped, and count those that are new */
void udp_count_drops(struct udp *udp, struct counters *counters);

/**
 * udp_send() - send every frame and set its status to 0 or an errno; in order for each source socket
 *
 * A super-frame goes out as its segments; its status is an errno also if only one of them was refused. When
 * the kernel turns out not to do UDP_SEGMENT, what it refused is sent datagram by datagram, as is everything
 * from then on (`gso_error`). TCP to a VTEP whose next hop is known goes through its injector (tunnel.h).
 */
void udp_send(struct udp *udp, const struct span *arena, struct frame *frames, uint32_t count,
	      struct counters *counters);

#endif
