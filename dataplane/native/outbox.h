/*
 * Datagrams on their way to the kernel, those of one source socket together. Consecutive datagrams of one socket to one VTEP that
 * are of one size (the last may be shorter) become one message, which the kernel cuts apart again (UDP_SEGMENT, udp(7)):
 * one pass through its stack for all of them.
 *
 *   message   │ datagram 0          │ datagram 1          │ datagram 2     │   UDP_SEGMENT = each
 *             ◄─────── each ───────►◄─────── each ───────►◄── ≤ each ─────►
 *   parts     headers ┆ payload       headers ┆ payload     headers ┆ payload
 *
 * A datagram is one part (a frame as it stands in the arena) or two (a segment: headers written into the pool
 * here, payload in the arena). No payload is copied; nothing is allocated.
 */
#ifndef WEFT_OUTBOX_H
#define WEFT_OUTBOX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "port.h"

/*
 * UDP_MAX_SEGMENTS of Linux include/linux/udp.h: 128 since 6.9, 64 before. Before 5.16 the headers of the
 * first datagram counted too, which leaves 63.
 */
#define OUTBOX_SEGMENTS_MAX 128u
#define OUTBOX_SEGMENTS_OLD 63u

/* UIO_MAXIOV: what one message may have. All messages of one sendmmsg share them here. */
#define OUTBOX_PARTS 1024u
/* The headers of a message are part of its bytes, and those are less: any message finds room. */
#define OUTBOX_HEADERS 65536u

/* The largest UDP payload: 65535 less headers over IPv4; IPv6 does not count its own. */
#define UDP_PAYLOAD_MAX_V4 65507u
#define UDP_PAYLOAD_MAX_V6 65527u

/* Traffic class or TOS, and UDP_SEGMENT. */
#define MESSAGE_CONTROL (CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t)))

struct message {
	struct sockaddr_in6 name; /* holds a sockaddr_in as well */
	_Alignas(struct cmsghdr) uint8_t control[MESSAGE_CONTROL];
	uint32_t first_part;
	uint32_t parts;
	uint32_t count; /* datagrams */
	uint32_t each; /* bytes of each datagram, of the last at most */
	uint32_t bytes; /* of all of them */
};

struct outbox {
	uint32_t segments; /* the most datagrams of one message; 1: no UDP_SEGMENT */
	uint32_t count; /* messages */
	uint32_t parts_used;
	uint32_t headers_used;
	struct mmsghdr headers[PORT_BATCH];
	struct message messages[PORT_BATCH];
	struct iovec parts[OUTBOX_PARTS];
	struct frame *owners[OUTBOX_PARTS]; /* the frame that each part is of */
	uint8_t pool[OUTBOX_HEADERS];
};

/** udp_payload_max() - bytes of the largest datagram, and of the largest message */
static inline uint32_t udp_payload_max(uint8_t family)
{
	return family == 6 ? UDP_PAYLOAD_MAX_V6 : UDP_PAYLOAD_MAX_V4;
}

/**
 * outbox_add() - put a datagram behind the others
 * @frame: where to, with which TOS, and whose status tells of it
 * @headers: bytes that the caller writes before the data; 0 for none
 * @data: what follows them, not copied
 *
 * Return: where the headers go (never NULL when @headers is 0), or NULL if the outbox is full: send what is in
 * it first. An empty one takes any datagram of at most udp_payload_max() bytes.
 */
uint8_t *outbox_add(struct outbox *outbox, struct frame *frame, uint32_t headers, const uint8_t *data,
		    uint32_t length);

/** outbox_address() - fill @header for a message, or for a part of one: whom to, control messages, parts */
void outbox_address(struct outbox *outbox, struct message *message, struct msghdr *header);

/** outbox_seal() - complete `headers`, ready for sendmmsg */
void outbox_seal(struct outbox *outbox);

/** outbox_clear() - forget all messages */
void outbox_clear(struct outbox *outbox);

#endif
