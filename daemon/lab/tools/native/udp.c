/*
 * Datagrams of one flow as fast as one thread can send them, and how many of them arrive. Nothing is offloaded: each
 * datagram is one packet from the sender's socket on, as of an application that sends small messages.
 */
#include "traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define RECEIVE_BUFFER (8 << 20)
/* A receiver that hears nothing for so long gives up. */
#define SILENCE_MS 5000

void udp_send(char **arguments)
{
	static char payload[BATCH][MAX_MESSAGE];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
	const size_t bytes = number(arguments[2], sizeof(uint64_t), MAX_MESSAGE);
	const uint64_t end = now_ns() + number(arguments[3], 1, 3600000) * 1000000u;
	const int fd = connect_to(arguments[0], arguments[1], SOCK_DGRAM);
	uint64_t sequence = 0;
	uint64_t refused = 0;

	memset(messages, 0, sizeof messages);
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){.iov_base = payload[i], .iov_len = bytes};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (now_ns() < end) {
		for (uint64_t i = 0; i < BATCH; i++) {
			const uint64_t number_of_this = sequence + i;
			memcpy(payload[i], &number_of_this, sizeof number_of_this);
		}
		const int sent = sendmmsg(fd, messages, BATCH, 0);
		if (sent > 0)
			sequence += (uint64_t)sent;
		else if (errno == ENOBUFS || errno == ECONNREFUSED || errno == EINTR)
			refused++;
		else
			fail("sendmmsg");
	}
	printf("{\"sent\":%llu,\"refused\":%llu}\n", (unsigned long long)sequence, (unsigned long long)refused);
}

struct tally {
	uint64_t datagrams;
	uint64_t reordered;
	uint64_t next;
};

static void count(struct tally *tally, const struct mmsghdr *message)
{
	uint64_t sequence;
	if (message->msg_len < sizeof sequence)
		return;
	memcpy(&sequence, message->msg_hdr.msg_iov->iov_base, sizeof sequence);
	tally->datagrams++;
	if (sequence < tally->next)
		tally->reordered++;
	else
		tally->next = sequence + 1;
}

/*
 * The clock starts with the first datagram; the warm-up does not count. `reordered`: datagrams that came after one that
 * was sent later.
 */
void udp_receive(char **arguments)
{
	static char payload[BATCH][2048];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
	const uint64_t warm_up = number(arguments[1], 0, 3600000) * 1000000u;
	const uint64_t window = number(arguments[2], 1, 3600000) * 1000000u;
	const int fd = bind_to(arguments[0], SOCK_DGRAM);
	const int buffer = RECEIVE_BUFFER;
	struct tally tally = {0, 0, 0};
	uint64_t start = 0;

	// Without CAP_NET_ADMIN the default size has to do.
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
	memset(messages, 0, sizeof messages);
	for (int i = 0; i < BATCH; i++) {
		// Longer datagrams are cut; only their first bytes are looked at.
		parts[i] = (struct iovec){.iov_base = payload[i], .iov_len = sizeof payload[i]};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	say_ready();
	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN, .revents = 0};
		const uint64_t before = now_ns();
		if (start != 0 && before >= start + warm_up + window)
			break;
		const uint64_t left = start == 0 ? SILENCE_MS : (start + warm_up + window - before) / 1000000u + 1;
		const int ready = poll(&readable, 1, (int)left);
		if (ready < 0 && errno != EINTR)
			fail("poll");
		if (ready == 0 && start == 0) {
			errno = 0;
			fail("no datagram came");
		}
		if (ready <= 0)
			continue;
		const int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			fail("recvmmsg");
		const uint64_t now = now_ns();
		if (start == 0 && got > 0)
			start = now;
		for (int i = 0; i < got; i++)
			count(&tally, &messages[i]);
		if (now < start + warm_up)
			tally.datagrams = tally.reordered = 0;
	}
	printf("{\"datagrams\":%llu,\"reordered\":%llu,\"seconds\":%.6f}\n", (unsigned long long)tally.datagrams,
	       (unsigned long long)tally.reordered, (double)window / 1e9);
}
