#include "rtnetlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * The kernel carries a message out within the send that brings it, however long it waits for RTNL, and the answer is
 * there when that returns; so this never passes but when the answer was lost.
 */
#define ANSWER_TIMEOUT_S 10
/* Datagrams that are looked at for one acknowledgement: a link, the acknowledgement, and some that are not for us. */
#define MAX_RECEIVES 16
#define RECEIVE_SIZE (32u * 1024u)

int rtnetlink_open(void)
{
	static const int on = 1;
	static const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	/* A kernel without them (before 4.12) gives no words, and repeats the message: both can be read. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return fd;
}

static size_t aligned(size_t size)
{
	return (size + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

/* NLMSGERR_ATTR_MSG among the attributes; nothing is written if it is not there */
static void read_words(const uint8_t *data, size_t size, char *words)
{
	size_t at = 0;
	struct nlattr attribute;

	while (at < size && size - at >= sizeof(attribute)) {
		memcpy(&attribute, data + at, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > size - at)
			return;
		if ((attribute.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			size_t length = strnlen((const char *)data + at + sizeof(attribute), attribute.nla_len - sizeof(attribute));
			if (length > RTNETLINK_WORDS - 1)
				length = RTNETLINK_WORDS - 1;
			memcpy(words, data + at + sizeof(attribute), length);
			words[length] = '\0';
			return;
		}
		at += aligned(attribute.nla_len);
	}
}

/* @message: a whole NLMSG_ERROR. Return: what it says, 0 or -errno */
static int read_error(const uint8_t *message, const struct nlmsghdr *header, char *words)
{
	struct nlmsgerr error;
	size_t at = NLMSG_HDRLEN + sizeof(error);

	if (header->nlmsg_len < at)
		return -EBADMSG;
	memcpy(&error, message + NLMSG_HDRLEN, sizeof(error));
	if (error.error > 0)
		return -EBADMSG;
	if (error.error == 0 || (header->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return error.error;
	/* What was sent is repeated in between, but for its header only where NLM_F_CAPPED says so. */
	if ((header->nlmsg_flags & NLM_F_CAPPED) == 0)
		at = NLMSG_HDRLEN + sizeof(error.error) + aligned(error.msg.nlmsg_len);
	if (at < header->nlmsg_len)
		read_words(message + at, header->nlmsg_len - at, words);
	return error.error;
}

static int keep(struct rtnetlink_answer *answer, const uint8_t *message, size_t size)
{
	size_t space = aligned(size);

	if (space > RTNETLINK_ANSWERS - answer->size)
		return -EMSGSIZE;
	memset(answer->data + answer->size, 0, space);
	memcpy(answer->data + answer->size, message, size);
	answer->size += space;
	return 0;
}

/*
 * The messages of one datagram. Return: 0 or -errno; *@ended tells whether that is the verdict of the kernel, after
 * which nothing more comes
 */
static int read_datagram(const uint8_t *data, size_t size, uint32_t sequence, struct rtnetlink_answer *answer,
			 bool *ended)
{
	size_t at = 0;
	struct nlmsghdr header;

	while (at < size && size - at >= NLMSG_HDRLEN) {
		memcpy(&header, data + at, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size - at)
			return -EBADMSG;
		if (header.nlmsg_seq == sequence) {
			if (header.nlmsg_type == NLMSG_ERROR) {
				*ended = true;
				return read_error(data + at, &header, answer->words);
			}
			int error = keep(answer, data + at, header.nlmsg_len);
			if (error != 0)
				return error;
		}
		at += aligned(header.nlmsg_len);
	}
	return 0;
}

static int await_answer(int fd, uint32_t sequence, struct rtnetlink_answer *answer)
{
	_Alignas(struct nlmsghdr) uint8_t data[RECEIVE_SIZE];

	for (int i = 0; i < MAX_RECEIVES; i++) {
		struct sockaddr_nl from = {.nl_family = AF_NETLINK};
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(fd, data, sizeof(data), MSG_TRUNC, (struct sockaddr *)&from, &from_size);
		bool ended = false;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if ((size_t)size > sizeof(data))
			return -EMSGSIZE;
		/* 0 is the kernel; other processes may send to us too. */
		if (from.nl_pid != 0)
			continue;
		int result = read_datagram(data, (size_t)size, sequence, answer, &ended);
		if (result != 0 || ended)
			return result;
	}
	return -ETIMEDOUT;
}

int rtnetlink_ask(int fd, uint8_t *message, size_t size, uint32_t sequence, struct rtnetlink_answer *answer)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	answer->words[0] = '\0';
	memcpy(message + offsetof(struct nlmsghdr, nlmsg_seq), &sequence, sizeof(sequence));
	do
		sent = sendto(fd, message, size, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? await_answer(fd, sequence, answer) : -EMSGSIZE;
}
