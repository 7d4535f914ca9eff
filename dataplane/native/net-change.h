/*
 * Changes of a network namespace, one after the other: rtnetlink messages and settings below /proc/sys/net. It
 * knows nothing of what they mean. Blocks for as long as the kernel takes, so it is for a thread that may.
 */
#ifndef WEFT_NET_CHANGE_H
#define WEFT_NET_CHANGE_H

#include "rtnetlink.h"

#define NET_MAX_STEPS 64u
#define NET_MAX_PATCHES 4u
#define NET_MAX_MESSAGE 4096u

/* What is only known at the moment of a step: 32 bits of a message, in host order. */
enum net_patch_kind {
	NET_PATCH_IFINDEX, /* of the link called @of in the namespace */
	NET_PATCH_NETNS,   /* a descriptor of the namespace file @of, open while the message is under way */
};

struct net_patch {
	enum net_patch_kind kind;
	uint32_t offset;
	char *of;
};

/* A message, or else the writing of a file. */
struct net_step {
	uint8_t *message; /* complete, NLM_F_ACK set; NULL for a file */
	uint32_t size;
	uint32_t patch_count;
	struct net_patch patches[NET_MAX_PATCHES];
	char *file; /* below /proc/sys/net/; passed over if it is not there */
	char *text;
};

struct net_change {
	char *netns; /* NULL: the thread's own */
	struct net_step *steps;
	uint32_t count;

	/* The result. */
	uint32_t done;       /* steps that were carried out: the index of the refused one, if one was */
	int error;           /* 0 or a positive errno */
	const char *refused; /* what was refused: "netns", "socket", "link", "target", "message" or "file" */
	struct rtnetlink_answer answer; /* its words: which link or target it was, where that is what was refused */
};

/** net_change_run() - carry out the steps until one is refused */
void net_change_run(struct net_change *change);

/** net_change_free() - @change and all that it points to; NULL is fine */
void net_change_free(struct net_change *change);

#endif
