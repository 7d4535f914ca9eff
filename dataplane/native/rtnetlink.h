/*
 * One question to the kernel's rtnetlink and its answer. What the messages say is the caller's business; here is
 * only how they travel (linux/netlink.h, Documentation/userspace-api/netlink/intro.rst).
 */
#ifndef WEFT_RTNETLINK_H
#define WEFT_RTNETLINK_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of what the kernel says in words; its own messages have fewer than 80 (NETLINK_MAX_FMTMSG_LEN). */
#define RTNETLINK_WORDS 128
/* Bytes of what the messages of one change are answered with, acknowledgements apart; a link has one to four KiB. */
#define RTNETLINK_ANSWERS (64u * 1024u)

struct rtnetlink_answer {
	char words[RTNETLINK_WORDS]; /* why it was refused, if the kernel says; "" otherwise */
	uint8_t *data;               /* RTNETLINK_ANSWERS bytes: whole messages, each aligned to NLMSG_ALIGNTO */
	size_t size;
};

/** rtnetlink_open() - a socket of the thread's namespace. Return: descriptor, or -errno */
int rtnetlink_open(void);

/**
 * rtnetlink_ask() - send one message with NLM_F_ACK set, and wait until it is acknowledged
 * @message: complete, header included; its sequence number is set here
 * @answer: what came before the acknowledgement is added to
 * Return: 0, or -errno: the kernel's refusal; ETIMEDOUT (no answer in 10 s), EMSGSIZE, EBADMSG
 */
int rtnetlink_ask(int fd, uint8_t *message, size_t size, uint32_t sequence, struct rtnetlink_answer *answer);

#endif
