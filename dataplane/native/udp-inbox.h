/*
 * What a VXLAN socket receives: one recvmmsg fills the slots, then batch after batch of frames is taken out of them.
 *
 *   slot     ┌────────────────── one message ──────────────────┐
 *            │ VXLAN frame 1 │ VXLAN frame 2 │ … │ VXLAN frame n │     UDP_GRO: datagrams of equal size, the last
 *            └───────────────┴───────────────┴───┴──────────────┘     may be shorter, one behind the other
 *
 * Descriptors point into the messages. The slots stay as they are until all have been taken.
 */
#ifndef WEFT_UDP_INBOX_H
#define WEFT_UDP_INBOX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "coalesce.h"
#include "port.h"

/* Control messages of one message: TOS or traffic class, UDP_GRO (an int). */
#define UDP_RECEIVE_CONTROL (2 * CMSG_SPACE(sizeof(int)))

struct udp_arrival {
	struct sockaddr_in6 name; /* holds a sockaddr_in as well */
	struct iovec part;
	_Alignas(struct cmsghdr) uint8_t control[UDP_RECEIVE_CONTROL];
};

/* UDP_GRO, and what became of it. */
struct udp_gro {
	bool on;
	int error; /* the errno for which it was turned off while receiving; 0: none */
	int injected_error; /* for tests: the errno that meets each receive call while it is on; 0: none */
	/*
	 * It was turned off, and the queue may still hold what the kernel had merged before: messages of several
	 * datagrams that no control message tells of any more.
	 */
	bool leftovers;
	bool drained; /* the last receive call left nothing in the queue */
};

struct udp_inbox {
	uint16_t encap_length;
	struct appetite appetite;
	struct udp_gro gro;
	uint32_t mean; /* bytes of a message of the last call */
	uint32_t count; /* messages in the slots */
	uint32_t next; /* the message to take from */
	bool begun; /* what follows is about that message */
	uint32_t taken; /* bytes of it that were taken */
	uint32_t segment; /* bytes of each datagram in it */
	struct frame datagram; /* what its datagrams have in common, then each one */
	struct coalescer coalescer;
	struct mmsghdr headers[PORT_BATCH];
	struct udp_arrival arrivals[PORT_BATCH];
};

/** udp_receive() - one recvmmsg into the slots. Return: how many messages there are now to take frames from */
struct received udp_receive(struct udp_inbox *inbox, int fd, const struct slots *slots, struct counters *counters);

/**
 * udp_take() - the next batch: one descriptor for each datagram, also for those too short, or for a super-frame of
 * several
 * Return: 0 if everything was taken
 */
uint32_t udp_take(struct udp_inbox *inbox, const struct slots *slots, const struct pieces *pieces,
		  struct frame *frames, uint32_t capacity, struct counters *counters);

#endif
