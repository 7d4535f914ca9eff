/*
 * Coalescing: neighbours of one flow within one receive batch become a super-frame, as a network card's receive
 * offload makes them. No Node and no system call.
 *
 *   received   A1 B1 A2 ping A3 B2 A4(PSH) A5          A, B: flows
 *   handed on  A1+A2+A3+A4  B1+B2  ping  A5            in the order of the first segment of each
 *
 * Two segments become one frame only if cutting that frame again would give back both, byte for byte, but for
 * identification under DF. So must agree: the encapsulation and who sent it; Ethernet addresses; of IP everything but
 * length, checksum and identification; of TCP everything but sequence number, checksum and PSH. IPv4 has no options,
 * IPv6 no extension headers; TCP has ACK, perhaps PSH or ECE, and nothing else. Sequence numbers follow each other, and
 * without DF so do identifications (RFC 6864 section 4 lets only atomic datagrams repeat them). Nothing follows PSH or
 * a segment that is shorter than the first. Both segments' checksums must be right: one that is wrong goes alone, as it
 * came, for the receiver to judge.
 *
 * The order within a flow is kept: what cannot be merged starts a new frame behind all that came before, and later
 * segments go behind it. Only frames of different flows change places. Nothing waits for a later batch.
 */
#ifndef WEFT_COALESCE_H
#define WEFT_COALESCE_H

#include <stdbool.h>

#include "pieces.h"

/* Frames of one batch handed on: flows that can be in the making at once. */
#define COALESCE_FRAMES_MAX 64u

/* Our own limit, which bounds how long the first segment waits for the last. UDP_MAX_SEGMENTS was 64 before 6.9. */
#define COALESCE_SEGMENTS_MAX PIECES_OF_FRAME

/*
 * The longest super-frame. Linux cuts what has 65536 bytes or more, with its Ethernet header, before it gives it to a
 * veth (gso_features_check: GSO_LEGACY_MAX_SIZE).
 */
#define COALESCE_LENGTH_MAX 65535u

#define COALESCE_TCP 0x01u
#define COALESCE_UDP 0x02u

/* What is in the making at frames[i]. */
struct chain {
	uint32_t hash;
	uint32_t next_sequence;
	uint16_t next_id;
	uint16_t gso_size; /* payload of the first segment */
	uint16_t transport;
	uint16_t headers;
	uint8_t gso_type; /* of the flow; 0: belongs to none */
	bool open; /* another segment may be appended */
	uint16_t pseudo; /* of the first segment: as packet.h */
};

struct coalescer {
	uint8_t protocols; /* COALESCE_*: which are merged */
	struct span arena;
	struct pieces pieces;
	struct frame *frames;
	uint32_t capacity;
	uint32_t count;
	uint32_t last; /* where the last segment went: the next one mostly follows */
	struct chain chains[COALESCE_FRAMES_MAX];
};

/**
 * coalesce_begin() - an empty batch
 * @pieces: room for PIECES_OF_FRAME entries for each of `capacity` frames, or that many fewer frames are used
 * @frames: where frames are described that are handed on
 */
void coalesce_begin(struct coalescer *coalescer, const struct span *arena, const struct pieces *pieces,
		    struct frame *frames, uint32_t capacity);

/**
 * coalesce_add() - take one received frame
 * @frame: lies inside the arena; `gso_size` may hold what the kernel said of it (udp-receive.c)
 * Return: false if there is no descriptor left for it: finish, hand over, begin again
 */
bool coalesce_add(struct coalescer *coalescer, const struct frame *frame);

/** coalesce_finish() - complete the headers of the super-frames. Return: how many frames there are */
uint32_t coalesce_finish(struct coalescer *coalescer);

#endif
