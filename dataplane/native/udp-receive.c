#include <errno.h>
#include <string.h>

#include "udp.h"

/*
 * A pending error (an ICMP answer to some datagram of ours) costs one call and no datagram: take it and ask
 * again.
 */
#define PENDING_ERRORS_MAX 8

static void prepare(struct udp *udp, const struct slots *slots, uint32_t limit)
{
	/* The datagram begins so that the frame behind its encapsulation falls on frame_start. */
	uint32_t start = slots->frame_start - udp->encap_length;

	for (uint32_t i = 0; i < limit; i++) {
		struct udp_message *message = &udp->messages[i];
		struct msghdr *header = &udp->headers[i].msg_hdr;

		message->parts[0].iov_base = slots->arena.data + (size_t)i * slots->size + start;
		message->parts[0].iov_len = slots->size - start;
		header->msg_name = &message->name;
		header->msg_namelen = sizeof(message->name);
		header->msg_iov = message->parts;
		header->msg_iovlen = 1;
		header->msg_control = message->control;
		header->msg_controllen = UDP_RECEIVE_CONTROL;
		header->msg_flags = 0;
	}
}

static void read_control(struct udp *udp, struct msghdr *header, struct frame *frame, struct counters *counters)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
			uint32_t dropped;
			memcpy(&dropped, CMSG_DATA(control), sizeof(dropped));
			/* Cumulative since the socket was made, and wraps. */
			counters->rx_queue_overflow += (double)(uint32_t)(dropped - udp->overflow);
			udp->overflow = dropped;
		} else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
			frame->tos = *CMSG_DATA(control);
		} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) {
			int class;
			memcpy(&class, CMSG_DATA(control), sizeof(class));
			frame->tos = (uint8_t)class;
		}
	}
}

static void read_name(const struct sockaddr_in6 *name, struct frame *frame)
{
	if (name->sin6_family == AF_INET6) {
		frame->family = 6;
		frame->port = ntohs(name->sin6_port);
		memcpy(frame->address, &name->sin6_addr, 16);
		return;
	}
	struct sockaddr_in v4;
	memcpy(&v4, name, sizeof(v4));
	frame->family = 4;
	frame->port = ntohs(v4.sin_port);
	memcpy(frame->address, &v4.sin_addr, 4);
}

/* Datagram `from` becomes frame `to`; they differ once a truncated one was left out. */
static void describe(struct udp *udp, const struct slots *slots, uint32_t from, struct frame *frame,
		     struct counters *counters)
{
	uint32_t bytes = udp->headers[from].msg_len;
	uint32_t encap = bytes < udp->encap_length ? bytes : udp->encap_length;

	frame->encap_length = (uint16_t)encap;
	frame->length = bytes - encap;
	frame->offset = from * slots->size + slots->frame_start - udp->encap_length + encap;
	read_name(&udp->messages[from].name, frame);
	counters->rx_bytes += bytes;
}

static int receive_messages(struct udp *udp, uint32_t limit, struct received *received,
			    struct counters *counters)
{
	for (int errors = 0; errors < PENDING_ERRORS_MAX;) {
		int count = recvmmsg(udp->fd, udp->headers, limit, MSG_DONTWAIT, NULL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count >= 0 || errno == EAGAIN) {
			received->error = 0;
			return count > 0 ? count : 0;
		}
		received->error = errno;
		counters->rx_errors++;
		errors++;
	}
	return 0;
}

struct received udp_receive(struct udp *udp, const struct slots *slots, struct frame *frames, uint32_t capacity,
			    struct counters *counters)
{
	struct received received = {0, 0};
	uint32_t limit = capacity < slots->count ? capacity : slots->count;

	if (limit > PORT_BATCH)
		limit = PORT_BATCH;
	prepare(udp, slots, limit);
	int count = receive_messages(udp, limit, &received, counters);
	for (uint32_t i = 0; i < (uint32_t)count; i++) {
		struct frame *frame = &frames[received.count];

		memset(frame, 0, sizeof(*frame));
		read_control(udp, &udp->headers[i].msg_hdr, frame, counters);
		if (udp->headers[i].msg_hdr.msg_flags & MSG_TRUNC) {
			counters->rx_truncated++;
			continue;
		}
		describe(udp, slots, i, frame, counters);
		received.count++;
	}
	counters->rx_frames += received.count;
	counters->rx_batches += received.count > 0;
	return received;
}
