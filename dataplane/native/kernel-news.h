/*
 * What the kernel tells of by itself, as multicasts of netlink: links, addresses and routes that were changed or deleted, in the thread's
 * network namespace and in all that it has a number for (nsid), and deleted rules of nf_tables. Only what may concern us is kept.
 */
#ifndef WEFT_KERNEL_NEWS_H
#define WEFT_KERNEL_NEWS_H

#include <stddef.h>
#include <stdint.h>

#define NEWS_NAME 16

/** nsid of what happened in the thread's own namespace: NETNSA_NSID_NOT_ASSIGNED */
#define NEWS_OWN (-1)

/** One piece of news; batch-io.ts has the same layout. */
struct news {
	int32_t kind;  /* enum news_kind */
	int32_t nsid;
	int32_t index; /* of the link; 0 for rules */
	uint32_t flags; /* IFF_*, of a link that was changed */
	uint32_t mtu;
	int32_t master; /* index of its bridge, 0 without one */
	char name[NEWS_NAME]; /* of the link, as far as the message has it; of a table of rules */
};

enum news_kind {
	NEWS_LOST,    /* more came than the socket could hold: anything may have happened */
	NEWS_LINK,    /* made or changed */
	NEWS_NO_LINK, /* deleted, or moved away */
	NEWS_ADDRESS, /* deleted */
	NEWS_ROUTE,   /* deleted */
	NEWS_NSID,    /* a namespace is gone, and its number free */
	NEWS_RULES,   /* a rule, chain or table was deleted */
};

struct kernel_news {
	int route; /* rtnetlink */
	int rules; /* nf_tables; -1 where the kernel has none */
};

/** kernel_news_open() - of the thread's namespace. Return: 0 or -errno */
int kernel_news_open(struct kernel_news *news);

/**
 * kernel_news_read() - what has come on @fd, one of the two
 * Does not wait. Return: how many pieces of news were written to @out, at most @count; 0: nothing more has come, or only what is left out.
 * *@more tells whether there may be more.
 */
size_t kernel_news_read(int fd, struct news *out, size_t count, int *more);

void kernel_news_close(struct kernel_news *news);

#endif
